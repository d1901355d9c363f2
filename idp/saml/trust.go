package saml

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"leasehold/idp"
	"leasehold/provision"
)

// verify checks every signature of a message, and answers with what they cover: parsed anew from the very bytes that
// were verified, so that nothing else can be read. At least one is wanted, over the Response or over the Assertion
// (SAML Profiles 4.1.4.5), and none that is there may be wrong. A Response that is not signed itself is left as it came.
//
// The signature of a Response covers an encrypted assertion as it came, that of the assertion what was encrypted (SAML
// Core 6.2): so it is decrypted between the two, and a Response whose signature is wrong costs no decryption.
func (p *Provider) verify(posted message) (message, error) {
	verified := posted
	sealed, err := p.idp.covered(posted.response)
	if err != nil {
		return message{}, err
	}
	if sealed != nil {
		if verified, err = p.open(sealed); err != nil {
			return message{}, err
		}
		verified.sealed = true
	}
	if verified.encrypted != nil {
		if verified.assertion, err = p.decrypt(verified.encrypted); err != nil {
			return message{}, err
		}
	}
	assertion, err := p.idp.covered(verified.assertion)
	switch {
	case err != nil:
		return message{}, err
	case assertion == nil && sealed == nil:
		return message{}, idp.Reject(provision.SignatureMissing, "neither the response nor its assertion is signed")
	case assertion == nil:
		return verified, nil
	case !is(assertion, nsAssertion, "Assertion"):
		return message{}, malformed("what is signed is %q, expected an assertion", brief(assertion.Tag))
	}
	verified.assertion = assertion
	return verified, nil
}

// covered is what the signature of e covers, nil when e has none. KeyInfo is not looked at: whose key it is, the
// metadata say.
func (m Metadata) covered(e *etree.Element) (*etree.Element, error) {
	s, err := signatureOf(e)
	if err != nil || s == nil {
		return nil, err
	}
	wrong := errors.New("none of the provider's keys is of its algorithm")
	for _, certificate := range m.Certificates {
		value, ok := s.valueFor(certificate)
		if !ok {
			continue
		}
		root, err := validate(s.detached(value), certificate)
		if err == nil {
			return root, nil
		}
		wrong = err
	}
	return nil, idp.Reject(provision.SignatureInvalid, "signature of %s %s: %w", e.Tag, brief(idOf(e)), wrong)
}

// validate asks goxmldsig about an element with one signature and one key. The dates of the certificate are not asked
// about: it is a container for a key that the metadata vouch for (SAML Metadata Interoperability 2.6.1), and an identity
// provider whose certificate ran out last night still holds the same key.
func validate(e *etree.Element, certificate *x509.Certificate) (*etree.Element, error) {
	asker := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}})
	asker.Clock = dsig.NewFakeClockAt(certificate.NotBefore)
	root, err := asker.Validate(e)
	if err == nil && root == nil {
		return nil, errors.New("it covers nothing")
	}
	return root, err
}

// detached is a copy of the signed element as a document of its own, with the namespaces it stands in declared and its
// signature as goxmldsig reads it: first, without KeyInfo, the value as given. None of this is covered by the signature,
// or it would not verify.
func (s *signature) detached(value []byte) *etree.Element {
	e := s.parent.Copy()
	for up := s.parent.Parent(); up != nil; up = up.Parent() {
		for _, a := range up.Attr {
			declares := a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns"
			if declares && !has(e, a.Space, a.Key) {
				e.Attr = append(e.Attr, etree.Attr{Space: a.Space, Key: a.Key, Value: a.Value})
			}
		}
	}
	signature := children(e, nsSignature, "Signature")[0]
	e.RemoveChild(signature)
	e.InsertChildAt(0, signature)
	for _, info := range children(signature, nsSignature, "KeyInfo") {
		signature.RemoveChild(info)
	}
	children(signature, nsSignature, "SignatureValue")[0].SetText(base64.StdEncoding.EncodeToString(value))
	return e
}

func has(e *etree.Element, space, key string) bool {
	for _, a := range e.Attr {
		if a.Space == space && a.Key == key {
			return true
		}
	}
	return false
}

// valueFor is the signature's value in the encoding that goxmldsig wants, and whether the certificate's key is of the
// signature's algorithm. ECDSA is r and s side by side (XML Signature 1.1, 6.4.3), though many send the ASN.1 that their
// library makes.
func (s *signature) valueFor(certificate *x509.Certificate) ([]byte, bool) {
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		return s.value, !s.ecdsa
	case *ecdsa.PublicKey:
		size := (key.Curve.Params().BitSize + 7) / 8
		if len(s.value) != 2*size {
			return s.value, s.ecdsa
		}
		der, err := asn1.Marshal(struct{ R, S *big.Int }{
			new(big.Int).SetBytes(s.value[:size]), new(big.Int).SetBytes(s.value[size:]),
		})
		return der, s.ecdsa && err == nil
	}
	return nil, false
}
