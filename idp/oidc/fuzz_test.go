package oidc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	strict "github.com/go-jose/go-jose/v4/json"

	"leasehold/idp"
	"leasehold/idp/oidc"
	"leasehold/idp/oidc/oidctest"
	"leasehold/provision"
)

// issuer is a provider whose every endpoint says what a fuzzer wants, the same in every process that fuzzes: one key, one
// clock, one attempt.
type issuer struct {
	f        *testing.F
	op       *oidctest.OP
	config   oidc.Config
	provider *oidc.Provider
	attempt  idp.Attempt
	callback url.Values
}

const spoken = `{"iss":"https://login.acme.test","aud":"leasehold","nonce":"the-nonce","iat":1800000000,"exp":1800000060,"sub":"ada"`

func newIssuer(f *testing.F) *issuer {
	f.Helper()
	scalar := make([]byte, 32)
	scalar[31] = 7
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		f.Fatal(err)
	}
	op, c := oidctest.New(f), &clock{at: time.Unix(1800000000, 0)}
	op.Rotate(oidctest.NewKey(f, "first", "ES256", private, nil))
	op.Now, op.Issuer, op.Tamper.Handle = c.now, "https://login.acme.test", map[string]http.HandlerFunc{}
	config := configured(f, op, c)
	config.Connection.Issuer, config.HTTP = op.Issuer, &http.Client{Transport: op.Reached()}
	a := attempt(c)
	a.Nonce, a.Verifier = "the-nonce", strings.Repeat("v", 43)
	callback := url.Values{"state": {string(a.ID)}, "code": {"code"}, "iss": {op.Issuer}}
	return &issuer{f, op, config, open(f, config), a, callback}
}

// says is what the provider answers at a path from now on.
func (i *issuer) says(path string, body []byte) {
	i.op.Tamper.Handle[path] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}
}

// grants is the ID token that the token endpoint answers with.
func (i *issuer) grants(token string) {
	body, err := json.Marshal(map[string]string{"access_token": "access", "token_type": "Bearer", "id_token": token})
	if err != nil {
		i.f.Fatal(err)
	}
	i.says("/token", body)
}

// honest is a token that is signed, with its signed part.
func (i *issuer) honest(more string) (token, signed string) {
	token = i.op.Key.Sign(map[string]any{"alg": i.op.Key.Algorithm, "kid": i.op.Key.ID}, []byte(spoken+more+`}`))
	return token, token[:strings.LastIndexByte(token, '.')+1]
}

func (i *issuer) verify(p *oidc.Provider) (provision.Assertion, error) {
	return p.Verify(context.Background(), i.attempt, i.callback)
}

// reason fails unless err is a refusal that says nothing about anybody.
func reason(t *testing.T, got provision.Assertion, err error) provision.Reason {
	t.Helper()
	var rejected *idp.Rejected
	if !errors.As(err, &rejected) || rejected.Check == "" || !reflect.DeepEqual(got, provision.Assertion{}) {
		t.Fatalf("%v, and it says %+v", err, got)
	}
	return rejected.Check
}

// FuzzToken: whatever text the token endpoint calls an ID token is refused, or is what the issuer signed.
func FuzzToken(f *testing.F) {
	i := newIssuer(f)
	honest, signed := i.honest("")
	parts := strings.Split(honest, ".")
	for _, seed := range []string{honest, "", "..", signed, "eyJhbGciOiJub25lIn0." + parts[1] + ".", parts[0] + "." + parts[1] + "..", " " + honest, `{"payload":"` + parts[1] + `"}`} {
		f.Add(seed)
	}
	i.grants(honest)
	got, err := i.verify(i.provider)
	want(f, "the honest seed", got, err, "")
	f.Fuzz(func(t *testing.T, token string) {
		i.grants(token)
		got, err := i.verify(i.provider)
		if err != nil {
			reason(t, got, err)
			return
		}
		if !strings.HasPrefix(token, signed) || got.Facts.Subject != "ada" {
			t.Fatalf("%s gives %+v", token, got.Facts)
		}
	})
}

// FuzzDiscovery: whatever an issuer says of itself, it is refused, or sends the browser somewhere by https.
func FuzzDiscovery(f *testing.F) {
	const d = `{"issuer":"https://login.acme.test","authorization_endpoint":"https://login.acme.test/authorize","token_endpoint":"https://login.acme.test/token","jwks_uri":"https://login.acme.test/keys"`
	for _, more := range []string{
		`}`, `,"id_token_signing_alg_values_supported":["ES256","none"],"scopes_supported":["openid"]}`, `,"Issuer":"https://evil.test"}`, `,"issuer":"https://evil.test"}`,
		`,"userinfo_endpoint":"http://10.0.0.7/"}`, `,"authorization_response_iss_parameter_supported":"yes"}`, `,"token_endpoint_auth_methods_supported":null}`, `}{}`,
	} {
		f.Add([]byte(d + more))
	}
	i := newIssuer(f)
	f.Fuzz(func(t *testing.T, document []byte) {
		i.says(discoveryPath, document)
		p, err := oidc.New(i.config)
		if err != nil {
			t.Fatal(err)
		}
		a := i.attempt
		address, err := p.Begin(context.Background(), &a)
		if err != nil {
			reason(t, provision.Assertion{}, err)
			return
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Query().Get("state") != string(a.ID) || u.Query().Get("client_id") != oidctest.ClientID {
			t.Fatalf("%s leads to %s, %v", document, address, err)
		}
	})
}

// FuzzKeySet: whatever keys an issuer publishes, an honest token is refused, or its own key is among them.
func FuzzKeySet(f *testing.F) {
	i := newIssuer(f)
	i.op.Tamper.Discovery = func(d map[string]any) { d["id_token_signing_alg_values_supported"] = []string{"ES256"} }
	published, err := json.Marshal(i.op.Key.JWK)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`{"keys":[` + string(published) + `]}`, `{"keys":[{"kty":"oct","k":"AA"},` + string(published) + `]}`, `{"keys":null}`, `{"keys":[{}]}`, `{"Keys":[],"keys":[]}`,
		`{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}`, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}`, `[]`,
	} {
		f.Add([]byte(seed))
	}
	x, _ := i.op.Key.JWK["x"].(string)
	if len(x) < 40 {
		f.Fatalf("no x in %s", published)
	}
	token, _ := i.honest("")
	i.grants(token)
	f.Fuzz(func(t *testing.T, document []byte) {
		i.says(keysPath, document)
		p, err := oidc.New(i.config)
		if err != nil {
			t.Fatal(err)
		}
		got, err := i.verify(p)
		if err != nil {
			reason(t, got, err)
			return
		}
		var set struct{ Keys []map[string]any }
		if err := json.Unmarshal(document, &set); err != nil || !slices.ContainsFunc(set.Keys, func(k map[string]any) bool { return k["x"] == x }) {
			t.Fatalf("%s verifies it", document)
		}
	})
}

// FuzzUserInfo: whatever the userinfo endpoint says is refused, or is of the token's own subject.
func FuzzUserInfo(f *testing.F) {
	for _, seed := range []string{
		`{"sub":"ada","email":"ada@acme.test","email_verified":true,"name":"Ada","groups":["a"]}`, `{"sub":"eve"}`, `{"sub":"ada","Sub":"eve"}`, `{"sub":"ada","sub":"eve"}`,
		`{"sub":"ada","email":null,"groups":"a"}`, `{"sub":"ada","groups":[7]}`, `{}`, `null`, `e30.e30.e30`,
	} {
		f.Add([]byte(seed))
	}
	i := newIssuer(f)
	i.op.UserInfo = map[string]any{}
	token, _ := i.honest("")
	i.grants(token)
	f.Fuzz(func(t *testing.T, document []byte) {
		i.says("/userinfo", document)
		got, err := i.verify(i.provider)
		if err != nil {
			reason(t, got, err)
			return
		}
		var said map[string]any
		if err := strict.Unmarshal(document, &said); err != nil || said["sub"] != "ada" || got.Facts.Subject != "ada" {
			t.Fatalf("%s gives %+v, %v", document, got.Facts, err)
		}
		if got.Facts.EmailVerified && said["email_verified"] != true && said["email_verified"] != "true" {
			t.Fatalf("%s gives %+v", document, got.Facts)
		}
	})
}

// FuzzIDToken signs any payload with the issuer's own key. Whatever it is, it is refused with a reason, or it is a JSON
// object with one sub and this attempt's nonce, and the subject is that sub.
func FuzzIDToken(f *testing.F) {
	for _, more := range []string{
		`}`, `,"email":"ada@acme.test","email_verified":true,"name":"Ada","groups":["a","b"]}`, `,"Sub":"eve"}`, `,"sub":"eve"}`,
		`,"auth_time":1.8e9,"acr":"gold","amr":["pwd"],"sid":"s","session_expiry":1800003600}`, `,"events":{}}`, `,"azp":null}`,
		`,"_claim_names":{"groups":"s"},"_claim_sources":{"s":{"endpoint":"https://x.test"}}}`, `,"nbf":-0,"at_hash":"x"}`, `}{`, ` } `,
		`,"\u0073ub":"eve"}`, `,"groups":[null]}`, `,"email":"\ud800"}`,
	} {
		f.Add([]byte(spoken + more))
	}
	i := newIssuer(f)
	verify := func(payload []byte) (provision.Assertion, error) {
		i.grants(i.op.Key.Sign(map[string]any{"alg": i.op.Key.Algorithm, "kid": i.op.Key.ID}, payload))
		return i.verify(i.provider)
	}
	got, err := verify([]byte(spoken + `}`))
	want(f, "the honest seed", got, err, "")

	f.Fuzz(func(t *testing.T, payload []byte) {
		got, err := verify(payload)
		if err != nil {
			var rejected *idp.Rejected
			if !errors.As(err, &rejected) || rejected.Check == "" || rejected.Check == provision.IdPUnreachable || rejected.Check == provision.SignatureInvalid && !strings.Contains(err.Error(), "at_hash") {
				t.Fatalf("%s: %v", payload, err)
			}
			if !reflect.DeepEqual(got, provision.Assertion{}) {
				t.Fatalf("%s: refused, and yet says %+v", payload, got)
			}
			return
		}
		var said map[string]any
		if err := strict.Unmarshal(payload, &said); err != nil {
			t.Fatalf("%s passes, but is no JSON: %v", payload, err)
		}
		if said["sub"] != got.Facts.Subject || got.Facts.Subject == "" || said["nonce"] != "the-nonce" || said["iss"] != i.op.Issuer {
			t.Fatalf("%s gives %+v", payload, got.Facts)
		}
		if got.Facts.EmailVerified && said["email_verified"] != true && said["email_verified"] != "true" {
			t.Fatalf("%s gives %+v", payload, got.Facts)
		}
	})
}
