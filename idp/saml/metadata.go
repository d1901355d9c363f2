package saml

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"

	"leasehold/idp"
	"leasehold/provision"
)

const (
	redirectBinding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	postBinding     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
	soapBinding     = "urn:oasis:names:tc:SAML:2.0:bindings:SOAP"

	urlBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?[]@!$&()*+,;=%" // RFC 3986, but for "#" and "'"

	maxKeys = 10 // of an identity provider: each costs a verification
)

// Metadata is what an identity provider says about itself (SAML Metadata 2.4.3), as far as it matters.
type Metadata struct {
	EntityID     string
	SSO          string              // where a person is sent, by HTTP-Redirect
	SLO          []Endpoint          // where log-outs go, by a browser; none: nowhere
	Certificates []*x509.Certificate // containers of the keys that are trusted, ten at most
	ValidUntil   time.Time           // zero: not said
}

// ParseMetadata reads and judges an identity provider's metadata document. It wants one entity that is an identity
// provider of SAML 2.0, a key of sufficient strength, and an address by HTTP-Redirect; now is before its validUntil. The
// error says what is missing, in words for an administrator.
func ParseMetadata(doc []byte, now time.Time) (Metadata, error) {
	m, err := readMetadata(doc)
	if err != nil {
		return Metadata{}, err
	}
	return m, plain(m.checkValid(now))
}

// checkValid refuses metadata past their validUntil (SAML Metadata 2.3.2): their keys may since have been withdrawn.
func (m Metadata) checkValid(now time.Time) error {
	if m.ValidUntil.IsZero() || now.Before(m.ValidUntil) {
		return nil
	}
	return idp.Reject(provision.Expired, "metadata were valid until %s; fetch new ones from the identity provider", stamp(m.ValidUntil))
}

func readMetadata(doc []byte) (Metadata, error) {
	if len(doc) > maxDocument {
		return Metadata{}, fmt.Errorf("document of %d bytes, at most %d are read; save the one provider's part of it", len(doc), maxDocument)
	}
	root, err := scan(doc, true)
	if err != nil {
		return Metadata{}, plain(err)
	}
	entity, role, err := provider(root)
	if err != nil {
		return Metadata{}, err
	}
	name, _ := attribute(entity, "entityID")
	if name == "" || len(name) > 1024 { // SAML Core 8.3.6
		return Metadata{}, errors.New("entityID is missing, or longer than 1024 bytes")
	}
	m := Metadata{EntityID: name}
	if m.ValidUntil, err = validUntil(role); err != nil {
		return Metadata{}, plain(err)
	}
	if m.SSO, err = address(role); err != nil {
		return Metadata{}, err
	}
	m.SLO = logoutAddresses(role)
	m.Certificates, err = certificates(role)
	return m, err
}

// plain is what is wrong with a document, without the reason that a login would be refused for.
func plain(err error) error {
	var no *idp.Rejected
	if errors.As(err, &no) {
		return no.Err
	}
	return err
}

// provider finds the only identity provider of a document. Of several nobody could say which one was meant.
func provider(root *etree.Element) (entity, role *etree.Element, err error) {
	if !is(root, nsMetadata, "EntityDescriptor") && !is(root, nsMetadata, "EntitiesDescriptor") {
		return nil, nil, fmt.Errorf("root is %q, expected an EntityDescriptor of SAML 2.0 metadata", brief(root.Tag))
	}
	roles := providers(root)
	switch len(roles) {
	case 0:
		return nil, nil, errors.New("no identity provider of SAML 2.0 in it; is it the metadata of a service provider?")
	case 1:
		return roles[0].Parent(), roles[0], nil
	}
	return nil, nil, fmt.Errorf("%d identity providers in it; save the one provider's EntityDescriptor", len(roles))
}

// providers are the descriptors, at any depth, of identity providers that speak SAML 2.0 (SAML Metadata 2.4.1).
func providers(e *etree.Element) []*etree.Element {
	var found []*etree.Element
	for _, role := range children(e, nsMetadata, "IDPSSODescriptor") {
		if spoken, _ := attribute(role, "protocolSupportEnumeration"); slices.Contains(strings.Fields(spoken), nsProtocol) {
			found = append(found, role)
		}
	}
	for _, group := range []string{"EntityDescriptor", "EntitiesDescriptor"} {
		for _, child := range children(e, nsMetadata, group) {
			found = append(found, providers(child)...)
		}
	}
	return found
}

// validUntil is the earliest end of a descriptor and of all that it stands in.
func validUntil(e *etree.Element) (time.Time, error) {
	var end time.Time
	for ; e != nil; e = e.Parent() {
		at, err := instant(e, "validUntil")
		if err != nil {
			return end, err
		}
		end = earliest(end, at)
	}
	return end, nil
}

// address is the first place for AuthnRequests by HTTP-Redirect. It becomes a link for people: anything but https could
// run as a script, or be read on the way.
func address(role *etree.Element) (string, error) {
	for _, e := range children(role, nsMetadata, "SingleSignOnService") {
		if binding, _ := attribute(e, "Binding"); binding != redirectBinding {
			continue
		}
		location, _ := attribute(e, "Location")
		if err := linkable(location); err != nil {
			return "", fmt.Errorf("address of SingleSignOnService %q %w", brief(location), err)
		}
		return location, nil
	}
	return "", errors.New("no SingleSignOnService with the binding HTTP-Redirect in it")
}

// linkable is nil for an address that people may be sent to.
func linkable(location string) error {
	u, err := url.Parse(location)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.Trim(location, urlBytes) != "" || len(location) > maxValue:
		return errors.New("is no plain URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !provision.IsLoopbackName(u.Hostname())):
		return errors.New("is refused: https is needed")
	}
	return nil
}

// certificates are those whose keys may sign: use "signing", or no use said, which means every one (SAML Metadata
// 2.4.1.1). Keys that are too weak are left out; that none is left is an error.
func certificates(role *etree.Element) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	why := errors.New("no KeyDescriptor for signing with an X.509 certificate in it")
	for _, text := range signing(role) {
		certificate, err := parse(text)
		if err == nil {
			err = usable(certificate.PublicKey)
		}
		if err != nil {
			why = fmt.Errorf("no usable signing key: %w", err)
			continue
		}
		found = append(found, certificate)
	}
	switch {
	case len(found) == 0:
		return nil, why
	case len(found) > maxKeys:
		return nil, fmt.Errorf("%d signing keys, at most %d are taken", len(found), maxKeys)
	}
	return found, nil
}

// signing are the certificates in a descriptor, in base64. Of a chain the first counts: the others are authorities,
// whose keys sign no assertions.
func signing(role *etree.Element) []string {
	var found []string
	for _, descriptor := range children(role, nsMetadata, "KeyDescriptor") {
		if use, said := attribute(descriptor, "use"); said && use != "signing" {
			continue
		}
		for _, info := range children(descriptor, nsSignature, "KeyInfo") {
			for _, data := range children(info, nsSignature, "X509Data") {
				if all := children(data, nsSignature, "X509Certificate"); len(all) > 0 {
					found = append(found, all[0].Text())
				}
			}
		}
	}
	return found
}

func parse(text string) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// usable is nil for a key strong enough: RSA of 2048 bits (8192 at most, or a forger has us compute for long), or ECDSA
// on P-256, P-384 or P-521.
func usable(key crypto.PublicKey) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 || bits > 8192 {
			return fmt.Errorf("RSA of %d bits; 2048 to 8192 are accepted", bits)
		}
		return nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
		return errors.New("ECDSA on another curve than P-256, P-384 and P-521")
	}
	return fmt.Errorf("key of type %T; RSA and ECDSA are accepted", key)
}
