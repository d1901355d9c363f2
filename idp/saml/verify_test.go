package saml_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/idp"
	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

func TestAnHonestAnswerSaysWhoLoggedInAndHow(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	a, address := begin(t, p)
	who := alice()
	who.SessionEnd = time.Now().Add(5 * time.Second).UTC().Truncate(time.Millisecond)
	who.AuthnAt = time.Now().Add(-time.Minute).UTC().Truncate(time.Second)
	who.SessionIndex, who.ACR = "_s-1", "https://refeds.org/profile/mfa"
	got, err := p.Verify(context.Background(), a, provider.Answer(t, address, who))
	if err != nil {
		t.Fatal(err)
	}
	facts := provision.Facts{Connection: "acme-saml", Subject: "alice-0001", Email: "alice@acme.test", EmailVerified: true, Name: "Alice"}
	if !slices.Equal(got.Facts.Groups, who.Groups) {
		t.Errorf("groups %q, want %q", got.Facts.Groups, who.Groups)
	}
	got.Facts.Groups = nil
	if fmt.Sprint(got.Facts) != fmt.Sprint(facts) {
		t.Errorf("facts %+v, want %+v", got.Facts, facts)
	}
	want := provision.Authn{At: who.AuthnAt, ACR: who.ACR, SessionEnd: who.SessionEnd, SessionIndex: "_s-1"}
	if fmt.Sprint(got.Authn) != fmt.Sprint(want) {
		t.Errorf("authn %+v, want %+v", got.Authn, want)
	}
	spent := got.Spend[0]
	if len(got.Spend) != 1 || spent.Kind != "assertion" || spent.Scope != "acme-saml" || !strings.HasPrefix(spent.ID, "_a-") {
		t.Errorf("spend %+v", got.Spend)
	}
	if left := time.Until(spent.Until); left < 5*time.Minute || left > 7*time.Minute {
		t.Errorf("an assertion valid for five minutes more is remembered for %s", left)
	}
}

// honest are variations that peers send and that are right.
func honest(t *testing.T) map[string]samltest.Answer {
	const audience = `<saml:Audience>` + base + `metadata</saml:Audience>`
	const confirmation = `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">`
	return map[string]samltest.Answer{
		"the assertion is signed": {},
		"the response is signed":  {Signed: samltest.Response},
		"both are signed":         {Signed: samltest.Both},
		"SHA-384":                 {Signed: samltest.Both, Hash: crypto.SHA384},
		"SHA-512":                 {Signed: samltest.Both, Hash: crypto.SHA512},
		"two audiences in one restriction": {
			Edit: swap(t, audience, `<saml:Audience>https://other.test</saml:Audience>`+audience)},
		"two restrictions that both name us": {
			Edit: swap(t, `</saml:AudienceRestriction>`, `</saml:AudienceRestriction><saml:AudienceRestriction>`+audience+`</saml:AudienceRestriction>`)},
		"a confirmation for somebody else first": {
			Edit: swap(t, confirmation, confirmation+`<saml:SubjectConfirmationData NotOnOrAfter="2099-01-01T00:00:00Z" Recipient="https://other.test/acs"/></saml:SubjectConfirmation>`+confirmation)},
		"a confirmation of another method beside": {
			Edit: swap(t, confirmation, `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"/>`+confirmation)},
		"once only, and no proxies": {
			Edit: swap(t, `</saml:Conditions>`, `<saml:OneTimeUse/><saml:ProxyRestriction Count="0"/></saml:Conditions>`)},
		"extensions": {Signed: samltest.Both,
			Edit: swap(t, `<samlp:Status>`, `<samlp:Extensions><x:y xmlns:x="urn:x" x:z="1">text</x:y></samlp:Extensions><samlp:Status>`)},
		"KeyInfo of somebody else": {KeyInfo: samltest.New(t).KeyInfo()},
		"an inclusive prefix list": {Signed: samltest.Both,
			SignedInfo: swap(t, `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>`,
				`<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList=""/></ds:Transform>`)},
		"no Destination on a response that is not signed": {Edit: swap(t, ` Destination="`+base+`acs"`, ``)},
		"no Issuer on a response that is not signed":      {Edit: swap(t, `<saml:Issuer>https://idp.acme.test/metadata</saml:Issuer><samlp:Status>`, `<samlp:Status>`)},
		"valid from five minutes ago for an hour more, as Entra ID": {
			Edit: func(doc string) string { return entraTimes(t, doc) }},
		"fractions of a second": {Edit: swap(t, `Z" Destination`, `.123456Z" Destination`)},
		"a second statement of attributes, with an empty value": {
			Edit: swap(t, `</saml:Assertion>`, `<saml:AttributeStatement><saml:Attribute Name="x"><saml:AttributeValue/></saml:Attribute></saml:AttributeStatement></saml:Assertion>`)},
		"qualifiers that name the two parties": {
			Edit: swap(t, `<saml:NameID `, `<saml:NameID NameQualifier="https://idp.acme.test/metadata" SPNameQualifier="`+base+`metadata" `)},
		"indented": {Signed: samltest.Both, Edit: func(doc string) string { return strings.ReplaceAll(doc, "><", ">\r\n  <") }},
	}
}

func entraTimes(t testing.TB, doc string) string {
	now := time.Now().UTC()
	end := now.Add(time.Hour - time.Second).Format(time.RFC3339)
	doc = swap(t, between(t, doc, `<saml:Conditions `, `>`), fmt.Sprintf(`<saml:Conditions NotBefore="%s" NotOnOrAfter="%s">`, now.Add(-5*time.Minute).Format(time.RFC3339), end))(doc)
	return swap(t, between(t, doc, `<saml:SubjectConfirmationData NotOnOrAfter="`, `"`), `<saml:SubjectConfirmationData NotOnOrAfter="`+end+`"`)(doc)
}

// between is the passage of doc from one text to another, both included.
func between(t testing.TB, doc, from, to string) string {
	t.Helper()
	_, rest, found := strings.Cut(doc, from)
	inside, _, closed := strings.Cut(rest, to)
	if !found || !closed {
		t.Fatalf("no %q … %q in %s", from, to, doc)
	}
	return from + inside + to
}

func TestHonestVariationsPassWithEveryKindOfKey(t *testing.T) {
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, wide := samltest.New(t), samltest.New(t)
	der.DER = true
	wide.Key, wide.Certificates = p521, []*x509.Certificate{samltest.Certify(t, p521)}
	for kind, provider := range map[string]*samltest.IdP{
		"RSA": samltest.NewRSA(t, 2048), "ECDSA side by side": samltest.New(t), "ECDSA in ASN.1": der, "P-521": wide,
	} {
		p := serviceProvider(t, provider, nil)
		house, _ := whole(t, provider, p)
		for name, answer := range honest(t) {
			t.Run(kind+", "+name, func(t *testing.T) {
				a, address := begin(t, p)
				answer.Person = alice()
				got, err := p.Verify(context.Background(), a, provider.Respond(t, address, answer))
				if err != nil {
					t.Fatal(err)
				}
				if got.Facts.Subject != "alice-0001" || got.Facts.Email != "alice@acme.test" || len(got.Facts.Groups) != 2 {
					t.Errorf("facts %+v", got.Facts)
				}
				house.Admits(t, "through a whole gateway", func(address string) url.Values { return provider.Respond(t, address, answer) })
			})
		}
	}
}

func TestFiveThousandGroupsLogIn(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	house, _ := whole(t, provider, p)
	who := alice()
	for i := range 5000 {
		who.Groups = append(who.Groups, fmt.Sprintf("group-%04d", i))
	}
	for _, signed := range []samltest.Signed{samltest.Assertion, samltest.Response, samltest.Both} {
		a, address := begin(t, p)
		answer := func(address string) url.Values {
			return provider.Respond(t, address, samltest.Answer{Person: who, Signed: signed})
		}
		got, err := p.Verify(context.Background(), a, answer(address))
		if err != nil {
			t.Fatal(err)
		}
		house.Admits(t, "through a whole gateway", answer)
		if !slices.Equal(got.Facts.Groups, who.Groups) {
			t.Errorf("%d groups came, want %d", len(got.Facts.Groups), len(who.Groups))
		}
	}
}

func TestEveryKeyOfTheMetadataIsTried(t *testing.T) {
	provider, next := samltest.New(t), samltest.NewRSA(t, 2048)
	provider.Certificates = append(provider.Certificates, next.Certificates...)
	p := serviceProvider(t, provider, nil)
	for _, key := range []*samltest.IdP{provider, next} {
		a, address := begin(t, p)
		if _, err := p.Verify(context.Background(), a, key.Answer(t, address, alice())); err != nil {
			t.Error(err)
		}
	}
}

func TestAConnectionsAnswerIsWorthNothingAtAnotherWithTheSameProvider(t *testing.T) {
	provider := samltest.New(t)
	ours := serviceProvider(t, provider, nil)
	other := serviceProvider(t, provider, func(c *saml.Config) {
		c.Connection.ID, c.EntityID, c.ACS = "other", "https://sso.example.com/idp/other/metadata", "https://sso.example.com/idp/other/acs"
	})
	a, address := begin(t, ours)
	form := provider.Respond(t, address, samltest.Answer{Person: alice(), Edit: swap(t, ` Destination="`+base+`acs"`, ``)})
	got, err := other.Verify(context.Background(), a, form)
	refused(t, got, err, provision.AudienceMismatch)
}

func TestAnOldLoginDoesNotAnswerARequestForAFreshOne(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	a := idp.Attempt{ID: "attempt-1", Fresh: true, Began: time.Now()}
	address, err := p.Begin(context.Background(), &a)
	if err != nil {
		t.Fatal(err)
	}
	who := alice()
	who.AuthnAt = time.Now().Add(-2 * time.Minute)
	got, err := p.Verify(context.Background(), a, provider.Answer(t, address, who))
	refused(t, got, err, provision.AuthTooOld)
	if _, err := p.Verify(context.Background(), a, provider.Answer(t, address, alice())); err != nil {
		t.Error(err)
	}
}
