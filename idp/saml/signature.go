package saml

import (
	"crypto"
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"

	"leasehold/idp"
	"leasehold/provision"
)

// Algorithms of XML signatures (RFC 6931). SHA-1, HMAC, DSA and inclusive canonicalization are not among them.
const (
	excC14N   = "http://www.w3.org/2001/10/xml-exc-c14n#"
	enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

	rsaSHA256   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	rsaSHA384   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"
	rsaSHA512   = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
	ecdsaSHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
	ecdsaSHA384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
	ecdsaSHA512 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"

	digestSHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
	digestSHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
	digestSHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"
)

// signature is an enveloped signature that has the one shape that is accepted.
type signature struct {
	parent  *etree.Element
	element *etree.Element
	value   []byte
	ecdsa   bool        // else RSA
	hash    crypto.Hash // of the signature; the digest may be another
}

// signatureOf is the signature of e, nil when it has none. Its shape is the narrowest that SAML Core 5.4 knows, so that
// there is nothing to be read in two ways: SignedInfo, SignatureValue and perhaps KeyInfo; one Reference, to e itself;
// the two transforms that every peer uses; no ds:Object (SAML errata E91).
func signatureOf(e *etree.Element) (*signature, error) {
	element, err := optional(e, nsSignature, "Signature")
	if err != nil {
		return nil, idp.Reject(provision.SignatureInvalid, "%s: %w", e.Tag, err)
	}
	if element == nil {
		return nil, nil
	}
	parts, err := exactly(element, "ds:SignedInfo", "ds:SignatureValue", "?ds:KeyInfo")
	if err != nil {
		return nil, err
	}
	s := &signature{parent: e, element: element}
	if err := s.signedInfo(parts[0]); err != nil {
		return nil, err
	}
	value, err := text(parts[1])
	if err != nil {
		return nil, idp.Reject(provision.SignatureInvalid, "SignatureValue: %w", err)
	}
	s.value, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), ""))
	if err != nil || len(s.value) == 0 {
		return nil, idp.Reject(provision.SignatureInvalid, "SignatureValue is not base64")
	}
	return s, nil
}

func (s *signature) signedInfo(e *etree.Element) error {
	parts, err := exactly(e, "ds:CanonicalizationMethod", "ds:SignatureMethod", "ds:Reference")
	if err != nil {
		return err
	}
	if err := algorithm(parts[0], excC14N); err != nil {
		return err
	}
	if err := s.method(parts[1]); err != nil {
		return err
	}
	return s.reference(parts[2])
}

func (s *signature) method(e *etree.Element) error {
	name, _ := attribute(e, "Algorithm")
	if err := s.by(name); err != nil {
		return err
	}
	_, err := exactly(e) // HMACOutputLength and the like
	return err
}

// by notes the algorithm of the signature, or refuses it.
func (s *signature) by(name string) error {
	switch name {
	case rsaSHA256, ecdsaSHA256:
		s.hash = crypto.SHA256
	case rsaSHA384, ecdsaSHA384:
		s.hash = crypto.SHA384
	case rsaSHA512, ecdsaSHA512:
		s.hash = crypto.SHA512
	default:
		return idp.Reject(provision.AlgorithmRefused, "signature by %q, which is not accepted", brief(name))
	}
	s.ecdsa = strings.Contains(name, "#ecdsa-")
	return nil
}

// reference wants the Reference to name the very element that the signature stands in (SAML Core 5.4.2).
func (s *signature) reference(e *etree.Element) error {
	if uri, _ := attribute(e, "URI"); uri != "#"+idOf(s.parent) {
		return idp.Reject(provision.SignatureInvalid, "signature of %q, which stands in %q", brief(uri), brief(idOf(s.parent)))
	}
	parts, err := exactly(e, "ds:Transforms", "ds:DigestMethod", "ds:DigestValue")
	if err != nil {
		return err
	}
	transforms, err := exactly(parts[0], "ds:Transform", "ds:Transform") // SAML Core 5.4.4
	if err != nil {
		return err
	}
	if err := algorithm(transforms[0], enveloped); err != nil {
		return err
	}
	if err := algorithm(transforms[1], excC14N); err != nil {
		return err
	}
	if err := inclusive(transforms[1]); err != nil {
		return err
	}
	if err := algorithm(parts[1], digestSHA256, digestSHA384, digestSHA512); err != nil {
		return err
	}
	if _, err := text(parts[2]); err != nil {
		return idp.Reject(provision.SignatureInvalid, "DigestValue: %w", err)
	}
	return nil
}

// inclusive allows a transform the list of prefixes that exclusive canonicalization knows (Exclusive XML
// Canonicalization 1.0, 3), and nothing else.
func inclusive(transform *etree.Element) error {
	inside := transform.ChildElements()
	if len(inside) > 1 || len(inside) == 1 && !is(inside[0], excC14N, "InclusiveNamespaces") {
		return idp.Reject(provision.AlgorithmRefused, "transform with parameters that are not accepted")
	}
	return nil
}

// algorithm refuses an element whose Algorithm is none of those.
func algorithm(e *etree.Element, accepted ...string) error {
	name, _ := attribute(e, "Algorithm")
	for _, a := range accepted {
		if name == a {
			return nil
		}
	}
	return idp.Reject(provision.AlgorithmRefused, "%s is %q, which is not accepted", e.Tag, brief(name))
}

// exactly is sequence, with the refusal of a signature.
func exactly(e *etree.Element, names ...string) ([]*etree.Element, error) {
	found, ok := sequence(e, names...)
	if !ok {
		return nil, idp.Reject(provision.SignatureInvalid, "%s has another shape than SAML signatures have", e.Tag)
	}
	return found, nil
}
