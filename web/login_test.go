package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"leasehold/web"
)

func wantStatus(t *testing.T, r *http.Response, status int) {
	t.Helper()
	if r.StatusCode != status {
		t.Fatalf("status %d, want %d", r.StatusCode, status)
	}
}

// logIn walks a browser from the app's start to the app, and returns where it ended up.
func logIn(t *testing.T, b *jar, path string) string {
	t.Helper()
	r := b.get(wiki + "/_sso/start?rd=" + url.QueryEscape(path))
	wantStatus(t, r, 200)
	login, err := url.Parse(onward(t, r))
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, b.get(login.String()), 200)
	r = b.post(sso+"/login", url.Values{"email": {"ada@acme.test"}, "rd": {login.Query().Get("rd")}, "start": {login.Query().Get("start")}})
	wantStatus(t, r, 200)
	if to := onward(t, r); !strings.HasPrefix(to, "https://idp.acme.test/sso?") {
		t.Fatalf("the form leads to %s", to)
	}
	r = b.do("POST", sso+"/idp/acme-saml/acs", url.Values{"SAMLResponse": {"PHg+"}, "RelayState": {"att1"}}, "Cookie", "", "Sec-Fetch-Site", "cross-site", "Origin", "https://idp.acme.test")
	wantStatus(t, r, 303)
	r = b.get(sso + onward(t, r))
	wantStatus(t, r, 200)
	r = b.get(onward(t, r))
	wantStatus(t, r, 303)
	return onward(t, r)
}

func TestALoginLeadsFromTheAppToTheAppAndEndsWithALogOut(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g)
	if there := logIn(t, b, "/page?a=1&b=2"); there != wiki+"/page?a=1&b=2" {
		t.Errorf("ended at %s", there)
	}
	if b.cookies["wiki.example.org"]["__Host-lh-app"] == "" || b.cookies["sso.example.com"]["__Host-lh"] == "" {
		t.Errorf("cookies %v", b.cookies)
	}
	wantStatus(t, b.get(wiki+"/_sso/logout"), 200)
	wantStatus(t, b.post(wiki+"/_sso/logout", url.Values{}), 200)
	if len(g.ended) != 1 || b.cookies["wiki.example.org"]["__Host-lh-app"] != "" {
		t.Errorf("ended %v, cookies %v", g.ended, b.cookies)
	}
}

var _ web.Gate = (*fakeGate)(nil)
