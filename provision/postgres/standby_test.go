//go:build real

package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/provision/postgres"
	"leasehold/provision/postgres/postgrestest"
)

// TestNothingAcknowledgedIsLostWhenTheStandbyTakesOver kills a server under logins and lets its standby take its place:
// the same store goes on with that one.
func TestNothingAcknowledgedIsLostWhenTheStandbyTakesOver(t *testing.T) {
	first := postgrestest.Start(t, postgrestest.Options{})
	url := first.Database(t, "")
	amend(t, open(t, url, postgres.Options{}), people(0, 1))
	second := first.Standby(t)
	both := strings.Replace(url, fmt.Sprintf(":%d/", first.Port), fmt.Sprintf(":%d,127.0.0.1:%d/", first.Port, second.Port), 1) + "&target_session_attrs=read-write"
	s := open(t, both, postgres.Options{})
	var begun []provision.LeaseID
	down := time.AfterFunc(300*time.Millisecond, func() {
		if err := first.Stop(syscall.SIGQUIT); err != nil {
			t.Error(err)
		}
	})
	defer down.Stop()
	for i := 0; ; i++ {
		d, err := login(t, s, 0, fmt.Sprint("before", i))
		if err != nil {
			if !errors.Is(err, provision.ErrUnavailable) {
				t.Fatal(err)
			}
			break
		}
		begun = append(begun, d.Lease.ID)
	}
	second.Tell(t, "SELECT 1")
	second.Promote(t)
	for _, id := range begun {
		if _, err := s.Lease(t.Context(), id); err != nil {
			t.Errorf("lease %s, acknowledged before the failover: %v", id, err)
		}
	}
	if _, err := login(t, s, 0, "after"); err != nil || len(begun) < 5 {
		t.Errorf("after %d logins and a failover: %v", len(begun), err)
	}
	wholes(t, s)
}

// TestACommitThatDidNotWaitForTheStandbyIsNotAcknowledged cuts short the wait for a standby that is gone: the server then
// says that it committed, with a warning.
func TestACommitThatDidNotWaitForTheStandbyIsNotAcknowledged(t *testing.T) {
	first := postgrestest.Start(t, postgrestest.Options{NoSync: true})
	url := first.Database(t, "")
	s := open(t, url, postgres.Options{})
	amend(t, s, people(0, 1))
	if err := first.Standby(t).Stop(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
				_ = s.Tell(t.Context(), "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
			}
		}
	}()
	_, err := login(t, s, 0, "alone")
	close(stop)
	<-done
	if !errors.Is(err, provision.ErrUnavailable) {
		t.Errorf("error %v, want unavailable: the standby has not got it", err)
	}
	first.Tell(t, "ALTER SYSTEM RESET synchronous_standby_names")
	first.Tell(t, "SELECT pg_reload_conf()")
	if _, err := login(t, s, 0, "with nobody to wait for"); err != nil {
		t.Error(err)
	}
}
