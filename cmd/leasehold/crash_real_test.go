//go:build real

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/idp/saml/samltest"
	"leasehold/provision"
	"leasehold/provision/sqlite"
)

// kills is how often the gateway is killed. Nothing of what it acknowledged may be undone by any of them.
const kills = 200

func TestTwoHundredKillsUndoNothingThatWasAcknowledged(t *testing.T) {
	v := newVictim(t)
	for range kills {
		v.live(time.Duration(5+rand.IntN(150)) * time.Millisecond)
	}
	v.check()
	t.Logf("%d kills, %d logins and %d revocations acknowledged", kills, len(v.logins), len(v.revoked)+len(v.ended))
	if len(v.logins) < kills/4 || len(v.revoked)+len(v.ended) < kills/4 {
		t.Errorf("too little was under way to prove anything")
	}
}

// victim is a gateway that is killed, and what it acknowledged before.
type victim struct {
	t      *testing.T
	binary string
	folder string
	url    string
	idp    *samltest.IdP

	mu      sync.Mutex
	logins  map[string]bool // subjects
	revoked map[string]bool // accounts
	ended   map[string]bool // leases
}

func newVictim(t *testing.T) *victim {
	folder := t.TempDir()
	v := &victim{
		t: t, folder: folder, binary: filepath.Join(folder, "leasehold"), idp: samltest.New(t),
		logins: map[string]bool{}, revoked: map[string]bool{}, ended: map[string]bool{},
	}
	if out, err := exec.Command("go", "build", "-o", v.binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	port := freePort(t)
	v.url = "http://sso.localhost:" + port
	v.write("idp.xml", string(v.idp.Metadata()))
	v.write("leasehold.yaml", fmt.Sprintf("url: %s\nlisten: 127.0.0.1:%s\nops_listen: 127.0.0.1:%s\ndata: data\nmanifests: [acme.yaml]\n", v.url, port, freePort(t)))
	v.write("acme.yaml", `tenants:
- id: acme
  domains: [{name: acme.test, proof: operator}]
  connections:
  - {id: acme-saml, protocol: saml, metadata_file: idp.xml, domains: [acme.test], attributes: {email: mail, name: displayName, groups: groups}}
  policy: {create: allow}
`)
	return v
}

func (v *victim) write(name, text string) {
	if err := os.WriteFile(filepath.Join(v.folder, name), []byte(text), 0o600); err != nil {
		v.t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// live starts the gateway, lets people log in and be revoked for a while, and kills it.
func (v *victim) live(d time.Duration) {
	var log bytes.Buffer
	gateway := exec.Command(v.binary, "serve", "--config", filepath.Join(v.folder, "leasehold.yaml"))
	gateway.Stderr = &log
	if err := gateway.Start(); err != nil {
		v.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(v.t.Context())
	defer stop()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		if response, err := v.admin().Get("http://admin/tenants"); err == nil {
			response.Body.Close()
			break
		}
		if time.Since(began) > 10*time.Second {
			gateway.Process.Kill()
			gateway.Wait()
			v.t.Fatalf("does not start again: %s", log.String())
		}
	}
	var busy sync.WaitGroup
	for range 3 {
		busy.Go(func() { v.logIn(ctx) })
	}
	busy.Go(func() { v.revoke(ctx) })
	time.Sleep(d)
	gateway.Process.Kill() // SIGKILL: nothing is flushed, nothing is said
	gateway.Wait()
	stop()
	busy.Wait()
}

// logIn logs people in, some of them again, until the gateway is gone.
func (v *victim) logIn(ctx context.Context) {
	for ctx.Err() == nil {
		subject := fmt.Sprintf("subject-%d", rand.IntN(400))
		if err := v.logInOnce(ctx, subject); err != nil {
			return
		}
	}
}

func (v *victim) logInOnce(ctx context.Context, subject string) error {
	jar, _ := cookiejar.New(nil)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(v.url, "http://"))
	client := &http.Client{
		Jar: secureOnLoopback{jar}, Timeout: 5 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
		}},
	}
	away, err := hop(client.Get(v.url + "/login?connection=acme-saml"))
	if err != nil {
		return err
	}
	form := v.idp.Answer(v.t, away, samltest.Person{Subject: subject, Email: subject + "@acme.test"})
	back, err := hop(client.PostForm(v.url+"/idp/acme-saml/acs", form))
	if err != nil {
		return err
	}
	response, err := client.Get(back)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode == http.StatusOK && strings.Contains(fmt.Sprint(response.Header["Set-Cookie"]), "__Host-lh=") {
		v.mu.Lock()
		v.logins[subject] = true
		v.mu.Unlock()
	}
	return nil
}

// revoke ends leases and revokes accounts, and remembers what was acknowledged.
func (v *victim) revoke(ctx context.Context) {
	for ctx.Err() == nil {
		var part listed[leaseView]
		if v.ask("GET", "/api/v1/leases?limit=500", nil, &part) != nil {
			return
		}
		leases := part.Items
		if len(leases) == 0 {
			time.Sleep(time.Millisecond)
			continue
		}
		l := leases[rand.IntN(len(leases))]
		order, done, id := revokeOrder{Lease: provision.LeaseID(l.ID), Reason: "test"}, v.ended, l.ID
		if rand.IntN(4) == 0 {
			order, done, id = revokeOrder{Account: provision.AccountID(l.Account), Reason: "test"}, v.revoked, l.Account
		}
		if q := order.question(); v.ask(q.method, q.path, q.order, nil) == nil {
			v.mu.Lock()
			done[id] = true
			v.mu.Unlock()
		}
	}
}

func (v *victim) admin() *http.Client {
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(v.folder, "data", socketName))
	}}}
}

func (v *victim) ask(method, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(method, "http://admin"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := v.admin().Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode/100 != 2:
		return fmt.Errorf("status %d", response.StatusCode)
	case answer == nil:
		return nil
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// check reads the ledger that is left, and holds it against itself and against what was acknowledged.
func (v *victim) check() {
	t, ctx := v.t, v.t.Context()
	store, err := sqlite.Open(ctx, filepath.Join(v.folder, "data", ledgerName), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	all := provision.Page{Limit: 1_000_000, Ended: true}
	accounts, err := store.Accounts(ctx, all)
	if err != nil {
		t.Fatal(err)
	}
	leases, err := store.Leases(ctx, all)
	if err != nil {
		t.Fatal(err)
	}
	events, err := store.Events(ctx, provision.EventFilter{Limit: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	checkEvents(t, events, accounts, leases)
	v.checkAcknowledged(accounts, leases)
}

// checkEvents: no account without its event, no end without its one event, no gap.
func checkEvents(t *testing.T, events []provision.Event, accounts []provision.Account, leases []provision.Lease) {
	made, began, ended := map[provision.AccountID]int{}, map[provision.LeaseID]int{}, map[provision.LeaseID]int{}
	for i, e := range events {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has seq %d", i+1, e.Seq)
		}
		switch {
		case e.Kind == provision.EventLogin && e.Outcome == string(provision.Created):
			made[e.Account]++
			began[e.Lease.ID]++
		case e.Kind == provision.EventLogin && e.Outcome == string(provision.Resumed):
			began[e.Lease.ID]++
		case e.Kind == provision.EventLeaseEnded:
			ended[e.Lease.ID]++
		}
	}
	live, known, holders := map[provision.AccountID]int{}, map[provision.AccountID]bool{}, map[provision.Email]bool{}
	for _, a := range accounts {
		known[a.ID] = true
		if made[a.ID] != 1 {
			t.Errorf("account %s was made by %d events", a.ID, made[a.ID])
		}
		if holders[a.Email] {
			t.Errorf("two accounts hold %s", a.Email)
		}
		holders[a.Email] = true
	}
	for _, l := range leases {
		over := 0
		if !l.EndedAt.IsZero() {
			over = 1
		} else {
			live[l.Account]++
		}
		if !known[l.Account] || began[l.ID] != 1 || ended[l.ID] != over {
			t.Errorf("lease %s: account known %v, began by %d events, ended by %d instead of %d", l.ID, known[l.Account], began[l.ID], ended[l.ID], over)
		}
	}
	for _, a := range accounts {
		if (a.State == provision.Active) != (live[a.ID] > 0) {
			t.Errorf("account %s is %s with %d live leases", a.ID, a.State, live[a.ID])
		}
	}
	if len(made) != len(accounts) || len(began) != len(leases) {
		t.Errorf("%d accounts and %d leases, but events of %d and %d", len(accounts), len(leases), len(made), len(began))
	}
}

// checkAcknowledged: what was answered is so.
func (v *victim) checkAcknowledged(accounts []provision.Account, leases []provision.Lease) {
	states, subjects := map[string]provision.AccountState{}, map[string]bool{}
	for _, a := range accounts {
		states[string(a.ID)] = a.State
		subjects[strings.TrimSuffix(a.Email.String(), "@acme.test")] = true
	}
	over := map[string]bool{}
	for _, l := range leases {
		over[string(l.ID)] = !l.EndedAt.IsZero()
	}
	for subject := range v.logins {
		if !subjects[subject] {
			v.t.Errorf("the login of %s was acknowledged and is gone", subject)
		}
	}
	for id := range v.revoked {
		if states[id] != provision.Revoked {
			v.t.Errorf("the revocation of %s was acknowledged; it is %q", id, states[id])
		}
	}
	for id := range v.ended {
		if !over[id] {
			v.t.Errorf("the end of %s was acknowledged, and it lives", id)
		}
	}
}
