//go:build real

package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/provision/postgres"
	"leasehold/provision/postgres/postgrestest"
)

// TestWhatWasAcknowledgedSurvivesACrashOfTheServer kills the server under logins and ends, and starts it anew. Who asks
// meanwhile is told that it is unavailable, and everything works again afterwards, without a restart of ours.
func TestWhatWasAcknowledgedSurvivesACrashOfTheServer(t *testing.T) {
	own := postgrestest.Start(t, postgrestest.Options{})
	url := own.Database(t, "")
	s := open(t, url, postgres.Options{})
	const crowd = 8
	amend(t, s, people(0, crowd))
	var mu sync.Mutex
	begun, ended := map[provision.LeaseID]bool{}, map[provision.LeaseID]bool{}
	for round := range 3 {
		crashed := make(chan struct{})
		var group sync.WaitGroup
		for n := range crowd {
			group.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-crashed:
						return
					default:
					}
					d, err := login(t, s, n, fmt.Sprintf("r%dp%di%d", round, n, i))
					if err == nil {
						mu.Lock()
						begun[d.Lease.ID] = true
						mu.Unlock()
						if i%2 == 1 {
							err = s.End(t.Context(), []provision.LeaseID{d.Lease.ID}, func(_ provision.LeaseID, now provision.State) provision.Change {
								l := now.Former.Lease
								l.EndedAt = began
								return provision.Change{Leases: []provision.Lease{l}, Events: []provision.Event{{ID: provision.EventID("evt_end_" + string(l.ID)), Kind: provision.EventLeaseEnded, Account: l.Account}}}
							})
							if err == nil {
								mu.Lock()
								ended[d.Lease.ID] = true
								mu.Unlock()
							}
						}
					}
					if err != nil {
						time.Sleep(10 * time.Millisecond)
					}
					if err != nil && !errors.Is(err, provision.ErrUnavailable) {
						t.Errorf("error %v, want unavailable", err)
					}
				}
			})
		}
		time.Sleep(200 * time.Millisecond)
		if err := own.Stop(syscall.SIGQUIT); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Lease(t.Context(), leaseOf(0)); !errors.Is(err, provision.ErrUnavailable) {
			t.Errorf("while the server is down: error %v, want unavailable", err)
		}
		if err := own.Launch(); err != nil {
			t.Fatal(err)
		}
		close(crashed)
		group.Wait()
	}
	if len(begun) < 10 || len(ended) < 5 {
		t.Fatalf("only %d logins and %d ends were acknowledged", len(begun), len(ended))
	}
	for id := range begun {
		st, err := s.Lease(t.Context(), id)
		if err != nil || st.Account.State != provision.Active || (ended[id] && st.Lease.EndedAt.IsZero()) {
			t.Errorf("lease %s: ended %s, error %v; acknowledged as ended: %t", id, st.Lease.EndedAt, err, ended[id])
		}
	}
	wholes(t, s)
}

// wholes notes leases that are there without their event, and events without their lease.
func wholes(t *testing.T, s *postgres.Store) {
	t.Helper()
	events, err := s.Events(t.Context(), provision.EventFilter{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	leases, err := s.Leases(t.Context(), provision.Page{Limit: 1 << 20, Ended: true})
	if err != nil {
		t.Fatal(err)
	}
	ends := 0
	for _, l := range leases {
		if !l.EndedAt.IsZero() {
			ends++
		}
	}
	if want := len(leases) - 1 + ends; len(events) != want { // the first lease was planted
		t.Errorf("%d events of %d leases, %d of them ended", len(events), len(leases), ends)
	}
	for i, e := range events {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has Seq %d", i+1, e.Seq)
		}
	}
}

// TestAServerThatGoesAwayIsNoticedInSeconds cuts the connections under a store, and lets nobody in for a while.
func TestAServerThatGoesAwayIsNoticedInSeconds(t *testing.T) {
	url := ledger(t)
	proxy := postgrestest.NewProxy(t, server(t))
	s := open(t, proxy.Through(url), postgres.Options{})
	amend(t, s, people(0, 1))
	proxy.Cut()
	if _, err := s.Lease(t.Context(), leaseOf(0)); err != nil {
		t.Errorf("a read on connections that were cut: %v, want it to go by another", err)
	}
	proxy.Cut()
	if _, err := login(t, s, 0, "cut"); err != nil {
		t.Errorf("a login on connections that were cut: %v, want it to go by another", err)
	}
	proxy.Shut(true)
	proxy.Cut()
	asked := time.Now()
	if _, err := s.Lease(t.Context(), leaseOf(0)); !errors.Is(err, provision.ErrUnavailable) || time.Since(asked) > 5*time.Second {
		t.Errorf("error %v after %s, want unavailable within seconds", err, time.Since(asked))
	}
	proxy.Shut(false)
	if _, err := login(t, s, 0, "again"); err != nil {
		t.Errorf("once it is back: %v", err)
	}
}
