//go:build real

package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"leasehold/cmd/leasehold/internal/peers"
)

func TestNobodyLogsInBeforeTheDomainIsProvedByDNS(t *testing.T) {
	g := begin(t, scene{byDNS: true})
	tab := peers.Browser(t, g.ca)
	deep := g.url(appHost) + "/deep?a=1&b=2"

	tab.Open(deep)
	tab.Await(g.url(ssoHost)+"/login", "Sign in")
	tab.Fill("#email", "alice@acme.test")
	tab.Click("main button")
	tab.Await(g.url(ssoHost)+"/login", "We cannot sign you in with that address.")
	tab.Screenshot("domain 1 address refused")
	if tab.Status() != http.StatusForbidden {
		t.Errorf("status %d", tab.Status())
	}
	reference := regexp.MustCompile(`req_[a-z0-9]+`) // each refusal has its own
	unproved := reference.ReplaceAllString(tab.Text(), "")
	tab.Open(deep)
	tab.Await(g.url(ssoHost)+"/login", "Sign in")
	tab.Fill("#email", "alice@nowhere.test")
	tab.Click("main button")
	tab.Await(g.url(ssoHost)+"/login", "We cannot sign you in with that address.")
	if reference.ReplaceAllString(tab.Text(), "") != unproved {
		t.Error("an unproved domain can be told from an unknown one")
	}

	claim := operatorJSON[[]claimView](g, "domain", "show", "acme.test")[0]
	if claim.State != "pending" || claim.Record != "_leasehold.acme.test" {
		t.Fatalf("claim: %+v", claim)
	}
	if said := g.operator("domain", "check", "acme.test"); !strings.Contains(said, claim.Record+" has no TXT record") {
		t.Errorf("without a record, domain check says %q", said)
	}
	// A zone that answers the same to every name proves nothing.
	g.dns.Set("*.acme.test", peers.Records{TXT: []string{claim.Value}})
	g.operator("domain", "check", "acme.test")
	if again := operatorJSON[[]claimView](g, "domain", "show", "acme.test")[0]; again.State != "pending" {
		t.Errorf("with a wildcard the claim is %s", again.State)
	}
	g.dns.Unset("*.acme.test")
	g.dns.Set(claim.Record, peers.Records{TXT: []string{"v=spf1 -all", claim.Value}})
	g.operator("domain", "check", "acme.test")
	if again := operatorJSON[[]claimView](g, "domain", "show", "acme.test")[0]; again.State != "verified" {
		t.Fatalf("with the record the claim is %s: %s", again.State, again.Note)
	}

	g.enters(tab, deep, "alice@acme.test")
	g.told("domain.claim verified", "login created")
}

func TestALookalikeIsRefusedAndLeavesNothingBehind(t *testing.T) {
	g := begin(t, scene{})
	people := peers.Everybody()
	people["eve"] = peers.User{Password: peers.Password, UID: "u-6667", Mail: "alice@аcme.test", Name: "Alice Example"} // the first letter is Cyrillic
	people["mallory"] = peers.User{Password: peers.Password, UID: "u-6668", Mail: "alice@acrne.test", Name: "Alice Example"}
	g.saml.SetUsers(t, people)

	first := peers.Browser(t, g.ca)
	for login, reason := range map[string]string{"mallory": "domain_unknown", "eve": "email_invalid", "dave@partner.test": "domain_unknown", "nomail@acme.test": "email_missing"} {
		tab := first.Stranger()
		tab.Open(g.url(appHost) + "/")
		tab.Await(g.url(ssoHost)+"/login", "Sign in")
		tab.Fill("#email", "alice@acme.test")
		tab.Click("main button")
		tab.Await(g.saml.Base, "")
		g.signInAtSAML(tab, login)
		tab.Await(g.url(ssoHost)+"/idp/acme-saml/resume", "You cannot go on")
		if tab.Status() != http.StatusForbidden || strings.Contains(tab.Text(), reason) || !strings.Contains(tab.Text(), "it@acme.test") {
			t.Errorf("%s came to a page with status %d: %s", login, tab.Status(), tab.Text())
		}
		tab.Screenshot("domain 2 refused " + strings.Split(login, "@")[0])
		tab.Reload()
		tab.Await(g.url(ssoHost), "You cannot go on")
		for _, c := range tab.Cookies() {
			if c.Name == "__Host-lh" || c.Name == "__Host-lh-app" {
				t.Errorf("%s was given %s", login, c.Name)
			}
		}
		g.told("login denied " + reason)
	}
	if all := operatorJSON[[]accountView](g, "account", "list"); len(all) != 0 {
		t.Errorf("accounts: %+v", all)
	}
}

func TestRevokedTheNextRequestIsRefused(t *testing.T) {
	g := begin(t, scene{})
	here := g.url(appHost) + "/here"
	tab := peers.Browser(t, g.ca)
	g.enters(tab, here, "alice@acme.test")
	session := cookie(tab, appHost, "__Host-lh-app")

	g.operator("revoke", "--lease", string(g.leases()[0].ID), "--reason", "laptop lost")
	if answer, _ := g.ask("GET", here, "Cookie", session); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("the next request with a revoked lease: %s", answer.Status)
	}
	g.told("login created", "lease.ended admin", "account.state expired admin")

	// The identity provider remembers her: she is in again without a password, as the same account.
	account := g.account().ID
	tab.Open(here)
	tab.Await(g.url(ssoHost)+"/login", "Sign in")
	tab.Fill("#email", "alice@acme.test")
	tab.Click("main button")
	tab.Await(here, "Echo app")
	if g.account().ID != account || g.account().State != "active" {
		t.Errorf("came back as %+v instead of %s", g.account(), account)
	}
	session = cookie(tab, appHost, "__Host-lh-app")

	g.operator("account", "revoke", string(account), "--reason", "left the company")
	if answer, _ := g.ask("GET", here, "Cookie", session); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("the next request of a revoked account: %s", answer.Status)
	}
	tab.Open(here)
	tab.Await(g.url(ssoHost)+"/login", "Sign in")
	tab.Fill("#email", "alice@acme.test")
	tab.Click("main button")
	tab.Await(g.url(ssoHost)+"/idp/acme-saml/resume", "Your account was closed.")
	tab.Screenshot("domain 3 account closed")
	g.told("login resumed", "lease.ended admin", "account.state revoked admin", "login denied account_revoked")
}
