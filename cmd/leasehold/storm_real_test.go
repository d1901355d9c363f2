//go:build real || figures

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"leasehold/provision"
)

// storm is what people, apps and operators do to a fleet while something happens to it, and what came of it.
type storm struct {
	*fleet
	began time.Time
	over  context.Context

	byThemselves bool // leases also end without a revocation, which the model does not know of

	mu      sync.Mutex
	live    []*ticket
	ended   []*ticket // the newest last
	history []porcupine.Operation
	waits   []time.Duration // of revocations that returned

	checks, allowed, refused, unanswered atomic.Int64
	logins, revocations, lost            atomic.Int64 // lost: logins and revocations without an answer
	after, late                          atomic.Int64 // answers to checks that were sent after the revocation had returned; those that allowed
}

// ticket is a session, as the one who has its cookie sees it.
type ticket struct {
	cookie  string
	lease   provision.LeaseID
	revoked atomic.Bool // the call that revoked it has returned
}

// weather lets a storm rage over a fleet for a time, and until what happens in its middle is over.
func (f *fleet) weather(d time.Duration, happens func(*storm)) *storm {
	f.t.Helper()
	ctx, stop := context.WithCancel(f.t.Context())
	defer stop()
	s := &storm{fleet: f, began: time.Now(), over: ctx}
	var all sync.WaitGroup
	for n := range 3 {
		all.Go(func() { s.people(n) })
	}
	for n := range 3 * len(f.gateways) {
		all.Go(func() { s.ask(f.gateways[n%len(f.gateways)], n) })
	}
	pause(ctx, d/4)
	happens(s)
	pause(ctx, time.Until(s.began.Add(d)))
	stop()
	all.Wait()
	return s
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// people log in anywhere, work for a while, and are revoked anywhere.
func (s *storm) people(n int) {
	for i := 0; s.over.Err() == nil; i++ {
		t, err := s.logIn(s.any(), fmt.Sprintf("person-%d-%d", n, i))
		if err != nil {
			s.lost.Add(1)
			pause(s.over, 20*time.Millisecond)
			continue
		}
		s.logins.Add(1)
		s.mu.Lock()
		s.live = append(s.live, t)
		s.mu.Unlock()
		pause(s.over, time.Duration(rand.IntN(60))*time.Millisecond)
		s.revoke(t)
	}
}

func (s *storm) any() *replicaProcess { return s.gateways[rand.IntN(len(s.gateways))] }

func (s *storm) logIn(g *replicaProcess, subject string) (*ticket, error) {
	cookie, err := g.logIn(subject)
	if err != nil {
		return nil, err
	}
	return &ticket{cookie: cookie, lease: leaseOf(s.t, cookie)}, nil
}

// revoke asks one gateway after the other, until one has said that it is done.
func (s *storm) revoke(t *ticket) {
	for first := time.Now(); ; {
		if s.over.Err() != nil {
			s.note(t, begins, first, time.Hour) // it may have been done
			return
		}
		g, began := s.any(), time.Now()
		_, err := g.revoke(revokeOrder{Lease: t.lease})
		if err != nil {
			s.lost.Add(1)
			pause(s.over, 20*time.Millisecond)
			continue
		}
		returned := time.Since(s.began)
		t.revoked.Store(true)
		s.note(t, begins, first, returned)
		s.note(t, ends, began, returned)
		s.revocations.Add(1)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waits = append(s.waits, time.Since(began))
		s.live = slices.DeleteFunc(s.live, func(other *ticket) bool { return other == t })
		s.ended = append(s.ended, t)
		return
	}
}

// pick is a session that lives, or one of the last that ended.
func (s *storm) pick() *ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.ended[max(0, len(s.ended)-8):]
	if n := len(s.live) + len(last); n == 0 {
		return nil
	} else if at := rand.IntN(n); at < len(s.live) {
		return s.live[at]
	} else {
		return last[at-len(s.live)]
	}
}

// ask is an app whose proxy asks one gateway, all the time.
func (s *storm) ask(g *replicaProcess, lane int) {
	client := &http.Client{Timeout: 40 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	for s.over.Err() == nil {
		t := s.pick()
		if t == nil {
			pause(s.over, time.Millisecond)
			continue
		}
		after, sent := t.revoked.Load(), time.Now() // before it is sent
		status, err := g.check(client, t.cookie)
		s.checks.Add(1)
		if after && err == nil {
			s.after.Add(1)
		}
		switch {
		case err != nil || status == http.StatusServiceUnavailable:
			s.unanswered.Add(1)
			pause(s.over, 2*time.Millisecond)
			continue
		case status == http.StatusOK:
			s.allowed.Add(1)
			if after {
				s.late.Add(1)
				s.t.Errorf("gateway %d allowed a check of lease %s that was sent after its revocation had returned", g.n, t.lease)
			}
		case status == http.StatusUnauthorized:
			s.refused.Add(1)
		default:
			s.t.Errorf("gateway %d answers a check with %d", g.n, status)
		}
		s.observe(t, sent, lane, status == http.StatusOK)
		if !s.busy {
			pause(s.over, time.Duration(rand.IntN(2000))*time.Microsecond)
		}
	}
}

// historyLimit is how many operations are recorded.
const historyLimit = 10_000

// act is what an operation did to a lease, for the linearizability check.
type act struct {
	lease provision.LeaseID
	deed  deed
}

type deed string

const (
	asks   deed = "check"
	begins deed = "a revocation begins"
	ends   deed = "a revocation has ended"
)

// note records a deed of a revocation. Calls without an answer and the one that was answered are one revocation, which
// may take effect at any time from the first of them on: as so many of their own they would have more orders than can be
// tried.
func (s *storm) note(t *ticket, d deed, began time.Time, returned time.Duration) {
	s.record(porcupine.Operation{Input: act{t.lease, d}, Call: int64(began.Sub(s.began)), Output: false, Return: int64(returned)})
}

func (s *storm) observe(t *ticket, sent time.Time, lane int, allowed bool) {
	s.record(porcupine.Operation{ClientId: lane, Input: act{t.lease, asks}, Call: int64(sent.Sub(s.began)), Output: allowed, Return: int64(time.Since(s.began))})
}

func (s *storm) record(op porcupine.Operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.history) < historyLimit || op.Input.(act).deed != asks { // without its revocation a lease would have no reason to be refused
		s.history = append(s.history, op)
	}
}

// leaseModel is a lease, for everybody who asks anywhere: it lives, then it is being ended, then it has ended. While it is
// being ended, one replica may know already what another does not; once it has ended, nobody is let in anywhere.
var leaseModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		of := map[provision.LeaseID][]porcupine.Operation{}
		for _, op := range history {
			lease := op.Input.(act).lease
			of[lease] = append(of[lease], op)
		}
		return slices.Collect(maps.Values(of))
	},
	Init: func() any { return asks },
	Step: func(state, input, output any) (bool, any) {
		switch deed := input.(act).deed; {
		case deed == asks && output.(bool):
			return state != ends, state
		case deed == asks:
			return state != asks, state
		case deed == ends && state == asks:
			return false, state // it has not begun
		case state == ends:
			return true, state
		default:
			return true, deed
		}
	},
}

// calm holds what came of the storm against what must always be true.
func (s *storm) calm() {
	t := s.t
	t.Helper()
	slices.Sort(s.waits)
	at := func(share float64) time.Duration {
		if len(s.waits) == 0 {
			return 0
		}
		return s.waits[min(len(s.waits)-1, int(share*float64(len(s.waits))))].Round(time.Millisecond / 10)
	}
	t.Logf("%d checks: %d allowed, %d refused, %d without an answer; %d logins, %d revocations, %d of either without an answer; revoked within %v (half), %v (p99), %v (all); %d operations checked",
		s.checks.Load(), s.allowed.Load(), s.refused.Load(), s.unanswered.Load(), s.logins.Load(), s.revocations.Load(), s.lost.Load(), at(0.5), at(0.99), at(1), len(s.history))
	if s.logins.Load() < 5 || s.revocations.Load() < 5 || s.allowed.Load() < 50 || s.refused.Load() < 50 {
		t.Error("too little happened to prove anything")
	}
	for _, part := range leaseModel.Partition(s.history) {
		if s.byThemselves {
			continue
		}
		if r := porcupine.CheckOperationsTimeout(leaseModel, part, time.Minute); r != porcupine.Ok {
			t.Errorf("what was seen of a lease cannot have happened in any order (%s): %s", r, told(part))
		}
	}
	s.works()
}

// told is a history as a person reads it.
func told(part []porcupine.Operation) string {
	slices.SortFunc(part, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var text strings.Builder
	for _, op := range part {
		fmt.Fprintf(&text, "\n%v to %v by %d %+v: %v", time.Duration(op.Call), time.Duration(op.Return), op.ClientId, op.Input, op.Output)
	}
	return text.String()
}

// works wants everybody to be served again: somebody logs in anywhere, is let in everywhere, and is kept out everywhere.
func (f *fleet) works() {
	f.t.Helper()
	var err error
	for range 200 { // a process that was stopped, or lost its database, takes a moment
		if err = f.serves(); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.t.Errorf("the fleet does not serve again: %v", err)
}

func (f *fleet) serves() error {
	for n, g := range f.gateways {
		cookie, err := g.logIn(fmt.Sprintf("after-%d", n))
		if err != nil {
			return err
		}
		for _, other := range f.gateways {
			if status, err := other.check(http.DefaultClient, cookie); err != nil || status != http.StatusOK {
				return errors.Join(fmt.Errorf("gateway %d says %d", other.n, status), err)
			}
		}
		if _, err := g.revoke(revokeOrder{Lease: leaseOf(f.t, cookie)}); err != nil {
			return err
		}
		f.want(http.StatusUnauthorized, cookie, f.gateways...)
	}
	return nil
}
