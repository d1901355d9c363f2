package broker_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// unanswered is a ledger that does not answer what is due any more, once it is told so.
type unanswered struct {
	provision.Ledger
	hangs chan struct{}
}

// Due implements provision.Ledger.
func (h unanswered) Due(ctx context.Context, now time.Time, limit int) ([]provision.LeaseID, error) {
	select {
	case <-h.hangs:
		<-ctx.Done()
		return nil, ctx.Err()
	default:
		return h.Ledger.Due(ctx, now, limit)
	}
}

func TestAReaperThatDoesNotComeBackIsStuck(t *testing.T) {
	h := newHouse(t)
	synctest.Test(t, func(t *testing.T) {
		hangs := make(chan struct{})
		ports := h.ports
		ports.Ledger, ports.Registry = unanswered{h.store, hangs}, h.store
		b, err := broker.New(t.Context(), ports)
		if err != nil {
			t.Fatal(err)
		}
		if stuck := b.Stuck(); len(stuck) > 0 {
			t.Errorf("before it runs: %v", stuck)
		}
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() { b.Run(ctx); close(over) }()
		time.Sleep(5 * time.Minute)
		if stuck := b.Stuck(); len(stuck) > 0 {
			t.Errorf("while it runs: %v", stuck)
		}
		close(hangs)
		time.Sleep(20 * time.Second)
		if stuck := b.Stuck(); len(stuck) > 0 {
			t.Errorf("too soon: %v", stuck)
		}
		time.Sleep(20 * time.Second)
		if stuck := b.Stuck(); len(stuck) != 1 || !strings.HasPrefix(stuck[0], "reap has not come to its end for ") {
			t.Errorf("a reaper that does not come back: %v", stuck)
		}
		cancel()
		<-over
	})
}
