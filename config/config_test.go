package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"leasehold/config"
)

const goodURL = "url: https://sso.example.com\n"

// written is a file with text in a folder of its own.
func written(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// lines are the faults with the folder of file cut off.
func lines(file string, faults config.Faults) []string {
	if len(faults) == 0 {
		return nil
	}
	return strings.Split(strings.ReplaceAll(faults.Error(), filepath.Dir(file)+"/", ""), "\n")
}

// wantFaults fails unless each fault begins with the line expected in its place, and there are no others.
func wantFaults(t *testing.T, got []string, want ...string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(want):
			t.Errorf("unexpected: %s", got[i])
		case i >= len(got):
			t.Errorf("missing: %s", want[i])
		case !strings.HasPrefix(got[i], want[i]):
			t.Errorf("got:  %s\nwant: %s…", got[i], want[i])
		}
	}
}

func TestTheExampleIsWhatTheDefaultsSay(t *testing.T) {
	example, faults := config.Load("testdata/leasehold.yaml", nil)
	if faults != nil {
		t.Fatal(faults)
	}
	bare, faults := config.Load("", []string{"LEASEHOLD_URL=https://sso.example.com", "LEASEHOLD_MANIFESTS=testdata/tenants.d/*.yaml", "LEASEHOLD_SECRETS=testdata/secrets.yaml"})
	if faults != nil {
		t.Fatal(faults)
	}
	if got, want := fmt.Sprintf("%+v", bare), fmt.Sprintf("%+v", example); got != want {
		t.Errorf("without a file\n%s\nthe example\n%s", got, want)
	}
	if bare.MasterKeyFile != "/var/lib/leasehold/master.key" || bare.Proof.Grace != 72*time.Hour || !bare.Cache {
		t.Errorf("defaults: %+v", bare)
	}
	if bare.Limits.Attempts != (config.Rate{Count: 600, Per: time.Minute}) || len(bare.TrustedProxies) != 2 || bare.TrustedProxies[1] != netip.MustParsePrefix("::1/128") {
		t.Errorf("defaults: %+v", bare)
	}
}

func TestTheEnvironmentWinsOverTheFile(t *testing.T) {
	file := written(t, "leasehold.yaml", goodURL+"cache: on\ntrusted_proxies: [10.0.0.0/8, 10.0.0.1]\ndata: state\nproof: {every: 1h}\n")
	c, faults := config.Load(file, []string{
		"HOME=/root", "LEASEHOLD_URL=https://other.example.com:8443", "LEASEHOLD_CACHE=off", "LEASEHOLD_TRUSTED_PROXIES=192.0.2.1, 2001:db8::/32",
		"LEASEHOLD_LISTEN=unix:/run/leasehold.sock", "LEASEHOLD_PROOF_GRACE=1d12h", "LEASEHOLD_LIMITS_EXEMPT=",
	})
	if faults != nil {
		t.Fatal(faults)
	}
	if c.URL.String() != "https://other.example.com:8443" || c.Cache || c.Proof.Every != time.Hour || c.Proof.Grace != 36*time.Hour {
		t.Errorf("got %+v", c)
	}
	if fmt.Sprint(c.TrustedProxies) != "[192.0.2.1/32 2001:db8::/32]" || len(c.Limits.Exempt) != 0 {
		t.Errorf("lists: %v, %v", c.TrustedProxies, c.Limits.Exempt)
	}
	if network, address := c.Listen.Listen(); network != "unix" || address != "/run/leasehold.sock" {
		t.Errorf("listen: %s %s", network, address)
	}
	if c.Data != filepath.Join(filepath.Dir(file), "state") || c.MasterKeyFile != filepath.Join(c.Data, "master.key") {
		t.Errorf("relative paths begin at the file: %s, %s", c.Data, c.MasterKeyFile)
	}
}

func TestFaultsOfTheEnvironmentNameTheVariable(t *testing.T) {
	file := written(t, "leasehold.yaml", "url: nonsense\ntrusted_proxies: [127.0.0.1, ::/0]\n")
	_, faults := config.Load(file, []string{
		"LEASEHOLD_TRUSTED_PROXIES=10.0.0.0/8,0.0.0.0/0", "LEASEHOLD_CACHE=perhaps", "LEASEHOLD_TLS_CRT=x", "LEASEHOLD_TLS=x", "LEASEHOLD_REDIS=a", "LEASEHOLD_REDIS=b",
	})
	wantFaults(t, lines(file, faults),
		`leasehold.yaml:1: url: origin "nonsense": does not begin with https://; write https://host`,
		`environment: LEASEHOLD_CACHE: "perhaps" is neither on nor off; write one of them`,
		`environment: LEASEHOLD_REDIS: is set twice, to different values`,
		`environment: LEASEHOLD_REDIS: is no URL of a Redis`,
		`environment: LEASEHOLD_TLS: is no variable of Leasehold`,
		`environment: LEASEHOLD_TLS_CRT: is no variable of Leasehold; correct its name or unset it`,
		`environment: LEASEHOLD_TRUSTED_PROXIES: 0.0.0.0/0 trusts everybody`,
	)
}

func TestWithoutFileOrURLTheFaultSaysBothWays(t *testing.T) {
	_, faults := config.Load("", nil)
	wantFaults(t, lines("", faults), `configuration: url: is missing; write the origin of the SSO host, as in https://sso.example.com, or set LEASEHOLD_URL`)
}

func TestAMissingFileIsAFaultBesideTheOthers(t *testing.T) {
	_, faults := config.Load("/nowhere/leasehold.yaml", []string{"LEASEHOLD_URL=https://sso.example.com", "LEASEHOLD_CACHE=maybe"})
	wantFaults(t, lines("", faults),
		`/nowhere/leasehold.yaml: cannot be read (no such file or directory); check the path`,
		`environment: LEASEHOLD_CACHE: "maybe"`)
}

func TestAFaultyConfigurationHoldsNothingButItsManifests(t *testing.T) {
	file := written(t, "leasehold.yaml", goodURL+"listen: nowhere\nmanifests: [a.yaml, '']\n")
	c, faults := config.Load(file, nil)
	if len(faults) != 2 || len(c.Manifests) != 1 || c.Manifests[0] != filepath.Join(filepath.Dir(file), "a.yaml") {
		t.Errorf("got %+v with %v", c, faults)
	}
	if c.Manifests = nil; !reflect.DeepEqual(c, config.Config{}) {
		t.Errorf("a faulty configuration may be used: %+v", c)
	}
}

func TestAFileThatIsNoYAMLHasNoFurtherFault(t *testing.T) {
	file := written(t, "leasehold.yaml", "url: [\n")
	_, faults := config.Load(file, []string{"LEASEHOLD_REDIS=nowhere"})
	wantFaults(t, lines(file, faults), `leasehold.yaml:1: is not valid YAML`, `environment: LEASEHOLD_REDIS: is no URL of a Redis`)
}

func TestEveryFaultOfAFileComesAtOnce(t *testing.T) {
	file := written(t, "leasehold.yaml", `url: https://sso.example.com/path
listen: 8080
tls: {cert: cert.pem, chain: x}
ops_listen: unix:relative
data:
database: mysql://root:hunter2@db/x
redis: localhost:6379
trusted_proxies:
- 0.0.0.0/0
- ::/0
- ::ffff:0:0/96
- 10.1.2.3/8
- proxy
- ""
dns: resolver
manifests: tenants.yaml
outbound: {allow_private: [[10.0.0.0/8]]}
proof: {every: 0, grace: -1h}
proof: {every: 24h}
limits: {attempts: 600/d, exempt: ["fe80::1%eth0"]}
operators: Acme Corp
cache: "y"
log: {level: loud}
extra: 1
`)
	_, faults := config.Load(file, nil)
	wantFaults(t, lines(file, faults),
		`leasehold.yaml:1: url: origin "https://sso.example.com/path": has no plain host name; write`,
		`leasehold.yaml:2: listen: "8080" is no address; write host:port or unix:/path`,
		`leasehold.yaml:3: tls.key: is missing beside tls.cert; write both or none`,
		`leasehold.yaml:3: tls.chain: is no key of this place; the keys here are cert, key`,
		`leasehold.yaml:4: ops_listen: "unix:relative" has no absolute path; write unix:/path`,
		`leasehold.yaml:5: data: has no value; write one, or leave the key out`,
		`leasehold.yaml:6: database: is no database that this version knows; write sqlite, or postgres://USER:PASSWORD@HOST:PORT/DATABASE`,
		`leasehold.yaml:7: redis: is no URL of a Redis`,
		`leasehold.yaml:9: trusted_proxies[0]: 0.0.0.0/0 trusts everybody`,
		`leasehold.yaml:10: trusted_proxies[1]: ::/0 trusts everybody`,
		`leasehold.yaml:11: trusted_proxies[2]: "::ffff:0:0/96" is no network; write`,
		`leasehold.yaml:12: trusted_proxies[3]: "10.1.2.3/8" has bits beyond its prefix; write 10.0.0.0/8, or the address alone`,
		`leasehold.yaml:13: trusted_proxies[4]: "proxy" is no network; write`,
		`leasehold.yaml:14: trusted_proxies[5]: is empty; write a value, or leave the item out`,
		`leasehold.yaml:15: dns: wants keys with values; write key: value`,
		`leasehold.yaml:16: manifests: wants a list; write [a, b]`,
		`leasehold.yaml:17: outbound.allow_private[0]: wants a single value, not a list`,
		`leasehold.yaml:18: proof.every: is 0; write a longer time`,
		`leasehold.yaml:18: proof.grace: "-1h" is negative; write`,
		`leasehold.yaml:19: proof: is here a second time, after line 18; keep one`,
		`leasehold.yaml:20: limits.attempts: "600/d" is no rate; write a number and s, m or h, as in 600/m`,
		`leasehold.yaml:20: limits.exempt[0]: "fe80::1%eth0" is no network; write`,
		`leasehold.yaml:21: operators: "Acme Corp" is no id; write`,
		`leasehold.yaml:22: cache: "y" is neither on nor off; write one of them`,
		`leasehold.yaml:23: log.level: "loud" is no level; write debug, info, warn or error`,
		`leasehold.yaml:24: extra: is no key of this place; the keys here are url, listen, tls,`,
	)
	if strings.Contains(faults.Error(), "hunter2") {
		t.Error("a fault shows the database's password")
	}
}

func TestBadInputsNameTheirLine(t *testing.T) {
	for text, want := range map[string]string{
		"\turl: x\n":                         `leasehold.yaml:1: is not valid YAML: tab character`,
		"listen: ':80'\ncache: [on\n":        `leasehold.yaml:2: is not valid YAML: `,
		"- url\n":                            `leasehold.yaml:1: wants keys with values; write key: value`,
		"cache: on\n---\ncache: on\n":        `leasehold.yaml:1: holds several documents`,
		"cache: on\nurl: \xff\n":             `leasehold.yaml:1: is not UTF-8`,
		"cache: &a on\n":                     `leasehold.yaml:1: anchors (&), aliases (*) and merge keys (<<) are not read here`,
		"cache: on\n<<: {data: x}\n":         `leasehold.yaml:2: anchors (&)`,
		"cache: !!bool on\n":                 `leasehold.yaml:1: tags (!), directives (%) and complex keys (?) are not read here`,
		"? cache\n: on\n":                    `leasehold.yaml:1: tags (!)`,
		"%YAML 1.2\n---\ncache: on\n":        `leasehold.yaml:1: tags (!)`,
		"a: " + strings.Repeat("[", 100_000): `leasehold.yaml:1: is nested too deep`,
		strings.Repeat("- ", 100_000):        `leasehold.yaml:1: is nested too deep`,
		strings.Repeat("# x\n", 2<<20):       `leasehold.yaml: is larger than 4194304 bytes; split it`,
		"cache: on\nredis: \"a\\nb\"\n":      `leasehold.yaml:2: redis: has a line break or another control character`,
		"\"a\\nb\": 1\n":                     `leasehold.yaml:1: a�b: is no key of this place`,
		"data: ''\n":                         `leasehold.yaml:1: data: is empty; write the folder`,
		"listen: a:1\nops_listen: a:1\n":     `leasehold.yaml:2: ops_listen: is the address of listen; choose another`,
		"dns: {resolver: ':53'}\n":           `leasehold.yaml:1: dns.resolver: ":53" is no address; write host:port`,
		"listen: '[::1:80'\n":                `leasehold.yaml:1: listen: "[::1:80" is no address`,
		"listen: ::1:80\n":                   `leasehold.yaml:1: listen: "::1:80" is no address`,
		"listen: localhost:99999\n":          `leasehold.yaml:1: listen: "localhost:99999" is no address`,
		"url: http://sso.example.com\n":      `leasehold.yaml:1: url: origin "http://sso.example.com": http is for loopback names only`,
		"tls: {cert: none.pem, key: none}\n": `leasehold.yaml:1: tls: cannot be used (open none.pem: no such file`,
		"proof: {grace: 0}\n":                `leasehold.yaml:1: proof.grace: is 0; write a longer time`,
		"tls: {key: key.pem}\n":              `leasehold.yaml:1: tls.cert: is missing beside tls.key`,
		"proof: {every: 30}\n":               `leasehold.yaml:1: proof.every: "30" is no length of time; write a number and its unit, as in 90d, 24h`,
		"proof: {every: 99999d}\n":           `leasehold.yaml:1: proof.every: "99999d" is longer than a hundred years`,
		"outbound: {allow_private: [a:b]}\n": `leasehold.yaml:1: outbound.allow_private[0]: wants a single value, not a list or a mapping; quote a value that has a colon`,
		"proof: {every: \"\"}\n":             `leasehold.yaml:1: proof.every: "" is no length of time`,
	} {
		file := written(t, "leasehold.yaml", text)
		_, faults := config.Load(file, []string{"LEASEHOLD_MANIFESTS="})
		got := lines(file, faults)
		found := false
		for _, line := range got {
			found = found || strings.HasPrefix(line, want)
		}
		if !found {
			t.Errorf("%.40q\n got: %s\nwant: %s…", text, strings.Join(got, "\n      "), want)
		}
	}
}

func TestGoodSpellingsAreRead(t *testing.T) {
	for _, text := range []string{
		"", "# only a comment\n", "\ufeffcache: on\n", "cache: on\r\nlisten: :80\r\n", "cache: off", "cache: true", "cache: \"no\"", "listen: '[::1]:80'",
		"listen: localhost:0\nops_listen: localhost:0", "database: sqlite", "proof: {every: 90d, grace: 1h30m}",
		"dns: {resolver: \"[::1]:53\"}", "limits: {attempts: 1/s, tenant: 10/s, exempt: []}", "operators: acme", "manifests:\n- a.yaml\n- b/*.yaml",
	} {
		if _, faults := config.Load(written(t, "leasehold.yaml", text), []string{"LEASEHOLD_URL=http://sso.localhost:8080"}); faults != nil {
			t.Errorf("%q: %v", text, faults)
		}
	}
}

func TestACertificateGoesWithItsOwnKey(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"one", "two"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1)}
		cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		for file, block := range map[string]*pem.Block{name + ".crt": {Type: "CERTIFICATE", Bytes: cert}, name + ".key": {Type: "PRIVATE KEY", Bytes: private}} {
			if err := os.WriteFile(filepath.Join(folder, file), pem.EncodeToMemory(block), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := filepath.Join(folder, "leasehold.yaml")
	if err := os.WriteFile(file, []byte(goodURL+"tls: {cert: one.crt, key: one.key}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, faults := config.Load(file, nil)
	if faults != nil || c.TLS.Cert != filepath.Join(folder, "one.crt") {
		t.Errorf("got %+v with %v", c.TLS, faults)
	}
	_, faults = config.Load(file, []string{"LEASEHOLD_TLS_KEY=two.key"})
	wantFaults(t, lines(file, faults), `leasehold.yaml:2: tls: cannot be used (tls: private key does not match public key)`)
}

func TestALocatorIsPrintedWithoutItsPassword(t *testing.T) {
	const located = config.Locator("postgres://u:hunter2@db/x")
	if text := fmt.Sprintf("%v %+v %s", located, config.Config{Database: located}, located); strings.Contains(text, "hunter2") || !strings.Contains(text, "u:xxxxx@db") {
		t.Errorf("printed: %s", text)
	}
	if asJSON, err := json.Marshal(located); err != nil || strings.Contains(string(asJSON), "hunter2") {
		t.Errorf("as JSON: %s, %v", asJSON, err)
	}
}

func TestADatabaseIsNamedWholeAndItsPasswordIsNotPrinted(t *testing.T) {
	for _, good := range []string{"sqlite", "postgres://u:hunter2@db/x", "postgresql://db:5433/x?sslmode=verify-full", "postgres://one,two/x?target_session_attrs=read-write"} {
		c, faults := config.Load(written(t, "leasehold.yaml", goodURL+"database: "+good+"\n"), nil)
		if len(faults) > 0 || string(c.Database) != good {
			t.Errorf("%s: %q, %v", good, string(c.Database), faults)
		}
	}
	for _, bad := range []string{"postgres://u:hunter2@db", "postgres://u:hunter2@db/", "postgres://db/x?password=hunter2", "postgres://db/x?sslpassword=hunter2", "postgres://u:hunter2@db/x/y", "postgres:hunter2", "mysql://u:hunter2@db/x"} {
		file := written(t, "leasehold.yaml", goodURL+"database: "+bad+"\n")
		_, faults := config.Load(file, nil)
		wantFaults(t, lines(file, faults), `leasehold.yaml:2: database: `)
		if strings.Contains(faults.Error(), "hunter2") {
			t.Errorf("%s: a password is printed: %v", bad, faults)
		}
	}
}

func FuzzConfig(f *testing.F) {
	example, err := os.ReadFile("testdata/leasehold.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{string(example), goodURL, "url: [", "tls: {cert: a, cert: b}", "a: &b [*b]", "? {a}\n: - -", "- !x y", "trusted_proxies: [0.0.0.0/0]"} {
		f.Add(text)
	}
	path := filepath.Join(f.TempDir(), "leasehold.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, faults := config.Load(path, nil)
		if faults.Error() != "" {
			return
		}
		if c.URL.IsZero() || c.Data == "" || c.MasterKeyFile == "" || c.Proof.Every <= 0 || c.Proof.Grace <= 0 || c.Limits.Attempts.Count < 1 {
			t.Errorf("without a fault, but incomplete: %+v", c)
		}
		for _, prefix := range c.TrustedProxies {
			if !prefix.IsValid() || prefix.Bits() == 0 {
				t.Errorf("trusts %v", prefix)
			}
		}
	})
}
