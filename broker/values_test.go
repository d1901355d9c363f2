package broker_test

import (
	"net/url"
	"testing"

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
