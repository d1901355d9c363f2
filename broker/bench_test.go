package broker_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// BenchmarkCheck is one allow, from memory.
func BenchmarkCheck(b *testing.B) {
	h := newHouse(b)
	ask := broker.Ask{Origin: wikiURL, Path: "/page", Method: http.MethodGet, Token: h.entered(h.login(ada()))}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if v := h.Check(ctx, ask); !v.Allow {
			b.Fatal(v.Reason)
		}
	}
}

// BenchmarkCheckForged is what somebody who makes tokens up costs.
func BenchmarkCheckForged(b *testing.B) {
	h := newHouse(b)
	token := h.entered(h.login(ada()))
	ask := broker.Ask{Origin: wikiURL, Path: "/page", Method: http.MethodGet, Token: token[:len(token)-4] + "AAAA"}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if v := h.Check(ctx, ask); v.Reason != provision.SessionMalformed {
			b.Fatal(v.Reason)
		}
	}
}

// timed is a ledger that knows how long its commits took.
type timed struct {
	provision.Ledger
	spent atomic.Int64
}

func (l *timed) Provision(ctx context.Context, r provision.Request, decide func(provision.State) provision.Decision) (provision.Decision, error) {
	began := time.Now()
	defer func() { l.spent.Add(int64(time.Since(began))) }()
	return l.Ledger.Provision(ctx, r, decide)
}

// BenchmarkLogin is one login from the posted answer to the lease that is on disk, of somebody who was here before. It
// tells which share of it the commit is.
func BenchmarkLogin(b *testing.B) {
	h := newHouse(b)
	ledger := &timed{Ledger: h.store}
	h.ports.Ledger = ledger
	h.start()
	h.login(ada())
	ctx := context.Background()
	ledger.spent.Store(0)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		going, err := h.Begin(ctx, broker.Wish{Browser: "b", Connection: "acme-saml"})
		if err != nil {
			b.Fatal(err)
		}
		who := adaBySAML()
		who.Email, who.Subject = "grace@acme.test", "grace-1"
		form := h.saml.Answer(b, going.URL, who)
		b.StartTimer()
		id, err := h.Receive(ctx, "acme-saml", form, provision.Requester{})
		if err != nil {
			b.Fatal(err)
		}
		l, err := h.resume("b", id)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := h.RevokeLease(ctx, operator(), l.ID); err != nil { // so that it is the n-th, not one of n
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(ledger.spent.Load())/float64(b.Elapsed()), "commit/login")
}
