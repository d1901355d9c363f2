//go:build real

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"leasehold/cmd/leasehold/internal/peers"
)

// asGateway makes the test binary be leasehold: a process of its own trusts its own SSL_CERT_FILE, takes signals, and
// has the race detector when the tests have it.
const asGateway = "TESTS_AS_GATEWAY"

func TestMain(m *testing.M) {
	if os.Getenv(asGateway) != "" {
		main()
	}
	os.Exit(m.Run())
}

// The sites. No two of them are one site to a browser.
const (
	ssoHost   = "sso.broker.test"
	appHost   = "app.other.test"
	wikiHost  = "wiki.third.test"
	calHost   = "calendar.fourth.test"
	idpHost   = "idp.customer.test"
	muteHost  = "idp.mute.test"
	oidcHost  = "127.0.0.1" // the gateway asks it, too, and finds no name that ends in .test
	oidcID    = "leasehold"
	oidcWords = "secretsecretsecret"
)

// scene is what a story begins with. The zero value is a gateway and the echo app behind nginx, with the domain
// acme.test attested and SimpleSAMLphp as its identity provider.
type scene struct {
	caddy     bool         // in place of nginx
	apps      []peers.Site // behind the proxy; nil: the echo app at appHost, kept out of caches
	engineers string       // host of an app that wants the role engineer
	byDNS     bool         // acme.test waits for its proof
	oidc      bool         // oidc-provider as well, connection acme-oidc
	liveness  string       // of the connection acme-oidc, as a manifest has it; "": off
	encrypted bool         // the connection acme-saml reads encrypted assertions
	mute      bool         // an identity provider that says nothing as well, connection mute-saml for mute.test
	database  string       // where the ledger is; "": a file
	uncached  bool         // every check asks the ledger
	operators string       // the tenant whose accounts may be operators; "": nobody may
}

// gatewayUnderTest is a running gateway with everything around it.
type gatewayUnderTest struct {
	t      *testing.T
	ca     *peers.CA
	dns    *peers.DNSServer
	saml   *peers.SAMLIdP
	oidc   *peers.OIDCIdP
	recipe peers.Recipe
	folder string
	log    lockedBuffer

	process, killed *os.Process // the gateway's, and that of one that was killed on purpose
}

// begin sets the scene.
func begin(t *testing.T, s scene) *gatewayUnderTest {
	t.Helper()
	g := &gatewayUnderTest{t: t, ca: peers.NewCA(t), dns: peers.DNS(t), folder: t.TempDir()}
	if s.apps == nil {
		s.apps = []peers.Site{{Host: appHost, App: peers.Echo(t), NoStore: true}}
	}
	g.recipe = peers.Recipe{CA: g.ca, Port: peers.Port(t), Leasehold: peers.Port(t), SSO: ssoHost, Apps: s.apps}
	g.saml = peers.SimpleSAMLphp(t, peers.SAMLOptions{CA: g.ca, Host: idpHost})
	if s.oidc {
		client := peers.OIDCClient{ID: oidcID, Secret: oidcWords, RedirectURIs: []string{g.url(ssoHost) + "/idp/acme-oidc/callback"},
			AfterLogoutURIs: []string{g.url(ssoHost) + "/_sso/logout"}, Backchannel: g.url(ssoHost) + "/idp/acme-oidc/backchannel-logout", BackchannelSID: true}
		g.oidc = peers.OIDCProvider(t, peers.OIDCOptions{CA: g.ca, Host: oidcHost, Clients: []peers.OIDCClient{client}})
	}
	g.configure(s)
	g.serve()
	if s.caddy {
		g.recipe.Caddy(t)
	} else {
		g.recipe.Nginx(t)
	}
	g.saml.AddSP(t, g.serviceProvider("acme-saml"))
	return g
}

// url is the origin of a site behind the proxy.
func (g *gatewayUnderTest) url(host string) string { return g.recipe.Origin(host) }

// configure writes the operator's file and the manifest.
func (g *gatewayUnderTest) configure(s scene) {
	g.t.Helper()
	g.write("idp.xml", string(g.saml.Metadata(g.t)))
	g.write("leasehold.yaml", fmt.Sprintf(`url: %s
listen: 127.0.0.1:%d
ops_listen: 127.0.0.1:%d
data: data
manifests: [acme.yaml]
dns: {resolver: %s}
outbound: {allow_private: [127.0.0.0/8]}
database: %s
cache: %s
operators: "%s"
`, g.url(ssoHost), g.recipe.Leasehold, peers.Port(g.t), g.dns.Addr, cmp.Or(s.database, "sqlite"), map[bool]string{false: "on", true: "off"}[s.uncached], s.operators))
	g.write("acme.yaml", g.manifest(s))
}

func (g *gatewayUnderTest) manifest(s scene) string {
	proof := "operator"
	if s.byDNS {
		proof = "dns-txt"
	}
	var m strings.Builder
	m.WriteString("apps:\n")
	for _, app := range s.apps {
		headers := "leasehold"
		if app.RemoteUser {
			headers = "remote-user"
		}
		name, _, _ := strings.Cut(app.Host, ".")
		roles := ""
		if app.Host == s.engineers {
			roles = "engineer"
		}
		fmt.Fprintf(&m, "- {id: %s, origins: [\"%s\"], headers: %s, tenants: [acme], require: {roles: [%s]}}\n", name, g.url(app.Host), headers, roles)
	}
	fmt.Fprintf(&m, `tenants:
- id: acme
  name: Acme Corp
  contact: it@acme.test
  domains: [{name: acme.test, proof: %s}, {name: mute.test, proof: operator}]
  connections:
  - {id: acme-saml, protocol: saml, metadata_file: idp.xml, domains: [acme.test], default: true, encryption: %s}
`, proof, map[bool]string{true: "on", false: "off"}[s.encrypted])
	if s.oidc {
		g.write("secret", oidcWords)
		fmt.Fprintf(&m, "  - {id: acme-oidc, protocol: oidc, issuer: \"%s\", client_id: %s, client_secret_file: secret, domains: [acme.test]%s}\n", g.oidc.Issuer, oidcID, s.liveness)
	}
	if s.mute {
		g.write("mute.xml", strings.ReplaceAll(string(g.saml.Metadata(g.t)), g.saml.Base, g.muteProvider()))
		m.WriteString("  - {id: mute-saml, protocol: saml, metadata_file: mute.xml, domains: [mute.test]}\n")
	}
	m.WriteString("  policy: {create: allow, groups: {none: [contractors]}, roles: {map: {engineering: [engineer]}, ceiling: [engineer]}}\n")
	return m.String()
}

// muteProvider is where somebody answers every request with nothing, which leaves a browser where it is.
func (g *gatewayUnderTest) muteProvider() string {
	g.t.Helper()
	mute := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	g.t.Cleanup(mute.Close)
	port := peers.Port(g.t)
	g.ca.Front(g.t, muteHost, port, mute.Listener.Addr().(*net.TCPAddr).Port)
	return fmt.Sprintf("https://%s:%d/", muteHost, port)
}

func (g *gatewayUnderTest) write(name, text string) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.folder, name), []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gatewayUnderTest) config() string { return filepath.Join(g.folder, "leasehold.yaml") }

// serve runs the gateway until the test ends; then it has to stop when it is told to, without a fault.
func (g *gatewayUnderTest) serve() {
	g.t.Helper()
	gateway := exec.Command(os.Args[0], "serve", "--config", g.config())
	gateway.Env = append(os.Environ(), asGateway+"=yes", "SSL_CERT_FILE="+g.ca.File)
	gateway.Stdout, gateway.Stderr = &g.log, &g.log
	if err := gateway.Start(); err != nil {
		g.t.Fatal(err)
	}
	g.process = gateway.Process
	over := make(chan error, 1)
	go func() { over <- gateway.Wait() }()
	g.t.Cleanup(func() {
		_ = gateway.Process.Signal(syscall.SIGTERM)
		if err := <-over; err != nil && g.killed != gateway.Process {
			g.t.Errorf("the gateway ended with %v", err)
		}
		if g.t.Failed() {
			g.t.Logf("the gateway said:\n%s", g.log.String())
		}
	})
	g.until("the gateway to answer", func() bool {
		select {
		case err := <-over:
			over <- err
			g.t.Fatalf("the gateway does not start: %v", err)
		default:
		}
		_, err := g.try("tenant", "list")
		return err == nil
	})
}

// serviceProvider is the metadata that an identity provider is given.
func (g *gatewayUnderTest) serviceProvider(connection string) []byte {
	g.t.Helper()
	answer, body := g.ask(http.MethodGet, g.url(ssoHost)+"/idp/"+connection+"/metadata")
	if answer.StatusCode != http.StatusOK {
		g.t.Fatalf("metadata: %s: %s", answer.Status, body)
	}
	return []byte(body)
}

// ask is one request by a program, with headers given as name, value. The jar is its caller's business.
func (g *gatewayUnderTest) ask(method, url string, headers ...string) (*http.Response, string) {
	g.t.Helper()
	request, err := http.NewRequestWithContext(g.t.Context(), method, url, http.NoBody)
	if err != nil {
		g.t.Fatal(err)
	}
	for at := 0; at < len(headers); at += 2 {
		request.Header.Set(headers[at], headers[at+1])
	}
	answer, err := peers.Client(g.t, g.ca, false).Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer answer.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(answer.Body); err != nil {
		g.t.Fatal(err)
	}
	return answer, body.String()
}

// operator runs one of the operator's verbs, and returns what it printed.
func (g *gatewayUnderTest) operator(args ...string) string {
	g.t.Helper()
	said, err := g.try(args...)
	if err != nil {
		g.t.Fatalf("leasehold %s: %v", strings.Join(args, " "), err)
	}
	return said
}

func (g *gatewayUnderTest) try(args ...string) (string, error) {
	var said, complained bytes.Buffer
	err := run(g.t.Context(), append(args, "--config", g.config()), nil, &said, &complained)
	if err != nil {
		err = errors.Join(err, errors.New(complained.String()))
	}
	return said.String(), err
}

// operatorJSON is what a verb prints with --json.
func operatorJSON[V any](g *gatewayUnderTest, args ...string) V {
	g.t.Helper()
	var v V
	if said := g.operator(append(args, "--json")...); json.Unmarshal([]byte(said), &v) != nil {
		g.t.Fatalf("leasehold %s printed %s", strings.Join(args, " "), said)
	}
	return v
}

// account is the one account that there is, with its sign-ins and leases.
func (g *gatewayUnderTest) account() accountView {
	g.t.Helper()
	all := operatorJSON[[]accountView](g, "account", "list")
	if len(all) != 1 {
		g.t.Fatalf("%d accounts instead of one: %+v", len(all), all)
	}
	return operatorJSON[accountView](g, "account", "show", string(all[0].ID))
}

// leases are the live ones.
func (g *gatewayUnderTest) leases() []leaseView {
	g.t.Helper()
	return operatorJSON[[]leaseView](g, "lease", "list")
}

// events are the lines of the audit, oldest first.
func (g *gatewayUnderTest) events() []eventView {
	g.t.Helper()
	var all []eventView
	for line := range strings.Lines(g.operator("audit", "tail")) {
		var e eventView
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			g.t.Fatalf("audit line %q: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}

// audit is what happened, an "event outcome reason" each, oldest first.
func (g *gatewayUnderTest) audit() []string {
	g.t.Helper()
	var lines []string
	for _, e := range g.events() {
		lines = append(lines, strings.Join(strings.Fields(e.Event+" "+e.Outcome+" "+e.Reason), " "))
	}
	return lines
}

// told fails the test unless the audit ends with these lines.
func (g *gatewayUnderTest) told(want ...string) {
	g.t.Helper()
	got := g.audit()
	if len(got) < len(want) || strings.Join(got[len(got)-len(want):], "\n") != strings.Join(want, "\n") {
		g.t.Errorf("the audit ends with\n%s\ninstead of\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// until waits for something that takes its time.
func (g *gatewayUnderTest) until(what string, done func() bool) {
	g.t.Helper()
	for end := time.Now().Add(peers.Patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			g.t.Fatalf("waited for %s", what)
		}
	}
}
