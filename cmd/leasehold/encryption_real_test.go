//go:build real

package main

import (
	"strings"
	"testing"

	"leasehold/cmd/leasehold/internal/peers"
)

// TestAnAssertionThatSimpleSAMLphpEncryptsItsOwnWayIsRefused: SimpleSAMLphp 1.19 takes our key from our metadata, and
// AES-CBC whatever they say. Its login works as soon as it does not encrypt. That its own library can do AES-GCM so that
// we can read it, idp/saml tests.
func TestAnAssertionThatSimpleSAMLphpEncryptsItsOwnWayIsRefused(t *testing.T) {
	g := begin(t, scene{encrypted: true})
	if offered := string(g.serviceProvider("acme-saml")); !strings.Contains(offered, `use="encryption"`) || !strings.Contains(offered, "#aes256-gcm") {
		t.Errorf("our metadata offer no encryption: %s", offered)
	}
	g.saml.Knob(t, "sp", map[string]any{"assertion.encryption": true})
	deep := g.url(appHost) + "/deep"
	tab := peers.Browser(t, g.ca)
	tab.Open(deep)
	tab.Await(g.url(ssoHost)+"/login", "Sign in")
	tab.Fill("#email", "alice@acme.test")
	tab.Click("main button")
	tab.Await(g.saml.Base, "")
	g.signInAtSAML(tab, "alice@acme.test")
	tab.Await(g.url(ssoHost)+"/idp/acme-saml/resume", "Your identity provider’s answer did not pass our checks.")
	g.told("login denied algorithm_refused")
	if page := tab.Eval("document.body.innerText"); strings.Contains(page, "cbc") || strings.Contains(page, "algorithm") {
		t.Errorf("the page says why: %s", page)
	}

	g.saml.Knob(t, "sp", map[string]any{"assertion.encryption": false})
	tab.Open(deep)
	tab.Await(g.url(ssoHost)+"/login", "Sign in")
	tab.Fill("#email", "alice@acme.test")
	tab.Click("main button")
	tab.Await(deep, "Echo app")
	g.knowsAlice(tab)
}
