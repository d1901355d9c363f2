//go:build real

package postgres_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/provision/postgres"
	"leasehold/provision/postgres/postgrestest"
)

// TestACommitWhoseAnswerIsLostIsToldAsItIs cuts the connection of a login between COMMIT and its answer, or before the
// server hears of it: either way the login happened once.
func TestACommitWhoseAnswerIsLostIsToldAsItIs(t *testing.T) {
	url := ledger(t)
	direct := open(t, url, postgres.Options{})
	amend(t, direct, people(0, 1))
	proxy := postgrestest.NewProxy(t, server(t))
	s := open(t, proxy.Through(url), postgres.Options{})
	for i, x := range []struct {
		arm   func()
		calls int
	}{{func() {}, 1}, {proxy.LoseAnswer, 1}, {proxy.LoseCommit, 2}} {
		calls, unique := 0, fmt.Sprint("n", i)
		r := requestOf(0, unique)
		x.arm()
		d, err := s.Provision(t.Context(), r, func(now provision.State) provision.Decision {
			calls++
			return letIn(r, now, unique)
		})
		if err != nil || !d.Allowed() || calls != x.calls {
			t.Errorf("cut %d: %s after %d calls, error %v, want %d", i, d.Outcome, calls, err, x.calls)
		}
	}
	_, _, live, err := direct.Account(t.Context(), accountOf(0))
	if err != nil || len(live) != 4 {
		t.Errorf("%d leases, error %v, want the first and one a login", len(live), err)
	}
	if events, err := direct.Events(t.Context(), provision.EventFilter{}); err != nil || len(events) != 3 {
		t.Errorf("%d events of three logins, error %v", len(events), err)
	}
}

// TestACommitWithoutAnEventIsToldAsItIsToo does the same of what leaves no event.
func TestACommitWithoutAnEventIsToldAsItIsToo(t *testing.T) {
	url := ledger(t)
	direct := open(t, url, postgres.Options{})
	proxy := postgrestest.NewProxy(t, server(t))
	s := open(t, proxy.Through(url), postgres.Options{})
	for _, name := range []string{"one", "two"} {
		if _, err := direct.AddKey(t.Context(), name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, arm := range []func(){proxy.LoseAnswer, proxy.LoseCommit} {
		arm()
		if err := s.Rewrap(t.Context(), func(_ string, value []byte) ([]byte, error) { return append(value, '!'), nil }); err != nil {
			t.Errorf("rewrap: %v", err)
		}
	}
	if value, err := direct.Key(t.Context(), "one"); err != nil || string(value) != "one!!" {
		t.Errorf("after being wrapped twice: %q, error %v", value, err)
	}
}

// TestACommitThatNobodyCanAskAfterIsUnavailable shuts the server away after the cut. The login is there all the same,
// and its message is spent.
func TestACommitThatNobodyCanAskAfterIsUnavailable(t *testing.T) {
	url := ledger(t)
	direct := open(t, url, postgres.Options{})
	amend(t, direct, people(0, 1))
	proxy := postgrestest.NewProxy(t, server(t))
	s := open(t, proxy.Through(url), postgres.Options{Connections: 1})
	r := requestOf(0, "lost")
	asked := time.Now()
	_, err := s.Provision(t.Context(), r, func(now provision.State) provision.Decision {
		proxy.Shut(true)
		proxy.LoseAnswer()
		return letIn(r, now, "lost")
	})
	if took := time.Since(asked); !errors.Is(err, provision.ErrUnavailable) || took > 15*time.Second {
		t.Errorf("error %v after %s, want unavailable within seconds", err, took)
	}
	if events, err := direct.Events(t.Context(), provision.EventFilter{}); err != nil || len(events) != 1 {
		t.Errorf("%d events, error %v", len(events), err)
	}
	proxy.Shut(false)
	d, err := s.Provision(t.Context(), r, func(now provision.State) provision.Decision {
		if len(now.Spent) == 2 {
			return provision.Decision{Outcome: provision.Denied, Reason: provision.Replayed}
		}
		return letIn(r, now, "lost")
	})
	if err != nil || d.Reason != provision.Replayed {
		t.Errorf("the same message again: %s %s, error %v", d.Outcome, d.Reason, err)
	}
}
