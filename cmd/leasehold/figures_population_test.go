//go:build figures

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// active is how many leases are in use in either population: all of the small one, some of the large one.
const active = 1_000

// side is a population and the process that serves it.
type side struct {
	*town
	*process
	door *http.Client
}

// compare holds a small population against a large one.
func (f *figures) compare(t *testing.T, small, large *town) {
	f.start(t, small, large)
	a, b := small.opened(t), large.opened(t)
	f.add("After a start", seconds(b.rest()), "", "processor time of the large population's server until it is at rest: every live lease is held against the policies once")
	f.add("At rest", fmt.Sprintf("%.1f %% of a processor", 100*b.idle(30*time.Second)), "", "of the large population's server, over 30 s in which nobody asks")
	f.memory(t, b)
	f.add("After every lease was used once", seconds(b.rest()), "", "processor time of the large population's server until it is at rest: the uses are written")
	f.checks(t, a, b)
	b.rest()
	f.logins(t, "Login over HTTP of somebody known", a, b, (*town).known)
	f.logins(t, "Login over HTTP of somebody new", a, b, (*town).stranger)
}

func (v *town) opened(t *testing.T) side {
	p := v.serve(t)
	return side{v, p, p.door()}
}

// start is how long a start takes: the quickest of three, for the first does not find the binary and the file in memory.
func (f *figures) start(t *testing.T, small, large *town) {
	quickest := func(v *town) time.Duration {
		var least time.Duration
		for range 3 {
			p := v.serve(t)
			p.stop()
			if least == 0 || p.started < least {
				least = p.started
			}
		}
		return least
	}
	var size int64
	if info, err := os.Stat(filepath.Join(large.folder, "data", ledgerName)); err == nil {
		size = info.Size() >> 20
	}
	a, b := quickest(small), quickest(large)
	f.add("Start to ready", millis(b)+"; small population "+millis(a), "< 1 s",
		fmt.Sprintf("from exec to 200 of /readyz, the quickest of three, on a ledger of %d MB: %d accounts, %d tenants, %d live leases", size, large.accounts, large.tenants, large.leases))
}

// memory is what live leases cost. The kiosk's checks bring each lease into memory and sign nothing.
func (f *figures) memory(t *testing.T, s side) {
	askEach(t, s.address, "401", s.kiosk[:active]) // what is there once: connections, pages of the ledger
	heap, resident := s.live(), s.rss()
	each := func(bytes int64) string { return fmt.Sprintf("%d B", bytes/int64(s.leases)) }
	growth := func() string { return "heap " + each(s.live()-heap) + ", resident " + each(s.rss()-resident) }
	askEach(t, s.address, "401", s.kiosk)
	f.add("Memory per live lease", growth(), "≤ 1 KB",
		"growth when every live lease is asked about once, without assertions: heap that lives after a collection, and all that the process holds, with garbage and SQLite's page cache")
	askEach(t, s.address, "200", s.wiki)
	f.add("The same and the bounded cache of assertions", growth(), "", fmt.Sprintf("after one allow for each; the process holds %d MB then", s.rss()>>20))
}

// live is the heap that a collection left, in bytes. It waits for one that begins after now.
func (p *process) live() int64 {
	collected := p.metric("go_gc_duration_seconds_count")
	for began := time.Now(); p.metric("go_gc_duration_seconds_count") < collected+2 && time.Since(began) < 5*time.Minute; {
		time.Sleep(5 * time.Millisecond) // each look is garbage
	}
	return int64(p.metric("go_memstats_next_gc_bytes") / (1 + p.metric("go_gc_gogc_percent")/100))
}

func (f *figures) checks(t *testing.T, small, large side) {
	requests := func(s side) (about [][]byte) {
		for n := range active {
			about = append(about, s.wiki[s.inUse(n)])
		}
		askEach(t, s.address, "200", about)
		return about
	}
	fromSmall, fromLarge := requests(small), requests(large)
	var a, b, all pace
	for range rounds {
		a = a.plus(small.load(fromSmall, 2*time.Second))
		b = b.plus(large.load(fromLarge, 2*time.Second))
	}
	f.versus("Check over HTTP, large population against small", "≤ 1.2 times", a, b, fmt.Sprintf("%d leases in use in either, from all over; %d turns of 2 s", active, rounds))
	for range rounds {
		all = all.plus(large.load(large.wiki, 2*time.Second))
	}
	f.versus("The same, with every lease of the large population in use", "", a, all, "more leases than the cache of assertions has room for: most answers are signed anew")
}

func (f *figures) logins(t *testing.T, name string, small, large side, is func(*town, int) person) {
	sums := make([]pace, 2)
	sides := []side{small, large}
	for _, s := range sides { // makes the tenants' keys of the day
		for n := range 100 {
			s.depart(t, s.door, is(s.town, n)).arrive(t, s.door)
		}
	}
	for round := range rounds {
		for i, s := range sides {
			var home []homecoming
			for n := range 100 {
				home = append(home, s.depart(t, s.door, is(s.town, 100+100*round+n)))
			}
			began, before := time.Now(), s.cpu()
			for _, h := range home {
				h.arrive(t, s.door)
			}
			sums[i] = sums[i].plus(pace{len(home), time.Since(began), s.cpu() - before})
		}
	}
	f.versus(name+", large population against small", "≤ 1.2 times", sums[0], sums[1], fmt.Sprintf("from the post to the answer, one after the other, of 100 tenants at most; %d turns of 100", rounds))
}

// versus is a row about what b costs more than a.
func (f *figures) versus(name, target string, a, b pace, how string) {
	f.add(name, fmt.Sprintf("processor %.2f times: %s to %s; time %.2f times: %s to %s",
		part(b.each(), a.each()), micros(b.each()), micros(a.each()), a.rate()/b.rate(), micros(b.mean()), micros(a.mean())), target, how)
}
