package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

// soap is a post from a server, without a browser's cookies.
func soap(b *jar, at, text string) *http.Response {
	r := httptest.NewRequest(http.MethodPost, at, strings.NewReader(text))
	r.RemoteAddr = "127.0.0.1:4711"
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("Content-Type", `text/xml; charset="utf-8"`)
	r.Header.Set("SOAPAction", `"http://www.oasis-open.org/committees/security"`)
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w.Result()
}

func TestALogoutFromServerToServerIsAnsweredInTheAnswer(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g)
	g.reply = broker.Reply{Body: []byte("<envelope/>")}
	r := soap(b, sso+"/idp/acme-saml/slo", "<request/>")
	if text := body(t, r); r.StatusCode != 200 || text != "<envelope/>" || r.Header.Get("Content-Type") != "text/xml; charset=utf-8" || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", r.StatusCode, text, r.Header)
	}
	if m := g.messages[0]; m.Binding != broker.BySOAP || string(m.Body) != "<request/>" || m.Form != nil {
		t.Errorf("the broker got %+v", m)
	}
	g.fails["LogoutFrom"] = denied(provision.SignatureInvalid)
	if r := soap(b, sso+"/idp/acme-saml/slo", "<request/>"); r.StatusCode != 403 || strings.Contains(body(t, r), "signature") {
		t.Errorf("a refusal: %d", r.StatusCode)
	}
	if r := soap(b, sso+"/idp/acme-saml/slo", strings.Repeat("x", 200_000)); r.StatusCode != 403 || len(g.messages) != 2 {
		t.Errorf("a giant: %d, %d messages", r.StatusCode, len(g.messages))
	}
	if r := soap(b, wiki+"/idp/acme-saml/slo", "<request/>"); r.StatusCode != 404 {
		t.Errorf("at an app: %d", r.StatusCode)
	}
}

func TestALogoutThatABrowserCarriesGoesBackByIt(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g)
	g.reply = broker.Reply{Address: "https://idp.acme.test/slo?SAMLResponse=x"}
	query := "SAMLRequest=a%2fb&RelayState=%41&SigAlg=c&Signature=d"
	r := b.get(sso + "/idp/acme-saml/slo?" + query)
	if r.StatusCode != 303 || r.Header.Get("Location") != g.reply.Address {
		t.Errorf("%d to %s", r.StatusCode, r.Header.Get("Location"))
	}
	if m := g.messages[0]; m.Binding != broker.ByRedirect || m.Query != query {
		t.Errorf("the broker got %+v, not the octets", m)
	}
	r = b.do("POST", sso+"/idp/acme-saml/slo", url.Values{"SAMLRequest": {"x"}}, "Cookie", "", "Sec-Fetch-Site", "cross-site", "Origin", "https://idp.acme.test")
	if r.StatusCode != 200 || onward(t, r) != g.reply.Address { // no redirect: a form led here
		t.Errorf("%d to %s", r.StatusCode, r.Header.Get("Refresh"))
	}
	if m := g.messages[1]; m.Binding != broker.ByPost || m.Form.Get("SAMLRequest") != "x" {
		t.Errorf("the broker got %+v", m)
	}
	g.reply = broker.Reply{Address: "https://idp.acme.test:8443/slo", Fields: url.Values{"SAMLResponse": {"x"}}}
	r = b.get(sso + "/idp/acme-saml/slo?" + query)
	if policy := r.Header.Get("Content-Security-Policy"); r.StatusCode != 200 || !strings.Contains(policy, "form-action https://idp.acme.test:8443;") || strings.Contains(policy, "script") {
		t.Errorf("%d under %s", r.StatusCode, policy)
	}
	for _, address := range []string{"https://idp.acme.test;script-src/slo", "javascript:alert(1)"} {
		g.reply.Address = address
		if r = b.get(sso + "/idp/acme-saml/slo?" + query); r.StatusCode != 500 {
			t.Errorf("a form to %s: %d", address, r.StatusCode)
		}
	}
	g.reply = broker.Reply{}
	if r = b.get(sso + "/idp/acme-saml/slo?" + query); r.StatusCode != 200 || !strings.Contains(body(t, r), "You are logged out") {
		t.Errorf("with nowhere to go back to: %d", r.StatusCode)
	}
	n := len(g.messages)
	if r := b.do("GET", sso+"/idp/acme-saml/slo?"+query, nil, "Sec-Purpose", "prefetch"); r.StatusCode != 401 || len(g.messages) != n {
		t.Errorf("ahead of a click: %d", r.StatusCode)
	}
}

func TestALogoutTokenIsAnsweredWithoutALook(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g)
	post := func(form url.Values) *http.Response {
		return b.do("POST", sso+"/idp/acme-oidc/backchannel-logout", form, "Cookie", "", "Accept", "")
	}
	r := post(url.Values{"logout_token": {"x.y.z"}})
	if text := body(t, r); r.StatusCode != 200 || text != "" || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", r.StatusCode, text, r.Header)
	}
	if m := g.messages[0]; m.Binding != broker.ByBackChannel || m.Form.Get("logout_token") != "x.y.z" {
		t.Errorf("the broker got %+v", m)
	}
	for name, x := range map[string]struct {
		err    error
		form   url.Values
		status int
	}{
		"a refusal":             {denied(provision.Replayed), url.Values{"logout_token": {"x"}}, 400},
		"a giant":               {nil, url.Values{"logout_token": {strings.Repeat("x", 200_000)}}, 400},
		"nobody can tell":       {provision.ErrUnavailable, url.Values{"logout_token": {"x"}}, 503},
		"no connection of ours": {provision.ErrNotFound, url.Values{"logout_token": {"x"}}, 404},
	} {
		g.fails["LogoutFrom"] = x.err
		if r := post(x.form); r.StatusCode != x.status || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", name, r.StatusCode, r.Header)
		}
	}
}

func TestWhoLogsOutIsOfferedToLogOutUpstreamToo(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g)
	logIn(t, b, "/page")
	g.offer = "offer1"
	r := b.post(wiki+"/_sso/logout", url.Values{})
	there := onward(t, r)
	if there != wiki+"/_sso/logout?offer=offer1" || len(g.ended) != 1 {
		t.Fatalf("leads to %s, ended %v", there, g.ended)
	}
	page := body(t, b.get(there))
	if !strings.Contains(page, `href="`+sso+`/_sso/logout/upstream?offer=offer1"`) {
		t.Fatalf("no offer in %s", page)
	}
	g.reply = broker.Reply{Address: "https://idp.acme.test/slo?SAMLRequest=x"}
	if r := b.get(sso + "/_sso/logout/upstream?offer=other"); r.StatusCode != 303 || r.Header.Get("Location") != "/_sso/logout" {
		t.Errorf("an offer that nobody made: %d %s", r.StatusCode, r.Header.Get("Location"))
	}
	r = b.get(sso + "/_sso/logout/upstream?offer=offer1")
	if r.StatusCode != 303 || r.Header.Get("Location") != g.reply.Address {
		t.Errorf("%d %s", r.StatusCode, r.Header.Get("Location"))
	}
	r = b.get(sso + "/idp/acme-saml/slo?SAMLResponse=x&RelayState=leaving1")
	if r.StatusCode != 303 || r.Header.Get("Location") != "/_sso/logout?state=leaving1" {
		t.Fatalf("the answer: %d %s", r.StatusCode, r.Header.Get("Location"))
	}
	g.gone = map[broker.AttemptID]bool{"leaving1": true}
	if page := body(t, b.get(sso+"/_sso/logout?state=leaving1")); !strings.Contains(page, "ended your session there, too") {
		t.Errorf("not told: %s", page)
	}
	if page := body(t, b.get(sso+"/_sso/logout?state=leaving2")); strings.Contains(page, "there, too.</p>\n<p>Your") || strings.Contains(page, "has ended your session there") {
		t.Errorf("told of what nobody did: %s", page)
	}
	g.fails["Left"] = denied(provision.SignatureInvalid)
	if r = b.get(sso + "/idp/acme-saml/slo?SAMLResponse=x"); r.StatusCode != 303 { // here it is over all the same
		t.Errorf("a forged answer: %d", r.StatusCode)
	}
}

func TestALogoutThatFailsKeepsTheCookieAndOffersNothing(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g)
	logIn(t, b, "/page")
	g.offer, g.fails["Logout"] = "offer1", provision.ErrUnavailable
	r := b.post(wiki+"/_sso/logout", url.Values{})
	if r.StatusCode != 503 || b.cookies["wiki.example.org"]["__Host-lh-app"] == "" || strings.Contains(body(t, r), "offer1") {
		t.Errorf("%d, cookies %v", r.StatusCode, b.cookies)
	}
}
