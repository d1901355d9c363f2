//go:build real

package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"leasehold/cmd/leasehold/internal/peers"
)

func TestSomebodyLogsInBySAMLInABrowserAndLogsOut(t *testing.T) {
	g := begin(t, scene{})
	deep := g.url(appHost) + "/deep?a=1&b=2"
	tab := peers.Browser(t, g.ca)

	tab.Open(deep)
	tab.Await(g.url(ssoHost)+"/login", "Sign in")
	tab.Screenshot("saml 1 e-mail page")
	tab.Fill("#email", "alice@acme.test")
	tab.Click("main button")
	tab.Await(g.saml.Base, "")
	tab.Screenshot("saml 2 identity provider")
	g.signInAtSAML(tab, "alice@acme.test")
	tab.Await(deep, "Echo app")
	tab.Screenshot("saml 3 app")
	if tab.URL() != deep || tab.Status() != http.StatusOK {
		t.Errorf("came to %s with status %d", tab.URL(), tab.Status())
	}
	g.knowsAlice(tab)

	session := cookie(tab, appHost, "__Host-lh-app")
	if answer, _ := g.ask("GET", deep, "Cookie", session); answer.StatusCode != http.StatusOK {
		t.Errorf("with the browser's cookie: %s", answer.Status)
	}
	tab.Click("#logout")
	tab.Await(g.url(appHost)+"/_sso/logout", "Log out?")
	tab.Screenshot("saml 4 log out")
	tab.Click("main button")
	tab.Await(g.url(appHost)+"/_sso/logout", "You are logged out")
	tab.Screenshot("saml 5 logged out")

	if leases := g.leases(); len(leases) != 0 {
		t.Errorf("still there: %+v", leases)
	}
	if answer, _ := g.ask("GET", g.url(appHost)+"/api", "Cookie", session); answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("Location") != "" {
		t.Errorf("an API call with the old cookie: %s, Location %q", answer.Status, answer.Header.Get("Location"))
	}
	if g.account().State != "expired" {
		t.Errorf("the account is %s", g.account().State)
	}
	tab.Open(deep)
	tab.Await(g.url(ssoHost)+"/login", "Sign in")
	g.told("login created", "lease.ended logout", "account.state expired logout")
}

// signInAtSAML types a name and the password at SimpleSAMLphp.
func (g *gatewayUnderTest) signInAtSAML(tab *peers.Tab, login string) {
	g.t.Helper()
	tab.Fill("#username", login)
	tab.Fill("#password", peers.Password)
	tab.Press("\r")
}

// enters takes a tab into an app by SAML, from its address to its page.
func (g *gatewayUnderTest) enters(tab *peers.Tab, address, login string) {
	g.t.Helper()
	tab.Open(address)
	tab.Await(g.url(ssoHost)+"/login", "Sign in")
	tab.Fill("#email", login)
	tab.Click("main button")
	tab.Await(g.saml.Base, "")
	g.signInAtSAML(tab, login)
	tab.Await(address, "Echo app")
}

// knowsAlice holds what the app was told against the account and the lease that there are.
func (g *gatewayUnderTest) knowsAlice(tab *peers.Tab) {
	g.t.Helper()
	account, leases := g.account(), g.leases()
	if len(leases) != 1 || leases[0].Account != account.ID {
		g.t.Fatalf("leases: %+v", leases)
	}
	want := map[string]string{
		"User": string(account.ID), "Email": "alice@acme.test", "Name": "Alice Example", "Roles": "engineer",
		"Groups": "engineering,deploy", "Tenant": "acme", "Lease": string(leases[0].ID), "Expires": leases[0].End.UTC().Format(time.RFC3339),
	}
	for name, value := range want {
		if got := received(tab, "X-Leasehold-"+name); got != value {
			g.t.Errorf("X-Leasehold-%s is %q, want %q", name, got, value)
		}
	}
	if cookies := received(tab, "Cookie"); strings.Contains(cookies, "__Host-lh") {
		g.t.Errorf("the app sees the cookies %q", cookies)
	}
	g.verifies(received(tab, "X-Leasehold-Assertion"), want)
}

// received is what the page of the echo app says that it was sent.
func received(tab *peers.Tab, header string) string {
	return strings.TrimSpace(tab.Eval(`document.getElementById("` + header + `")?.innerText ?? ""`))
}

// verifies reads an assertion as an app would.
func (g *gatewayUnderTest) verifies(assertion string, want map[string]string) {
	g.t.Helper()
	_, body := g.ask("GET", g.url(ssoHost)+"/.well-known/jwks.json")
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(body), &keys); err != nil {
		g.t.Fatalf("keys: %v: %s", err, body)
	}
	token, err := jwt.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		g.t.Fatalf("assertion %q: %v", assertion, err)
	}
	var standard jwt.Claims
	var more struct {
		Tenant string `json:"tenant"`
		Lease  string `json:"lease"`
	}
	if err := token.Claims(&keys, &standard, &more); err != nil {
		g.t.Fatalf("assertion: %v", err)
	}
	expected := jwt.Expected{Issuer: g.url(ssoHost), Subject: want["User"], AnyAudience: jwt.Audience{g.url(appHost)}, Time: time.Now()}
	if err := standard.ValidateWithLeeway(expected, time.Second); err != nil || more.Tenant != want["Tenant"] || more.Lease != want["Lease"] {
		g.t.Errorf("assertion: %v: %+v %+v", err, standard, more)
	}
}

// cookie is one that the tab's browser holds for a host, as a program sends it.
func cookie(tab *peers.Tab, host, name string) string {
	for _, c := range tab.Cookies() {
		if c.Domain == host && c.Name == name {
			return c.Name + "=" + c.Value
		}
	}
	return ""
}
