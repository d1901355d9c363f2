// Package oidctest is an OpenID provider for tests: honest, unless it is told to lie. It logs in whoever comes, as the
// person its Claims describe.
package oidctest

import (
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// What the provider knows its one relying party by. The secret has to be percent-encoded in Basic (RFC 6749, 2.3.1).
const (
	ClientID     = "leasehold"
	ClientSecret = "s3cret:/+ %"
)

// OP is the provider. Its fields may be changed between logins.
type OP struct {
	URL      string           // where it listens, http://127.0.0.1:PORT
	Issuer   string           // what it calls itself; URL unless changed
	Key      Key              // signs; the first of Keys unless changed
	Keys     []Key            // published
	Claims   map[string]any   // of the person, in the ID token
	UserInfo map[string]any   // of the person, at the userinfo endpoint; nil: there is none
	Now      func() time.Time // nil: time.Now
	Tamper   Tamper

	mu      sync.Mutex
	codes   map[string]login
	fetches map[string]int
}

// Tamper changes what the provider says. Each may change what it is given in place; nil changes nothing.
type Tamper struct {
	Discovery func(map[string]any)
	Keys      func(map[string]any)        // the key set
	Header    func(map[string]any)        // of the ID token, before it is signed
	Claims    func(map[string]any)        // of the ID token, before it is signed
	Payload   func([]byte) []byte         // of the ID token, before it is signed
	Token     func(string) string         // the signed ID token
	Response  func(map[string]any)        // of the token endpoint
	UserInfo  func(map[string]any)        // of the userinfo endpoint
	Callback  func(url.Values)            // what the browser brings back
	Handle    map[string]http.HandlerFunc // in place of what is at a path
}

// login is one that waits for its code to be redeemed.
type login struct {
	nonce, challenge, redirect string
	fresh                      bool
}

// New starts a provider with a key for ES256 and a person, ada@acme.test.
func New(t testing.TB) *OP {
	t.Helper()
	op := &OP{
		Claims:  map[string]any{"sub": "248289761001", "email": "ada@acme.test", "email_verified": true, "name": "Ada", "groups": []string{"engineering"}},
		codes:   map[string]login{},
		fetches: map[string]int{},
	}
	op.Rotate(ECKey(t, "first", elliptic.P256()))
	server := httptest.NewServer(op)
	t.Cleanup(server.Close)
	op.URL, op.Issuer = server.URL, server.URL
	return op
}

// Rotate makes k the one key that signs and is published.
func (op *OP) Rotate(k Key) {
	op.mu.Lock()
	defer op.mu.Unlock()
	op.Key, op.Keys = k, []Key{k}
}

// Habits is a provider that behaves as op does now, and knows nobody: for Resume.
func (op *OP) Habits() *OP {
	op.mu.Lock()
	defer op.mu.Unlock()
	keys := slices.Clone(op.Keys)
	for i := range keys {
		keys[i].JWK = maps.Clone(keys[i].JWK)
	}
	return &OP{Issuer: op.Issuer, Key: op.Key, Keys: keys, Claims: maps.Clone(op.Claims), UserInfo: maps.Clone(op.UserInfo), Tamper: op.Tamper}
}

// Resume lets op behave as it did.
func (op *OP) Resume(was *OP) {
	op.mu.Lock()
	defer op.mu.Unlock()
	op.Issuer, op.Key, op.Keys, op.Claims, op.UserInfo, op.Tamper = was.Issuer, was.Key, was.Keys, was.Claims, was.UserInfo, was.Tamper
}

// Fetches is how often a path was asked for: "/keys", "/.well-known/openid-configuration", "/token", "/userinfo".
func (op *OP) Fetches(path string) int {
	op.mu.Lock()
	defer op.mu.Unlock()
	return op.fetches[path]
}

// Login plays the browser: it goes to the address that a login begins with, and returns what it brings back.
func (op *OP) Login(t testing.TB, address string) url.Values {
	t.Helper()
	if path, ok := strings.CutPrefix(address, op.Issuer); ok {
		address = op.URL + path
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer browser.CloseIdleConnections()
	answer, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	back, err := answer.Location()
	if err != nil {
		t.Fatalf("authorization endpoint: %s, no way back", answer.Status)
	}
	return back.Query()
}

// Reached is a transport whose every request reaches op, whatever its address: for an Issuer that is not URL.
func (op *OP) Reached() http.RoundTripper { return reached{op} }

type reached struct{ *OP }

func (to reached) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	to.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// ServeHTTP answers at the provider's endpoints.
func (op *OP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op.mu.Lock()
	op.fetches[r.URL.Path]++
	handle, instead := op.Tamper.Handle[r.URL.Path]
	op.mu.Unlock()
	if instead {
		handle(w, r)
		return
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		say(w, op.discovery(), op.Tamper.Discovery)
	case "/keys":
		say(w, op.keySet(), op.Tamper.Keys)
	case "/authorize":
		op.authorize(w, r)
	case "/token":
		op.token(w, r)
	case "/userinfo":
		op.userInfo(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (op *OP) discovery() map[string]any {
	d := map[string]any{
		"issuer":                                         op.Issuer,
		"authorization_endpoint":                         op.Issuer + "/authorize",
		"token_endpoint":                                 op.Issuer + "/token",
		"jwks_uri":                                       op.Issuer + "/keys",
		"response_types_supported":                       []string{"code"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "HS256", "none"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic"},
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": true,
	}
	if op.UserInfo != nil {
		d["userinfo_endpoint"] = op.Issuer + "/userinfo"
	}
	return d
}

func (op *OP) keySet() map[string]any {
	published := make([]any, len(op.Keys))
	for i, k := range op.Keys {
		published[i] = k.JWK
	}
	return map[string]any{"keys": published}
}

// authorize remembers the login and sends the browser back with its code (OIDC Core 3.1.2.5).
func (op *OP) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("response_type") != "code" || q.Get("client_id") != ClientID || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "no such request", http.StatusBadRequest)
		return
	}
	code := fmt.Sprintf("code-%d", len(op.codes))
	op.codes[code] = login{q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri"), q.Get("max_age") == "0"}
	back := url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {op.Issuer}}
	if op.Tamper.Callback != nil {
		op.Tamper.Callback(back)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
}

// token redeems a code, once, for who began the login (RFC 6749, 4.1.3; RFC 7636, 4.6).
func (op *OP) token(w http.ResponseWriter, r *http.Request) {
	if fault := op.redeem(w, r); fault != "" {
		w.WriteHeader(http.StatusBadRequest)
		say(w, map[string]any{"error": fault}, nil)
	}
}

func (op *OP) redeem(w http.ResponseWriter, r *http.Request) (fault string) {
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	if id == "" {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	l, ok := op.codes[r.PostFormValue("code")]
	switch {
	case id != ClientID || secret != ClientSecret:
		return "invalid_client"
	case !ok || l.redirect != r.PostFormValue("redirect_uri") || l.challenge != oauth2.S256ChallengeFromVerifier(r.PostFormValue("code_verifier")):
		return "invalid_grant"
	}
	op.codes[r.PostFormValue("code")] = login{}
	say(w, map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": op.idToken(l)}, op.Tamper.Response)
	return ""
}

// idToken makes and signs one, lies included.
func (op *OP) idToken(l login) string {
	now := time.Now
	if op.Now != nil {
		now = op.Now
	}
	claims := map[string]any{"iss": op.Issuer, "aud": ClientID, "nonce": l.nonce, "iat": now().Unix(), "exp": now().Add(time.Minute).Unix()}
	if l.fresh {
		claims["auth_time"] = now().Unix()
	}
	maps.Copy(claims, op.Claims)
	header := map[string]any{"alg": op.Key.Algorithm, "kid": op.Key.ID, "typ": "JWT"}
	if op.Tamper.Header != nil {
		op.Tamper.Header(header)
	}
	if op.Tamper.Claims != nil {
		op.Tamper.Claims(claims)
	}
	payload, _ := json.Marshal(claims)
	if op.Tamper.Payload != nil {
		payload = op.Tamper.Payload(payload)
	}
	token := op.Key.Sign(header, payload)
	if op.Tamper.Token != nil {
		token = op.Tamper.Token(token)
	}
	return token
}

func (op *OP) userInfo(w http.ResponseWriter, r *http.Request) {
	if op.UserInfo == nil || r.Header.Get("Authorization") != "Bearer access" {
		http.Error(w, "", http.StatusUnauthorized)
		return
	}
	info := map[string]any{"sub": op.Claims["sub"]}
	maps.Copy(info, op.UserInfo)
	say(w, info, op.Tamper.UserInfo)
}

// say writes what is said, after it was tampered with.
func say(w http.ResponseWriter, what map[string]any, tamper func(map[string]any)) {
	if tamper != nil {
		tamper(what)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(what)
}
