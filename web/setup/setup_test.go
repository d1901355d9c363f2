package setup_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
	"leasehold/web/setup"
)

const sso = "https://sso.example.com"

// guide is a setup that somebody has come far with; it notes what was asked of it.
type guide struct {
	setup.Guide
	progress broker.Progress
	asked    []string
	fails    error
}

func (g *guide) did(what string) error {
	g.asked = append(g.asked, what)
	return g.fails
}

func (g *guide) LookAt(context.Context, string, string) (broker.Looked, error) {
	return broker.Looked{Tenant: "Globex <&>"}, g.fails
}

func (g *guide) Open(context.Context, string, provision.Requester) (string, provision.Setup, error) {
	return strings.Repeat("p", 64), provision.Setup{Expires: time.Now().Add(time.Hour)}, g.did("open")
}

func (g *guide) Progress(_ context.Context, pass string) (broker.Progress, error) {
	if pass == "" {
		return broker.Progress{}, &provision.DeniedError{Reason: provision.SetupUnknown}
	}
	return g.progress, nil
}

func (g *guide) Here(context.Context, provision.Setup, string) (provision.Account, bool) {
	return provision.Account{}, false
}

func (g *guide) Check(context.Context, string, provision.Domain) ([]broker.Look, error) {
	return []broker.Look{{Server: "192.0.2.53:53", Found: []string{"v=spf1"}}}, nil
}

func (g *guide) Enable(context.Context, string, provision.Requester) error { return g.did("enable") }
func (g *guide) Undo(context.Context, string, provision.Requester) error   { return g.did("undo") }
func (g *guide) Accept(context.Context, string, string, provision.Requester) error {
	return g.did("accept")
}

func (g *guide) DraftSAML(_ context.Context, _ string, d broker.SAMLDraft, _ provision.Requester) error {
	return g.did("saml " + d.URL + string(d.Document))
}

func (g *guide) Test(context.Context, string, string, broker.Wish) (broker.Departure, error) {
	return broker.Departure{URL: "https://idp.example/sso?x=1"}, g.did("test")
}

// far is a setup with everything in it that a page can show.
func far() broker.Progress {
	d, _ := provision.ParseDomain("globex.test")
	return broker.Progress{
		Setup:      provision.Setup{ID: "setup_1", Tenant: "globex", Connection: "globex-1", Vendor: "entra", Protocol: provision.SAML, Tested: 3, Domain: d},
		Tenant:     provision.Tenant{ID: "globex", Name: "Globex"},
		Connection: provision.Connection{ID: "globex-1", Protocol: provision.SAML, Disabled: true, Revision: 3},
		Claims:     []broker.Showing{{Claim: provision.Claim{Domain: d, State: provision.ClaimPending, Proof: provision.ProofDNS, LastTried: time.Now(), Answer: provision.Absent}, Name: "_leasehold.globex.test", Value: "leasehold-proof=x"}},
		Trial: &broker.Trial{At: time.Now(), Connection: "globex-1", Revision: 3, Protocol: provision.SAML, Outcome: provision.Denied, Reason: provision.GroupsOverage, Found: "<b>bold</b>",
			Claims: []provision.Claimed{{Name: "NameID", Values: []string{"x"}, Note: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"}, {Name: "mail", Values: []string{"<script>"}}},
			Facts:  provision.Facts{Subject: "x", Email: "bob@globex.test"}},
		URL: sso,
	}
}

func serve(t *testing.T, g *guide) http.Handler {
	t.Helper()
	mounts, err := setup.New(g, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	url, err := provision.ParseOrigin(sso)
	if err != nil {
		t.Fatal(err)
	}
	h, err := web.New(web.Config{URL: url, Mounts: mounts})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ask is one request of a browser that holds a pass.
func ask(h http.Handler, method, path string, form url.Values, headers ...string) *http.Response {
	r := httptest.NewRequest(method, sso+path, strings.NewReader(form.Encode()))
	r.Header.Set("Cookie", "__Host-lh-setup="+strings.Repeat("p", 64))
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for at := 0; at < len(headers); at += 2 {
		r.Header.Set(headers[at], headers[at+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryPageOfASetupIsHardenedAndHoldsNothingFromElsewhere(t *testing.T) {
	g := &guide{progress: far()}
	h := serve(t, g)
	for _, path := range []string{"/setup/token", "/setup/vendor", "/setup/provider", "/setup/provider?by=oidc", "/setup/domain", "/setup/test", "/setup/enable", "/setup/admin", "/setup/done"} {
		r := ask(h, http.MethodGet, path, nil)
		page := body(t, r)
		if r.StatusCode != http.StatusOK || len(page) > 60_000 {
			t.Errorf("%s: %s, %d bytes", path, r.Status, len(page))
		}
		policy := r.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src") || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: headers %v", path, r.Header)
		}
		for _, foreign := range []string{"<script", "<style", " style=", "<b>bold", `src="http`, `href="http`} {
			if strings.Contains(page, foreign) {
				t.Errorf("%s holds %q", path, foreign)
			}
		}
	}
	if r := ask(h, http.MethodGet, "/setup/token", nil); r.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Error("the address of a link is told to others")
	}
	if r := ask(h, http.MethodGet, "/setup/domain", nil); r.Header.Get("Refresh") != "8" || !strings.Contains(body(t, r), "192.0.2.53:53") {
		t.Error("a domain that waits is not looked for again, or nobody says who was asked")
	}
}

func TestNoOtherOriginPostsToASetup(t *testing.T) {
	g := &guide{progress: far()}
	h := serve(t, g)
	for _, path := range []string{"/setup/token", "/setup/vendor", "/setup/provider/saml", "/setup/provider/oidc", "/setup/domain", "/setup/test", "/setup/response", "/setup/mapping", "/setup/enable", "/setup/undo", "/setup/restart", "/setup/login", "/setup/accept"} {
		for _, site := range []string{"cross-site", "same-site"} {
			if r := ask(h, http.MethodPost, path, url.Values{}, "Sec-Fetch-Site", site, "Origin", "https://evil.example"); r.StatusCode != http.StatusForbidden {
				t.Errorf("%s from %s: %s", path, site, r.Status)
			}
		}
	}
	if len(g.asked) != 0 {
		t.Errorf("other origins did %v", g.asked)
	}
	if r := ask(h, http.MethodPost, "/setup/enable", nil); r.StatusCode != http.StatusSeeOther || len(g.asked) != 1 {
		t.Errorf("our own page: %s, %v", r.Status, g.asked)
	}
}

func TestWithoutAPassThereIsNoSetup(t *testing.T) {
	h := serve(t, &guide{progress: far()})
	for _, path := range []string{"/setup/", "/setup/vendor", "/setup/domain", "/setup/test", "/setup/enable", "/setup/admin"} {
		if r := ask(h, http.MethodGet, path, nil, "Cookie", ""); r.StatusCode != http.StatusForbidden || !strings.Contains(body(t, r), "does not work any more") {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
}

func TestALinkIsOpenedByAButtonAndItsPassIsBoundToTheHost(t *testing.T) {
	g := &guide{progress: far()}
	h := serve(t, g)
	if ask(h, http.MethodGet, "/setup/token", nil); len(g.asked) != 0 {
		t.Fatal("a link was opened by being looked at")
	}
	r := ask(h, http.MethodPost, "/setup/token", nil)
	cookie := r.Header.Get("Set-Cookie")
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/setup/" || !strings.HasPrefix(cookie, "__Host-lh-setup=") || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "Secure") || !strings.Contains(cookie, "Max-Age=3") {
		t.Errorf("%s %q", r.Status, cookie)
	}
}

func TestWhatCannotBeUsedIsSaidOnTheFormAndNotTypedAgain(t *testing.T) {
	g := &guide{progress: far(), fails: &broker.SetupError{Say: "This is no metadata.", Err: errors.New("it is a cat")}}
	r := ask(serve(t, g), http.MethodPost, "/setup/provider/saml", url.Values{"by": {"saml"}, "url": {"https://idp.example/metadata"}})
	page := body(t, r)
	if r.StatusCode != http.StatusConflict || !strings.Contains(page, "This is no metadata.") || !strings.Contains(page, "It is a cat.") || !strings.Contains(page, `value="https://idp.example/metadata"`) {
		t.Errorf("%s: %s", r.Status, page)
	}
}

func TestATestLoginLeavesByAPageAndNotByARedirect(t *testing.T) {
	r := ask(serve(t, &guide{progress: far()}), http.MethodPost, "/setup/test", nil)
	if r.StatusCode != http.StatusOK || r.Header.Get("Refresh") != "0; url=https://idp.example/sso?x=1" || r.Header.Get("Location") != "" {
		t.Errorf("%s %v", r.Status, r.Header)
	}
}

// unread is a body that must not be read.
type unread struct{ reads int }

func (u *unread) Read([]byte) (int, error) { u.reads++; return 0, errors.New("read") }

func TestNoFileIsReadForWhoeverHasNoPass(t *testing.T) {
	g, body := &guide{progress: far()}, &unread{}
	r := httptest.NewRequest(http.MethodPost, "https://sso.example.com/setup/provider/saml", body)
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	serve(t, g).ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || body.reads != 0 || len(g.asked) != 0 {
		t.Errorf("%d after %d reads, %v", w.Code, body.reads, g.asked)
	}
}
