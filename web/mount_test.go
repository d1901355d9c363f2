package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"leasehold/web"
)

// withDesk mounts a page for people and one for programs.
func withDesk(c *web.Config) {
	serve := func(w http.ResponseWriter, r *http.Request, v web.Visitor) error {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	c.Mounts = []web.Mount{{Pattern: "GET /desk/{page}", Serve: serve}, {Pattern: "/machine/", Serve: serve, Foreign: true}}
}

func TestALoginBegunAtAMountedPageLeadsBackToIt(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g, withDesk)
	rd := sso + "/desk/one?a=1&b=2"
	r := b.get(sso + "/login?rd=" + url.QueryEscape(rd))
	wantStatus(t, r, 200)
	r = b.post(sso+"/login", url.Values{"email": {"ada@acme.test"}, "rd": {rd}})
	wantStatus(t, r, 200)
	b.do("POST", sso+"/idp/acme-saml/acs", url.Values{"SAMLResponse": {"PHg+"}, "RelayState": {"att1"}}, "Cookie", "", "Sec-Fetch-Site", "cross-site", "Origin", "https://idp.acme.test")
	r = b.get(sso + "/idp/acme-saml/resume?attempt=att1")
	if to := onward(t, r); r.StatusCode != 200 || to != rd {
		t.Errorf("the login ends with %d at %s", r.StatusCode, to)
	}
	if r = b.get(sso + "/login?rd=" + url.QueryEscape(rd)); r.StatusCode != 303 || r.Header.Get("Location") != "/desk/one?a=1&b=2" {
		t.Errorf("with a session: %d to %s", r.StatusCode, r.Header.Get("Location"))
	}
}

func TestALoginLeadsToNoOtherPageOfTheHost(t *testing.T) {
	b := newBrowser(t, newGate(t), withDesk)
	for _, rd := range []string{"/", "/desks", "/machine/x", "//desk/one", "/_sso/logout", "/idp/acme-saml/resume?attempt=att1", "/x/../desk/one"} {
		if r := b.get(sso + "/login?rd=" + url.QueryEscape(sso+rd)); r.StatusCode != 400 {
			t.Errorf("rd=%s: %d", rd, r.StatusCode)
		}
	}
	if r := b.get(sso + "/login?rd=" + url.QueryEscape(strings.Replace(sso, "https", "http", 1)+"/desk/one")); r.StatusCode == 200 {
		t.Errorf("another origin: %d", r.StatusCode)
	}
}
