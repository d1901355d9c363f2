package console_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/broker/condition"
	"leasehold/idp"
	"leasehold/provision"
	"leasehold/provision/sqlite"
	"leasehold/web"
	"leasehold/web/console"
)

const sso = "https://sso.example.com"

// believer is a provider that believes what its answers say.
type believer struct{ id provision.ConnectionID }

func (b believer) Begin(_ context.Context, a *idp.Attempt) (string, error) {
	return "https://idp.example/?state=" + string(a.ID), nil
}

func (b believer) Verify(_ context.Context, _ idp.Attempt, answer idp.Form) (provision.Assertion, error) {
	if answer.Get("sub") == "" {
		return provision.Assertion{}, idp.Reject(provision.SignatureMissing, "no signature")
	}
	return provision.Assertion{
		Facts: provision.Facts{Connection: b.id, Subject: answer.Get("sub"), Email: answer.Get("email"), EmailVerified: true, Name: answer.Get("name")},
		Authn: provision.Authn{At: time.Now()},
	}, nil
}

// documents are metadata that say what they are.
type documents struct{}

func (documents) Fetch(context.Context, string) ([]byte, error) {
	return nil, errors.New("no network")
}
func (documents) Follows([]byte, []byte) error { return nil }
func (documents) Tell(document []byte) string  { return string(document) }

// nowhere is a DNS without records.
type nowhere struct{}

func (nowhere) TXT(context.Context, string) ([]string, error) { return nil, nil }

// deaf is a messenger whose apps never hear.
type deaf struct{}

func (deaf) Tell(context.Context, broker.Message) error { return broker.ErrGone }

// ledger is what a store has to be for a town.
type ledger interface {
	provision.Ledger
	provision.Registry
	provision.Keys
	broker.Clock
	broker.Upstreams
	broker.Search
	broker.Setups
	broker.Elevations
	broker.Credentials
	broker.Leftovers
	broker.Outbox
	broker.Tokens
}

// town is an installation with an operators' tenant and two customers: acme and globex.
type town struct {
	*broker.Broker
	t       testing.TB
	store   ledger
	desk    *broker.Desk
	console *console.Console
	web     http.Handler
	origin  provision.Origin
}

func origin(t testing.TB, s string) provision.Origin {
	o, err := provision.ParseOrigin(s)
	must(t, err)
	return o
}

func domain(t testing.TB, s string) provision.Domain {
	d, err := provision.ParseDomain(s)
	must(t, err)
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newTown(t testing.TB) *town {
	t.Helper()
	store, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "ledger.db"), sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { store.Close() })
	return townOn(t, store)
}

// townOn is a town whose ledger is a store.
func townOn(t testing.TB, store ledger) *town {
	t.Helper()
	ctx := context.Background()
	x := &town{t: t, origin: origin(t, sso), store: store}
	master := [32]byte{1}
	keys, err := broker.NewKeyring(ctx, x.store, master[:])
	must(t, err)
	conditions, err := condition.New()
	must(t, err)
	x.Broker, err = broker.New(ctx, broker.Ports{
		Ledger: x.store, Registry: x.store, Keys: keys, Attempts: broker.NewLocalAttempts(time.Now), Clock: x.store, Upstreams: x.store, Search: x.store, Setups: x.store, Elevations: x.store, Credentials: x.store, Conditions: conditions,
		Leftovers: x.store, Outbox: x.store, Messenger: deaf{}, Operators: "ops", Documents: documents{}, URL: x.origin,
		Open:    func(_ context.Context, c provision.Connection) (idp.Provider, error) { return believer{c.ID}, nil },
		Present: func(provision.App, broker.Identity) map[string][]string { return nil },
	})
	must(t, err)
	x.register()
	x.desk = broker.NewDesk(x.Broker, broker.NewProver(x.Broker, nowhere{}, time.Hour, time.Hour), x.store)
	x.console, err = console.New(console.Config{
		Broker: x.Broker, Desk: x.desk,
		Expiring: func() []broker.Expiry {
			return []broker.Expiry{{Connection: "acme-idp", Tenant: "acme", At: time.Now().Add(50 * time.Hour)}, {Connection: "globex-idp", Tenant: "globex", At: time.Now().Add(60 * time.Hour)}}
		},
		Addresses: func(c provision.Connection) []console.Address {
			return []console.Address{{Name: "ACS", Value: sso + "/idp/" + string(c.ID) + "/acs"}}
		},
	})
	must(t, err)
	x.web, err = web.New(web.Config{
		URL: x.origin, Gate: x.Broker, Mounts: x.console.Mounts(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	must(t, err)
	return x
}

func (x *town) register() {
	wanted := broker.Wanted{Apps: []provision.App{
		{ID: "wiki", Origins: []provision.Origin{origin(x.t, "https://wiki.example.com")}, Headers: "leasehold", Tenants: []provision.TenantID{"acme", "globex"}},
		{ID: "globex-only", Origins: []provision.Origin{origin(x.t, "https://only.example.com")}, Headers: "leasehold", Tenants: []provision.TenantID{"globex"}},
	}}
	for _, id := range []string{"ops", "acme", "globex"} {
		wanted.Tenants = append(wanted.Tenants, broker.WantedTenant{
			Tenant: provision.Tenant{ID: provision.TenantID(id), Name: "The " + id, Policy: provision.Policy{Create: provision.CreateAllow}},
			Claims: []broker.WantedClaim{{Domain: domain(x.t, id+".test"), Proof: provision.ProofOperator}, {Domain: domain(x.t, id+"-two.test"), Proof: provision.ProofDNS}},
			Connections: []broker.WantedConnection{{Connection: provision.Connection{
				ID: provision.ConnectionID(id + "-idp"), Protocol: "stub", Domains: []provision.Domain{domain(x.t, id+".test")}, Default: true, Metadata: []byte("the trust of " + id),
			}}},
		})
	}
	_, err := x.Register(context.Background(), broker.Deed{Actor: provision.Actor{Kind: provision.Operator, ID: "test"}}, wanted, broker.Plan{Owner: provision.ByManifest})
	must(x.t, err)
}

// everything is the mandate by which the scene is set.
func everything() broker.Mandate {
	return broker.Mandate{Actor: provision.Actor{Kind: provision.Operator, ID: "test"}, Everywhere: true, Write: true}
}

// login is somebody's lease: name@tenant.test.
func (x *town) login(tenant, name string) provision.Lease {
	x.t.Helper()
	ctx, browser, id := context.Background(), rand.Text(), provision.ConnectionID(tenant+"-idp")
	going, err := x.Begin(ctx, broker.Wish{Browser: browser, Connection: id})
	must(x.t, err)
	there, err := url.Parse(going.URL)
	must(x.t, err)
	answer := url.Values{"sub": {name}, "email": {name + "@" + tenant + ".test"}, "name": {strings.ToUpper(name[:1]) + name[1:] + " Of-" + tenant}}
	l, err := x.Login(ctx, broker.Return{Connection: id, Attempt: idp.AttemptID(there.Query().Get("state")), Browser: browser, Answer: answer})
	must(x.t, err)
	return l
}

// admin is somebody who holds an office.
func (x *town) admin(tenant, name string, o provision.Office) visitor {
	x.t.Helper()
	l := x.login(tenant, name)
	_, err := x.Appoint(context.Background(), broker.Order{Mandate: everything()}, l.Account, o, true)
	must(x.t, err)
	return x.as(l)
}

// visitor is a browser with a session; of the zero Lease, one without.
type visitor struct {
	x     *town
	lease provision.Lease
}

func (x *town) as(l provision.Lease) visitor { return visitor{x, l} }

func (v visitor) do(method, path string, form url.Values, header ...string) *httptest.ResponseRecorder {
	v.x.t.Helper()
	r := httptest.NewRequest(method, sso+path, strings.NewReader(form.Encode()))
	r.TLS, r.RemoteAddr = nil, "127.0.0.1:4711"
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
	}
	if v.lease.ID != "" {
		r.Header.Set("Cookie", "__Host-lh="+v.x.Token(v.lease.ID, v.x.origin))
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	v.x.web.ServeHTTP(w, r)
	return w
}

func (v visitor) get(path string) *httptest.ResponseRecorder { return v.do(http.MethodGet, path, nil) }

func (v visitor) post(path string, pairs ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return v.do(http.MethodPost, path, form)
}

// held is all that the ledger holds of a tenant, as text.
func (x *town) held(tenant provision.TenantID) string {
	ctx, all := context.Background(), provision.Page{Tenant: tenant, Limit: 10_000, Ended: true}
	text := ""
	add := func(v any, err error) {
		must(x.t, err)
		line, err := json.Marshal(v)
		must(x.t, err)
		text += string(line) + "\n"
	}
	tenants, err := x.store.Tenants(ctx, all)
	add(tenants, err)
	connections, err := x.store.Connections(ctx, all)
	add(connections, err)
	claims, err := x.store.Claims(ctx, all)
	add(claims, err)
	accounts, err := x.store.Accounts(ctx, all)
	add(accounts, err)
	leases, err := x.store.Leases(ctx, all)
	add(leases, err)
	events, err := x.store.Events(ctx, provision.EventFilter{Tenant: tenant, Limit: 10_000})
	add(events, err)
	setups, err := x.store.Setups(ctx, all)
	add(setups, err)
	deliveries, _, err := x.store.Deliveries(ctx, provision.DeliveryFilter{Tenant: tenant, Limit: 1000})
	add(deliveries, err)
	return text
}

// undelivered gives a tenant a delivery that is stuck.
func (x *town) undelivered(l provision.Lease) provision.DeliveryID {
	x.t.Helper()
	id := provision.DeliveryID("dlv_" + string(l.Tenant))
	_, err := x.store.Amend(context.Background(), provision.Target{}, func(provision.State) (provision.Change, error) {
		event := provision.EventID("evt_" + rand.Text())
		return provision.Change{
			Events: []provision.Event{{ID: event, Time: time.Now(), Kind: provision.EventLeaseEnded, Tenant: l.Tenant, Account: l.Account}},
			Deliveries: []provision.Delivery{{ID: id, Event: event, Kind: provision.SessionEnded, App: "wiki", Tenant: l.Tenant, Account: l.Account, At: time.Now(), Due: time.Now(),
				State: provision.DeliveryStuck, Tries: 9, Fault: "410 Gone", Settled: time.Now()}},
		}, nil
	})
	must(x.t, err)
	return id
}

// hold lets a connection show a new trust.
func (x *town) hold(id provision.ConnectionID) {
	x.t.Helper()
	_, err := x.store.Amend(context.Background(), provision.Target{Connection: id}, func(s provision.State) (provision.Change, error) {
		c := s.Connection.Hold([]byte("another trust"))
		c.Revision++
		return provision.Change{Connections: []provision.Connection{c}}, nil
	})
	must(x.t, err)
}

func (x *town) account(id provision.AccountID) provision.Account {
	x.t.Helper()
	a, _, _, err := x.store.Account(context.Background(), id)
	must(x.t, err)
	return a
}
