package broker_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

// stop runs what Run does at its end: what is counted is written.
func (h *house) stop() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.Run(ctx)
}

func TestStrayMessagesAreOneEventAConnectionAndReason(t *testing.T) {
	h := newHouse(t)
	var posts sync.WaitGroup
	for n := range 100 {
		posts.Go(func() {
			c := provision.ConnectionID("acme")
			if n%2 == 1 {
				c = provision.ConnectionID(fmt.Sprintf("whatever-%d", n))
			}
			_, err := h.Receive(context.Background(), c, bad("no-attempt"), provision.Requester{IP: "192.0.2.7"})
			wantDenied(t, provision.AttemptUnknown, provision.Lease{}, err)
		})
	}
	posts.Wait()
	if n := len(h.events(provision.EventProtocol)); n != 0 {
		t.Errorf("%d events at once", n)
	}
	h.stop()
	counts := map[provision.ConnectionID]int{}
	for _, e := range h.events(provision.EventProtocol) {
		counts[e.Connection] += e.Count
	}
	if len(h.events(provision.EventProtocol)) != 2 || counts["acme"] != 50 || counts[""] != 50 {
		t.Errorf("counts %v in %d events", counts, len(h.events(provision.EventProtocol)))
	}
	h.stop()
	if n := len(h.events(provision.EventProtocol)); n != 2 {
		t.Errorf("%d events, written twice", n)
	}
}

func TestAClosedAppIsOneEventALease(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	token := h.Token(l.ID, originOf("https://rivals.example.com"))
	for range 100 {
		h.Check(context.Background(), broker.Ask{Origin: "https://rivals.example.com", Path: "/", Method: "GET", Token: token})
	}
	h.stop()
	e := h.events(provision.EventCheckDenied)
	if len(e) != 1 || e[0].Count != 100 || e[0].Lease.ID != l.ID || e[0].App != "rivals" || e[0].Account != l.Account || e[0].Reason != "tenant_not_of_app" {
		t.Errorf("%+v", e)
	}
}

func TestCountsThatCannotBeWrittenAreWrittenLater(t *testing.T) {
	h := newHouse(t)
	stray := func() {
		_, _ = h.Receive(context.Background(), "acme", bad("no-attempt"), provision.Requester{})
	}
	stray()
	h.ledger.down.Store(true)
	h.stop()
	h.ledger.down.Store(false)
	stray()
	h.stop()
	if e := h.events(provision.EventProtocol); len(e) != 1 || e[0].Count != 2 {
		t.Errorf("%+v", e)
	}
}
