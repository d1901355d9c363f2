//go:build real

package main

import (
	"net/http"
	"slices"
	"testing"

	"leasehold/cmd/leasehold/internal/peers"
)

func TestSomebodyLogsInByOpenIDConnectInABrowser(t *testing.T) {
	g := begin(t, scene{oidc: true})
	tab := peers.Browser(t, g.ca)
	deep := g.url(appHost) + "/deep?a=1&b=2"

	g.signInAtOIDC(tab, g.url(ssoHost)+"/login?connection=acme-oidc", "alice@acme.test")
	tab.Await(g.url(ssoHost)+"/", "Your account")
	tab.Open(deep) // silently: the SSO host has a session
	tab.Await(deep, "Echo app")
	tab.Screenshot("oidc 2 app")
	if tab.URL() != deep || tab.Status() != http.StatusOK {
		t.Errorf("came to %s with status %d", tab.URL(), tab.Status())
	}
	g.knowsAlice(tab)

	tab.Open(g.url(ssoHost) + "/_sso/logout")
	tab.Click("main button")
	tab.Await(g.url(ssoHost)+"/_sso/logout", "You are logged out")
	tab.Open(deep)
	tab.Await(g.url(ssoHost)+"/login", "Sign in")
	g.told("login created", "lease.ended logout", "account.state expired logout")

	stranger := tab.Stranger()
	g.signInAtOIDC(stranger, g.url(ssoHost)+"/login?connection=acme-oidc", "dave@partner.test")
	stranger.Await(g.url(ssoHost)+"/idp/acme-oidc/callback", "You cannot go on")
	stranger.Screenshot("oidc 3 refused")
	g.told("login denied domain_unknown")
}

func TestOnePersonWithTwoSignInsAddsTheSecondOnHerPage(t *testing.T) {
	g := begin(t, scene{oidc: true})
	tab := peers.Browser(t, g.ca)
	here := g.url(appHost) + "/here"
	g.enters(tab, here, "alice@acme.test")
	account := g.account()

	byOIDC := tab.Stranger()
	g.signInAtOIDC(byOIDC, g.url(ssoHost)+"/login?connection=acme-oidc", "alice@acme.test")
	byOIDC.Await(g.url(ssoHost)+"/idp/acme-oidc/callback", "There is already an account with your e-mail address")
	byOIDC.Screenshot("oidc 4 e-mail address taken")
	g.told("login denied email_taken")
	if links := g.account().Links; len(links) != 1 {
		t.Errorf("sign-ins: %+v", links)
	}

	tab.Open(g.url(ssoHost) + "/")
	tab.Await(g.url(ssoHost)+"/", "Not a sign-in of yours yet")
	tab.Screenshot("oidc 5 account page before")
	tab.Click(`form[action="/link"] button`)
	tab.Await(g.oidc.Issuer, "Sign in")
	fillOIDC(tab, "alice@acme.test")
	tab.Await(g.url(ssoHost)+"/", "Your account")
	tab.Screenshot("oidc 6 account page after")

	again := g.account()
	if len(again.Links) != 2 || again.ID != account.ID || again.Links[0].Connection == again.Links[1].Connection {
		t.Errorf("account %s became %+v", account.ID, again)
	}
	if !slices.Contains(g.audit(), "login linked") {
		t.Errorf("the audit knows of no added sign-in: %q", g.audit())
	}
	g.signInAtOIDC(byOIDC, g.url(ssoHost)+"/login?another=1&connection=acme-oidc", "alice@acme.test")
	byOIDC.Await(g.url(ssoHost)+"/idp/acme-oidc/callback", "A sign-in at another identity provider was added to your account.")
	byOIDC.Screenshot("oidc 7 notice at the next login")
	byOIDC.Click("main .button")
	byOIDC.Await(g.url(ssoHost)+"/", "Your account")
	byOIDC.Open(here)
	byOIDC.Await(here, "Echo app")
	if got := received(byOIDC, "X-Leasehold-User"); got != string(account.ID) {
		t.Errorf("by OpenID Connect she is %s, by SAML %s", got, account.ID)
	}
}

// signInAtOIDC goes to an address that leads to the OpenID provider, and answers its form.
func (g *gatewayUnderTest) signInAtOIDC(tab *peers.Tab, address, login string) {
	g.t.Helper()
	tab.Open(address)
	tab.Await(g.oidc.Issuer, "Sign in")
	tab.Screenshot("oidc 1 identity provider")
	fillOIDC(tab, login)
}

func fillOIDC(tab *peers.Tab, login string) {
	tab.Fill("[name=login]", login)
	tab.Fill("[name=password]", peers.Password)
	tab.Click("button[value=in]")
}
