package oidc_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"leasehold/idp"
	"leasehold/idp/oidc"
	"leasehold/idp/oidc/oidctest"
	"leasehold/provision"
)

const workloadAudience = "https://sso.example.com/t/acme"

// introducer is the reader of an issuer's tokens, by discovery or by a key set that is written down.
func introducer(t *testing.T, op *oidctest.OP, keys []byte) *oidc.Issuer {
	t.Helper()
	i, err := oidc.NewIssuer(oidc.IssuerConfig{
		Connection: provision.Connection{ID: "ci", Protocol: provision.Workloads, Issuer: op.URL, KeySet: keys}, Audience: workloadAudience, HTTP: http.DefaultClient,
	})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// jobToken is an honest token with claims and header said otherwise; nil: without.
func jobToken(op *oidctest.OP, key oidctest.Key, header, claims map[string]any) string {
	now := time.Now()
	all := map[string]any{"iss": op.URL, "aud": workloadAudience, "sub": "job", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "jti": "1", "n": 7, "yes": true, "list": []string{"a"}, "kubernetes.io": map[string]any{"namespace": "prod", "pod": map[string]any{"name": "x"}}}
	head := map[string]any{"alg": key.Algorithm, "kid": key.ID, "typ": "JWT"}
	maps.Copy(all, claims)
	maps.Copy(head, header)
	for _, m := range []map[string]any{all, head} {
		maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	}
	payload, _ := json.Marshal(all)
	return key.Sign(head, payload)
}

func TestATokenOfAWorkloadIsReadByDiscoveryAndByKeysThatAreWrittenDown(t *testing.T) {
	op := oidctest.New(t)
	op.Tamper.Discovery = func(d map[string]any) { // of GitHub and Kubernetes there is no more
		for name := range d {
			if name != "issuer" && name != "jwks_uri" && name != "id_token_signing_alg_values_supported" {
				delete(d, name)
			}
		}
	}
	jwk := maps.Clone(op.Key.JWK)
	jwk["use"] = "jwt-svid" // as SPIFFE bundles have it
	bundle, err := json.Marshal(map[string]any{"keys": []any{jwk}})
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string][]byte{"discovery": nil, "bundle": bundle} {
		token, err := introducer(t, op, keys).ReadToken(context.Background(), jobToken(op, op.Key, nil, nil))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := map[string]string{"n": "7", "yes": "true", "sub": "job", "kubernetes.io.namespace": "prod", "kubernetes.io.pod.name": "x"}
		for claim, value := range want {
			if token.Claims[claim] != value {
				t.Errorf("%s: %s is %q", name, claim, token.Claims[claim])
			}
		}
		if _, there := token.Claims["list"]; there || token.ID != "1" || token.Issued.IsZero() || token.Expires.IsZero() {
			t.Errorf("%s: %+v", name, token)
		}
	}
}

func TestTokensOfWorkloadsThatAreNotWhatTheyShouldBe(t *testing.T) {
	op := oidctest.New(t)
	other := oidctest.RSAKey(t, op.Key.ID)
	now := time.Now()
	with := func(claims map[string]any) string { return jobToken(op, op.Key, nil, claims) }
	for name, c := range map[string]struct {
		token string
		want  provision.Reason
	}{
		"another audience":       {with(map[string]any{"aud": "https://sso.example.com/t/rival"}), provision.AudienceMismatch},
		"several audiences":      {with(map[string]any{"aud": []string{workloadAudience, "x"}}), provision.AudienceMismatch},
		"no audience":            {with(map[string]any{"aud": nil}), provision.AudienceMismatch},
		"another issuer":         {with(map[string]any{"iss": "https://evil.example"}), provision.IssuerMismatch},
		"no issuer":              {with(map[string]any{"iss": nil}), provision.IssuerMismatch},
		"over":                   {with(map[string]any{"exp": now.Add(-time.Second).Unix()}), provision.Expired},
		"no end":                 {with(map[string]any{"exp": nil}), provision.DocumentMalformed},
		"no beginning":           {with(map[string]any{"iat": nil}), provision.DocumentMalformed},
		"from tomorrow":          {with(map[string]any{"iat": now.Add(time.Hour).Unix()}), provision.NotYetValid},
		"not yet":                {with(map[string]any{"nbf": now.Add(time.Hour).Unix()}), provision.NotYetValid},
		"another key":            {jobToken(op, other, nil, nil), provision.SignatureInvalid},
		"a key that is nobody's": {jobToken(op, op.Key, map[string]any{"kid": "x"}, nil), provision.SignatureInvalid},
		"none":                   {jobToken(op, op.Key, map[string]any{"alg": "none"}, nil), provision.AlgorithmRefused},
		"HMAC":                   {jobToken(op, op.Key, map[string]any{"alg": "HS256"}, nil), provision.AlgorithmRefused},
		"an access token":        {jobToken(op, op.Key, map[string]any{"typ": "at+jwt"}, nil), provision.DocumentMalformed},
		"a log-out token":        {jobToken(op, op.Key, map[string]any{"typ": "logout+jwt"}, nil), provision.DocumentMalformed},
		"crit":                   {jobToken(op, op.Key, map[string]any{"crit": []string{"x"}}, nil), provision.DocumentMalformed},
		"one name, two claims":   {with(map[string]any{"kubernetes.io.namespace": "other"}), provision.DocumentMalformed},
		"names by case":          {with(map[string]any{"SUB": "other"}), provision.DocumentMalformed},
		"a long claim":           {with(map[string]any{"x": strings.Repeat("a", 3000)}), provision.MessageTooLarge},
		"a long token":           {with(map[string]any{"x": strings.Repeat("a", 70_000)}), provision.MessageTooLarge},
		"no signature":           {strings.TrimRight(with(nil), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), provision.SignatureMissing},
		"no token":               {"lh_x", provision.DocumentMalformed},
	} {
		token, err := introducer(t, op, nil).ReadToken(context.Background(), c.token)
		var no *idp.Rejected
		if !errors.As(err, &no) || no.Check != c.want || len(token.Claims) > 0 {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestAnIssuerOfWorkloadsLogsNobodyIn(t *testing.T) {
	i := introducer(t, oidctest.New(t), nil)
	if _, err := i.Begin(context.Background(), new(idp.Attempt)); err == nil {
		t.Error("it begins")
	}
	if a, err := i.Verify(context.Background(), idp.Attempt{}, nil); err == nil || a.Facts.Subject != "" {
		t.Error("it verifies")
	}
}
