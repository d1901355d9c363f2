//go:build real

package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/cmd/leasehold/internal/peers"
	"leasehold/idp/saml/samltest"
)

// walksIn is somebody who logs in at an app by a connection, with the app's cookie.
func (g *gatewayUnderTest) walksIn(connection, login string) (*peers.Walker, string) {
	g.t.Helper()
	w := peers.Walk(g.t, g.ca)
	if _, err := w.Login(g.url(ssoHost)+"/login?connection="+connection, login, peers.Password); err != nil {
		g.t.Fatal(err)
	}
	here := g.url(appHost) + "/here"
	page, err := w.Open(here)
	if err != nil || page.URL.String() != here || page.Status != http.StatusOK {
		g.t.Fatalf("%s is at %s, %v:\n%s", login, page.URL, err, page.Body)
	}
	return w, w.Cookie(g.url(appHost), "__Host-lh-app")
}

// wantIn and wantOut are the very next check of a cookie.
func (g *gatewayUnderTest) wantIn(who, cookie string) {
	g.t.Helper()
	g.want(who, cookie, http.StatusOK)
}

func (g *gatewayUnderTest) wantOut(who, cookie string) {
	g.t.Helper()
	g.want(who, cookie, http.StatusUnauthorized)
}

func (g *gatewayUnderTest) want(who, cookie string, status int) {
	g.t.Helper()
	answer, _ := g.ask("GET", g.url(appHost)+"/api", "Cookie", "__Host-lh-app="+cookie)
	if answer.StatusCode != status {
		g.t.Errorf("%s: %s, want %d", who, answer.Status, status)
	}
}

// endedBy counts ends of leases for a cause.
func (g *gatewayUnderTest) endedBy(cause string) (n int) {
	g.t.Helper()
	for _, line := range g.audit() {
		if line == "lease.ended "+cause {
			n++
		}
	}
	return n
}

func TestSimpleSAMLphpLogsSomebodyOutByTheBrowser(t *testing.T) {
	g := begin(t, scene{oidc: true})
	g.saml.Knob(t, "sp", map[string]any{"validate.logout": true}) // it wants our answer signed
	alice, here := g.walksIn("acme-saml", "alice@acme.test")
	_, elsewhere := g.walksIn("acme-saml", "alice@acme.test")
	_, bob := g.walksIn("acme-saml", "bob@acme.test")
	_, carol := g.walksIn("acme-oidc", "carol@acme.test")

	page, err := alice.Open(g.saml.Base + "saml2/idp/SingleLogoutService.php?ReturnTo=" + url.QueryEscape(g.saml.Base+"module.php/core/authenticate.php?as=people"))
	if err != nil || !strings.HasPrefix(page.URL.String(), g.saml.Base) || page.Status != http.StatusOK {
		t.Fatalf("the provider does not finish: %v at %s %d\n%s", err, page.URL, page.Status, page.Body)
	}
	g.wantOut("alice", here)
	g.wantIn("alice in her other browser", elsewhere)
	g.wantIn("bob", bob)
	g.wantIn("carol", carol)
	if g.endedBy("upstream_logout") != 1 || slices.ContainsFunc(g.audit(), func(line string) bool { return strings.HasPrefix(line, "logout.protocol") }) {
		t.Errorf("the audit: %q", g.audit())
	}
}

func TestWhoLogsOutHereLogsOutAtSimpleSAMLphpToo(t *testing.T) {
	g := begin(t, scene{})
	g.saml.Knob(t, "sp", map[string]any{"validate.logout": true})
	alice, here := g.walksIn("acme-saml", "alice@acme.test")
	page, err := alice.Open(g.url(appHost) + "/_sso/logout")
	if err != nil {
		t.Fatal(err)
	}
	if page, err = page.Submit(nil); err != nil || !strings.Contains(page.Body, "You are logged out") {
		t.Fatalf("%v at %s", err, page.URL)
	}
	g.wantOut("alice", here)
	if page, err = page.Follow("Log out there, too"); err != nil || !strings.HasPrefix(page.URL.String(), g.url(ssoHost)+"/_sso/logout") || !strings.Contains(page.Body, "has ended your session there, too") {
		t.Fatalf("%v at %s\n%s", err, page.URL, page.Body)
	}
	if page, err = alice.Open(g.url(ssoHost) + "/login?connection=acme-saml"); err != nil || !strings.HasPrefix(page.URL.String(), g.saml.Base) || !strings.Contains(page.Body, "password") {
		t.Errorf("the provider still knows her: %v at %s", err, page.URL)
	}
	g.told("login created", "lease.ended logout", "account.state expired logout")
}

// TestABrowserLogsOutAtBothEnds is the same as a person does it, in Chromium: from here, and from the provider's own page.
func TestABrowserLogsOutAtBothEnds(t *testing.T) {
	g := begin(t, scene{})
	tab := peers.Browser(t, g.ca)
	g.enters(tab, g.url(appHost)+"/here", "alice@acme.test")
	session := cookie(tab, appHost, "__Host-lh-app")
	tab.Open(g.url(ssoHost) + "/_sso/logout")
	tab.Click(`button[type="submit"]`)
	tab.Await(g.url(ssoHost)+"/_sso/logout", "You are logged out")
	tab.Screenshot("upstream 1 logged out here")
	tab.Click(`a[href*="/_sso/logout/upstream"]`)
	tab.Await(g.url(ssoHost)+"/_sso/logout", "has ended your session there, too")
	tab.Screenshot("upstream 2 and at the provider")
	if answer, _ := g.ask("GET", g.url(appHost)+"/here", "Cookie", session); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("the session that was: %s", answer.Status)
	}

	g.enters(tab, g.url(appHost)+"/here", "alice@acme.test") // the provider asks who she is again
	session = cookie(tab, appHost, "__Host-lh-app")
	tab.Open(g.saml.Base + "saml2/idp/SingleLogoutService.php?ReturnTo=" + url.QueryEscape(g.saml.Base+"module.php/core/authenticate.php?as=people"))
	tab.Await(g.saml.Base, "")
	tab.Screenshot("upstream 3 from the provider")
	if answer, _ := g.ask("GET", g.url(appHost)+"/here", "Cookie", session); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("after the provider's log-out: %s", answer.Status)
	}
	if g.endedBy("logout") != 1 || g.endedBy("upstream_logout") != 1 {
		t.Errorf("the audit: %q", g.audit())
	}
}

// TestALogoutByTheProvidersKeyFromServerToServer sends what SimpleSAMLphp has no way to send: a LogoutRequest by SOAP, with its
// name and its key.
func TestALogoutByTheProvidersKeyFromServerToServer(t *testing.T) {
	g := begin(t, scene{})
	_, here := g.walksIn("acme-saml", "alice@acme.test")
	_, elsewhere := g.walksIn("acme-saml", "alice@acme.test")
	_, bob := g.walksIn("acme-saml", "bob@acme.test")
	subject := ""
	for _, line := range operatorJSON[[]leaseView](g, "lease", "list") {
		if account := operatorJSON[accountView](g, "account", "show", string(line.Account)); account.Email == "alice@acme.test" {
			subject = account.Links[0].Subject
		}
	}
	provider := samltest.IdP{EntityID: g.saml.EntityID, Key: g.saml.Key(t), Now: time.Now}
	endpoint := g.url(ssoHost) + "/idp/acme-saml/slo"
	send := func(l samltest.Logout) (int, string) {
		request, err := http.NewRequest(http.MethodPost, endpoint, bytes.NewReader(provider.Envelope(t, l)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "text/xml")
		answer, err := peers.Client(t, g.ca, false).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(body)
	}
	honest := samltest.Logout{To: endpoint, ID: "_once", NameID: `<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" NameQualifier="` + g.saml.EntityID + `" SPNameQualifier="` + g.url(ssoHost) + `/idp/acme-saml/metadata">` + subject + `</saml:NameID>`}
	unsigned := honest
	unsigned.Neither = true
	if status, body := send(unsigned); status != http.StatusForbidden {
		t.Errorf("unsigned: %d %s", status, body)
	}
	g.wantIn("alice", here)
	status, body := send(honest)
	if status != http.StatusOK || !strings.Contains(body, "status:Success") || !strings.Contains(body, "SignatureValue") {
		t.Fatalf("%d %s", status, body)
	}
	g.wantOut("alice", here)
	g.wantOut("alice in her other browser", elsewhere)
	g.wantIn("bob", bob)
	if status, body := send(honest); status != http.StatusForbidden {
		t.Errorf("again: %d %s", status, body)
	}
	if n := g.endedBy("upstream_logout"); n != 2 {
		t.Errorf("%d ends", n)
	}
}

func TestTheOpenIDProviderLogsSomebodyOutBehindTheBrowsersBack(t *testing.T) {
	g := begin(t, scene{oidc: true})
	alice, here := g.walksIn("acme-oidc", "alice@acme.test")
	_, bob := g.walksIn("acme-oidc", "bob@acme.test")
	_, carol := g.walksIn("acme-saml", "carol@acme.test")
	page, err := alice.Open(g.oidc.Issuer + "/session/end")
	if err != nil {
		t.Fatal(err)
	}
	if page, err = page.Submit(map[string]string{"logout": "yes"}); err != nil || page.Status != http.StatusOK {
		t.Fatalf("%v at %s\n%s", err, page.URL, page.Body)
	}
	g.until("the provider's word", func() bool { return g.endedBy("upstream_logout") == 1 })
	g.wantOut("alice", here)
	g.wantIn("bob", bob)
	g.wantIn("carol", carol)
	if len(g.leases()) != 2 {
		t.Errorf("leases: %+v", g.leases())
	}
}

func TestWhoLogsOutHereLogsOutAtTheOpenIDProviderToo(t *testing.T) {
	g := begin(t, scene{oidc: true})
	alice, here := g.walksIn("acme-oidc", "alice@acme.test")
	page, err := alice.Open(g.url(ssoHost) + "/_sso/logout")
	if err != nil {
		t.Fatal(err)
	}
	if page, err = page.Submit(nil); err != nil {
		t.Fatal(err)
	}
	g.wantOut("alice", here)
	if page, err = page.Follow("Log out there, too"); err != nil || !strings.HasPrefix(page.URL.String(), g.oidc.Issuer) {
		t.Fatalf("%v at %s", err, page.URL)
	}
	if page, err = page.Submit(map[string]string{"logout": "yes"}); err != nil || !strings.HasPrefix(page.URL.String(), g.url(ssoHost)+"/_sso/logout?") || !strings.Contains(page.Body, "has ended your session there, too") {
		t.Fatalf("%v at %s\n%s", err, page.URL, page.Body)
	}
	if page, err = alice.Open(g.url(ssoHost) + "/login?connection=acme-oidc"); err != nil || !strings.HasPrefix(page.URL.String(), g.oidc.Issuer) {
		t.Errorf("the provider still knows her: %v at %s", err, page.URL)
	}
	g.told("login created", "lease.ended logout", "account.state expired logout")
}

func TestTheOpenIDProviderIsAskedAndWhatItRefusesEndsAndItsSilenceIsBorneForAWhile(t *testing.T) {
	g := begin(t, scene{oidc: true, liveness: ", liveness: {every: 1s, max_stale: 8s}"})
	_, alice := g.walksIn("acme-oidc", "alice@acme.test")
	_, bob := g.walksIn("acme-oidc", "bob@acme.test")
	_, carol := g.walksIn("acme-saml", "carol@acme.test")
	time.Sleep(5 * time.Second) // asked several times, each time with another token
	g.wantIn("alice", alice)
	g.wantIn("bob", bob)

	left := peers.Everybody()
	delete(left, "alice@acme.test")
	g.oidc.SetUsers(t, left)
	g.until("the provider to refuse", func() bool { return g.endedBy("upstream_refused") == 1 })
	g.wantOut("alice", alice)
	g.wantIn("bob", bob)

	g.oidc.Hush(t)
	hushed := time.Now()
	time.Sleep(4 * time.Second)
	g.wantIn("bob, while the provider is silent", bob)
	g.until("its silence to last too long", func() bool { return g.endedBy("upstream_stale") == 1 })
	if long := time.Since(hushed); long < 6*time.Second {
		t.Errorf("the session ended after %s of silence", long)
	}
	g.oidc.Speak(t)
	g.wantOut("bob", bob)
	g.wantIn("carol", carol)
}
