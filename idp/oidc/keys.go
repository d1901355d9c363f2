package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	jose "github.com/go-jose/go-jose/v4"

	"leasehold/idp"
	"leasehold/provision"
)

const (
	maxKeys    = 50
	maxKeySet  = 256 << 10 // bytes of a key set
	minRSABits = 2048      // RFC 7518, 3.3
)

// key is one of an issuer's public keys.
type key struct {
	jose.JSONWebKey
}

// keySet are the issuer's keys: rebuilt each hour, so that one that was withdrawn is forgotten, and fetched again when
// a token names one that is not there, though not once per token (see remembered.renew).
type keySet struct {
	*remembered[[]key]
}

// verify returns the payload of a token that one of the keys signed.
func (k *keySet) verify(ctx context.Context, raw string, h header) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{h.algorithm})
	if err != nil {
		return nil, idp.Reject(provision.DocumentMalformed, "%s: %s", h.name, quoted(err.Error()))
	}
	keys, err := k.get(ctx)
	if err != nil {
		return nil, refused(provision.IdPUnreachable, "keys", err)
	}
	if payload, err := h.verify(jws, keys); err == nil {
		k.prove()
		return payload, nil
	}
	if keys, err = k.renew(ctx); err != nil { // OIDC Core 10.1.1
		return nil, refused(provision.IdPUnreachable, "keys", err)
	}
	payload, err := h.verify(jws, keys)
	if err != nil {
		return nil, idp.Reject(provision.SignatureInvalid, "%s: %w", h.name, err)
	}
	k.prove()
	return payload, nil
}

// verify returns the payload if one of keys that the header can mean signed it.
func (h header) verify(jws *jose.JSONWebSignature, keys []key) ([]byte, error) {
	var meant []key
	for _, k := range keys {
		if k.signs(h.algorithm) && (h.keyID == "" || k.KeyID == h.keyID) {
			meant = append(meant, k)
		}
	}
	if h.keyID == "" && len(meant) > 1 { // OIDC Core 10.1: then a kid must be given
		return nil, fmt.Errorf("names no key, and the issuer has %d for %s", len(meant), h.algorithm)
	}
	for _, k := range meant {
		if payload, err := jws.Verify(k.Key); err == nil {
			return payload, nil
		}
	}
	return nil, fmt.Errorf("no key of the issuer verifies it: kid %s, %s, %d keys fit", quoted(h.keyID), h.algorithm, len(meant))
}

// signs reports whether the key is for signatures of that algorithm. A key made for encryption verifies nothing (RFC
// 7517, 4.2), nor does one that names another algorithm (4.4) or is of another kind or curve (RFC 7518, 3.1).
func (k key) signs(a jose.SignatureAlgorithm) bool {
	if (k.Use != "" && k.Use != "sig" && k.Use != jwtSVID) || (k.Algorithm != "" && k.Algorithm != string(a)) {
		return false
	}
	switch public := k.Key.(type) {
	case *rsa.PublicKey:
		return (strings.HasPrefix(string(a), "RS") || strings.HasPrefix(string(a), "PS")) && public.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey:
		return a == map[int]jose.SignatureAlgorithm{256: jose.ES256, 384: jose.ES384, 521: jose.ES512}[public.Curve.Params().BitSize]
	case ed25519.PublicKey:
		return a == jose.EdDSA
	}
	return false
}

// fetchKeys fetches the key set whose address the issuer names now.
func (p *Provider) fetchKeys(ctx context.Context) ([]key, error) {
	found, err := p.found.get(ctx)
	if err != nil {
		return nil, err
	}
	o, err := p.fetch(ctx, found.keys, "", maxKeySet)
	if err != nil {
		return nil, err
	}
	keys, err := readKeys(o)
	return keys, refused(provision.DocumentMalformed, "keys", err)
}

// readKeys reads a key set (RFC 7517, 5). Keys that we cannot use are left out, as it says; a set with none that we can
// is refused, so that what stood there before ages instead.
func readKeys(o object) ([]key, error) {
	var listed []json.RawMessage
	if json.Unmarshal(o["keys"], &listed) != nil {
		return nil, errors.New("keys is no list")
	}
	if len(listed) > maxKeys {
		return nil, fmt.Errorf("%d keys, %d are the most", len(listed), maxKeys)
	}
	var keys []key
	for _, raw := range listed {
		var k key
		if k.UnmarshalJSON(raw) == nil && k.IsPublic() {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no key that can be used")
	}
	return keys, nil
}
