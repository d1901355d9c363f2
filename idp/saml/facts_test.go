package saml_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

const nameID = `<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice-0001</saml:NameID>`

// attributeOf is an attribute with its values.
func attributeOf(name string, values ...string) string {
	return `<saml:Attribute Name="` + name + `"><saml:AttributeValue>` + strings.Join(values, `</saml:AttributeValue><saml:AttributeValue>`) + `</saml:AttributeValue></saml:Attribute>`
}

// also adds attributes, in a statement of their own.
func also(t *testing.T, attributes ...string) func(string) string {
	return swap(t, "</saml:Assertion>", "<saml:AttributeStatement>"+strings.Join(attributes, "")+"</saml:AttributeStatement></saml:Assertion>")
}

func TestSubjectsThatNameNobodyAreRefused(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	named := func(s string) func(string) string { return swap(t, nameID, s) }
	judgeAll(t, provider, p, []hostile{
		edited("no NameID", provision.SubjectMissing, named("")),
		edited("two of them", provision.SubjectMissing, named(nameID+nameID)),
		edited("an empty one", provision.SubjectMissing, named("<saml:NameID/>")),
		edited("a blank one", provision.SubjectMissing, named("<saml:NameID> </saml:NameID>")),
		edited("one with a blank before", provision.SubjectMissing, swap(t, ">alice-0001<", "> alice-0001<")),
		edited("one with a line break after", provision.SubjectMissing, swap(t, ">alice-0001<", ">alice-0001&#10;<")),
		edited("one of 257 bytes", provision.SubjectMissing, swap(t, "alice-0001", strings.Repeat("a", 257))),
		edited("one that looks qualified", provision.SubjectMissing, swap(t, ">alice-0001<", ">!a!b!alice-0001<")),
		edited("one with an element in it", provision.DocumentMalformed, swap(t, ">alice-0001<", ">alice<x/>-0001<")),
		edited("one of another namespace", provision.SubjectMissing, named(strings.ReplaceAll(nameID, "saml:NameID", "samlp:NameID"))),
		edited("an encrypted one", provision.EncryptedRefused, named("<saml:EncryptedID/>")),
		edited("a distinguished name", provision.SubjectMissing, swap(t, "SAML:2.0:nameid-format:persistent", "SAML:1.1:nameid-format:X509SubjectName")),
		edited("an entity", provision.SubjectMissing, swap(t, "nameid-format:persistent", "nameid-format:entity")),
	})
}

func TestNameIDsAreTakenByteForByte(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	for name, c := range map[string]struct {
		edit      func(string) string
		subject   string
		transient bool
	}{
		"in capitals":      {swap(t, ">alice-0001<", ">ALICE-0001<"), "ALICE-0001", false},
		"beyond ASCII":     {swap(t, ">alice-0001<", ">Ａlice ſ<"), "Ａlice ſ", false},
		"escaped":          {swap(t, ">alice-0001<", ">a&amp;b&#33;<"), "a&b!", false},
		"of no format":     {swap(t, ` Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"`, ""), "alice-0001", false},
		"unspecified":      {swap(t, "SAML:2.0:nameid-format:persistent", "SAML:1.1:nameid-format:unspecified"), "alice-0001", false},
		"e-mail address":   {swap(t, "SAML:2.0:nameid-format:persistent", "SAML:1.1:nameid-format:emailAddress"), "alice-0001", false},
		"transient":        {swap(t, "nameid-format:persistent", "nameid-format:transient"), "alice-0001", true},
		"of another realm": {swap(t, "<saml:NameID ", `<saml:NameID NameQualifier="https://other.test" `), "!https://other.test!!alice-0001", false},
		"for another service": {swap(t, "<saml:NameID ", `<saml:NameID NameQualifier="https://idp.acme.test/metadata" SPNameQualifier="https://other.test" `),
			"!https://idp.acme.test/metadata!https://other.test!alice-0001", false},
	} {
		t.Run(name, func(t *testing.T) {
			a, address := begin(t, p)
			got, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: alice(), Edit: c.edit}))
			if err != nil {
				t.Fatal(err)
			}
			if got.Facts.Subject != c.subject || got.Facts.Transient != c.transient {
				t.Errorf("subject %q, transient %t", got.Facts.Subject, got.Facts.Transient)
			}
		})
	}
}

func TestTheSubjectCanBeAnAttribute(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, func(c *saml.Config) { c.Connection.Subject = "attribute:urn:oid:0.9.2342.19200300.100.1.1" })
	const uid = "urn:oid:0.9.2342.19200300.100.1.1"
	a, address := begin(t, p)
	edit := chain(also(t, attributeOf(uid, "u-1001")), swap(t, "nameid-format:persistent", "nameid-format:transient"))
	got, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: alice(), Edit: edit}))
	if err != nil || got.Facts.Subject != "u-1001" || got.Facts.Transient {
		t.Errorf("got %+v, %v", got.Facts, err)
	}
	for name, attribute := range map[string]string{
		"none":                  attributeOf("other", "u-1001"),
		"an empty one":          attributeOf(uid, ""),
		"two values":            attributeOf(uid, "u-1001", "u-1002"),
		"the same value twice":  attributeOf(uid, "u-1001", "u-1001"),
		"only a FriendlyName":   `<saml:Attribute FriendlyName="` + uid + `" Name="x"><saml:AttributeValue>u-1001</saml:AttributeValue></saml:Attribute>`,
		"one in another letter": attributeOf(strings.ToUpper(uid), "u-1001"),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: alice(), Edit: also(t, attribute)}))
			refused(t, got, err, provision.SubjectMissing)
		})
	}
}

func TestAttributesAreFoundByTheNamesThatTheConnectionChose(t *testing.T) {
	provider := samltest.New(t)
	chosen := func(c *saml.Config) {
		c.Connection.Attributes = map[string]string{"email": "work-mail", "name": "cn", "groups": "teams"}
	}
	p := serviceProvider(t, provider, chosen)
	a, address := begin(t, p)
	edit := also(t, attributeOf("work-mail", "a@work.test"), attributeOf("cn", "A."), attributeOf("teams", "x", "", "y"),
		`<saml:Attribute Name="other" FriendlyName="work-mail"><saml:AttributeValue>b@work.test</saml:AttributeValue></saml:Attribute>`)
	got, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: alice(), Edit: edit}))
	if err != nil {
		t.Fatal(err)
	}
	if f := got.Facts; f.Email != "a@work.test" || f.Name != "A." || !slices.Equal(f.Groups, []string{"x", "y"}) {
		t.Errorf("facts %+v", f)
	}
	named := swap(t, "SAML:2.0:nameid-format:persistent", "SAML:1.1:nameid-format:emailAddress")
	got, err = p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: alice(), Edit: named}))
	if err != nil || got.Facts.Email != "" || got.Facts.Name != "" || got.Facts.Groups != nil {
		t.Errorf("facts %+v, %v: the usual names count although others were chosen", got.Facts, err)
	}
}

func TestWithoutAChoiceTheUsualNamesAreFound(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	a, address := begin(t, p)
	for _, name := range []string{"email", "mail", "urn:oid:0.9.2342.19200300.100.1.3", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"} {
		edit := also(t, attributeOf(name, "alice@acme.test"))
		got, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: samltest.Person{Subject: "s"}, Edit: edit}))
		if err != nil || got.Facts.Email != "alice@acme.test" {
			t.Errorf("%s: %q, %v", name, got.Facts.Email, err)
		}
	}
	named := swap(t, "SAML:2.0:nameid-format:persistent", "SAML:1.1:nameid-format:emailAddress")
	got, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: samltest.Person{Subject: "a@acme.test"}, Edit: named}))
	if err != nil || got.Facts.Email != "a@acme.test" {
		t.Errorf("a NameID that is an e-mail address: %q, %v", got.Facts.Email, err)
	}
	got, err = p.Verify(context.Background(), a, provider.Answer(t, address, samltest.Person{Subject: "a@acme.test"}))
	if err != nil || got.Facts.Email != "" {
		t.Errorf("a NameID that only looks like an e-mail address: %q, %v", got.Facts.Email, err)
	}
}

func TestGroupsThatEntraIDLeavesOutAreNoticed(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	a, address := begin(t, p)
	edit := also(t, attributeOf("http://schemas.microsoft.com/claims/groups.link", "https://graph.windows.net/x"))
	got, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: alice(), Edit: edit}))
	if err != nil || !got.Facts.GroupsOverage {
		t.Errorf("overage %t, %v", got.Facts.GroupsOverage, err)
	}
}

func TestTwoEMailAddressesAreNone(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	mail := `<saml:Attribute Name="mail" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic">`
	judgeAll(t, provider, p, []hostile{
		edited("two values", provision.EmailInvalid, swap(t, mail, mail+"<saml:AttributeValue>chief@acme.test</saml:AttributeValue>")),
		edited("two attributes", provision.EmailInvalid, swap(t, mail, attributeOf("mail", "chief@acme.test")+mail)),
		edited("two statements", provision.EmailInvalid, also(t, attributeOf("mail", "chief@acme.test"))),
		edited("two names", provision.EmailInvalid, also(t, attributeOf("email", "chief@acme.test"))),
		edited("one with an element in it", provision.DocumentMalformed, swap(t, ">alice@acme.test<", ">alice@acme.test<x/>.evil.test<")),
		edited("one of 2 KB", provision.DocumentMalformed, swap(t, "alice@acme.test", strings.Repeat("a", 2048))),
		edited("an encrypted attribute", provision.EncryptedRefused, swap(t, mail, "<saml:EncryptedAttribute/>"+mail)),
	})
	a, address := begin(t, p)
	same := also(t, attributeOf("email", "alice@acme.test"))
	if _, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: alice(), Edit: same})); err != nil {
		t.Errorf("one address under two names: %v", err)
	}
}
