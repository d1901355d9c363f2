//go:build real

package postgres_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/provision/postgres"
)

// meet waits for the other one, and fails the test when nobody comes.
func meet(t *testing.T, at chan struct{}) {
	select {
	case at <- struct{}{}:
	case <-at:
	case <-time.After(2 * time.Second):
		t.Error("nobody came: they wait for each other")
	}
}

// TestLoginsOfDifferentTenantsRunSideBySide: two logins are within their decision at once, and the audit is read
// meanwhile.
func TestLoginsOfDifferentTenantsRunSideBySide(t *testing.T) {
	url := ledger(t)
	a, b := open(t, url, postgres.Options{}), open(t, url, postgres.Options{})
	amend(t, a, people(0, 200))
	inside, read := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	for n, s := range []*postgres.Store{a, b} {
		group.Go(func() {
			r := requestOf(n*100, "side by side "+string(rune('a'+n)))
			_, err := s.Provision(t.Context(), r, func(now provision.State) provision.Decision {
				meet(t, inside)
				if n == 0 {
					if _, err := s.Events(t.Context(), provision.EventFilter{}); err != nil {
						t.Error(err)
					}
				}
				meet(t, read)
				return letIn(r, now, string(rune('a'+n)))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

// TestARevocationWaitsForTheLoginsThatReadWhatItEnds: when it returns, no lease can still begin under the former
// generation. Logins of other tenants go on.
func TestARevocationWaitsForTheLoginsThatReadWhatItEnds(t *testing.T) {
	for name, scope := range map[string]provision.Scope{
		"tenant": {Tenant: "tenant-00000"}, "connection": {Connection: "tenant-00000"}, "domain": {Domain: people(0, 1).Claims[0].Domain}, "installation": {},
	} {
		t.Run(name, func(t *testing.T) {
			url := ledger(t)
			a, b := open(t, url, postgres.Options{}), open(t, url, postgres.Options{})
			amend(t, a, people(0, 101))
			revoked := make(chan error, 1)
			r := requestOf(1, "before")
			d, err := a.Provision(t.Context(), r, func(now provision.State) provision.Decision {
				go func() {
					target := provision.Target{Tenant: scope.Tenant, Connection: scope.Connection, Domain: scope.Domain}
					if !scope.Domain.IsZero() {
						target.Tenant = "tenant-00000" // its owner
					}
					_, err := b.Amend(t.Context(), target, func(now provision.State) (provision.Change, error) {
						return provision.RevokeScope(now, scope, provision.CauseAdmin, "rev_1", provision.Act{IDs: provision.IDs{Event: func(int) provision.EventID { return "evt_rev" }}, Now: began})
					})
					revoked <- err
				}()
				select {
				case err := <-revoked:
					t.Errorf("it did not wait: %v", err)
					revoked <- err
				case <-time.After(100 * time.Millisecond):
				}
				return letIn(r, now, "before")
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := <-revoked; err != nil {
				t.Fatal(err)
			}
			after, err := login(t, a, 1, "after")
			if err != nil {
				t.Fatal(err)
			}
			due, err := b.Due(t.Context(), began, 100)
			if err != nil || !slices.Contains(due, d.Lease.ID) || slices.Contains(due, after.Lease.ID) {
				t.Errorf("due are %v, error %v; want the lease from before, %s, and not the one from after, %s", due, err, d.Lease.ID, after.Lease.ID)
			}
		})
	}
}

// TestOfTwoLoginsOneTakesTheLastSeat, and two tenants with seats do not wait for each other.
func TestOfTwoLoginsOneTakesTheLastSeat(t *testing.T) {
	url := ledger(t)
	stores := []*postgres.Store{open(t, url, postgres.Options{}), open(t, url, postgres.Options{})}
	c := people(0, 3)
	c.Tenants[0].Policy.Seats = 2 // person 0 has one
	amend(t, stores[0], c)
	var group sync.WaitGroup
	allowed := make([]bool, 2)
	for n, s := range stores {
		group.Go(func() {
			unique := string(rune('a' + n))
			r := requestOf(1+n, unique)
			d, err := s.Provision(t.Context(), r, func(now provision.State) provision.Decision {
				time.Sleep(50 * time.Millisecond)
				if now.Seats >= now.Tenant.Policy.Seats {
					return provision.Decision{Outcome: provision.Denied, Reason: provision.SeatsFull}
				}
				return letIn(r, now, unique)
			})
			if err != nil {
				t.Error(err)
			}
			allowed[n] = d.Allowed()
		})
	}
	group.Wait()
	if allowed[0] == allowed[1] {
		t.Errorf("let in: %v, want one of two", allowed)
	}
}

// TestAUseIsNotLostOnWhoeverJudgesTheLease: a lease that is used after it was read is judged again, not ended for disuse.
func TestAUseIsNotLostOnWhoeverJudgesTheLease(t *testing.T) {
	url := ledger(t)
	a, b := open(t, url, postgres.Options{}), open(t, url, postgres.Options{})
	amend(t, a, people(0, 1))
	used := began.Add(20 * time.Minute)
	judged := 0
	err := a.End(t.Context(), []provision.LeaseID{leaseOf(0)}, func(_ provision.LeaseID, now provision.State) provision.Change {
		judged++
		l := now.Former.Lease
		if l.Seen.Equal(used) {
			return provision.Change{}
		}
		if err := b.Used(t.Context(), map[provision.LeaseID]time.Time{l.ID: used}); err != nil {
			t.Error(err)
		}
		l.EndedAt, l.EndReason = began, provision.CauseIdle
		return provision.Change{Leases: []provision.Lease{l}}
	})
	st, read := b.Lease(t.Context(), leaseOf(0))
	if err != nil || read != nil || judged != 2 || !st.Lease.EndedAt.IsZero() || !st.Lease.Seen.Equal(used) {
		t.Errorf("judged %d times, ended %s, seen %s, errors %v, %v", judged, st.Lease.EndedAt, st.Lease.Seen, err, read)
	}
}

// TestARowOnARevisionThatHasPassedIsAConflict, of everything that is registered.
func TestARowOnARevisionThatHasPassedIsAConflict(t *testing.T) {
	s := open(t, ledger(t), postgres.Options{})
	c := people(0, 1)
	c.Apps = []provision.App{{ID: "wiki", Revision: 1}}
	c.Accounts, c.Links, c.Leases, c.Installation = nil, nil, nil, 0
	amend(t, s, c)
	for name, stale := range map[string]provision.Change{
		"tenant": {Tenants: c.Tenants}, "connection": {Connections: c.Connections}, "claim": {Claims: c.Claims}, "app": {Apps: c.Apps},
	} {
		stale.Events = []provision.Event{{ID: "evt_stale"}}
		_, err := s.Amend(t.Context(), provision.Target{}, func(provision.State) (provision.Change, error) { return stale, nil })
		if !errors.Is(err, provision.ErrConflict) {
			t.Errorf("%s: error %v, want a conflict", name, err)
		}
	}
	if events, err := s.Events(t.Context(), provision.EventFilter{}); err != nil || len(events) != 0 {
		t.Errorf("%d events of what was refused, error %v", len(events), err)
	}
}

// TestEventsThatAreNumberedWhileOthersAreWrittenHaveNoGapAndMissNobody: who reads with a cursor sees each event once.
func TestEventsThatAreNumberedWhileOthersAreWrittenHaveNoGapAndMissNobody(t *testing.T) {
	url := ledger(t)
	const writers, each = 6, 25
	readers := []*postgres.Store{open(t, url, postgres.Options{}), open(t, url, postgres.Options{})}
	var writing, reading sync.WaitGroup
	over := make(chan struct{})
	for n := range writers {
		s := readers[n%2]
		writing.Go(func() {
			for i := range each {
				amend(t, s, provision.Change{Events: []provision.Event{{ID: provision.EventID(rune('a'+n)) + provision.EventID(rune('0'+i))}, {ID: "second"}}})
			}
		})
	}
	go func() { writing.Wait(); close(over) }()
	for _, s := range readers {
		reading.Go(func() {
			var last int64
			for stop := false; !stop; {
				select {
				case <-over:
					stop = true // and read once more
				default:
				}
				events, err := s.Events(t.Context(), provision.EventFilter{After: last, Limit: 1000})
				if err != nil {
					t.Error(err)
					return
				}
				for _, e := range events {
					if e.Seq != last+1 {
						t.Errorf("event %d comes after %d", e.Seq, last)
					}
					last = e.Seq
				}
			}
			if last != 2*writers*each {
				t.Errorf("%d events were read of %d", last, 2*writers*each)
			}
		})
	}
	reading.Wait()
}
