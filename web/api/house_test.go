package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/idp"
	"leasehold/provision"
	"leasehold/provision/sqlite"
	"leasehold/web"
	"leasehold/web/api"
)

// house is a gateway with its API, on a real ledger, with two tenants: acme, and rival, of which acme must learn nothing.
type house struct {
	t      testing.TB
	store  *sqlite.Store
	broker *broker.Broker
	desk   *broker.Desk
	api    *api.API
	serve  http.Handler // as programs reach it
	zone   map[string][]string
	past   time.Duration
	users  map[string]bool // that the source of secrets knows
	down   bool            // it takes none back
}

const sso = "https://sso.example.com"

func (h *house) now() time.Time { return time.Now().Add(h.past) }

// everywhere is the mandate of an operator.
func everywhere() broker.Mandate {
	return broker.Mandate{Actor: provision.Actor{Kind: provision.Operator, ID: "uid:0", Via: "admin.sock"}, Everywhere: true, Write: true, Requester: provision.Requester{IP: "192.0.2.1", RequestID: "req_test"}}
}

func newHouse(t testing.TB) *house {
	t.Helper()
	ctx, master := context.Background(), [32]byte{7}
	h := &house{t: t, zone: map[string][]string{}, users: map[string]bool{}}
	var err error
	h.store, err = sqlite.Open(ctx, filepath.Join(t.TempDir(), "ledger.db"), sqlite.Options{Now: h.now})
	must(t, err)
	t.Cleanup(func() { h.store.Close() })
	keys, err := broker.NewKeyring(ctx, h.store, master[:])
	must(t, err)
	h.broker, err = broker.New(ctx, broker.Ports{
		Ledger: h.store, Registry: h.store, Clock: h.store, Upstreams: h.store, Leftovers: h.store, Outbox: h.store, Search: h.store, Elevations: h.store, Setups: h.store, Credentials: h.store, Sources: h, Messenger: deaf{}, Keys: keys,
		Attempts: broker.NewLocalAttempts(h.now), Documents: documents{}, URL: origin(sso), Now: h.now, Operators: "ops",
		Open: func(_ context.Context, c provision.Connection) (idp.Provider, error) {
			return believer{c.ID, h.now}, nil
		},
		Present: func(provision.App, broker.Identity) map[string][]string { return nil },
	})
	must(t, err)
	h.desk = broker.NewDesk(h.broker, broker.NewProver(h.broker, h, 0, 0), h.store)
	h.api, err = api.New(api.Config{Desk: h.desk, URL: origin(sso), Seal: make([]byte, 32), Version: "test", Now: h.now})
	must(t, err)
	h.serve, err = web.New(web.Config{URL: origin(sso), Gate: h.broker, Mounts: []web.Mount{h.api.Mount()}, Now: h.now})
	must(t, err)
	return h
}

// TXT implements broker.TXTResolver.
func (h *house) TXT(_ context.Context, name string) ([]string, error) { return h.zone[name], nil }

// Source implements broker.Sources: each tenant has one.
func (h *house) Source(_ context.Context, t provision.TenantID, id provision.SecretID) (provision.Secret, broker.Source, error) {
	return provision.Secret{ID: id, Tenant: t, Roles: []string{"staff"}}, h, nil
}

// Issue implements broker.Source.
func (h *house) Issue(_ context.Context, o broker.UserOrder) (broker.Handed, error) {
	h.users[o.Name] = true
	return broker.Handed{}, nil
}

// Renew implements broker.Source.
func (h *house) Renew(context.Context, string, time.Time) error { return nil }

// Revoke implements broker.Source.
func (h *house) Revoke(_ context.Context, name string) error {
	if h.down {
		return errors.New("no route")
	}
	delete(h.users, name)
	return nil
}

type deaf struct{}

func (deaf) Tell(context.Context, broker.Message) error { return provision.ErrUnavailable }

type documents struct{}

func (documents) Fetch(context.Context, string) ([]byte, error) { return nil, provision.ErrUnavailable }
func (documents) Follows(old, new []byte) error {
	if len(old) > 0 && !bytes.Equal(old, new) {
		return broker.ErrNotChained
	}
	return nil
}
func (documents) Tell(d []byte) string { return string(d) }

// believer is a provider that believes what its answers say.
type believer struct {
	id  provision.ConnectionID
	now func() time.Time
}

func (b believer) Begin(_ context.Context, a *idp.Attempt) (string, error) {
	return "https://idp.example/?state=" + string(a.ID), nil
}

func (b believer) Verify(_ context.Context, _ idp.Attempt, answer idp.Form) (provision.Assertion, error) {
	return provision.Assertion{
		Facts: provision.Facts{Connection: b.id, Subject: answer.Get("sub"), Email: answer.Get("email"), EmailVerified: true, Name: "Name of " + answer.Get("sub")},
		Authn: provision.Authn{At: b.now()},
	}, nil
}

func origin(s string) provision.Origin {
	o, err := provision.ParseOrigin(s)
	if err != nil {
		panic(err)
	}
	return o
}

func domain(s string) provision.Domain {
	d, err := provision.ParseDomain(s)
	if err != nil {
		panic(err)
	}
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// login is somebody's lease.
func (h *house) login(connection provision.ConnectionID, subject, email string) provision.Lease {
	h.t.Helper()
	ctx, browser := context.Background(), rand.Text()
	going, err := h.broker.Begin(ctx, broker.Wish{Browser: browser, Connection: connection})
	must(h.t, err)
	u, err := url.Parse(going.URL)
	must(h.t, err)
	l, err := h.broker.Login(ctx, broker.Return{Connection: connection, Attempt: idp.AttemptID(u.Query().Get("state")), Browser: browser, Answer: url.Values{"sub": {subject}, "email": {email}}})
	must(h.t, err)
	return l
}

// register registers a tenant by manifest, with its app, and a second connection and an app by the API.
func (h *house) register(tenants ...provision.TenantID) {
	h.t.Helper()
	ctx := context.Background()
	w := broker.Wanted{Hooks: map[provision.AppID][]byte{}}
	for _, t := range tenants {
		d := domain(string(t) + ".test")
		w.Tenants = append(w.Tenants, broker.WantedTenant{
			Tenant:      provision.Tenant{ID: t, Name: "The " + string(t), Contact: "it@" + d.String(), Policy: policyOf().WithRule(ruleOf(t)).WithGrant(grantOf(t))},
			Claims:      []broker.WantedClaim{{Domain: d, Proof: provision.ProofOperator}},
			Connections: []broker.WantedConnection{{Connection: provision.Connection{ID: provision.ConnectionID(t) + "-manifest", Protocol: "stub", Domains: []provision.Domain{d}, Default: true}}, {Connection: provision.Connection{ID: provision.ConnectionID(t) + "-ci", Protocol: provision.Workloads, Issuer: "https://ci." + string(t) + ".test"}}},
		})
		app := provision.AppID(t) + "-app"
		w.Apps = append(w.Apps, provision.App{ID: app, Origins: []provision.Origin{origin("https://" + string(t) + "-app.example.com")}, Headers: "leasehold", Tenants: []provision.TenantID{t}, Notify: provision.Notify{URL: "https://hooks.example/" + string(t)}})
		w.Hooks[app] = []byte("0123456789012345678901234 " + t)
	}
	_, err := h.broker.Register(ctx, everywhere().Deed("", ""), w, broker.Plan{Owner: provision.ByManifest})
	must(h.t, err)
}

// policyOf lets everybody in, and lets them ask for root.
func policyOf() provision.Policy {
	staff, leads := provision.Circle{Roles: []string{"staff"}}, provision.Circle{Roles: []string{"lead"}}
	return provision.Policy{
		Create: provision.CreateAllow, Roles: provision.RoleRule{Default: []string{"staff"}},
		Elevate: []provision.ElevationRule{{Role: "root", Who: staff, Max: 10 * time.Minute, Approve: provision.ByApprover, Approvers: leads}},
	}
}

// ruleOf and grantOf are what workloads of a tenant come by.
func ruleOf(t provision.TenantID) provision.TrustRule {
	owner, err := provision.ParseEmail("ada@" + string(t) + ".test")
	if err != nil {
		panic(err)
	}
	name := string(t)
	return provision.TrustRule{ID: name + "-rule", Connection: provision.ConnectionID(name + "-ci"), Match: map[string][]string{"repository": {name + "/app"}}, Subject: []string{"repository"}, Grants: []string{name + "-grant"}, Owner: owner}
}

func grantOf(t provision.TenantID) provision.GrantRule {
	return provision.GrantRule{ID: string(t) + "-grant", Apps: []provision.AppID{provision.AppID(t) + "-app"}}
}

// token is what a program of a tenant shows; "": everywhere.
func (h *house) token(t provision.TenantID, life time.Duration, permits ...provision.Permit) string {
	h.t.Helper()
	_, secret, err := h.desk.CreateToken(context.Background(), broker.Order{Mandate: everywhere()}, broker.NewToken{Tenant: t, Everywhere: t == "", Name: "of " + string(t), Permits: permits, Life: life})
	must(h.t, err)
	return secret
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) read(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
}

// reason is the problem's.
func (a answer) reason() string {
	var p api.Problem
	_ = json.Unmarshal([]byte(a.body), &p)
	return p.Reason
}

// ask sends a request as programs do. Headers are pairs.
func (h *house) ask(token, method, path string, body any, headers ...string) answer {
	h.t.Helper()
	var payload io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		payload = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		must(h.t, err)
		payload = bytes.NewReader(text)
	}
	r := httptest.NewRequest(method, sso+path, payload)
	if payload != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	w := httptest.NewRecorder()
	h.serve.ServeHTTP(w, r)
	return answer{w.Code, w.Result().Header, w.Body.String()}
}

// rows is every row of the ledger, as JSON, but for when tokens were used.
func (h *house) rows() []string {
	h.t.Helper()
	var rows []string
	add := func(kind string, items ...any) {
		for _, item := range items {
			text, err := json.Marshal(item)
			must(h.t, err)
			rows = append(rows, kind+" "+string(text))
		}
	}
	must(h.t, h.store.Copy(context.Background(), func(p provision.Part) error {
		for i := range p.Tokens {
			p.Tokens[i].Used = time.Time{}
		}
		add("tenant", anys(p.Tenants)...)
		add("policy", anys(p.Policies)...)
		add("connection", anys(p.Connections)...)
		add("claim", anys(p.Claims)...)
		add("app", anys(p.Apps)...)
		add("account", anys(p.Accounts)...)
		add("link", anys(p.Links)...)
		add("lease", anys(p.Leases)...)
		add("entry", anys(p.Entries)...)
		add("spent", anys(p.Spent)...)
		add("decision", anys(p.Decisions)...)
		add("revocation", anys(p.Revocations)...)
		add("delivery", anys(p.Deliveries)...)
		add("token", anys(p.Tokens)...)
		add("setup", anys(p.Setups)...)
		add("elevation", anys(p.Elevations)...)
		add("credential", anys(p.Credentials)...)
		add("event", anys(p.Events)...)
		for name, value := range p.Keys {
			add("key", fmt.Sprintf("%s %x", name, value))
		}
		return nil
	}))
	slices.Sort(rows)
	return rows
}

func anys[T any](items []T) []any {
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = item
	}
	return out
}

// orderOf is an operator's.
func orderOf(why string) broker.Order { return broker.Order{Mandate: everywhere(), Why: why} }
