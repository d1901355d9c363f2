// Package samltest is an identity provider for tests: it answers AuthnRequests with signed responses, honest ones or
// as a test wants them.
package samltest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// IdP is an identity provider. Its fields may be changed before it is used.
type IdP struct {
	EntityID     string
	SSO          string // where AuthnRequests go
	SLO          string // where log-outs go by HTTP-Redirect; "": nowhere
	SLOPost      string // and by HTTP-POST
	Key          crypto.Signer
	Certificates []*x509.Certificate // in its metadata; the first is Key's
	DER          bool                // ECDSA signatures in ASN.1, as many send them, not side by side
	Now          func() time.Time
}

// New is an identity provider with an ECDSA key, which is quick to make.
func New(t testing.TB) *IdP {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return with(t, key, err)
}

// NewRSA is an identity provider with an RSA key of so many bits.
func NewRSA(t testing.TB, bits int) *IdP {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	return with(t, key, err)
}

func with(t testing.TB, key crypto.Signer, err error) *IdP {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return &IdP{
		EntityID: "https://idp.acme.test/metadata", SSO: "https://idp.acme.test/sso",
		Key: key, Certificates: []*x509.Certificate{Certify(t, key)}, Now: time.Now,
	}
}

// Certify is a self-signed certificate of a key. It ran out long ago: for SAML it is a container.
func Certify(t testing.TB, key crypto.Signer) *x509.Certificate {
	t.Helper()
	return CertifyUntil(t, key, time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC))
}

// CertifyUntil is Certify for readers that want a certificate in date.
func CertifyUntil(t testing.TB, key crypto.Signer, end time.Time) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: end,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// Metadata is the provider's metadata document.
func (p *IdP) Metadata() []byte {
	var keys strings.Builder
	for _, certificate := range p.Certificates {
		fmt.Fprintf(&keys, `
    <md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`,
			base64.StdEncoding.EncodeToString(certificate.Raw))
	}
	return fmt.Appendf(nil, `<?xml version="1.0"?>
<!-- an identity provider for tests -->
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="%s">
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">%s%s
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="%s"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>
`, escape(p.EntityID), keys.String(), p.logoutServices(), escape(p.SSO))
}

func (p *IdP) logoutServices() (services string) {
	for _, at := range []struct{ binding, location string }{{"HTTP-Redirect", p.SLO}, {"HTTP-POST", p.SLOPost}} {
		if at.location != "" {
			services += fmt.Sprintf(`
    <md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:%s" Location="%s"/>`, at.binding, escape(at.location))
		}
	}
	return services
}

// KeyInfo is the ds:KeyInfo of the provider's signatures, where it sends one.
func (p *IdP) KeyInfo() string {
	return `<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>` +
		base64.StdEncoding.EncodeToString(p.Certificates[0].Raw) + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`
}
