package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // SHA-384 and SHA-512, by crypto.Hash
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	jose "github.com/go-jose/go-jose/v4"
)

// Key signs tokens and is published.
type Key struct {
	ID        string
	Algorithm string         // what the header says
	Private   any            // *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey, []byte for HMAC, nil for no signature
	JWK       map[string]any // its public half, as published
}

// RSAKey makes a key of 2048 bits for RS256.
func RSAKey(t testing.TB, id string) Key {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	return NewKey(t, id, "RS256", private, err)
}

// ECKey makes a key for ES256, ES384 or ES512, whichever the curve is for.
func ECKey(t testing.TB, id string, curve elliptic.Curve) Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	return NewKey(t, id, map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[curve.Params().BitSize], private, err)
}

// EdKey makes a key for EdDSA.
func EdKey(t testing.TB, id string) Key {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return NewKey(t, id, "EdDSA", private, err)
}

// NewKey makes a key of a private one, or ends the test when making that was no success.
func NewKey(t testing.TB, id, algorithm string, private crypto.Signer, err error) Key {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	k := Key{ID: id, Algorithm: algorithm, Private: private}
	text, err := jose.JSONWebKey{Key: private.Public(), KeyID: id, Use: "sig"}.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(text, &k.JWK)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Sign is the compact form (RFC 7515, 7.1) of any header and any payload. The key's algorithm signs, whatever the header
// says.
func (k Key) Sign(header map[string]any, payload []byte) string {
	head, _ := json.Marshal(header)
	input := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return input + "." + base64.RawURLEncoding.EncodeToString(k.signature([]byte(input)))
}

// signature is by RFC 7518, 3.
func (k Key) signature(input []byte) []byte {
	hash := crypto.SHA256
	switch {
	case strings.HasSuffix(k.Algorithm, "384"):
		hash = crypto.SHA384
	case strings.HasSuffix(k.Algorithm, "512"):
		hash = crypto.SHA512
	}
	h := hash.New()
	h.Write(input)
	digest := h.Sum(nil)
	switch private := k.Private.(type) {
	case *rsa.PrivateKey:
		var options crypto.SignerOpts = hash
		if strings.HasPrefix(k.Algorithm, "PS") {
			options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
		}
		signature, _ := private.Sign(rand.Reader, digest, options)
		return signature
	case *ecdsa.PrivateKey:
		r, s, _ := ecdsa.Sign(rand.Reader, private, digest)
		return pair(r, s, (private.Params().BitSize+7)/8)
	case ed25519.PrivateKey:
		return ed25519.Sign(private, input)
	case []byte:
		mac := hmac.New(sha256.New, private)
		mac.Write(input)
		return mac.Sum(nil)
	}
	return nil
}

// pair is r and s, each of size bytes.
func pair(r, s *big.Int, size int) []byte {
	both := make([]byte, 2*size)
	r.FillBytes(both[:size])
	s.FillBytes(both[size:])
	return both
}
