package saml_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"net/url"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"

	"leasehold/idp"
	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

const base = "https://sso.example.com/idp/acme-saml/"

// serviceProvider is the other side of an identity provider.
func serviceProvider(t testing.TB, idp *samltest.IdP, change func(*saml.Config)) *saml.Provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := saml.Config{
		Connection: provision.Connection{ID: "acme-saml", Tenant: "acme", Protocol: provision.SAML, Subject: "nameid", Metadata: idp.Metadata()},
		EntityID:   base + "metadata", ACS: base + "acs",
		Key: key, Certificate: samltest.Certify(t, key), Now: idp.Now,
	}
	if change != nil {
		change(&c)
	}
	p, err := saml.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// begin is an attempt, and where its browser was sent.
func begin(t testing.TB, p *saml.Provider) (idp.Attempt, string) {
	t.Helper()
	a := idp.Attempt{ID: "attempt-1", Connection: "acme-saml", Began: time.Now()}
	address, err := p.Begin(context.Background(), &a)
	if err != nil {
		t.Fatal(err)
	}
	return a, address
}

func alice() samltest.Person {
	return samltest.Person{Subject: "alice-0001", Email: "alice@acme.test", Name: "Alice", Groups: []string{"engineering", "staff"}}
}

// The two benchmarks read the same bytes: about 4 KB, the assertion signed with RSA-2048.
func BenchmarkVerify(b *testing.B) {
	p, a, form, _ := contest(b)
	for b.Loop() {
		if _, err := p.Verify(context.Background(), a, form); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCrewjamParseXMLResponse(b *testing.B) {
	_, a, form, theirs := contest(b)
	acs, _ := url.Parse(base + "acs")
	for b.Loop() {
		doc, err := base64.StdEncoding.DecodeString(form.Get("SAMLResponse"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := theirs.ParseXMLResponse(doc, []string{a.RequestID}, *acs); err != nil {
			b.Fatal(err)
		}
	}
}

// contest is one honest message, and both readers of it. crewjam wants certificates in date.
func contest(b *testing.B) (*saml.Provider, idp.Attempt, url.Values, crewjam.ServiceProvider) {
	provider := samltest.NewRSA(b, 2048)
	provider.Certificates[0] = samltest.CertifyUntil(b, provider.Key, time.Now().Add(time.Hour))
	ours := serviceProvider(b, provider, nil)
	a, address := begin(b, ours)
	form := provider.Answer(b, address, alice())

	var metadata crewjam.EntityDescriptor
	if err := xml.Unmarshal(provider.Metadata(), &metadata); err != nil {
		b.Fatal(err)
	}
	acs, _ := url.Parse(base + "acs")
	theirs := crewjam.ServiceProvider{EntityID: base + "metadata", AcsURL: *acs, IDPMetadata: &metadata}
	b.ReportMetric(float64(len(form.Get("SAMLResponse"))*3/4), "message-bytes")
	return ours, a, form, theirs
}
