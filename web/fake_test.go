package web_test

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

// The scene: one SSO host, one app, one person.
const (
	sso  = "https://sso.example.com"
	wiki = "https://wiki.example.org"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func origin(t testing.TB, s string) provision.Origin {
	t.Helper()
	o, err := provision.ParseOrigin(s)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func denied(reason provision.Reason) error { return &provision.DeniedError{Reason: reason} }

// fakeGate stands for the broker. Its tokens are "LEASE-at-HOST" in base64url letters; what it is asked is kept.
type fakeGate struct {
	t        testing.TB
	standing provision.Standing
	me       broker.Me
	verdict  broker.Verdict
	fails    map[string]error // by the name of the verb
	landings map[broker.AttemptID]broker.Landing
	codes    map[string]handed

	asked  []broker.Ask
	wishes []broker.Wish
	backs  []broker.Return
	posted []url.Values
	ended  []string
	from   provision.Requester

	desk   broker.Privileges
	wanted []broker.Wanting

	commissions []provision.Commissioning
	judged      []broker.Judgement
	offer       string       // what Offering offers
	reply       broker.Reply // of LogoutFrom and Leave
	messages    []broker.LogoutMessage
	gone        map[broker.AttemptID]bool

	trades      []broker.Trade
	traded      broker.Traded
	explanation broker.Explanation

	hear sync.Mutex
	news []provision.Delivery
}

type handed struct {
	origin provision.Origin
	path   string
	start  string
}

func newGate(t testing.TB) *fakeGate {
	email, err := provision.ParseEmail("ada@acme.test")
	if err != nil {
		t.Fatal(err)
	}
	lease := provision.Lease{ID: "acme.lease1", Kind: provision.SessionLease, Tenant: "acme", Account: "acc_1", Connection: "acme-saml", Start: noon, Seen: noon.Add(time.Minute), End: noon.Add(8 * time.Hour), Grant: provision.Grant{Roles: []string{"engineer"}}}
	tenant := provision.Tenant{ID: "acme", Name: "Acme Corp", Contact: "it@acme.test", Policy: provision.Policy{Roles: provision.RoleRule{Ceiling: []string{"engineer"}}}}
	standing := provision.Standing{Lease: lease, Tenant: tenant, Account: provision.Account{ID: "acc_1", Tenant: "acme", Email: email, Name: "Ada Lovelace"}, Entries: []provision.Entry{{Lease: lease.ID, App: "wiki", At: noon}}}
	other := lease
	other.ID, other.Connection, other.Start = "acme.lease2", "acme-oidc", noon.Add(-time.Hour)
	return &fakeGate{
		t: t, standing: standing, fails: map[string]error{}, codes: map[string]handed{},
		me: broker.Me{Began: map[provision.LeaseID]provision.Whence{
			lease.ID: {IP: "192.0.2.7", UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"},
			other.ID: {IP: "2001:db8::7", UserAgent: "<b>nobody knows it</b>"},
		}, Standing: standing, Leases: []provision.Lease{lease, other}, Connections: []provision.Connection{{ID: "acme-saml"}, {ID: "acme-oidc"}},
			Links: []provision.Link{{LinkKey: provision.LinkKey{Connection: "acme-saml", Subject: "s"}, Created: noon}}},
		landings: map[broker.AttemptID]broker.Landing{},
	}
}

func (g *fakeGate) Check(_ context.Context, ask broker.Ask) broker.Verdict {
	g.asked = append(g.asked, ask)
	return g.verdict
}

func (g *fakeGate) Begin(_ context.Context, w broker.Wish) (broker.Departure, error) {
	g.wishes = append(g.wishes, w)
	return broker.Departure{URL: "https://idp.acme.test/sso?SAMLRequest=x&RelayState=att1", Tenant: "Acme Corp"}, g.fails["Begin"]
}

func (g *fakeGate) Receive(_ context.Context, _ provision.ConnectionID, form url.Values, from provision.Requester) (broker.AttemptID, error) {
	g.posted, g.from = append(g.posted, form), from
	return broker.AttemptID(form.Get("RelayState")), g.fails["Receive"]
}

func (g *fakeGate) Login(_ context.Context, back broker.Return) (provision.Lease, error) {
	g.backs = append(g.backs, back)
	if err := g.fails["Login"]; err != nil {
		return provision.Lease{}, err
	}
	var wish broker.Wish
	if len(g.wishes) > 0 {
		wish = g.wishes[len(g.wishes)-1]
	}
	g.landings[back.Attempt] = broker.Landing{Lease: g.standing.Lease.ID, App: "wiki", Origin: wish.Origin, Path: wish.Path, Start: wish.Start}
	return g.standing.Lease, nil
}

func (g *fakeGate) Landing(_ context.Context, id broker.AttemptID, browser string) (broker.Landing, error) {
	l, ok := g.landings[id]
	if !ok || browser == "" {
		return l, provision.ErrNotFound
	}
	return l, g.fails["Landing"]
}

func (g *fakeGate) Token(id provision.LeaseID, o provision.Origin) string {
	return strings.NewReplacer(".", "_", ":", "_").Replace(string(id) + "-at-" + o.Host())
}

func (g *fakeGate) Session(_ context.Context, token string, o provision.Origin) (provision.Standing, error) {
	if err := g.fails["Session"]; err != nil {
		return provision.Standing{}, err
	}
	if token == "" {
		return provision.Standing{}, denied(provision.SessionMissing)
	}
	if token != g.Token(g.standing.Lease.ID, o) {
		return provision.Standing{}, denied(provision.SessionMalformed)
	}
	return g.standing, nil
}

func (g *fakeGate) Enter(ctx context.Context, token string, wanted provision.Origin, path, start string, _ provision.Requester) (string, error) {
	if _, err := g.Session(ctx, token, origin(g.t, sso)); err != nil {
		return "", err
	}
	if err := g.fails["Enter"]; err != nil {
		return "", err
	}
	code := "code" + string(rune('A'+len(g.codes)))
	g.codes[code] = handed{wanted, path, start}
	return code, nil
}

func (g *fakeGate) Redeem(_ context.Context, code, start string, o provision.Origin) (string, string, error) {
	h, ok := g.codes[code]
	if !ok || h.origin != o || h.start != start {
		return "", "", provision.ErrNotFound
	}
	delete(g.codes, code)
	return g.Token(g.standing.Lease.ID, o), h.path, g.fails["Redeem"]
}

func (g *fakeGate) Me(ctx context.Context, token string, o provision.Origin) (broker.Me, error) {
	if _, err := g.Session(ctx, token, o); err != nil {
		return broker.Me{}, err
	}
	return g.me, nil
}

func (g *fakeGate) Held(ctx context.Context, token string, o provision.Origin) (broker.Held, error) {
	me, err := g.Me(ctx, token, o)
	from := provision.Requester{IP: "192.0.2.7", UserAgent: "Mozilla/5.0"}
	return broker.Held{
		Me: me, Whence: me.Began,
		Events: []provision.Event{{ID: "evt_1", Seq: 7, Time: noon, Kind: provision.EventLogin, Outcome: "created", Account: "acc_1", Actor: provision.Actor{Kind: provision.Person}, Personal: provision.Personal{Requester: from, Email: "ada@acme.test"}}},
		Decisions: []broker.HeldDecision{
			{DecisionRow: provision.DecisionRow{ID: "dec_1", At: noon, Outcome: provision.Created, PolicyVersion: 3, Inputs: []byte("sealed")}, Asked: &provision.Request{
				Facts: provision.Facts{Connection: "acme-saml", Subject: "s", Groups: []string{"engineering"}}, Authn: provision.Authn{At: noon, ACR: "mfa"}, Requester: from, Pseudonym: "not hers to see"}},
			{DecisionRow: provision.DecisionRow{ID: "dec_0", At: noon, Outcome: provision.Created}},
		},
	}, err
}

func (g *fakeGate) Logout(_ context.Context, token string, o provision.Origin, _ provision.Requester) error {
	g.ended = append(g.ended, "logout "+token)
	if g.fails["Logout"] == nil {
		g.fails["Session"] = denied(provision.LeaseEnded)
	}
	return g.fails["Logout"]
}

func (g *fakeGate) LogoutFrom(_ context.Context, _ provision.ConnectionID, m broker.LogoutMessage) (broker.Reply, error) {
	g.messages = append(g.messages, m)
	return g.reply, g.fails["LogoutFrom"]
}

func (g *fakeGate) Offering(_ context.Context, _ string, _ provision.Origin, end func() error) (string, error) {
	return g.offer, end()
}

func (g *fakeGate) Leave(_ context.Context, offer, browser string) (broker.Reply, error) {
	if offer == "" || offer != g.offer || browser == "" {
		return broker.Reply{}, provision.ErrNotFound
	}
	return g.reply, g.fails["Leave"]
}

func (g *fakeGate) Left(_ context.Context, _ provision.ConnectionID, m broker.LogoutMessage) (broker.AttemptID, error) {
	g.messages = append(g.messages, m)
	return "leaving1", g.fails["Left"]
}

func (g *fakeGate) Gone(_ context.Context, id broker.AttemptID, browser string) (bool, error) {
	ended, known := g.gone[id]
	if !known || browser == "" {
		return false, provision.ErrNotFound
	}
	return ended, nil
}

func (g *fakeGate) EndLease(_ context.Context, _ string, _ provision.Origin, id provision.LeaseID, _ provision.Requester) error {
	g.ended = append(g.ended, "lease "+string(id))
	return g.fails["EndLease"]
}

func (g *fakeGate) EndAll(context.Context, string, provision.Origin, provision.Requester) error {
	g.ended = append(g.ended, "all")
	return g.fails["EndAll"]
}

func (g *fakeGate) AppAt(_ context.Context, o provision.Origin) (provision.App, error) {
	if o.String() != wiki {
		return provision.App{}, provision.ErrNotFound
	}
	return provision.App{ID: "wiki", Origins: []provision.Origin{o}}, g.fails["AppAt"]
}

func (g *fakeGate) Metadata(_ context.Context, c provision.ConnectionID) ([]byte, error) {
	if c != "acme-saml" {
		return nil, provision.ErrNotFound
	}
	return []byte("<EntityDescriptor/>"), nil
}

func (g *fakeGate) JWKS() []byte { return []byte(`{"keys":[]}`) }

// jar is a browser: it keeps host-only cookies, and follows nothing by itself.
type jar struct {
	t       testing.TB
	handler http.Handler
	cookies map[string]map[string]string // by host
	header  http.Header                  // sent along
}

func newBrowser(t testing.TB, g web.Gate, change ...func(*web.Config)) *jar {
	t.Helper()
	c := web.Config{
		URL: origin(t, sso), Gate: g, Seal: []byte("a key for tests"), Now: func() time.Time { return noon },
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	}
	for _, f := range change {
		f(&c)
	}
	h, err := web.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &jar{t: t, handler: h, cookies: map[string]map[string]string{}, header: http.Header{"Accept": {"text/html"}}}
}

// do asks through a proxy on the same machine that ends TLS.
func (j *jar) do(method, target string, form url.Values, header ...string) *http.Response {
	j.t.Helper()
	return j.ask("127.0.0.1:4711", method, target, form, header...)
}

// from asks as a peer of another address.
func (j *jar) from(peer, target string, header ...string) *http.Response {
	j.t.Helper()
	return j.ask(peer, "GET", target, nil, header...)
}

func (j *jar) ask(peer, method, target string, form url.Values, header ...string) *http.Response {
	j.t.Helper()
	var r *http.Request
	if form != nil {
		r = httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		r = httptest.NewRequest(method, target, nil)
	}
	r.TLS = nil
	r.RemoteAddr = peer
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	for name, values := range j.header {
		r.Header[name] = values
	}
	for name, value := range j.cookies[r.Host] {
		r.Header.Add("Cookie", name+"="+value)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header[http.CanonicalHeaderKey(header[i])] = []string{header[i+1]}
	}
	w := httptest.NewRecorder()
	j.handler.ServeHTTP(w, r)
	answer := w.Result()
	for _, c := range answer.Cookies() {
		if j.cookies[r.Host] == nil {
			j.cookies[r.Host] = map[string]string{}
		}
		if j.cookies[r.Host][c.Name] = c.Value; c.MaxAge < 0 {
			delete(j.cookies[r.Host], c.Name)
		}
	}
	return answer
}

func (j *jar) get(target string, header ...string) *http.Response {
	j.t.Helper()
	return j.do("GET", target, nil, header...)
}

func (j *jar) post(target string, form url.Values, header ...string) *http.Response {
	j.t.Helper()
	return j.do("POST", target, form, append([]string{"Sec-Fetch-Site", "same-origin"}, header...)...)
}

// onward is where an answer leads: by Location or Refresh.
func onward(t testing.TB, r *http.Response) string {
	t.Helper()
	if to := r.Header.Get("Location"); to != "" {
		return to
	}
	_, to, ok := strings.Cut(r.Header.Get("Refresh"), "url=")
	if !ok {
		t.Fatalf("%s leads nowhere", r.Status)
	}
	return to
}

// quietGate is a fakeGate that remembers no check, for benchmarks.
type quietGate struct{ *fakeGate }

func (g *quietGate) Check(context.Context, broker.Ask) broker.Verdict { return g.verdict }

// discard is a ResponseWriter that keeps the status.
type discard struct {
	h      http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

// benchRequest is a check as nginx sends it for a page of a busy app.
func benchRequest() *http.Request {
	r := httptest.NewRequest("GET", "http://127.0.0.1/_sso/check/nginx", nil)
	r.RemoteAddr = "127.0.0.1:4711"
	for name, value := range map[string]string{
		"X-Original-Url": wiki + "/deep/page?a=1&b=2", "X-Original-Method": "GET", "Accept": "text/html", "Accept-Language": "en",
		"Sec-Fetch-Mode": "navigate", "User-Agent": "Mozilla/5.0", "Cookie": "theme=dark; __Host-lh-app=" + strings.Repeat("a", 80) + "; lang=en",
	} {
		r.Header.Set(name, value)
	}
	return r
}

// Listener implements web.Gate: a token is an app's name, and "good".
func (g *fakeGate) Listener(_ context.Context, token string) (provision.AppID, error) {
	app, ok := strings.CutSuffix(token, ".good")
	if err := g.fails["Listener"]; err != nil || !ok {
		return "", cmp.Or(err, error(provision.ErrNotFound))
	}
	return provision.AppID(app), nil
}

// Resume implements web.Gate: it is whole when something was left.
func (g *fakeGate) Resume(_ context.Context, left string) (int64, bool, error) {
	number, _, _ := strings.Cut(left, "-")
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 7, false, g.fails["Resume"]
	}
	return seq, true, g.fails["Resume"]
}

// Place implements web.Gate.
func (g *fakeGate) Place(_ context.Context, cursor int64) (string, error) {
	return broker.PlaceOf(cursor, "evt_x"), g.fails["Place"]
}

// EndsSince implements web.Gate.
func (g *fakeGate) EndsSince(_ context.Context, app provision.AppID, after int64) (ends []provision.Delivery, cursor int64, err error) {
	g.hear.Lock()
	defer g.hear.Unlock()
	cursor = after
	for _, d := range g.news {
		if d.Seq > after && d.App == app {
			ends, cursor = append(ends, d), d.Seq
		}
	}
	return ends, cursor, g.fails["EndsSince"]
}

// tell makes something happen.
func (g *fakeGate) tell(d provision.Delivery) {
	g.hear.Lock()
	defer g.hear.Unlock()
	g.news = append(g.news, d)
}

func (g *fakeGate) Exchange(_ context.Context, x broker.Trade) (broker.Traded, error) {
	g.trades = append(g.trades, x)
	return g.traded, g.fails["Exchange"]
}

func (g *fakeGate) Explain(_ context.Context, x broker.Trade) (broker.Explanation, error) {
	g.trades = append(g.trades, x)
	return g.explanation, g.fails["Explain"]
}

func (g *fakeGate) Introspect(_ context.Context, _ provision.TenantID, token, asker string) (broker.Known, error) {
	g.ended = append(g.ended, "introspect "+token+" for "+asker)
	return broker.Known{Active: g.standing.Lease.Kind == provision.WorkloadLease, Standing: g.standing}, g.fails["Introspect"]
}

func (g *fakeGate) GiveBack(_ context.Context, t provision.TenantID, token string, _ provision.Requester) error {
	g.ended = append(g.ended, "give back "+token+" of "+string(t))
	return g.fails["GiveBack"]
}

func (g *fakeGate) EndTask(_ context.Context, t provision.TenantID, task, bearer string, _ provision.Requester) (int, error) {
	g.ended = append(g.ended, "end "+task+" of "+string(t)+" by "+bearer)
	return 2, g.fails["EndTask"]
}
