package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/provision"
)

func ExampleLoadManifests() {
	manifest, faults := config.LoadManifests([]string{"testdata/tenants.d/*.yaml"}, nil, config.Judge{})
	if faults != nil {
		fmt.Println(faults)
		return
	}
	tenant := manifest.Tenants[0]
	fmt.Println(tenant.ID, tenant.Claims[0].Domain, tenant.Connections[0].ID, tenant.Connections[1].Secret)
	fmt.Println(tenant.ContractEnd, tenant.Policy.Create)
	fmt.Println(manifest.Apps[0].ID, manifest.Apps[0].Origins[0])
	// Output:
	// acme acme.test acme-saml [secret]
	// 2028-01-01 00:00:00 +0000 UTC allow
	// wiki https://wiki.example.com
}

func TestTheExampleBecomesTheNouns(t *testing.T) {
	manifest, faults := config.LoadManifests([]string{"testdata/tenants.d/*.yaml", "testdata/tenants.d/acme.yaml"}, nil, config.Judge{})
	if faults != nil {
		t.Fatal(faults)
	}
	if len(manifest.Tenants) != 1 || len(manifest.Apps) != 1 {
		t.Fatalf("a file that two patterns name is read once; got %d tenants, %d apps", len(manifest.Tenants), len(manifest.Apps))
	}
	app, tenant := manifest.Apps[0], manifest.Tenants[0]
	if app.Headers != "leasehold" || app.User != "" || !app.Admits("acme") || !app.IsPublic("/healthz") || app.MaxSession != 8*time.Hour || app.Owner != provision.ByManifest {
		t.Errorf("app: %+v", app)
	}
	if app.Notify.URL != "https://wiki.example.com/leasehold" || manifest.Hooks["wiki"].Reveal() != "an example, and no secret at all" {
		t.Errorf("app is told: %+v", app.Notify)
	}
	if tenant.Name != "Acme Corp" || tenant.Contact != "it@acme.test" || tenant.Retention != 90*24*time.Hour || tenant.Owner != provision.ByManifest {
		t.Errorf("tenant: %+v", tenant.Tenant)
	}
	if want := time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC); !tenant.ContractEnd.Equal(want) {
		t.Errorf("the contract ends %s, want %s", tenant.ContractEnd, want)
	}
	if policy := tenant.Policy; policy.Create != provision.CreateAllow || policy.DeprovisionGrace != 15*time.Minute || policy.Roles.Map["engineering"][0] != "engineer" {
		t.Errorf("policy: %+v", policy)
	}
	if claim := tenant.Claims[0]; claim.Tenant != "acme" || claim.Proof != provision.ProofDNS || claim.State != "" {
		t.Errorf("claim: %+v", claim)
	}
	saml, oidc := tenant.Connections[0], tenant.Connections[1]
	if saml.Tenant != "acme" || saml.Subject != "nameid" || !strings.HasPrefix(string(saml.Metadata), "<EntityDescriptor") || saml.Attributes["email"] != "mail" {
		t.Errorf("saml: %+v", saml)
	}
	if oidc.Issuer != "https://login.acme.test" || oidc.ClientID != "leasehold" || oidc.ClientSecret != "" || oidc.Secret.Reveal() != "not a secret at all" {
		t.Errorf("oidc: %+v", oidc)
	}
}

const tenantHead = "tenants:\n- id: acme\n  domains: [{name: acme.test}]\n"

func TestDefaultsAreThoseOfThePolicy(t *testing.T) {
	file := written(t, "a.yaml", tenantHead+`  policy: {seats: 5}
  connections:
  - {id: a, protocol: saml, domains: [acme.test], metadata: "<x/>"}
  - {id: b, protocol: oidc, domains: [acme.test], issuer: "http://oidc.localhost:8080/x", client_id: 007, client_secret_env: ACME}
  - {id: c, protocol: oidc, domains: [acme.test], issuer: "http://oidc.localhost:8080/x", client_id: x, liveness: {every: 5m, max_stale: 15m}}
- id: bare
apps:
- {id: feed, origins: ["http://feed.localhost:8080"], headers: remote-user}
`)
	manifest, faults := config.LoadManifests([]string{file}, []string{"ACMEX=no", "ACME=hunter2"}, config.Judge{})
	if faults != nil {
		t.Fatal(faults)
	}
	want := provision.Policy{}.WithDefaults()
	for _, tenant := range manifest.Tenants {
		if got := tenant.Policy; got.Create != want.Create || got.Mode != want.Mode || got.MaxSession != want.MaxSession || got.Idle != want.Idle {
			t.Errorf("policy of %s: %+v", tenant.ID, got)
		}
	}
	acme := manifest.Tenants[0]
	if acme.Name != "acme" || acme.Policy.Seats != 5 || !acme.ContractEnd.IsZero() || acme.Claims[0].Proof != provision.ProofDNS {
		t.Errorf("tenant: %+v", acme)
	}
	if saml, oidc := acme.Connections[0], acme.Connections[1]; saml.Subject != "nameid" || saml.IDPInitiated || saml.Encryption || oidc.Subject != "sub" || oidc.TrustEmail || oidc.ClientID != "007" || oidc.Secret.Reveal() != "hunter2" {
		t.Errorf("connections: %+v", acme.Connections)
	}
	if off, on := acme.Connections[1].Liveness, acme.Connections[2].Liveness; off.On() || on != (provision.Liveness{Every: 5 * time.Minute, MaxStale: 15 * time.Minute}) {
		t.Errorf("liveness: %+v, %+v", off, on)
	}
	if app := manifest.Apps[0]; app.User != "id" || len(app.Tenants) != 0 {
		t.Errorf("app: %+v", app)
	}
}

func TestEveryFaultOfAManifestComesAtOnce(t *testing.T) {
	file := written(t, "a.yaml", `apps:
- id: Wiki
  origins: [https://wiki.example.com/x, http://wiki.example.com]
  headers: custom
  tenants: [nobody-knows-it, Bad]
  public: [healthz, /a*b, /ok/*]
  max_session: 8
  notify: {url: https://x.test}
- id: feed
  origins: []
  user: email
- id: feed
  headers: remote-user
  user: claim
  origins: [https://feed.example.com, https://feed.example.com:443]
tenants:
- name: No Id
  contract_end: 2027-13-01
  retention: 0
  webhook: {secret_file: x}
  domains:
  - {name: gmail.com}
  - {name: co.uk, proof: dns-txt}
  - {name: acme.test, proof: word}
  - {name: ACME.test, proof: operator}
  connections:
  - id: one
    protocol: saml
    domains: [acme.test, other.test]
    subject: sub
    issuer: https://x.test
    metadata_url: http://x.test
    metadata_file: none.xml
    default: true
  - id: one
    protocol: oidc
    domains: []
    subject: attribute:x
    idp_initiated: on
    issuer: https://x.test/?a=b
    client_secret_env: LEASEHOLD_X
    liveness: {every: 5m, max_stale: 1m}
  - id: two
    protocol: oidc
    domains: [acme.test]
    client_id: x
    issuer: ftp://x
    client_secret_env: NOT_SET
    client_secret: hunter2
    default: true
  - protocol: ldap
  policy:
    create: maybe
    mode: rented
    seats: -1
    max_session: 0
    idle: 0
    roles: {default: [root], map: {a: [b], a: [c]}, ceiling: [reader]}
    when: >-
      request.tme
`)
	manifest, faults := config.LoadManifests([]string{file}, nil, config.Judge{Condition: func(when string) error { return errors.New("is judged: " + when) }})
	if manifest.Apps != nil || manifest.Tenants != nil {
		t.Error("a faulty manifest is used")
	}
	if strings.Contains(faults.Error(), "hunter2") {
		t.Error("a fault shows a secret")
	}
	wantFaults(t, lines(file, faults),
		`a.yaml:2: apps[0].id: "Wiki" is no id; write 1 to 63 lower-case letters`,
		`a.yaml:3: apps[0].origins[0]: origin "https://wiki.example.com/x": has no plain host name; write https://host`,
		`a.yaml:3: apps[0].origins[1]: origin "http://wiki.example.com": http is for loopback names only`,
		`a.yaml:4: apps[0].headers: "custom" is none of leasehold, remote-user; write one of them`,
		`a.yaml:5: apps[0].tenants[1]: "Bad" is no id`,
		`a.yaml:6: apps[0].public[0]: "healthz" is no path; write /path, or /path/* for all below it`,
		`a.yaml:6: apps[0].public[1]: "/a*b" is no path`,
		`a.yaml:7: apps[0].max_session: "8" is no length of time`,
		`a.yaml:8: apps[0].notify.secret_file: is missing; name the file of the secret that signs`,
		`a.yaml:10: apps[1].origins: is empty; write the origin`,
		`a.yaml:11: apps[1].user: is for headers: remote-user only; leave it out`,
		`a.yaml:12: apps[2].id: app "feed" is taken, by a.yaml:9; choose another`,
		`a.yaml:14: apps[2].user: "claim" is none of id, email, name`,
		`a.yaml:15: apps[2].origins[1]: origin "https://feed.example.com" is taken, by a.yaml:15`,
		`a.yaml:17: tenants[0].id: is missing; add it`,
		`a.yaml:18: tenants[0].contract_end: "2027-13-01" is no date`,
		`a.yaml:19: tenants[0].retention: is 0, which would erase at once`,
		`a.yaml:20: tenants[0].webhook.url: is missing; say where warnings are sent`,
		`a.yaml:20: tenants[0].webhook.secret_file: x cannot be read`,
		`a.yaml:22: tenants[0].domains[0].name: "gmail.com" is a public mail provider, where anybody can have an address; write a domain`,
		`a.yaml:23: tenants[0].domains[1].name: "co.uk" is a public suffix, below which anybody can register; write a domain`,
		`a.yaml:24: tenants[0].domains[2].proof: "word" is none of dns-txt, operator`,
		`a.yaml:25: tenants[0].domains[3].name: acme.test is claimed above; keep one`,
		`a.yaml:29: tenants[0].connections[0].domains[1]: other.test is not among the tenant's domains; add it there, or leave it out here`,
		`a.yaml:30: tenants[0].connections[0].subject: "sub" is no subject of this protocol; write nameid or attribute:NAME`,
		`a.yaml:31: tenants[0].connections[0].issuer: is for protocol: oidc and workload only; leave it out`,
		`a.yaml:32: tenants[0].connections[0].metadata_url: "http://x.test" does not begin with https://`,
		`a.yaml:33: tenants[0].connections[0].metadata_file: none.xml cannot be read (no such file or directory)`,
		`a.yaml:33: tenants[0].connections[0].metadata_file: 2 of metadata_file, metadata_url and metadata are given; give exactly one`,
		`a.yaml:35: tenants[0].connections[1].id: connection "one" is taken, by a.yaml:27`,
		`a.yaml:35: tenants[0].connections[1].client_id: is missing; write the id`,
		`a.yaml:37: tenants[0].connections[1].domains: is empty; name those`,
		`a.yaml:38: tenants[0].connections[1].subject: "attribute:x" is no subject of this protocol; write sub, tid+oid or claim:NAME`,
		`a.yaml:39: tenants[0].connections[1].idp_initiated: is for protocol: saml only; leave it out`,
		`a.yaml:40: tenants[0].connections[1].issuer: "https://x.test/?a=b" has a query`,
		`a.yaml:41: tenants[0].connections[1].client_secret_env: "LEASEHOLD_X" looks like a key of the configuration`,
		`a.yaml:42: tenants[0].connections[1].liveness.max_stale: is 1m0s, shorter than every (5m0s); write a longer time`,
		`a.yaml:47: tenants[0].connections[2].issuer: "ftp://x" does not begin with https://`,
		`a.yaml:48: tenants[0].connections[2].client_secret_env: "NOT_SET" is not set in the environment; set it, or name a file`,
		`a.yaml:49: tenants[0].connections[2].client_secret: is no key of this place; the keys here are id, protocol,`,
		`a.yaml:50: tenants[0].connections[2].default: one is the default for acme.test already; keep one`,
		`a.yaml:51: tenants[0].connections[3].protocol: "ldap" is none of saml, oidc, workload; write one of them`,
		`a.yaml:51: tenants[0].connections[3].domains: is missing; add it`,
		`a.yaml:51: tenants[0].connections[3].id: is missing; add it`,
		`a.yaml:53: tenants[0].policy.create: "maybe" is none of allow, invite, approve, deny`,
		`a.yaml:54: tenants[0].policy.mode: "rented" is none of leased, ephemeral, provisioned`,
		`a.yaml:55: tenants[0].policy.seats: "-1" is no whole number from 0 on`,
		`a.yaml:56: tenants[0].policy.max_session: is 0, which would let nobody in`,
		`a.yaml:57: tenants[0].policy.idle: is 0, which would let nobody in`,
		`a.yaml:58: tenants[0].policy.roles.default: "root" is not in roles.ceiling`,
		`a.yaml:58: tenants[0].policy.roles.map: a gives "b", which is not in roles.ceiling`,
		`a.yaml:58: tenants[0].policy.roles.map.a: is here a second time, after line 58; keep one`,
		`a.yaml:59: tenants[0].policy.when: is judged: request.tme`,
	)
}

func TestNamesAreUniqueOverAllFiles(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"a.yaml": "apps: [{id: x, origins: [https://x.test]}]\n" + tenantHead + "  connections: [{id: c, protocol: saml, domains: [acme.test], metadata_url: https://x.test}]\n",
		"b.yaml": "apps:\n- {id: x, origins: [https://X.test]}\ntenants:\n- id: acme\n- id: rival\n  domains: [{name: acme.test}]\n" +
			"  connections: [{id: c, protocol: saml, domains: [acme.test], metadata_url: https://x.test}]\n",
		"c.yaml": "apps: [\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	missing := filepath.Join(folder, "missing.yaml")
	_, faults := config.LoadManifests([]string{filepath.Join(folder, "*.yaml"), missing, folder + "/none-*.yaml", folder + "/[.yaml"}, nil, config.Judge{})
	got := strings.Split(strings.ReplaceAll(faults.Error(), folder+"/", ""), "\n")
	wantFaults(t, got,
		`[.yaml: is no pattern of file names`,
		`b.yaml:2: apps[0].id: app "x" is taken, by a.yaml:1`,
		`b.yaml:2: apps[0].origins[0]: origin "https://x.test" is taken, by a.yaml:1`,
		`b.yaml:4: tenants[0].id: tenant "acme" is taken, by a.yaml:3`,
		`b.yaml:7: tenants[1].connections[0].id: connection "c" is taken, by a.yaml:5`,
		`c.yaml:1: is not valid YAML`,
		`missing.yaml: cannot be read (no such file or directory)`,
	)
}

func TestTwoTenantsMayClaimADomain(t *testing.T) {
	file := written(t, "a.yaml", tenantHead+"- id: rival\n  domains: [{name: acme.test}]\n")
	manifest, faults := config.LoadManifests([]string{file}, nil, config.Judge{})
	if faults != nil || len(manifest.Tenants) != 2 || manifest.Tenants[1].Claims[0].Tenant != "rival" {
		t.Errorf("got %+v with %v; a domain has one owner by proof, not by manifest", manifest, faults)
	}
}

func TestFilesBesideAManifestMustHoldSomethingSmall(t *testing.T) {
	file := written(t, "a.yaml", tenantHead+`  connections:
  - {id: a, protocol: saml, domains: [acme.test], metadata_file: empty}
  - {id: b, protocol: saml, domains: [acme.test], metadata_file: large}
  - {id: c, protocol: oidc, domains: [acme.test], issuer: https://x.test, client_id: x, client_secret_file: empty}
  - {id: d, protocol: oidc, domains: [acme.test], issuer: https://x.test, client_id: x, client_secret_file: .}
  - {id: e, protocol: oidc, domains: [acme.test], issuer: https://x.test, client_id: x, client_secret_file: x, client_secret_env: X}
  - {id: f, protocol: saml, domains: [acme.test, Acme.test]}
`)
	for name, size := range map[string]int{"empty": 0, "large": 1<<20 + 1} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, faults := config.LoadManifests([]string{file}, nil, config.Judge{})
	wantFaults(t, lines(file, faults),
		`a.yaml:5: tenants[0].connections[0].metadata_file: empty is empty; name a file with content`,
		`a.yaml:6: tenants[0].connections[1].metadata_file: large is larger than 1048576 bytes`,
		`a.yaml:7: tenants[0].connections[2].client_secret_file: empty is empty`,
		`a.yaml:8: tenants[0].connections[3].client_secret_file: `,
		`a.yaml:9: tenants[0].connections[4].client_secret_env: is given beside client_secret_file; give one of them`,
		`a.yaml:10: tenants[0].connections[5].metadata_file: 0 of metadata_file, metadata_url and metadata are given`,
		`a.yaml:10: tenants[0].connections[5].domains[1]: acme.test is here twice; keep one`,
	)
}

func TestInlineMetadataKeepsItsLines(t *testing.T) {
	file := written(t, "a.yaml", tenantHead+"  connections:\n  - id: a\n    protocol: saml\n    domains: [acme.test]\n    metadata: |\n      <a>\n        <b/>\n      </a>\n")
	manifest, faults := config.LoadManifests([]string{file}, nil, config.Judge{})
	if faults != nil {
		t.Fatal(faults)
	}
	if got := string(manifest.Tenants[0].Connections[0].Metadata); got != "<a>\n  <b/>\n</a>\n" {
		t.Errorf("got %q", got)
	}
}

func TestALargeManifestIsReadInOneGo(t *testing.T) {
	var text strings.Builder
	text.WriteString("tenants:\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "- id: t%d\n  domains: [{name: t%d.test}]\n  policy: {create: allow}\n", i, i)
	}
	manifest, faults := config.LoadManifests([]string{written(t, "a.yaml", text.String())}, nil, config.Judge{})
	if faults != nil || len(manifest.Tenants) != 10_000 {
		t.Errorf("%d tenants, %v", len(manifest.Tenants), faults)
	}
}

func TestASecretIsNeverPrinted(t *testing.T) {
	secret := config.NewSecret("hunter2")
	connection := config.ManifestConnection{Secret: secret}
	var text strings.Builder
	logger := slog.New(slog.NewTextHandler(&text, nil))
	logger.Info("x", "secret", secret, "connection", connection)
	slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "secret", secret, "connection", connection)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%t"} {
		fmt.Fprintf(&text, verb+verb+verb, secret, &secret, connection)
	}
	asJSON, err := json.Marshal(connection)
	if err != nil {
		t.Fatal(err)
	}
	text.Write(asJSON)
	for _, leak := range []string{"hunter2", fmt.Sprintf("%x", "hunter2")} {
		if strings.Contains(text.String(), leak) {
			t.Errorf("printed:\n%s", text.String())
		}
	}
	if secret.String() != "[secret]" || secret.Reveal() != "hunter2" || secret.IsZero() || !(config.Secret{}).IsZero() {
		t.Error("the secret itself is wrong")
	}
}

func FuzzManifest(f *testing.F) {
	example, err := os.ReadFile("testdata/tenants.d/acme.yaml")
	if err != nil {
		f.Fatal(err)
	}
	folder := f.TempDir()
	for _, name := range []string{"idp.xml", "secret"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	for _, text := range []string{string(example), tenantHead, "apps: [{id: a, origins: [https://a.test], public: [/*]}]", "tenants: [1, ~, {id: [x]}]", "a: *a", "- - ? :"} {
		f.Add(text)
	}
	path := filepath.Join(folder, "manifest.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		manifest, faults := config.LoadManifests([]string{path}, nil, config.Judge{})
		for _, fault := range faults {
			if fault.File != path || fault.Line < 1 || fault.Text == "" || strings.Contains(fault.String(), "\n") {
				t.Errorf("fault without a place or a sentence: %+v", fault)
			}
		}
		checkManifest(t, manifest)
	})
}

// checkManifest fails unless all that the manifest names is valid.
func checkManifest(t *testing.T, manifest config.Manifest) {
	for _, app := range manifest.Apps {
		if !provision.ValidName(string(app.ID)) || len(app.Origins) == 0 || slices.Contains(app.Origins, provision.Origin{}) {
			t.Errorf("app: %+v", app)
		}
	}
	for _, tenant := range manifest.Tenants {
		if !provision.ValidName(string(tenant.ID)) || tenant.Policy.Faults() != nil || tenant.Retention < 0 {
			t.Errorf("tenant: %+v", tenant.Tenant)
		}
		for _, connection := range tenant.Connections {
			if !provision.ValidName(string(connection.ID)) || connection.Subject == "" || len(connection.Domains) == 0 || connection.Tenant != tenant.ID {
				t.Errorf("connection: %+v", connection.Connection)
			}
			for _, domain := range connection.Domains {
				if domain.IsZero() || !slices.Contains(tenant.Claims, provision.Claim{Tenant: tenant.ID, Domain: domain, Proof: provision.ProofDNS}) &&
					!slices.Contains(tenant.Claims, provision.Claim{Tenant: tenant.ID, Domain: domain, Proof: provision.ProofOperator}) {
					t.Errorf("connection %s asserts %q", connection.ID, domain)
				}
			}
		}
	}
}

func TestWhatOnlyTheGatewayCanTellHasItsLine(t *testing.T) {
	file := written(t, "a.yaml", `apps:
- {id: wiki, origins: ["https://wiki.example.com", "https://sso.example.com"]}
tenants:
- id: acme
  domains: [{name: acme.test}]
  connections:
  - id: acme-saml
    protocol: saml
    metadata: <none/>
    domains: [acme.test]
  - id: acme-oidc
    protocol: oidc
    issuer: https://login.acme.test
    client_id: x
    domains: [acme.test]
  - id: faulty
    protocol: oidc
    issuer: https://login.acme.test?query
    client_id: x
    domains: [acme.test]
`)
	var seen []provision.ConnectionID
	_, faults := config.LoadManifests([]string{file}, nil, config.Judge{
		Connection: func(c provision.Connection) error {
			seen = append(seen, c.ID)
			return errors.New("is judged: " + string(c.Metadata) + c.Issuer)
		},
		Origin: func(o provision.Origin) error {
			if o.String() == "https://sso.example.com" {
				return errors.New("is judged")
			}
			return nil
		},
	})
	wantFaults(t, lines(file, faults),
		`a.yaml:2: apps[0].origins[1]: is judged`,
		`a.yaml:9: tenants[0].connections[0].metadata: is judged: <none/>`,
		`a.yaml:13: tenants[0].connections[1].issuer: is judged: https://login.acme.test`,
		`a.yaml:18: tenants[0].connections[2].issuer: `)
	if slices.Contains(seen, "faulty") {
		t.Error("a connection with a fault was judged")
	}
}

func TestWhatTellsAnAppIsSigned(t *testing.T) {
	for notify, want := range map[string]string{
		"{url: https://x.test}":                                      "secret_file: is missing",
		"{url: http://x.test, secret_env: LONG}":                     "url: \"http://x.test\" does not begin with https://",
		"{url: https://x.test, secret_env: SHORT}":                   "secret_env: is no secret of 24 bytes or more",
		"{url: https://x.test, secret_env: CODED}":                   "secret_env: is no secret of 24 bytes or more",
		"{url: https://x.test, secret_env: UNSET}":                   "secret_env: \"UNSET\" is not set",
		"{url: https://x.test, secret_env: LONG, secret_file: none}": "secret_env: is given beside secret_file",
		"{url: https://x.test, secret_file: none}":                   "secret_file: ",
		"{url: https://x.test, secret_env: LONG}":                    "",
		"{url: 'http://localhost:8081/hook', secret_env: LONG}":      "",
		"{secret_env: LONG}":                                         "", // only listens
	} {
		file := written(t, "a.yaml", "apps:\n- id: wiki\n  origins: [https://wiki.test]\n  notify: "+notify+"\n")
		manifest, faults := config.LoadManifests([]string{file}, []string{"LONG=twenty-four characters or more", "SHORT=short", "CODED=whsec_bm8="}, config.Judge{})
		switch {
		case want == "" && (len(faults) > 0 || manifest.Hooks["wiki"].Reveal() != "twenty-four characters or more"):
			t.Errorf("%s: %v", notify, faults)
		case want != "" && (len(faults) != 1 || !strings.Contains(faults.Error(), "apps[0].notify."+want)):
			t.Errorf("%s: faults %v, want %s", notify, faults, want)
		case strings.Contains(faults.Error(), "twenty-four"):
			t.Errorf("%s: the fault tells the secret", notify)
		}
	}
}
