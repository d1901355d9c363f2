//go:build figures

package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"leasehold/broker/redis/redistest"
	"leasehold/cmd/leasehold/internal/bench"
	"leasehold/provision/postgres/postgrestest"
)

// TestFiguresFleet measures what revocation costs, and how fast it is, on several processes and on each store.
func TestFiguresFleet(t *testing.T) {
	var f figures
	binary := build(t)
	t.Run("replicas", func(t *testing.T) { f.fleet(t, binary) })
	t.Run("one process", func(t *testing.T) {
		f.revocations(t, "one process, SQLite", "5 ms or less", squad{settle(t, binary, population{accounts: few, tenants: few / 100, leases: few})}.serve(t))
	})
	t.Run("many ends, PostgreSQL", func(t *testing.T) { f.manyEnds(t, 100_000, binary, "PostgreSQL", onDatabase(t)) })
	t.Run("many ends, SQLite", func(t *testing.T) { f.manyEnds(t, 100_000, binary, "SQLite", "") })
	t.Run("a million ends, SQLite", func(t *testing.T) { f.manyEnds(t, 1_000_000, binary, "SQLite", "") })
	t.Run("storm", func(t *testing.T) { f.storm(t) })
	fmt.Printf("\n%s\n", f)
}

// onDatabase is the line of a configuration that names a new database on a new server, every commit synced.
func onDatabase(t *testing.T) string {
	server := postgrestest.Start(t, postgrestest.Options{Set: []string{"max_wal_size=4GB"}})
	server.Tell(t, "CREATE DATABASE leasehold")
	return "database: " + server.URL("leasehold")
}

// squad is a town that several processes serve.
type squad struct{ *town }

// served is a squad that runs.
type served struct {
	*town
	processes []*process
	folders   []string
}

// serve starts the town's own process, and one more for each further configuration.
func (s squad) serve(t *testing.T, more ...string) served {
	out := served{s.town, []*process{s.town.serve(t)}, []string{filepath.Join(s.folder, "data")}}
	for n, text := range more {
		folder := filepath.Join(s.folder, fmt.Sprintf("replica-%d", n))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		listen, ops := "127.0.0.1:"+port(t), "127.0.0.1:"+port(t)
		text = fmt.Sprintf("url: %s\nlisten: %s\nops_listen: %s\ndata: data\nmaster_key_file: %s\n%s\n", s.config().URL, listen, ops, filepath.Join(s.folder, "data", "master.key"), text)
		path := filepath.Join(folder, "leasehold.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := launch(t, exec.Command(s.binary, "serve", "--config", path), "http://"+ops+"/readyz")
		p.address, p.ops = listen, "http://"+ops
		out.processes, out.folders = append(out.processes, p), append(out.folders, filepath.Join(folder, "data"))
	}
	return out
}

func (s served) targets() (urls []string) {
	for _, p := range s.processes {
		urls = append(urls, "http://"+p.address)
	}
	return urls
}

// revoke revokes at the n-th process.
func (s served) revoke(ctx context.Context, n int, order revokeOrder) error {
	order.Reason = "figures"
	q := order.question()
	text, err := json.Marshal(q.order)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.folders[n], socketName))
	}}}
	request, err := http.NewRequestWithContext(ctx, q.method, "http://admin"+q.path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("revoke: %s", response.Status)
	}
	return nil
}

// fleet is three replicas on PostgreSQL and Redis.
func (f *figures) fleet(t *testing.T, binary string) {
	settings := onDatabase(t) + "\nredis: redis://" + redistest.Single(t).Addr
	v := settle(t, binary, population{accounts: few, tenants: few / 100, leases: few}, settings)
	s := squad{v}.serve(t, settings, settings)
	f.sharedCheck(t, s)
	f.revocations(t, "three replicas, PostgreSQL and Redis", "25 ms or less", s)
	f.loginsAtOnce(t, s)
}

// sharedCheck is a check with PostgreSQL and Redis behind it, against a handler that only answers 200.
func (f *figures) sharedCheck(t *testing.T, s served) {
	one, bare := s.wiki[:1], startBare(t, nil)
	servers := []*process{s.processes[0], bare}
	paces := make([]pace, len(servers))
	for _, p := range servers {
		askEach(t, p.address, "200", one)
	}
	for range rounds {
		for i, p := range servers {
			paces[i] = paces[i].plus(p.load(one, 2*time.Second))
		}
	}
	f.add("Check over HTTP with PostgreSQL and Redis behind it, of a handler that only answers 200", fmt.Sprintf("%.2f: %.0f/s of %.0f/s", paces[0].rate()/paces[1].rate(), paces[0].rate(), paces[1].rate()),
		"≥ 0.7", fmt.Sprintf("one of three replicas; %d connections that stay open, %d turns of 2 s each", lanes, rounds))
	f.add("Processor time of that server for each", fmt.Sprintf("%s; bare %s", micros(paces[0].each()), micros(paces[1].each())), "26 µs where bare takes 17", "in the same turns")
}

// saturated is how many checks a second all processes answer together, when the load takes what it can get.
func (s served) saturated(t *testing.T) float64 {
	var all sync.WaitGroup
	paces := make([]pace, len(s.processes))
	for i, p := range s.processes {
		askEach(t, p.address, "200", s.wiki[few/2:])
		all.Go(func() { paces[i] = p.load(s.wiki[few/2:], 5*time.Second) })
	}
	all.Wait()
	sum := 0.0
	for _, p := range paces {
		sum += p.rate()
	}
	return sum
}

// watchEvery is how often each process is asked about the lease that is being revoked, and how many are.
const (
	watchEvery  = 500 * time.Microsecond
	revocations = 300
)

// revocations revokes leases one after the other, under half of the load that saturates the machine.
func (f *figures) revocations(t *testing.T, where, target string, s served) {
	rate := s.saturated(t)/2 - float64(len(s.processes))/watchEvery.Seconds()
	if rate < 100 {
		rate = 100
	}
	ctx, stop := context.WithCancel(t.Context())
	var background bench.Result
	var load sync.WaitGroup
	load.Go(func() { background = s.background(ctx, t, rate) })
	time.Sleep(time.Second)
	var returned, last bench.Histogram
	forbidden, checks := 0, 0
	for n := range revocations {
		w := bench.Watch{Targets: s.targets(), Lanes: 1, Request: s.wiki[n], After: 30 * time.Millisecond, Every: watchEvery}
		seen, err := w.Run(ctx, func(ctx context.Context) error {
			return s.revoke(ctx, n%len(s.processes), revokeOrder{Lease: s.lease(s.holder(n)).ID})
		})
		if err != nil {
			t.Fatal(err)
		}
		returned.Add(seen.Returned)
		last.Add(seen.LastAllow)
		forbidden, checks = forbidden+seen.Forbidden, checks+seen.Checks
	}
	stop()
	load.Wait()
	how := fmt.Sprintf("%d revocations one after the other by the admin sockets in turn, at %.0f checks/s of other leases (half of what saturates the machine, less the watching), %d failed; each process asked about the lease every %v", revocations, rate, background.Failed, watchEvery)
	f.add("Revoke → last allow, "+where, fmt.Sprintf("p50 %s, p99 %s, max %s", millis(last.Quantile(0.5)), millis(last.Quantile(0.99)), millis(last.Max())), "p99 "+target, how)
	f.add("Revoke → acknowledged, "+where, fmt.Sprintf("p50 %s, p99 %s, max %s", millis(returned.Quantile(0.5)), millis(returned.Quantile(0.99)), millis(returned.Max())), "", "the same calls")
	f.add("Allows for checks sent after the call had returned, "+where, fmt.Sprintf("%d of %d checks of those leases", forbidden, checks), "0", "the same calls")
}

// background asks about leases that nobody revokes, at a rate.
func (s served) background(ctx context.Context, t *testing.T, rate float64) bench.Result {
	p := bench.Plan{Rate: rate, Duration: time.Hour, Lanes: 8 * len(s.processes)}
	all := make([]*bench.Lane, p.Lanes)
	for i := range all {
		var err error
		if all[i], err = bench.NewLane(s.targets()[i%len(s.processes)]); err != nil {
			t.Error(err)
			return bench.Result{}
		}
		defer all[i].Close()
	}
	return p.Run(ctx, func(lane, _ int) error {
		status, err := all[lane].Ask(s.wiki[few/2+rand.IntN(few/2)])
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
}

// loginsAtOnce is how many people of different tenants log in, at one process, so many at once.
func (f *figures) loginsAtOnce(t *testing.T, s served) {
	for _, clients := range []int{1, 2, 4, 8} {
		const each = 60
		door := s.processes[0].door()
		home := make([][]homecoming, clients)
		for c := range home {
			for n := range each {
				who := s.known(n*8 + c)
				who.connection = connectionID(c % s.tenants)
				account := s.holder((c%s.tenants)*(s.leases/s.tenants) + n)
				who.Subject, who.Email = subject(account), s.email(account).String()
				home[c] = append(home[c], s.depart(t, door, who))
			}
		}
		began := time.Now()
		var all sync.WaitGroup
		for c := range home {
			all.Go(func() {
				for _, h := range home[c] {
					h.arrive(t, s.processes[0].door())
				}
			})
		}
		all.Wait()
		f.add(fmt.Sprintf("Logins over HTTP on PostgreSQL, %d at once", clients), fmt.Sprintf("%.0f/s", float64(clients*each)/time.Since(began).Seconds()), "",
			"from the post of the answer to the session, people who are known, each client another tenant; three replicas run, one is asked")
	}
}

// manyEnds lets so many leases end within a minute, while others are asked about; then ends one, and as many at once.
func (f *figures) manyEnds(t *testing.T, leases int, binary, store, settings string) {
	settling := time.Minute + time.Duration(leases)*600*time.Microsecond
	v := settle(t, binary, population{accounts: 2 * leases, tenants: 2, leases: 2 * leases, ending: settling}, settings)
	s := squad{v}.serve(t)
	ends := v.now.Add(v.ending)
	if time.Until(ends) < 30*time.Second {
		t.Fatalf("it took too long to settle: the first ends in %v", time.Until(ends))
	}
	about := s.wiki[:few] // of the first tenant, whose leases stay
	askEach(t, s.processes[0].address, "200", about)
	time.Sleep(time.Until(ends.Add(-15 * time.Second)))
	before := s.processes[0].load(about, 10*time.Second)
	time.Sleep(time.Until(ends))
	var during pace
	var asked sync.WaitGroup
	asked.Go(func() { during = s.processes[0].load(about, time.Minute) })
	asked.Wait()
	open := s.openLeases(t)
	for open() > leases && time.Since(ends) < 20*time.Minute {
		time.Sleep(100 * time.Millisecond)
	}
	f.add(fmt.Sprintf("%d leases that end within one minute, %s", leases, store), fmt.Sprintf("the last written %.1f s after the minute", (time.Since(ends)-time.Minute).Seconds()), "10 s", "states and events; one process, which answers checks as fast as they come meanwhile")
	f.add("Checks meanwhile, of before, "+store, fmt.Sprintf("%.2f: %.0f/s of %.0f/s", during.rate()/before.rate(), during.rate(), before.rate()), "≥ 0.8", "closed loop of "+fmt.Sprint(lanes)+" connections; the load, the gateway and the database share two processors")
	var one bench.Histogram
	for n := range 50 {
		began := time.Now()
		if err := s.revoke(t.Context(), 0, revokeOrder{Lease: s.lease(s.holder(few + n)).ID}); err != nil {
			t.Fatal(err)
		}
		one.Add(time.Since(began))
	}
	began := time.Now()
	if err := s.revoke(t.Context(), 0, revokeOrder{Tenant: tenantID(0)}); err != nil {
		t.Fatal(err)
	}
	all := time.Since(began)
	for open() > 0 && time.Since(began) < 20*time.Minute {
		time.Sleep(100 * time.Millisecond)
	}
	f.add(fmt.Sprintf("Revoking a tenant of %d live leases, %s", leases, store), fmt.Sprintf("%s; one lease: p50 %s, max %s", millis(all), millis(one.Quantile(0.5)), millis(one.Max())), "the same bound", fmt.Sprintf("until the call returns; its rows were settled after %.1f s", time.Since(began).Seconds()))
}

// openLeases counts the leases that have not ended, as the database says, asked beside the gateway.
func (s served) openLeases(t *testing.T) func() int {
	driver, at := "pgx", string(s.config().Database)
	if at == "sqlite" {
		driver, at = "sqlite", "file:"+filepath.Join(s.folders[0], ledgerName)+"?mode=ro&_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return func() (n int) {
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM leases WHERE NOT ended").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// A storm of the figures rages until so many checks of leases whose revocation had returned were answered, and no longer
// than a while.
const (
	stormChecks = 1_000_000
	stormLimit  = 30 * time.Minute
)

// storm lets faults come one after the other, and counts checks of leases whose revocation had returned.
func (f *figures) storm(t *testing.T) {
	c := newCoast(t)
	c.busy = true
	happened, began := 0, time.Now()
	s := c.weather(time.Second, func(s *storm) {
		for s.after.Load() < stormChecks && time.Since(began) < stormLimit {
			at := faults[1+rand.IntN(len(faults)-3)] // not the two that take a place or half a minute of their own
			at.happens(t, c)
			happened++
			time.Sleep(2 * time.Second)
		}
	})
	took := time.Since(began).Round(time.Second)
	s.calm()
	f.add("Allows for checks sent after a revocation had returned, three replicas, faults all the time", fmt.Sprintf("%d of %d", s.late.Load(), s.after.Load()), "0 in 1,000,000",
		fmt.Sprintf("%v, %d faults one after the other (docs/figures.md says which), %d revocations, %d checks in all, %d without an answer", took, happened, s.revocations.Load(), s.checks.Load(), s.unanswered.Load()))
}
