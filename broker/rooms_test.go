package broker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/idp"
	"leasehold/provision"
)

// hanging is a provider that answers nobody before it is told to.
type hanging struct {
	idp.Provider
	inside *atomic.Int64
	over   chan struct{}
}

func (p hanging) Verify(ctx context.Context, a idp.Attempt, f idp.Form) (provision.Assertion, error) {
	p.inside.Add(1)
	defer p.inside.Add(-1)
	select {
	case <-p.over:
		return p.Provider.Verify(ctx, a, f)
	case <-ctx.Done():
		return provision.Assertion{}, ctx.Err()
	}
}

// hang makes the provider of acme hang.
func (h *house) hang() *hanging {
	p := &hanging{inside: new(atomic.Int64), over: make(chan struct{})}
	open := h.ports.Open
	h.ports.Open = func(ctx context.Context, c provision.Connection) (idp.Provider, error) {
		provider, err := open(ctx, c)
		if c.ID == "acme" {
			return hanging{provider, p.inside, p.over}, err
		}
		return provider, err
	}
	h.start()
	return p
}

func (h *house) loginAt(c provision.ConnectionID, browser string, n int) error {
	ctx := context.Background()
	id := h.begin(broker.Wish{Browser: browser, Connection: c})
	answer := with(with(somebody(n), "email", fmt.Sprintf("p%d@rival.test", n)), "sub", fmt.Sprintf("sub-%d", n))
	_, err := h.Login(ctx, broker.Return{Connection: c, Attempt: id, Browser: browser, Answer: answer})
	return err
}

// median is what a login at the rival takes.
func (h *house) median(t *testing.T, from int) time.Duration {
	var took []time.Duration
	for n := range 21 {
		began := time.Now()
		if err := h.loginAt("rival", fmt.Sprintf("r%d", from+n), from+n); err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// How many docs/limits.md lets into a connection's room, and up to its door.
const inside, waiting = 32, 256

func TestAProviderThatHangsSlowsNobodyElse(t *testing.T) {
	h := newHouse(t)
	p := h.hang()
	alone := h.median(t, 0)

	const pile = 400
	var logins sync.WaitGroup
	var turnedAway atomic.Int64
	var begun []idp.AttemptID
	for n := range pile {
		begun = append(begun, h.begin(broker.Wish{Browser: fmt.Sprintf("b%d", n), Connection: "acme"}))
	}
	for n, id := range begun {
		logins.Go(func() {
			_, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: id, Browser: fmt.Sprintf("b%d", n), Answer: somebody(n)})
			var denied *provision.DeniedError
			if errors.As(err, &denied) && denied.Reason == provision.IdPUnreachable {
				turnedAway.Add(1)
			}
		})
	}
	for began := time.Now(); p.inside.Load() < inside || turnedAway.Load() < pile-waiting; time.Sleep(time.Millisecond) {
		if time.Since(began) > 4*time.Second { // less than anybody waits in front of the door
			t.Fatalf("%d inside, %d turned away at once", p.inside.Load(), turnedAway.Load())
		}
	}
	if n := p.inside.Load(); n != inside {
		t.Errorf("%d are inside", n)
	}
	if beside := h.median(t, 100); beside > 4*alone+20*time.Millisecond {
		t.Errorf("a login at the other tenant takes %s, alone it took %s", beside, alone)
	}
	close(p.over)
	logins.Wait()
	if err := h.loginAt("rival", "after", 1000); err != nil {
		t.Error(err)
	}
	h.login(ada()) // and the room is empty again
	h.stop()
	if n := h.count(provision.EventLogin, string(provision.IdPUnreachable)); n != 1 {
		t.Errorf("those who were turned away are %d events, want one that counts them", n)
	}
}

func TestOneTenantsPaceIsNotAnothers(t *testing.T) {
	h := newHouse(t)
	h.ports.Pace = broker.Pace{N: 6}
	h.start()
	for n := range 3 { // two steps each
		if _, err := h.loginIn(fmt.Sprintf("b%d", n), ada(), ""); err != nil {
			t.Fatal(err)
		}
	}
	h.refused(ada(), provision.RateLimited)
	if err := h.loginAt("rival", "r", 1); err != nil {
		t.Errorf("the other tenant: %v", err)
	}
	h.clock.pass(20 * time.Second)
	h.login(ada())
	h.refused(ada(), provision.RateLimited)
}

func TestNoRoomIsNotTheMessagesFault(t *testing.T) {
	h := newHouse(t)
	h.ports.Pace = broker.Pace{N: 1}
	h.start()
	going, err := h.Begin(context.Background(), broker.Wish{Browser: "b", Connection: "acme-saml"})
	if err != nil {
		t.Fatal(err)
	}
	form := h.saml.Answer(t, going.URL, adaBySAML())
	for range 10 { // more than a message that is at fault survives
		if _, err := h.Receive(context.Background(), "acme-saml", form, provision.Requester{}); err == nil {
			t.Fatal("judged beyond the tenant's pace")
		}
	}
	h.clock.pass(time.Minute)
	id, err := h.Receive(context.Background(), "acme-saml", form, provision.Requester{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Login(context.Background(), broker.Return{Connection: "acme-saml", Attempt: id, Browser: "b"}); err != nil {
		t.Error(err)
	}
}
