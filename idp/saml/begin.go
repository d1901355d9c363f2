package saml

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/url"
	"strings"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"

	"leasehold/idp"
)

// Begin makes the AuthnRequest of an attempt and the address that carries it (SAML Bindings 3.4), signed. The attempt
// remembers the request's ID.
func (p *Provider) Begin(_ context.Context, a *idp.Attempt) (string, error) {
	if err := p.idp.checkValid(p.now()); err != nil {
		return "", err
	}
	id := "_" + rand.Text() // an NCName of 130 random bits (SAML Core 1.3.4)
	message, err := p.deflate(p.request(id, a.Fresh))
	if err != nil {
		return "", fmt.Errorf("deflate AuthnRequest: %w", err)
	}
	query, err := p.signed("SAMLRequest=" + url.QueryEscape(message) + "&RelayState=" + url.QueryEscape(string(a.ID)))
	if err != nil {
		return "", fmt.Errorf("sign AuthnRequest: %w", err)
	}
	a.RequestID = id
	if strings.Contains(p.idp.SSO, "?") {
		return p.idp.SSO + "&" + query, nil
	}
	return p.idp.SSO + "?" + query, nil
}

// request is an AuthnRequest (SAML Core 3.4.1). No authentication context is asked for: what the tenant's policy wants
// is checked in the answer, and providers refuse contexts by names of their own.
func (p *Provider) request(id string, fresh bool) *etree.Element {
	create := true
	request := crewjam.AuthnRequest{
		ID: id, Version: "2.0", IssueInstant: p.now().UTC(), Destination: p.idp.SSO,
		Issuer:                      &crewjam.Issuer{Value: p.entityID},
		AssertionConsumerServiceURL: p.acs,
		ProtocolBinding:             crewjam.HTTPPostBinding,
		NameIDPolicy:                &crewjam.NameIDPolicy{AllowCreate: &create},
	}
	format := p.nameIDFormat()
	request.NameIDPolicy.Format = &format
	if fresh {
		request.ForceAuthn = &fresh
	}
	return request.Element()
}

// nameIDFormat is what we ask for: a persistent name, unless an attribute names the subject.
func (p *Provider) nameIDFormat() string {
	if p.names.subject != "" {
		return formatUnspecified
	}
	return formatPersistent
}

// deflate is the DEFLATE encoding of the redirect binding (SAML Bindings 3.4.4.1), in base64.
func (p *Provider) deflate(e *etree.Element) (string, error) {
	var packed bytes.Buffer
	w := p.deflater.Get().(*flate.Writer)
	defer p.deflater.Put(w)
	w.Reset(&packed)
	doc := etree.NewDocument()
	doc.SetRoot(e)
	if _, err := doc.WriteTo(w); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}

// signed appends SigAlg and Signature to a query. What is signed is the query itself, as it goes out (SAML Bindings
// 3.4.4.1).
func (p *Provider) signed(query string) (string, error) {
	algorithm := rsaSHA256
	ec, isEC := p.key.Public().(*ecdsa.PublicKey)
	if isEC {
		algorithm = ecdsaSHA256
	}
	query += "&SigAlg=" + url.QueryEscape(algorithm)
	digest := sha256.Sum256([]byte(query))
	value, err := p.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err == nil && isEC {
		value, err = sideBySide(value, ec)
	}
	if err != nil {
		return "", err
	}
	return query + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(value)), nil
}

// sideBySide is an ECDSA signature as XML Signature has it (1.1, 6.4.3), made of the ASN.1 that crypto has.
func sideBySide(der []byte, key *ecdsa.PublicKey) ([]byte, error) {
	var value struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &value); err != nil {
		return nil, err
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	both := make([]byte, 2*size)
	value.R.FillBytes(both[:size])
	value.S.FillBytes(both[size:])
	return both, nil
}
