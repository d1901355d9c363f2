package saml_test

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"net/url"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"

	"leasehold/idp"
	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
)

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
	form := provider.Respond(b, address, samltest.Answer{Person: alice(), KeyInfo: provider.KeyInfo()})

	var metadata crewjam.EntityDescriptor
	if err := xml.Unmarshal(provider.Metadata(), &metadata); err != nil {
		b.Fatal(err)
	}
	acs, _ := url.Parse(base + "acs")
	theirs := crewjam.ServiceProvider{EntityID: base + "metadata", AcsURL: *acs, IDPMetadata: &metadata}
	b.Logf("%d bytes", len(form.Get("SAMLResponse"))*3/4)
	return ours, a, form, theirs
}
