package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/idp"
	"leasehold/idp/oidc"
	"leasehold/idp/oidc/oidctest"
	"leasehold/provision"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now().Truncate(time.Second)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	c.at = c.at.Add(d)
	c.mu.Unlock()
}

func domain(t testing.TB, s string) provision.Domain {
	t.Helper()
	d, err := provision.ParseDomain(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// configured is a connection to op, before changes.
func configured(t testing.TB, op *oidctest.OP, c *clock) oidc.Config {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return oidc.Config{
		Connection: provision.Connection{
			ID: "acme-oidc", Tenant: "acme", Protocol: provision.OIDC, Issuer: op.URL, ClientID: oidctest.ClientID,
			Domains: []provision.Domain{domain(t, "acme.test")},
		},
		ClientSecret: oidctest.ClientSecret,
		RedirectURI:  "https://sso.example.com/idp/acme-oidc/callback",
		HTTP:         &http.Client{Transport: transport, Timeout: 5 * time.Second},
		Now:          c.now,
	}
}

func open(t testing.TB, c oidc.Config) *oidc.Provider {
	t.Helper()
	p, err := oidc.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// attempt is a new one at the connection of configured.
func attempt(c *clock) idp.Attempt {
	return idp.Attempt{ID: "state-of-256-random-bits", Connection: "acme-oidc", Began: c.now(), Expires: c.now().Add(10 * time.Minute)}
}

// login plays a whole login of a.
func login(t testing.TB, p *oidc.Provider, op *oidctest.OP, a idp.Attempt) (provision.Assertion, error) {
	t.Helper()
	address, err := p.Begin(context.Background(), &a)
	if err != nil {
		return provision.Assertion{}, err
	}
	return p.Verify(context.Background(), a, op.Login(t, address))
}

// want fails unless err is a refusal for reason, and nothing of an assertion came with it.
func want(t testing.TB, what string, got provision.Assertion, err error, reason provision.Reason) {
	t.Helper()
	if reason == "" {
		if err != nil {
			t.Errorf("%s: %v, want it to pass", what, err)
		}
		return
	}
	var rejected *idp.Rejected
	if !errors.As(err, &rejected) || rejected.Check != reason {
		t.Errorf("%s: got %v, want %s", what, err, reason)
	}
	if !reflect.DeepEqual(got, provision.Assertion{}) {
		t.Errorf("%s: refused, and yet says %+v", what, got)
	}
	if err != nil && len(err.Error()) > 2000 {
		t.Errorf("%s: a refusal of %d bytes", what, len(err.Error()))
	}
}

func TestAnHonestLoginSaysWhoItIs(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	op.Now = c.now
	op.Claims["auth_time"], op.Claims["acr"], op.Claims["amr"] = c.now().Add(-time.Hour).Unix(), "gold", []string{"pwd", "otp"}
	op.Claims["sid"], op.Claims["session_expiry"] = "session-7", c.now().Add(time.Hour).Unix()
	got, err := login(t, open(t, configured(t, op, c)), op, attempt(c))
	if err != nil {
		t.Fatal(err)
	}
	expected := provision.Assertion{
		Facts:    provision.Facts{Connection: "acme-oidc", Subject: "248289761001", Email: "ada@acme.test", EmailVerified: true, Name: "Ada", Groups: []string{"engineering"}},
		Authn:    provision.Authn{At: c.now().Add(-time.Hour).UTC(), ACR: "gold", AMR: []string{"pwd", "otp"}, SessionEnd: c.now().Add(time.Hour).UTC(), SessionIndex: "session-7"},
		Upstream: provision.UpstreamSession{Name: "248289761001", Matched: "248289761001", Indexes: []string{"session-7"}},
	}
	if !reflect.DeepEqual(got, expected) {
		t.Errorf("got  %+v\nwant %+v", got, expected)
	}
	if op.Fetches("/userinfo") != 0 {
		t.Error("userinfo was asked for what the token said")
	}
}

func TestABeginningAsksForEverythingThatIsCheckedLater(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	op.Tamper.Discovery = func(d map[string]any) { d["scopes_supported"] = []string{"openid", "groups"} }
	a := attempt(c)
	a.Fresh, a.LoginHint = true, "ada@acme.test"
	address, err := open(t, configured(t, op, c)).Begin(context.Background(), &a)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, op.URL+"/authorize?") {
		t.Fatalf("%s, %v", address, err)
	}
	q := u.Query()
	challenge := q.Get("code_challenge")
	q.Del("code_challenge")
	expected := url.Values{
		"response_type": {"code"}, "client_id": {oidctest.ClientID}, "redirect_uri": {"https://sso.example.com/idp/acme-oidc/callback"},
		"scope": {"openid email profile groups"}, "state": {string(a.ID)}, "nonce": {a.Nonce}, "code_challenge_method": {"S256"},
		"prompt": {"login"}, "max_age": {"0"}, "login_hint": {"ada@acme.test"},
	}
	if !reflect.DeepEqual(q, expected) || len(challenge) != 43 || len(a.Verifier) < 43 || len(a.Nonce) < 22 || challenge == a.Verifier {
		t.Errorf("got %v with challenge %q", q, challenge)
	}
	b := attempt(c)
	if _, err := open(t, configured(t, op, c)).Begin(context.Background(), &b); err != nil || b.Nonce == a.Nonce || b.Verifier == a.Verifier {
		t.Errorf("two attempts have one nonce or verifier, %v", err)
	}
}
