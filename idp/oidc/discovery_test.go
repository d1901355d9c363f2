package oidc_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"leasehold/idp/oidc"
	"leasehold/idp/oidc/oidctest"
	"leasehold/provision"
)

// begin is the address that a new login begins with.
func begin(p *oidc.Provider, c *clock) (string, error) {
	a := attempt(c)
	return p.Begin(context.Background(), &a)
}

func TestDiscoveryThatLies(t *testing.T) {
	says := func(name string, value any) func(*oidctest.OP, time.Time) {
		return func(op *oidctest.OP, _ time.Time) {
			op.Tamper.Discovery = func(d map[string]any) {
				if d[name] = value; value == nil {
					delete(d, name)
				}
			}
		}
	}
	play(t, []lie{
		{"another issuer", says("issuer", "https://login.evil.test"), provision.IssuerMismatch},
		{"no issuer", says("issuer", nil), provision.IssuerMismatch},
		{"a template", says("issuer", "https://login.microsoftonline.com/{tenantid}/v2.0"), provision.IssuerMismatch},
		{"a slash more", func(op *oidctest.OP, now time.Time) { says("issuer", op.URL+"/")(op, now) }, provision.IssuerMismatch},
		{"an issuer of 1 MB", says("issuer", strings.Repeat("i", 1<<20-4096)), provision.IssuerMismatch},
		{"ISSUER beside issuer", says("ISSUER", "x"), provision.DocumentMalformed},
		{"no token endpoint", says("token_endpoint", nil), provision.DocumentMalformed},
		{"no authorization endpoint", says("authorization_endpoint", nil), provision.DocumentMalformed},
		{"no keys", says("jwks_uri", nil), provision.DocumentMalformed},
		{"authorization endpoint that is a script", says("authorization_endpoint", "javascript:alert(1)"), provision.DocumentMalformed},
		{"relative token endpoint", says("token_endpoint", "/token"), provision.DocumentMalformed},
		{"token endpoint on http", says("token_endpoint", "http://login.acme.test/token"), provision.DocumentMalformed},
		{"keys in a file", says("jwks_uri", "file:///etc/passwd"), provision.DocumentMalformed},
		{"keys at an address inside, on http", says("jwks_uri", "http://169.254.169.254/keys"), provision.DocumentMalformed},
		{"userinfo with credentials", says("userinfo_endpoint", "https://a:b@login.acme.test/"), provision.DocumentMalformed},
		{"token endpoint with a fragment", says("token_endpoint", "https://login.acme.test/#"+"x"), provision.DocumentMalformed},
		{"an endpoint of 3 KiB", says("jwks_uri", "https://login.acme.test/"+strings.Repeat("k", 3<<10)), provision.DocumentMalformed},
		{"HMAC and none only", says("id_token_signing_alg_values_supported", []string{"HS256", "none"}), provision.AlgorithmRefused},
		{"algorithms that are no list", says("id_token_signing_alg_values_supported", 7), provision.DocumentMalformed},
		{"no algorithms named, ES256 used", says("id_token_signing_alg_values_supported", nil), provision.AlgorithmRefused},
		{"no algorithms named, RS256 used", func(op *oidctest.OP, now time.Time) {
			op.Rotate(oidctest.RSAKey(t, "rsa"))
			says("id_token_signing_alg_values_supported", nil)(op, now)
		}, ""},
		{"2 MiB", says("padding", strings.Repeat("p", 2<<20)), provision.MessageTooLarge},
	}, nil)
	for name, text := range map[string]string{"an array": "[]", "a page": "<html>", "null": "null"} {
		op, c := oidctest.New(t), newClock()
		op.Tamper.Handle = map[string]http.HandlerFunc{discoveryPath: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }}
		_, err := begin(open(t, configured(t, op, c)), c)
		want(t, name, provision.Assertion{}, err, provision.DocumentMalformed)
	}
}

func TestEndpointsOfAnHTTPSIssuerAreHTTPSOnLoopbackToo(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	op.Issuer = "https://login.acme.test"
	config := configured(t, op, c)
	config.Connection.Issuer, config.HTTP.Transport = op.Issuer, op.Reached()
	p := open(t, config)
	if _, err := begin(p, c); err != nil {
		t.Errorf("https throughout: %v", err)
	}
	op.Tamper.Discovery = func(d map[string]any) { d["jwks_uri"] = op.URL + "/keys" }
	_, err := begin(open(t, config), c)
	want(t, "keys at http://127.0.0.1", provision.Assertion{}, err, provision.DocumentMalformed)
}

func TestDiscoveryIsKeptAndRefreshed(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	p := open(t, configured(t, op, c))
	if n := op.Fetches(discoveryPath); n != 0 {
		t.Fatalf("New asked the issuer %d times", n)
	}
	passes := func(when string) {
		t.Helper()
		if _, err := begin(p, c); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	passes("first")
	c.pass(59 * time.Minute)
	passes("within the hour")
	if n := op.Fetches(discoveryPath); n != 1 {
		t.Errorf("%d fetches within the hour, want 1", n)
	}
	c.pass(2 * time.Minute)
	passes("beside the refresh")
	waitFor(t, func() bool { return op.Fetches(discoveryPath) == 2 })

	op.Tamper.Handle = map[string]http.HandlerFunc{discoveryPath: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }}
	c.pass(23 * time.Hour)
	passes("unreachable, within the day")
	c.pass(2 * time.Hour)
	_, err := begin(p, c)
	want(t, "unreachable for more than a day", provision.Assertion{}, err, provision.IdPUnreachable)
	c.pass(6 * time.Second) // what was tried beside is over
	_, err = begin(p, c)
	want(t, "and later", provision.Assertion{}, err, provision.IdPUnreachable)
	n := op.Fetches(discoveryPath)
	_, err = begin(p, c)
	want(t, "and a moment later", provision.Assertion{}, err, provision.IdPUnreachable)
	if op.Fetches(discoveryPath) != n {
		t.Error("an issuer that just failed was asked again at once")
	}
	op.Tamper.Handle = nil
	c.pass(6 * time.Second)
	passes("reachable again")
}

// waitFor gives what goes on beside a second to come true.
func waitFor(t *testing.T, true func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Second); !true(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come true")
		}
	}
}

func TestAWorseDiscoveryDoesNotReplaceAGoodOne(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	p := open(t, configured(t, op, c))
	good, err := begin(p, c)
	if err != nil {
		t.Fatal(err)
	}
	op.Tamper.Discovery = func(d map[string]any) { d["issuer"] = "https://login.evil.test" }
	c.pass(2 * time.Hour)
	for range 2 {
		after, err := begin(p, c)
		if err != nil || strings.SplitN(after, "?", 2)[0] != strings.SplitN(good, "?", 2)[0] {
			t.Errorf("got %s, %v", after, err)
		}
		waitFor(t, func() bool { return op.Fetches(discoveryPath) >= 2 })
	}
}

func TestConnectionsThatCannotBeTrustedAreRefusedUnasked(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	good := configured(t, op, c)
	issuer := func(s string) func(*oidc.Config) { return func(c *oidc.Config) { c.Connection.Issuer = s } }
	for name, change := range map[string]func(*oidc.Config){
		"the zero Config":   func(c *oidc.Config) { *c = oidc.Config{} },
		"no HTTP client":    func(c *oidc.Config) { c.HTTP = nil },
		"another protocol":  func(c *oidc.Config) { c.Connection.Protocol = provision.SAML },
		"no client id":      func(c *oidc.Config) { c.Connection.ClientID = "" },
		"no redirect":       func(c *oidc.Config) { c.RedirectURI = "" },
		"relative redirect": func(c *oidc.Config) { c.RedirectURI = "/idp/acme-oidc/callback" },
		"subject rule":      func(c *oidc.Config) { c.Connection.Subject = "email" },
		"empty claim":       func(c *oidc.Config) { c.Connection.Subject = "claim:" },
		"no issuer":         issuer(""),
		"plain http":        issuer("http://login.acme.test"),
		"a query":           issuer("https://login.acme.test/?a=b"),
		"an empty query":    issuer("https://login.acme.test/?"),
		"a fragment":        issuer("https://login.acme.test/#a"),
		"credentials":       issuer("https://a@login.acme.test/"),
		"a template":        issuer("https://login.microsoftonline.com/{tenantid}/v2.0"),
		"common":            issuer("https://login.microsoftonline.com/common/v2.0"),
		"Organizations":     issuer("https://login.microsoftonline.com/Organizations/v2.0"),
		"consumers":         issuer("https://login.microsoftonline.us/consumers/v2.0"),
		"common, v1":        issuer("https://sts.windows.net/common/"),
		"consumers by id":   issuer("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"),
		"no address":        issuer("urn:acme"),
	} {
		changed := good
		change(&changed)
		if p, err := oidc.New(changed); err == nil || p != nil {
			t.Errorf("%s: got %v, %v", name, p, err)
		}
	}
	for _, s := range []string{"https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0", "https://login.acme.test/realms/common", "http://oidc.localhost:8080"} {
		changed := good
		issuer(s)(&changed)
		if _, err := oidc.New(changed); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}
