package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	strict "github.com/go-jose/go-jose/v4/json"

	"leasehold/idp"
	"leasehold/idp/oidc/oidctest"
	"leasehold/provision"
)

// FuzzIDToken signs any payload with the issuer's own key. Whatever it is, it is refused with a reason, or it is a JSON
// object with one sub and this attempt's nonce, and the subject is that sub.
func FuzzIDToken(f *testing.F) {
	const claims = `{"iss":"https://login.acme.test","aud":"leasehold","nonce":"the-nonce","iat":1800000000,"exp":1800000060,"sub":"ada"`
	for _, more := range []string{
		`}`, `,"email":"ada@acme.test","email_verified":true,"name":"Ada","groups":["a","b"]}`, `,"Sub":"eve"}`, `,"sub":"eve"}`,
		`,"auth_time":1.8e9,"acr":"gold","amr":["pwd"],"sid":"s","session_expiry":1800003600}`, `,"events":{}}`, `,"azp":null}`,
		`,"_claim_names":{"groups":"s"},"_claim_sources":{"s":{"endpoint":"https://x.test"}}}`, `,"nbf":-0,"at_hash":"x"}`, `}{`, ` } `,
		`,"\u0073ub":"eve"}`, `,"groups":[null]}`, `,"email":"\ud800"}`,
	} {
		f.Add([]byte(claims + more))
	}
	op, c := oidctest.New(f), &clock{at: time.Unix(1800000000, 0)}
	op.Now, op.Issuer = c.now, "https://login.acme.test"
	config := configured(f, op, c)
	config.Connection.Issuer, config.HTTP = op.Issuer, &http.Client{Transport: op.Reached()}
	p := open(f, config)
	a := attempt(c)
	a.Nonce, a.Verifier = "the-nonce", strings.Repeat("v", 43)
	callback := url.Values{"state": {string(a.ID)}, "code": {"code"}, "iss": {op.Issuer}}

	verify := func(payload []byte) (provision.Assertion, error) {
		token := op.Key.Sign(map[string]any{"alg": op.Key.Algorithm, "kid": op.Key.ID}, payload)
		op.Tamper.Handle = map[string]http.HandlerFunc{"/token": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]string{"access_token": "access", "token_type": "Bearer", "id_token": token})
		}}
		return p.Verify(context.Background(), a, callback)
	}
	got, err := verify([]byte(claims + `}`))
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
		if said["sub"] != got.Facts.Subject || got.Facts.Subject == "" || said["nonce"] != "the-nonce" || said["iss"] != op.Issuer {
			t.Fatalf("%s gives %+v", payload, got.Facts)
		}
		if got.Facts.EmailVerified && said["email_verified"] != true && said["email_verified"] != "true" {
			t.Fatalf("%s gives %+v", payload, got.Facts)
		}
	})
}
