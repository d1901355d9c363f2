package broker_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/broker/condition"
	"leasehold/idp"
	"leasehold/idp/oidc"
	"leasehold/idp/oidc/oidctest"
	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
	"leasehold/provision/sqlite"
)

// The addresses of the house.
const (
	ssoURL   = "https://sso.example.com"
	wikiURL  = "https://wiki.example.com"
	vaultURL = "https://vault.example.com"
)

var masterKey = [32]byte{1, 2, 3}

// clock is a time that tests move, for the wall, for ledger time and for identity providers.
type clock struct {
	began time.Time
	past  atomic.Int64
	wall  atomic.Int64 // how far the wall clock is put back
}

func newClock() *clock { return &clock{began: time.Now().Truncate(time.Second)} }

func (c *clock) Now() time.Time           { return c.began.Add(c.Boottime() - time.Duration(c.wall.Load())) }
func (c *clock) Boottime() time.Duration  { return time.Duration(c.past.Load()) }
func (c *clock) pass(d time.Duration)     { c.past.Add(int64(d)) }
func (c *clock) setBack(by time.Duration) { c.wall.Add(int64(by)) }

// house is a gateway without HTTP, on a real ledger, with a tenant of its own.
type house struct {
	*broker.Broker
	t         testing.TB
	clock     *clock
	path      string
	store     *sqlite.Store
	ledger    *shaky
	keys      *broker.Keyring
	saml      *samltest.IdP
	oidc      *oidctest.OP
	attempts  *broker.LocalAttempts
	ear       *ear
	wanted    broker.Wanted
	ports     broker.Ports
	canaries  bool                 // the processes of a town watch canaries
	boottime  func() time.Duration // of a process of a town; nil: clock's
	sources   broker.Sources       // of secrets
	operators provision.TenantID   // whose accounts may be operators
	tube      *tube                // by which the processes of a town foretell ends; nil: they do not
	reserve   int64                // what the ledger keeps of the disk
	drawn     atomic.Int64         // tokens of workloads so far
}

// newHouse is a house that change has had a say in.
func newHouse(t testing.TB, change ...func(*house)) *house {
	t.Helper()
	h := &house{t: t, clock: newClock(), path: filepath.Join(t.TempDir(), "ledger.db"), saml: samltest.New(t), ear: newEar()}
	h.saml.Now = h.clock.Now
	h.wanted = broker.Wanted{
		Apps:    []provision.App{app("wiki", wikiURL, "acme"), app("vault", vaultURL, "acme"), app("rivals", "https://rivals.example.com", "rival")},
		Tenants: []broker.WantedTenant{tenant("acme", "acme.test"), tenant("rival", "rival.test")},
	}
	acme := &h.wanted.Tenants[0]
	acme.Connections = append(acme.Connections, broker.WantedConnection{Connection: provision.Connection{
		ID: "acme-saml", Protocol: provision.SAML, Domains: []provision.Domain{domain("acme.test")}, Subject: "nameid", Metadata: h.saml.Metadata(),
		Attributes: map[string]string{"email": "mail", "name": "displayName", "groups": "groups"},
	}})
	for _, c := range change {
		c(h)
	}
	h.open()
	h.register(h.wanted)
	return h
}

// withOIDC gives the tenant a connection to an OpenID provider too.
func withOIDC(h *house) {
	h.oidc = oidctest.New(h.t)
	h.oidc.Now = h.clock.Now
	acme := &h.wanted.Tenants[0]
	acme.Connections = append(acme.Connections, broker.WantedConnection{
		Connection: provision.Connection{
			ID: "acme-oidc", Protocol: provision.OIDC, Domains: []provision.Domain{domain("acme.test")}, Subject: "sub",
			Issuer: h.oidc.URL, ClientID: oidctest.ClientID,
		},
		Secret: []byte(oidctest.ClientSecret),
	})
}

// policy changes the rules of acme.
func policy(change func(*provision.Policy)) func(*house) {
	return func(h *house) { change(&h.wanted.Tenants[0].Tenant.Policy) }
}

// tenant is one that lets everybody of its domain in, with a connection that believes what its answers say.
func tenant(id provision.TenantID, name string) broker.WantedTenant {
	d := domain(name)
	return broker.WantedTenant{
		Tenant: provision.Tenant{ID: id, Name: "The " + string(id), Contact: "it@" + name, Policy: provision.Policy{
			Create: provision.CreateAllow, Roles: provision.RoleRule{Map: map[string][]string{"engineering": {"engineer"}}, Ceiling: []string{"engineer"}},
		}},
		Claims: []broker.WantedClaim{{Domain: d, Proof: provision.ProofOperator}},
		Connections: []broker.WantedConnection{{Connection: provision.Connection{
			ID: provision.ConnectionID(id), Protocol: stub, Domains: []provision.Domain{d}, Default: true,
		}}},
	}
}

func app(id provision.AppID, origin string, tenants ...provision.TenantID) provision.App {
	return provision.App{ID: id, Origins: []provision.Origin{originOf(origin)}, Headers: "leasehold", Tenants: tenants}
}

func originOf(s string) provision.Origin {
	o, err := provision.ParseOrigin(s)
	if err != nil {
		panic(err)
	}
	return o
}

// open opens the ledger and a broker on it: as a start does, also after another.
func (h *house) open() {
	h.t.Helper()
	ctx := context.Background()
	var err error
	if h.store, err = sqlite.Open(ctx, h.path, sqlite.Options{Now: h.clock.Now, Boottime: h.clock.Boottime, Reserve: h.reserve}); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { h.store.Close() })
	h.ledger = &shaky{Ledger: h.store}
	if h.keys, err = broker.NewKeyring(ctx, h.store, masterKey[:]); err != nil {
		h.t.Fatal(err)
	}
	conditions, err := condition.New()
	if err != nil {
		h.t.Fatal(err)
	}
	h.attempts = broker.NewLocalAttempts(h.clock.Now)
	h.ports = broker.Ports{
		Ledger: h.ledger, Registry: h.store, Keys: h.keys, Attempts: h.attempts, Clock: h.store, Upstreams: h.store, Setups: h.store, Leftovers: h.store, Outbox: h.store, Messenger: h.ear, Open: h.provider, Elevations: h.store, Credentials: h.store, Sources: h.sources, Decided: h.store, Operators: h.operators, Search: h.store,
		Documents: noDocuments{}, Conditions: conditions, Present: present, URL: originOf(ssoURL), Now: h.clock.Now,
	}
	h.start()
}

func (h *house) start() {
	h.t.Helper()
	var err error
	if h.Broker, err = broker.New(context.Background(), h.ports); err != nil {
		h.t.Fatal(err)
	}
}

// restart is a start on what the last one left.
func (h *house) restart() {
	h.t.Helper()
	h.store.Close()
	h.open()
}

func (h *house) register(w broker.Wanted) broker.Registered {
	h.t.Helper()
	done, err := h.Register(context.Background(), operator(), w, broker.Plan{Owner: provision.ByManifest})
	if err != nil {
		h.t.Fatal(err)
	}
	return done
}

func (h *house) provider(_ context.Context, c provision.Connection) (idp.Provider, error) {
	base := ssoURL + "/idp/" + string(c.ID) + "/"
	switch c.Protocol {
	case provision.SAML:
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		return saml.New(saml.Config{Connection: c, EntityID: base + "metadata", ACS: base + "acs", SLO: base + "slo", Key: key, Certificate: samltest.Certify(h.t, key), Now: h.clock.Now})
	case provision.OIDC:
		return oidc.New(oidc.Config{Connection: c, ClientSecret: oidctest.ClientSecret, RedirectURI: base + "callback", AfterLogout: ssoURL + "/_sso/logout", HTTP: http.DefaultClient, Now: h.clock.Now})
	}
	if c.Protocol == provision.Workloads {
		return oidc.NewIssuer(oidc.IssuerConfig{Connection: c, Audience: broker.WorkloadAudience(originOf(ssoURL), c.Tenant), HTTP: http.DefaultClient, Now: h.clock.Now})
	}
	return believer{c.ID, h.clock.Now}, nil
}

// stub is the protocol of a connection that believes what its answers say.
const stub provision.Protocol = "stub"

// believer is the provider of such a connection.
type believer struct {
	id  provision.ConnectionID
	now func() time.Time
}

func (b believer) Begin(_ context.Context, a *idp.Attempt) (string, error) {
	return "https://idp.example/?state=" + string(a.ID), nil
}

func (b believer) Verify(_ context.Context, _ idp.Attempt, answer idp.Form) (provision.Assertion, error) {
	if answer.Get("sub") == "" {
		return provision.Assertion{}, idp.Reject(provision.DocumentMalformed, "no subject for %s", answer.Get("email"))
	}
	a := provision.Assertion{
		Facts: provision.Facts{Connection: b.id, Subject: answer.Get("sub"), Email: answer.Get("email"), EmailVerified: true, Name: answer.Get("name"), Groups: answer["groups"]},
		Authn: provision.Authn{At: b.now()},
	}
	if end := answer.Get("end"); end != "" {
		d, _ := time.ParseDuration(end)
		a.Authn.SessionEnd = b.now().Add(d)
	}
	if id := answer.Get("assertion"); id != "" {
		a.Spend = []provision.Spent{{Kind: "assertion", Scope: string(b.id), ID: id, Until: b.now().Add(5 * time.Minute)}}
	}
	return a, nil
}

type noDocuments struct{}

func (noDocuments) Fetch(context.Context, string) ([]byte, error) {
	return nil, errors.New("no network")
}
func (noDocuments) Follows([]byte, []byte) error { return nil }
func (noDocuments) Tell([]byte) string           { return "" }

func present(_ provision.App, who broker.Identity) map[string][]string {
	return map[string][]string{"X-Leasehold-User": {string(who.Account)}, "X-Leasehold-Roles": who.Roles, "X-Leasehold-Assertion": {who.Assertion}}
}

// ada is an answer about somebody.
func ada() url.Values {
	return url.Values{"sub": {"ada-1"}, "email": {"ada@acme.test"}, "name": {"Ada Lovelace"}, "groups": {"engineering"}}
}

// somebody is an answer about the n-th of many.
func somebody(n int) url.Values {
	return url.Values{"sub": {fmt.Sprintf("sub-%d", n)}, "email": {fmt.Sprintf("p%d@acme.test", n)}}
}

// with is an answer with one more word.
func with(answer url.Values, key, value string) url.Values {
	answer.Set(key, value)
	return answer
}

// begin begins a login, and returns the attempt.
func (h *house) begin(w broker.Wish) idp.AttemptID {
	h.t.Helper()
	going, err := h.Begin(context.Background(), w)
	if err != nil {
		h.t.Fatal(err)
	}
	u, err := url.Parse(going.URL)
	if err != nil {
		h.t.Fatal(err)
	}
	return idp.AttemptID(u.Query().Get("state"))
}

// loginIn logs somebody in by the connection that believes, in a browser.
func (h *house) loginIn(browser string, answer url.Values, session string) (provision.Lease, error) {
	going, err := h.Begin(context.Background(), broker.Wish{Browser: browser, Connection: "acme"})
	if err != nil {
		return provision.Lease{}, err
	}
	u, _ := url.Parse(going.URL)
	return h.Login(context.Background(), broker.Return{
		Connection: "acme", Attempt: idp.AttemptID(u.Query().Get("state")), Browser: browser, Answer: answer, Session: session,
		Requester: provision.Requester{IP: "192.0.2.7", UserAgent: "test"},
	})
}

// login is somebody's lease.
func (h *house) login(answer url.Values) provision.Lease {
	h.t.Helper()
	l, err := h.loginIn("b-"+rand.Text(), answer, "")
	if err != nil {
		h.t.Fatalf("login of %s: %v", answer.Get("email"), err)
	}
	return l
}

// refused wants somebody's login refused.
func (h *house) refused(answer url.Values, reason provision.Reason) *provision.DeniedError {
	h.t.Helper()
	l, err := h.loginIn("b-"+rand.Text(), answer, "")
	return wantDenied(h.t, reason, l, err)
}

func wantDenied(t testing.TB, reason provision.Reason, l provision.Lease, err error) *provision.DeniedError {
	t.Helper()
	var denied *provision.DeniedError
	if !errors.As(err, &denied) || denied.Reason != reason {
		t.Fatalf("got %v, want a refusal as %s", err, reason)
	}
	if l.ID != "" {
		t.Errorf("a refusal with lease %s", l.ID)
	}
	return denied
}

// sso is the value of the SSO host's session cookie.
func (h *house) sso(l provision.Lease) string { return h.Token(l.ID, originOf(ssoURL)) }

// enter is the cookie that a session becomes at an app.
func (h *house) enter(l provision.Lease, origin string) (string, error) {
	ctx := context.Background()
	start := fmt.Sprintf("%x", sha256.Sum256([]byte("start")))
	code, err := h.Enter(ctx, h.sso(l), originOf(origin), "/page", start, provision.Requester{})
	if err != nil {
		return "", err
	}
	token, _, err := h.Redeem(ctx, code, start, originOf(origin))
	return token, err
}

// entered is a cookie of the wiki.
func (h *house) entered(l provision.Lease) string {
	h.t.Helper()
	token, err := h.enter(l, wikiURL)
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

func (h *house) check(token string) broker.Verdict {
	return h.Check(context.Background(), broker.Ask{Origin: wikiURL, Path: "/", Method: http.MethodGet, Token: token})
}

func (h *house) wantReason(token string, reason provision.Reason) {
	h.t.Helper()
	if v := h.check(token); v.Allow || v.Reason != reason {
		h.t.Fatalf("check is %v %q, want a refusal as %q", v.Allow, v.Reason, reason)
	}
}

func (h *house) wantAllow(token string) {
	h.t.Helper()
	if v := h.check(token); !v.Allow || v.Reason != "" {
		h.t.Fatalf("check is refused as %q", v.Reason)
	}
}

// reap does what Run does all the time.
func (h *house) reap() int {
	h.t.Helper()
	n, err := h.Reap(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// events are those of a kind, as an operator reads them.
func (h *house) events(kind string) []provision.Event {
	h.t.Helper()
	events, err := h.Events(context.Background(), provision.EventFilter{Kind: kind, Limit: 100_000})
	if err != nil {
		h.t.Fatal(err)
	}
	return events
}

// count counts events of a kind with an outcome or a reason.
func (h *house) count(kind, word string) int {
	h.t.Helper()
	n := 0
	for _, e := range h.events(kind) {
		if e.Outcome == word || e.Reason == word {
			n++
		}
	}
	return n
}

func (h *house) accounts() []provision.Account {
	h.t.Helper()
	accounts, err := h.store.Accounts(context.Background(), provision.Page{Limit: 10_000})
	if err != nil {
		h.t.Fatal(err)
	}
	return accounts
}

func (h *house) account(id provision.AccountID) provision.Account {
	h.t.Helper()
	accounts := h.accounts()
	at := slices.IndexFunc(accounts, func(a provision.Account) bool { return a.ID == id })
	if at < 0 {
		h.t.Fatalf("no account %s", id)
	}
	return accounts[at]
}

func (h *house) lease(id provision.LeaseID) provision.Lease {
	h.t.Helper()
	s, err := h.store.Lease(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Lease
}

// shaky is a ledger that can be made to fail, to wait and to count.
type shaky struct {
	provision.Ledger
	down  atomic.Bool
	reads atomic.Int64

	mu    sync.Mutex
	after func() // between reading a lease and answering

	before     func()         // before the next Amend
	committing func() error   // between the change that an Amend makes and its commit
	afterDue   func()         // after Due has looked
	ends       func(int) bool // whether the n-th End is written
	ended      int
	dues       int
}

func (s *shaky) Due(ctx context.Context, now time.Time, limit int) ([]provision.LeaseID, error) {
	due, err := s.Ledger.Due(ctx, now, limit)
	if s.afterDue != nil {
		s.afterDue()
	}
	return due, err
}

func (s *shaky) End(ctx context.Context, ids []provision.LeaseID, end func(provision.LeaseID, provision.State) provision.Change) error {
	if s.ends != nil && !s.ends(s.ended) {
		return fmt.Errorf("disk: %w", provision.ErrUnavailable)
	}
	s.ended++
	return s.Ledger.End(ctx, ids, end)
}

func (s *shaky) fault() error {
	if s.down.Load() {
		return fmt.Errorf("disk: %w", provision.ErrUnavailable)
	}
	return nil
}

func (s *shaky) Lease(ctx context.Context, id provision.LeaseID) (provision.Standing, error) {
	s.reads.Add(1)
	if err := s.fault(); err != nil {
		return provision.Standing{}, err
	}
	st, err := s.Ledger.Lease(ctx, id)
	s.mu.Lock()
	after := s.after
	s.mu.Unlock()
	if after != nil {
		after()
	}
	return st, err
}

func (s *shaky) pauseReads(after func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = after
}

func (s *shaky) Provision(ctx context.Context, r provision.Request, decide func(provision.State) provision.Decision) (provision.Decision, error) {
	if err := s.fault(); err != nil {
		return provision.Decision{}, err
	}
	return s.Ledger.Provision(ctx, r, decide)
}

func (s *shaky) Amend(ctx context.Context, t provision.Target, amend func(provision.State) (provision.Change, error)) (provision.Change, error) {
	if err := s.fault(); err != nil {
		return provision.Change{}, err
	}
	if before := s.before; before != nil {
		s.before = nil
		before()
	}
	s.mu.Lock()
	committing := s.committing
	s.mu.Unlock()
	if committing == nil {
		return s.Ledger.Amend(ctx, t, amend)
	}
	return s.Ledger.Amend(ctx, t, func(state provision.State) (provision.Change, error) {
		c, err := amend(state)
		return c, errors.Join(err, committing())
	})
}

func (s *shaky) Used(ctx context.Context, seen map[provision.LeaseID]time.Time) error {
	if err := s.fault(); err != nil {
		return err
	}
	return s.Ledger.Used(ctx, seen)
}
