package broker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// tube carries what processes foretell to one another.
type tube struct{ others []chan []provision.LeaseID }

// mouth is the end of a tube at one process.
type mouth struct {
	tube *tube
	own  chan []provision.LeaseID
}

func (u *tube) mouth() mouth {
	m := mouth{u, make(chan []provision.LeaseID, 8)}
	u.others = append(u.others, m.own)
	return m
}

func (m mouth) Foretell(_ context.Context, ids []provision.LeaseID) {
	for _, other := range m.tube.others {
		if other != m.own {
			other <- ids
		}
	}
}

func (m mouth) Foretold(context.Context) <-chan []provision.LeaseID { return m.own }

// checking asks about a token beside, and what comes of it.
func (h *house) checking(token string) <-chan broker.Verdict {
	said := make(chan broker.Verdict, 1)
	go func() { said <- h.check(token) }()
	return said
}

// ending begins the end of a lease, and stops before its commit until the outcome is said.
func (h *house) ending(l provision.Lease) (outcome chan<- error, returned <-chan error) {
	h.t.Helper()
	reached, said, done := make(chan struct{}), make(chan error, 1), make(chan error, 1)
	h.ledger.mu.Lock()
	h.ledger.committing = func() error { close(reached); return <-said }
	h.ledger.mu.Unlock()
	go func() { done <- h.RevokeLease(context.Background(), operator(), l.ID) }()
	<-reached
	h.ledger.mu.Lock()
	h.ledger.committing = nil
	h.ledger.mu.Unlock()
	return said, done
}

func wantSilence(t *testing.T, said <-chan broker.Verdict) {
	t.Helper()
	select {
	case v := <-said:
		t.Fatalf("it was answered while the end was on its way: %+v", v)
	case <-time.After(50 * time.Millisecond):
	}
}

func TestWhoAsksWhileAnEndIsCommittedIsAnsweredByItsOutcome(t *testing.T) {
	for name, fault := range map[string]error{"it ends": nil, "the disk fails": errors.New("disk")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			l := h.login(ada())
			token := h.entered(l)
			h.wantAllow(token)
			h.SuspendFor(time.Minute)
			outcome, returned := h.ending(l)
			said := h.checking(token)
			wantSilence(t, said)
			began := time.Now()
			outcome <- fault
			v := <-said
			if err := <-returned; (err != nil) != (fault != nil) {
				t.Fatal(err)
			}
			if v.Allow != (fault != nil) {
				t.Errorf("%+v", v)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it was answered %v after the outcome", took)
			}
		})
	}
}

func TestNobodyWaitsLongForAnEndThatDoesNotCome(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.login(ada())
	token := h.entered(l)
	h.wantAllow(token)
	outcome, returned := h.ending(l)
	began := time.Now()
	if v := h.check(token); !v.Allow {
		t.Errorf("refused, though nothing is committed: %+v", v)
	}
	if took := time.Since(began); took < 200*time.Millisecond || took > 20*time.Second {
		t.Errorf("it waited %v", took)
	}
	outcome <- nil
	if err := <-returned; err != nil {
		t.Fatal(err)
	}
	h.wantReason(token, provision.LeaseEnded)
}

func TestAnEndIsForetoldToTheOtherProcesses(t *testing.T) {
	t.Parallel()
	var u tube
	w := newTown(t, 2, func(h *house) { h.tube = &u })
	a, b := w.houses[0], w.houses[1]
	l := a.login(ada())
	token := a.entered(l)
	b.wantAllow(token)
	a.SuspendFor(time.Minute)
	b.SuspendFor(time.Minute)
	outcome, returned := a.ending(l)
	eventually(t, "the other process waits", func() bool { return b.Suspended(l.ID) })
	said := b.checking(token)
	wantSilence(t, said)
	outcome <- nil
	if v := <-said; v.Allow {
		t.Errorf("%+v", v)
	}
	if err := <-returned; err != nil {
		t.Fatal(err)
	}
}
