package saml_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"

	"leasehold/idp"
	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
)

// fixed is a world that is the same in every process that fuzzes: one key, one clock, one request.
func fixed(f *testing.F) (*samltest.IdP, *saml.Provider, idp.Attempt, samltest.Request) {
	provider := samltest.New(f)
	scalar := make([]byte, 32)
	scalar[31] = 7
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		f.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	provider.Key, provider.Certificates = key, []*x509.Certificate{samltest.Certify(f, key)}
	provider.Now = func() time.Time { return now }
	request := samltest.Request{RelayState: "attempt-1"}
	request.ID, request.AssertionConsumerServiceURL, request.Issuer = "_request", base+"acs", &crewjam.Issuer{Value: base + "metadata"}
	return provider, serviceProvider(f, provider, nil), idp.Attempt{ID: "attempt-1", RequestID: request.ID}, request
}

// FuzzVerify: whatever is posted, Verify answers with a refusal or with what the provider signed, and never panics.
func FuzzVerify(f *testing.F) {
	provider, p, a, request := fixed(f)
	for _, signed := range []samltest.Signed{samltest.Assertion, samltest.Response, samltest.Both, samltest.Neither} {
		f.Add([]byte(docOf(f, provider.RespondTo(f, request, samltest.Answer{Person: alice(), Signed: signed}))))
	}
	f.Add([]byte(`<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol"><Status><StatusCode/></Status><Assertion ID="" xmlns="urn:oasis:names:tc:SAML:2.0:assertion"><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/></Signature></Assertion></Response>`))
	f.Add([]byte(`<a:b xmlns:a="urn:x" xmlns="" a:id="" ID=""/>`))
	f.Add([]byte("\xef\xbb\xbf<?xml version=\"1.0\"?><x>&#65;</x>"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := p.Verify(context.Background(), a, formOf(string(doc)))
		var no *idp.Rejected
		if err != nil && !errors.As(err, &no) {
			t.Errorf("an error that is no refusal: %v", err)
		}
		if err == nil && (got.Facts.Subject != "alice-0001" || got.Facts.Email != "alice@acme.test") {
			t.Errorf("nobody signed %+v", got.Facts)
		}
	})
}

// FuzzForm: the fields of a form, as they come.
func FuzzForm(f *testing.F) {
	provider, p, a, request := fixed(f)
	f.Add(provider.RespondTo(f, request, samltest.Answer{Person: alice()}).Get("SAMLResponse"), "attempt-1", "RelayState")
	f.Add(base64.StdEncoding.EncodeToString([]byte("<x/>")), "", "SAMLart")
	f.Fuzz(func(t *testing.T, response, relay, name string) {
		_, err := p.Verify(context.Background(), a, idp.Form{"SAMLResponse": {response}, name: {relay}})
		var no *idp.Rejected
		if err != nil && !errors.As(err, &no) {
			t.Errorf("an error that is no refusal: %v", err)
		}
	})
}

// FuzzDecrypt: whatever is in an EncryptedAssertion, and whatever was encrypted, is refused, or is what the provider
// signed.
func FuzzDecrypt(f *testing.F) {
	provider, _, a, request := fixed(f)
	p, encrypt := hidingBy(f, provider, knownRSA(f))
	response := provider.RespondTo(f, request, samltest.Answer{Person: alice()})
	hidden := samltest.Encrypt(f, docOf(f, response), encrypt)
	if _, err := p.Verify(context.Background(), a, formOf(hidden)); err != nil {
		f.Fatal(err)
	}
	honest := between(f, hidden, "<saml:EncryptedAssertion", "</saml:EncryptedAssertion>")
	for _, lay := range []func(samltest.Sealed) string{samltest.Inline, microsoft, beside, folded} {
		samltest.Encrypt(f, docOf(f, response), *with(encrypt, func(e *samltest.Encryption) {
			e.Lay = func(s samltest.Sealed) string { laid := lay(s); f.Add(laid, ""); return laid }
			e.Plain = func(plain string) string { f.Add("", plain); return plain }
		}))
	}
	f.Add("", "<!-- -->")
	f.Fuzz(func(t *testing.T, laid, plain string) {
		if laid == "" {
			e := with(encrypt, func(e *samltest.Encryption) { e.Plain = func(string) string { return plain } })
			laid = between(t, samltest.Encrypt(t, docOf(t, response), *e), "<saml:EncryptedAssertion", "</saml:EncryptedAssertion>")
		}
		got, err := p.Verify(context.Background(), a, formOf(strings.Replace(hidden, honest, laid, 1)))
		var no *idp.Rejected
		if err != nil && !errors.As(err, &no) {
			t.Errorf("an error that is no refusal: %v", err)
		}
		if err == nil && (got.Facts.Subject != "alice-0001" || got.Facts.Email != "alice@acme.test") {
			t.Errorf("nobody signed %+v", got.Facts)
		}
	})
}

// knownRSA is a key that is the same in every process, and no secret.
func knownRSA(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	prime := func(head int64, shift uint, tail int64) *big.Int {
		return new(big.Int).Add(new(big.Int).Lsh(big.NewInt(head), shift), big.NewInt(tail))
	}
	p, q, one := prime(3, 1022, 1037), prime(7, 1021, 309), big.NewInt(1)
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, Primes: []*big.Int{p, q}}
	order := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key.D = new(big.Int).ModInverse(big.NewInt(65537), order)
	key.Precompute()
	if err := key.Validate(); err != nil {
		t.Fatal(err)
	}
	return key
}

// FuzzMetadata: whatever a tenant registers, it is refused, or names a provider, an address by https and a key.
func FuzzMetadata(f *testing.F) {
	f.Add(samltest.New(f).Metadata())
	f.Add(samltest.NewRSA(f, 2048).Metadata())
	f.Add([]byte(`<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><EntityDescriptor/></EntitiesDescriptor>`))
	f.Add([]byte(`<!DOCTYPE x><EntityDescriptor/>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		m, err := saml.ParseMetadata(doc, time.Now())
		if err == nil && (m.EntityID == "" || m.SSO == "" || len(m.Certificates) == 0) {
			t.Errorf("accepted with %+v", m)
		}
	})
}
