package oidc_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/idp/oidc"
	"leasehold/idp/oidc/oidctest"
	"leasehold/provision"
)

// public is the public half of a key that has one.
func public(k oidctest.Key) crypto.PublicKey { return k.Private.(crypto.Signer).Public() }

const keysPath, discoveryPath = "/keys", "/.well-known/openid-configuration"

// forge plays n logins whose token a stranger signed.
func forge(t *testing.T, p *oidc.Provider, op *oidctest.OP, c *clock, n int) {
	t.Helper()
	honest := op.Key
	op.Key = oidctest.ECKey(t, "forged", elliptic.P256())
	defer func() { op.Key = honest }()
	for range n {
		got, err := login(t, p, op, attempt(c))
		want(t, "forged", got, err, provision.SignatureInvalid)
	}
}

func TestFiftyForgedTokensFetchTheKeysOnce(t *testing.T) {
	for _, warm := range []bool{false, true} {
		op, c := oidctest.New(t), newClock()
		op.Now = c.now
		p := open(t, configured(t, op, c))
		if warm {
			got, err := login(t, p, op, attempt(c))
			want(t, "honest", got, err, "")
		}
		before := op.Fetches(keysPath)
		forge(t, p, op, c, 50)
		if n := op.Fetches(keysPath) - before; n > 1 {
			t.Errorf("warm %v: %d fetches for 50 forged tokens", warm, n)
		}
		got, err := login(t, p, op, attempt(c))
		want(t, "the honest one after them", got, err, "")
		c.pass(31 * time.Second)
		before = op.Fetches(keysPath)
		forge(t, p, op, c, 10)
		if n := op.Fetches(keysPath) - before; n != 1 {
			t.Errorf("warm %v: %d fetches for 10 forged tokens half a minute later, want 1", warm, n)
		}
	}
}

func TestLoginsAtOnceFetchDiscoveryAndKeysOnce(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	op.Now = c.now
	p := open(t, configured(t, op, c))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			got, err := login(t, p, op, attempt(c))
			want(t, "one of many", got, err, "")
		})
	}
	all.Wait()
	if op.Fetches(keysPath) != 1 || op.Fetches(discoveryPath) != 1 {
		t.Errorf("keys were fetched %d times, discovery %d times", op.Fetches(keysPath), op.Fetches(discoveryPath))
	}
}

func TestARotatedKeyCountsAtOnce(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	op.Now = c.now
	p := open(t, configured(t, op, c))
	for _, id := range []string{"first", "second", "third"} {
		op.Rotate(oidctest.ECKey(t, id, elliptic.P256()))
		got, err := login(t, p, op, attempt(c))
		want(t, id, got, err, "")
	}
	same := oidctest.ECKey(t, "third", elliptic.P256()) // another key, though of the same name
	op.Rotate(same)
	got, err := login(t, p, op, attempt(c))
	want(t, "same id", got, err, "")
}

func TestAWithdrawnKeyIsForgottenWithinTheHour(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	op.Now = c.now
	withdrawn, left := op.Key, oidctest.ECKey(t, "left", elliptic.P256())
	op.Keys = []oidctest.Key{withdrawn, left}
	p := open(t, configured(t, op, c))
	got, err := login(t, p, op, attempt(c))
	want(t, "before", got, err, "")

	op.Keys = []oidctest.Key{left}
	c.pass(time.Hour)
	got, err = login(t, p, op, attempt(c))
	want(t, "after the rebuild", got, err, provision.SignatureInvalid)
	op.Key = left
	got, err = login(t, p, op, attempt(c))
	want(t, "the key that is left", got, err, "")
}

func TestKeysThatCannotBeFetchedVerifyNothing(t *testing.T) {
	op, c := oidctest.New(t), newClock()
	op.Now = c.now
	p := open(t, configured(t, op, c))
	got, err := login(t, p, op, attempt(c))
	want(t, "before", got, err, "")
	op.Tamper.Handle = map[string]http.HandlerFunc{keysPath: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }}
	c.pass(30 * time.Minute)
	got, err = login(t, p, op, attempt(c))
	want(t, "within the hour", got, err, "")
	c.pass(31 * time.Minute)
	got, err = login(t, p, op, attempt(c))
	want(t, "after it", got, err, provision.IdPUnreachable)
	op.Tamper.Handle = nil
	c.pass(31 * time.Second)
	got, err = login(t, p, op, attempt(c))
	want(t, "once they can be again", got, err, "")
}

func TestKeysAreUsedForWhatTheyAreMade(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil && !strings.Contains(err.Error(), "insecure") {
		t.Fatal(err)
	}
	publish := func(change func(map[string]any)) func(*oidctest.OP, time.Time) {
		return func(op *oidctest.OP, _ time.Time) { change(op.Keys[0].JWK) }
	}
	keys := func(value any) func(*oidctest.OP, time.Time) {
		return func(op *oidctest.OP, _ time.Time) { op.Tamper.Keys = func(s map[string]any) { s["keys"] = value } }
	}
	honest, second := oidctest.RSAKey(t, "first"), oidctest.RSAKey(t, "second")
	lies := []lie{
		{"use enc", publish(func(k map[string]any) { k["use"] = "enc" }), provision.SignatureInvalid},
		{"no use", publish(func(k map[string]any) { delete(k, "use") }), ""},
		{"alg of the token", publish(func(k map[string]any) { k["alg"] = "RS256" }), ""},
		{"another alg", publish(func(k map[string]any) { k["alg"] = "PS256" }), provision.SignatureInvalid},
		{"alg of encryption", publish(func(k map[string]any) { k["alg"] = "RSA-OAEP" }), provision.SignatureInvalid},
		{"unknown keys beside", func(op *oidctest.OP, _ time.Time) {
			op.Keys = append([]oidctest.Key{{JWK: map[string]any{"kty": "AKP-9", "kid": "new"}}, {JWK: map[string]any{"kty": "RSA", "kid": "first"}}}, op.Keys...)
		}, ""},
		{"another key of the same id before", func(op *oidctest.OP, _ time.Time) {
			other := oidctest.RSAKey(t, op.Key.ID)
			op.Keys = []oidctest.Key{other, op.Key}
		}, ""},
		{"no kid, one key", head("kid", ""), ""},
		{"no kid, one key of that kind", func(op *oidctest.OP, now time.Time) {
			op.Keys = append(op.Keys, oidctest.ECKey(t, "ec", elliptic.P256()))
			head("kid", "")(op, now)
		}, ""},
		{"no kid, two keys", func(op *oidctest.OP, now time.Time) {
			op.Keys = append(op.Keys, second)
			head("kid", "")(op, now)
		}, provision.SignatureInvalid},
		{"a secret published, HMAC with it", func(op *oidctest.OP, _ time.Time) {
			op.Key = oidctest.Key{ID: "oct", Algorithm: "RS256", Private: []byte("secret"), JWK: map[string]any{"kty": "oct", "kid": "oct", "k": "c2VjcmV0"}}
			op.Keys = append(op.Keys, op.Key)
		}, provision.SignatureInvalid},
		{"no keys", keys([]any{}), provision.DocumentMalformed},
		{"keys is null", keys(nil), provision.DocumentMalformed},
		{"keys is text", keys("all of them"), provision.DocumentMalformed},
		{"fifty keys", many(49), ""},
		{"fifty-one keys", many(50), provision.DocumentMalformed},
		{"300 KiB of keys", func(op *oidctest.OP, _ time.Time) {
			op.Tamper.Keys = func(s map[string]any) { s["padding"] = strings.Repeat("a", 300<<10) }
		}, provision.MessageTooLarge},
	}
	if small != nil {
		lies = append(lies, lie{"RSA of 1024 bits", func(op *oidctest.OP, _ time.Time) { op.Rotate(oidctest.NewKey(t, "small", "RS256", small, nil)) }, provision.SignatureInvalid})
	}
	play(t, lies, func(op *oidctest.OP) {
		k := honest
		k.JWK = maps.Clone(k.JWK)
		op.Rotate(k)
	})
}

// many publishes n more keys, before the one that signs.
func many(n int) func(*oidctest.OP, time.Time) {
	return func(op *oidctest.OP, _ time.Time) {
		for range n {
			op.Keys = append([]oidctest.Key{{JWK: map[string]any{"kty": "unknown"}}}, op.Keys...)
		}
	}
}

func TestACurveIsOfOneAlgorithm(t *testing.T) {
	wide := oidctest.ECKey(t, "ec", elliptic.P384())
	wide.Algorithm = "ES256"
	play(t, []lie{{"ES256 by P-384", func(op *oidctest.OP, _ time.Time) { op.Rotate(wide) }, provision.SignatureInvalid}}, nil)
}
