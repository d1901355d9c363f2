package broker_test

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// TestAnAddressThatIsNotPlainlyOfTheTenantOpensNothing has the tenant's own provider say whatever it likes about Ada's
// subject and about strangers: what two readers could read differently is nobody's address, and what only looks like
// the tenant's domain is not.
func TestAnAddressThatIsNotPlainlyOfTheTenantOpensNothing(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	for email, reason := range map[string]provision.Reason{
		"":                            provision.EmailMissing,
		"ada":                         provision.EmailInvalid,
		"@acme.test":                  provision.EmailInvalid,
		"ada@":                        provision.EmailInvalid,
		"eve@evil.test@acme.test":     provision.EmailInvalid,
		`"eve@evil.test"@acme.test`:   provision.EmailInvalid,
		`"ada"@acme.test`:             provision.EmailInvalid,
		"ada(comment)@acme.test":      provision.EmailInvalid,
		"Ada <ada@acme.test>":         provision.EmailInvalid,
		"ada@acme.test,eve@evil.test": provision.EmailInvalid,
		"ada@acme.test eve@evil.test": provision.EmailInvalid,
		" ada@acme.test":              provision.EmailInvalid,
		"ada@acme.test\n":             provision.EmailInvalid,
		"ada@acme.test\r\nBcc: eve":   provision.EmailInvalid,
		"ada\x00@acme.test":           provision.EmailInvalid,
		"ada@[192.0.2.1]":             provision.EmailInvalid,
		"ada@acme.test.":              provision.EmailInvalid,
		"ada@acme..test":              provision.EmailInvalid,
		"ada@acme\u3002test":          provision.EmailInvalid, // a full stop of another script
		"ada@\uff41cme.test":          provision.EmailInvalid, // full width
		"ada@acme\u00ad.test":         provision.EmailInvalid, // a soft hyphen
		"ada@acme\u200b.test":         provision.EmailInvalid, // no width
		"ada@\u202etset.emca":         provision.EmailInvalid, // from right to left
		"ada@\u0430cme.test":          provision.EmailInvalid, // a Cyrillic a
		"ad\u0430@acme.test":          provision.EmailInvalid,
		"ada@a\u212a.test":            provision.EmailInvalid,  // a Kelvin sign, which folds to k
		"ada@xn--cme-5cd.test":        provision.EmailInvalid,  // a Cyrillic a, as DNS has it: of two scripts
		"ada@xn--80akut.test":         provision.DomainUnknown, // Cyrillic throughout
		"ada@sub.acme.test":           provision.DomainUnknown,
		"ada@test":                    provision.DomainPublic,
		"ada@evilacme.test":           provision.DomainUnknown,
		"ada@acme.test.evil.test":     provision.DomainUnknown,
		"ada@acrne.test":              provision.DomainUnknown,
		"ada@gmail.com":               provision.DomainPublic,
		"ada@rival.test":              provision.DomainForeign,
	} {
		who := []string{"ada-1", "a-stranger"}[len(email)%2]
		t.Run(who+" as "+email, func(t *testing.T) {
			h.t = t
			h.wantRefusal("acme", reason, func() (provision.Lease, error) {
				return h.loginIn("b", url.Values{"sub": {who}, "email": {email}}, "")
			})
			if again := h.login(ada()); again.Account != l.Account || h.account(l.Account).Email.String() != "ada@acme.test" {
				t.Errorf("Ada is %s, and was %s", again.Account, l.Account)
			}
		})
	}
	h.t = t
}

// What is compared is the address as it is: a tag makes another one, capitals do not, and a subject is its bytes.
func TestSomebodyElsesSubjectIsSomebodyElse(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	for _, sub := range []string{"Ada-1", "ada-1 ", "ada-1\x00", "ada", "ada-11", "\uff41da-1", "ada\u20101"} {
		h.wantRefusal("acme", provision.EmailTaken, func() (provision.Lease, error) { return h.loginIn("b", with(ada(), "sub", sub), "") })
	}
	h.wantRefusal("acme", provision.EmailTaken, func() (provision.Lease, error) {
		return h.loginIn("b", with(with(ada(), "sub", "ada-2"), "email", "ADA@ACME.TEST"), "")
	})
	if tagged := h.login(with(with(ada(), "sub", "ada-3"), "email", "ada+x@acme.test")); tagged.Account == l.Account {
		t.Error("a tag was taken away")
	}
	if again := h.login(ada()); again.Account != l.Account {
		t.Error("Ada is somebody else")
	}
}

// What a reader passes on is for the gate to refuse: it is the provider's word, well signed, and not good enough.
func TestAWordThatIsNotGoodEnoughIsRefusedAtTheGate(t *testing.T) {
	h := newHouse(t, withOIDC)
	bySAML := func(edit func(string) string) func() (provision.Lease, error) {
		return func() (provision.Lease, error) {
			e := errand{connection: "acme-saml", browser: "b"}
			going, err := h.Begin(context.Background(), broker.Wish{Browser: e.browser, Connection: e.connection})
			if err != nil {
				return provision.Lease{}, err
			}
			e.form = h.saml.Respond(t, going.URL, samltest.Answer{Person: adaBySAML(), Edit: edit})
			return h.finish(e)
		}
	}
	byOIDC := func(name string, value any) func() (provision.Lease, error) {
		return func() (provision.Lease, error) {
			defer func(was map[string]any) { h.oidc.Claims = was }(h.oidc.Claims)
			h.oidc.Claims = maps.Clone(h.oidc.Claims)
			h.oidc.Claims[name] = value
			return h.loginByOIDC("b", broker.Wish{})
		}
	}
	overage := `<saml:AttributeStatement><saml:Attribute Name="http://schemas.microsoft.com/claims/groups.link"><saml:AttributeValue>https://x.test</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>`
	over := fmt.Sprintf(` SessionNotOnOrAfter="%s" SessionIndex=`, h.clock.Now().Add(-time.Second).UTC().Format(time.RFC3339))
	for name, word := range map[string]struct {
		at     provision.ConnectionID
		reason provision.Reason
		try    func() (provision.Lease, error)
	}{
		"a name for this session alone": {"acme-saml", provision.SubjectTransient, bySAML(func(doc string) string {
			return strings.Replace(doc, "nameid-format:persistent", "nameid-format:transient", 1)
		})},
		"a session that is over":    {"acme-saml", provision.SessionOver, bySAML(func(doc string) string { return strings.Replace(doc, " SessionIndex=", over, 1) })},
		"groups that were left out": {"acme-saml", provision.GroupsOverage, bySAML(func(doc string) string { return strings.Replace(doc, "</saml:Assertion>", overage, 1) })},
		"no address":                {"acme-saml", provision.EmailMissing, bySAML(func(doc string) string { return strings.Replace(doc, `Name="mail"`, `Name="fax"`, 1) })},
		"an address as another attribute's friendly name": {"acme-saml", provision.EmailMissing, bySAML(func(doc string) string {
			return strings.Replace(doc, `Name="mail"`, `FriendlyName="mail" Name="urn:x"`, 1)
		})},
		"an address that nobody vouches for": {"acme-oidc", provision.EmailUnverified, byOIDC("email_verified", false)},
		"the text false":                     {"acme-oidc", provision.EmailUnverified, byOIDC("email_verified", "false")},
		"an address that anybody can set":    {"acme-oidc", provision.EmailUnverified, byOIDC("email_verified", nil)},
		"a session of OpenID that is over":   {"acme-oidc", provision.SessionOver, byOIDC("session_expiry", h.clock.Now().Add(-time.Second).Unix())},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			h.wantRefusal(word.at, word.reason, word.try)
			if _, err := h.loginBySAML("honest", person("honest", "honest@acme.test")); err != nil {
				t.Errorf("the honest login after it: %v", err)
			}
		})
	}
	h.t = t
}
