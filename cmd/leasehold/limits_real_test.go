//go:build real

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"leasehold/cmd/leasehold/internal/peers"
	"leasehold/idp/saml/samltest"
)

// TestLimitsBehindNginxCountWhoIsInFrontOfIt has nginx, by its published recipe, between the gateway and people of many
// networks. A header of their own does not make somebody else of them.
func TestLimitsBehindNginxCountWhoIsInFrontOfIt(t *testing.T) {
	g := &gatewayUnderTest{t: t, ca: peers.NewCA(t), folder: t.TempDir()}
	g.recipe = peers.Recipe{CA: g.ca, Port: peers.Port(t), Leasehold: peers.Port(t), SSO: ssoHost, Clients: "X-Test-Client", Apps: []peers.Site{{Host: appHost, App: peers.Port(t)}}}
	g.write("idp.xml", string(samltest.New(t).Metadata()))
	g.write("leasehold.yaml", fmt.Sprintf("url: %s\nlisten: 127.0.0.1:%d\nops_listen: 127.0.0.1:%d\ndata: data\nmanifests: [acme.yaml]\nlimits: {attempts: 3/h, exempt: []}\n",
		g.url(ssoHost), g.recipe.Leasehold, peers.Port(t)))
	g.write("acme.yaml", `tenants:
- id: acme
  domains: [{name: acme.test, proof: operator}]
  connections: [{id: acme-saml, protocol: saml, metadata_file: idp.xml, domains: [acme.test]}]
  policy: {create: allow}
`)
	g.serve()
	g.recipe.Nginx(t)

	want := func(client string, status int) {
		t.Helper()
		answer, body := g.ask(http.MethodGet, g.url(ssoHost)+"/login?connection=acme-saml", "X-Test-Client", client, "X-Forwarded-For", "198.51.100.7", "Accept", "text/html")
		if answer.StatusCode != status {
			t.Errorf("%s gets %s, want %d: %s", client, answer.Status, status, body)
		}
		if status == http.StatusTooManyRequests && (answer.Header.Get("Retry-After") == "" || !strings.Contains(body, "Too many tries")) {
			t.Errorf("%s is told %v: %s", client, answer.Header, body)
		}
	}
	for n := range 3 {
		want("203.0.113.9", http.StatusOK)
		want(fmt.Sprintf("2001:db8:1:2::%d", n+1), http.StatusOK)
		want("127.0.0.1", http.StatusOK)
	}
	want("203.0.113.9", http.StatusTooManyRequests)
	want("2001:db8:1:2:ffff:ffff:ffff:ffff", http.StatusTooManyRequests) // one subscriber has a whole /64
	want("127.0.0.1", http.StatusTooManyRequests)
	want("203.0.113.10", http.StatusOK)
	want("2001:db8:1:3::1", http.StatusOK)
}
