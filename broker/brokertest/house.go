// Package brokertest plays whole logins by one connection, so that the tests of a protocol can show what becomes of a
// message beyond its reader: the refusal's reason, its event, and the honest logins beside it and after it.
package brokertest

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/idp"
	"leasehold/provision"
)

// Store is what a House stands on.
type Store interface {
	provision.Ledger
	provision.Registry
	provision.Keys
	broker.Clock
	broker.Upstreams
	broker.Setups
	broker.Elevations
	broker.Search
}

// Config is what a House is made of.
type Config struct {
	Store      Store
	Connection provision.ConnectionID
	Protocol   provision.Protocol
	Provider   idp.Provider     // of that connection
	Now        func() time.Time // the wall clock; nil: time.Now
}

// House is a broker whose one tenant, acme, gives everybody of acme.test an account, by one connection.
type House struct {
	*broker.Broker
	config Config
}

// Answer is what a browser brings back from the address that it was sent to.
type Answer func(address string) url.Values

// New is a House.
func New(t testing.TB, c Config) *House {
	t.Helper()
	ctx, master := context.Background(), [32]byte{1}
	if c.Now == nil {
		c.Now = time.Now
	}
	keys, err := broker.NewKeyring(ctx, c.Store, master[:])
	must(t, err)
	sso, err := provision.ParseOrigin("https://sso.example.com")
	must(t, err)
	h := &House{config: c}
	h.Broker, err = broker.New(ctx, broker.Ports{
		Ledger: c.Store, Registry: c.Store, Clock: c.Store, Upstreams: c.Store, Setups: c.Store, Elevations: c.Store, Keys: keys, Attempts: broker.NewLocalAttempts(c.Now), Documents: none{}, URL: sso, Now: c.Now, Search: c.Store,
		Open:    func(context.Context, provision.Connection) (idp.Provider, error) { return c.Provider, nil },
		Present: func(provision.App, broker.Identity) map[string][]string { return nil },
	})
	must(t, err)
	h.register(t)
	return h
}

func (h *House) register(t testing.TB) {
	t.Helper()
	acme, err := provision.ParseDomain("acme.test")
	must(t, err)
	_, err = h.Register(context.Background(), broker.Deed{Actor: provision.Actor{Kind: provision.Operator, ID: "test"}}, broker.Wanted{Tenants: []broker.WantedTenant{{
		Tenant:      provision.Tenant{ID: "acme", Name: "Acme", Policy: provision.Policy{Create: provision.CreateAllow}},
		Claims:      []broker.WantedClaim{{Domain: acme, Proof: provision.ProofOperator}},
		Connections: []broker.WantedConnection{{Connection: provision.Connection{ID: h.config.Connection, Protocol: h.config.Protocol, Domains: []provision.Domain{acme}}}},
	}}}, broker.Plan{Owner: provision.ByManifest})
	must(t, err)
}

// none are no documents: the provider of a House has all that it needs.
type none struct{}

func (none) Fetch(context.Context, string) ([]byte, error) { return nil, provision.ErrUnavailable }
func (none) Follows([]byte, []byte) error                  { return nil }
func (none) Tell([]byte) string                            { return "" }

// journey is a login under way in a browser of its own.
type journey struct{ browser, address string }

func (h *House) begin() (journey, error) {
	j := journey{browser: rand.Text()}
	going, err := h.Begin(context.Background(), broker.Wish{Browser: j.browser, Connection: h.config.Connection})
	j.address = going.URL
	return j, err
}

// finish brings an answer back, and the browser after it.
func (h *House) finish(j journey, form url.Values) (provision.Lease, error) {
	ctx := context.Background()
	back := broker.Return{Connection: h.config.Connection, Browser: j.browser, Answer: form}
	if h.config.Protocol != provision.SAML {
		there, err := url.Parse(j.address)
		if err != nil {
			return provision.Lease{}, err
		}
		back.Attempt = idp.AttemptID(there.Query().Get("state"))
		return h.Login(ctx, back)
	}
	var err error
	if back.Attempt, err = h.Receive(ctx, h.config.Connection, form, provision.Requester{}); err != nil {
		return provision.Lease{}, err
	}
	return h.Login(ctx, back)
}

// Play plays one whole login.
func (h *House) Play(answer Answer) (provision.Lease, error) {
	j, err := h.begin()
	if err != nil {
		return provision.Lease{}, err
	}
	return h.finish(j, answer(j.address))
}

// Admits wants a login to get in.
func (h *House) Admits(t testing.TB, what string, honest Answer) {
	t.Helper()
	if _, err := h.Play(honest); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// Refuses wants a login refused for a reason, with one event that says so and what was wrong, and nothing else left of
// it. An honest login that is under way meanwhile gets in; nil: there is none.
func (h *House) Refuses(t testing.TB, want provision.Reason, attack, honest Answer) {
	t.Helper()
	before, beside := h.look(t), journey{}
	if honest != nil {
		var err error
		beside, err = h.begin()
		must(t, err)
	}
	lease, err := h.Play(attack)
	var denied *provision.DeniedError
	if !errors.As(err, &denied) || denied.Reason != want || lease.ID != "" {
		t.Fatalf("got %v and lease %q, want a refusal for %s", err, lease.ID, want)
	}
	h.wantEvent(t, before.seq, denied)
	after := h.look(t)
	if after.accounts != before.accounts || after.leases != before.leases {
		t.Errorf("a refusal left %d accounts and %d leases, where %d and %d were", after.accounts, after.leases, before.accounts, before.leases)
	}
	if honest == nil {
		return
	}
	if _, err := h.finish(beside, honest(beside.address)); err != nil {
		t.Errorf("the honest login beside it: %v", err)
	}
}

// wantEvent wants the one event of a refusal, under the reference that the browser was shown.
func (h *House) wantEvent(t testing.TB, since int64, denied *provision.DeniedError) {
	t.Helper()
	events, err := h.Events(context.Background(), provision.EventFilter{After: since})
	must(t, err)
	if len(events) != 1 {
		t.Fatalf("%d events of one refusal: %+v", len(events), events)
	}
	e := events[0]
	if e.Kind != provision.EventLogin || e.Outcome != string(provision.Denied) || e.Reason != string(denied.Reason) || e.Connection != h.config.Connection ||
		e.Tenant != "acme" || string(e.ID) != denied.Ref || e.Personal.Detail == "" {
		t.Errorf("the refusal %+v has the event %+v", denied, e)
	}
}

// seen is how much there is.
type seen struct {
	seq              int64 // of the last event
	accounts, leases int
}

func (h *House) look(t testing.TB) (s seen) {
	t.Helper()
	ctx, page := context.Background(), provision.Page{Limit: 100_000, Ended: true}
	events, err := h.config.Store.Events(ctx, provision.EventFilter{Limit: 100_000})
	must(t, err)
	for _, e := range events {
		s.seq = e.Seq
	}
	accounts, err := h.config.Store.Accounts(ctx, page)
	must(t, err)
	leases, err := h.config.Store.Leases(ctx, page)
	must(t, err)
	s.accounts, s.leases = len(accounts), len(leases)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
