package oidc

import (
	"errors"
	"fmt"
	"strings"

	"leasehold/idp"
	"leasehold/provision"
)

const (
	maxSubject = 255 // OIDC Core 2
	byEntra    = "tid+oid"
	byClaim    = "claim:"
	google     = "https://accounts.google.com"
)

// checkSubjectRule accepts the ways to name a subject: "" and "sub", "claim:NAME", "tid+oid".
func checkSubjectRule(rule string) error {
	name, ok := strings.CutPrefix(rule, byClaim)
	if rule == "" || rule == "sub" || rule == byEntra || (ok && name != "") {
		return nil
	}
	return fmt.Errorf("subject rule %q is not known", rule)
}

// named is the claim that holds what: "email", "name" or "groups".
func (p *Provider) named(what string) string {
	if name := p.connection.Attributes[what]; name != "" {
		return name
	}
	return what
}

// assertion is what an ID token that was judged, and perhaps a userinfo answer (nil: none), say.
func (p *Provider) assertion(claims, more object) (provision.Assertion, error) {
	facts, err := p.facts(claims, more)
	if err != nil {
		return provision.Assertion{}, refused(provision.DocumentMalformed, "claims", err)
	}
	authn, err := authnOf(claims)
	if err != nil {
		return provision.Assertion{}, refused(provision.DocumentMalformed, "claims", err)
	}
	return provision.Assertion{Facts: facts, Authn: authn}, nil
}

// facts reads the subject from the ID token alone, and the rest from the token before userinfo.
func (p *Provider) facts(claims, more object) (f provision.Facts, err error) {
	f.Connection = p.connection.ID
	if f.Subject, err = p.subject(claims); err != nil {
		return f, err
	}
	source := firstWith(p.named("email"), claims, more) // its email_verified stands in the same place
	if f.Email, err = source.text(p.named("email")); err != nil {
		return f, err
	}
	f.EmailVerified = p.verified(f.Email, source, claims)
	if f.Name, err = firstWith(p.named("name"), claims, more).text(p.named("name")); err != nil {
		return f, err
	}
	groups := p.named("groups")
	f.GroupsOverage = claims.overage(groups) || more.overage(groups)
	f.Groups, err = firstWith(groups, claims, more).texts(groups)
	return f, err
}

// firstWith is the first of objects that has the member, or none.
func firstWith(name string, objects ...object) object {
	for _, o := range objects {
		if o.has(name) {
			return o
		}
	}
	return nil
}

// subject is what a person is known by, byte for byte. "sub" is there whatever the rule, for a token without one is no
// ID token (OIDC Core 2).
func (p *Provider) subject(claims object) (string, error) {
	sub, err := subjectIn(claims, "sub")
	if err != nil {
		return "", err
	}
	switch rule := p.connection.Subject; {
	case rule == byEntra:
		return entraSubject(claims)
	case strings.HasPrefix(rule, byClaim):
		return subjectIn(claims, strings.TrimPrefix(rule, byClaim))
	}
	return sub, nil
}

// subjectIn is a claim that may name a subject: at most 255 characters of ASCII (OIDC Core 2) that all can be seen.
func subjectIn(claims object, name string) (string, error) {
	s, err := claims.text(name)
	switch {
	case err != nil:
		return "", err
	case s == "":
		return "", idp.Reject(provision.SubjectMissing, "claims: no %s", name)
	case len(s) > maxSubject:
		return "", fmt.Errorf("%s has %d bytes", name, len(s))
	case strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }):
		return "", fmt.Errorf("%s %s is not printable ASCII", name, quoted(s))
	}
	return s, nil
}

// entraSubject is "tid:oid". Entra ID's own sub is another for each application; these two are the person's directory
// and object there, never given out again.
func entraSubject(claims object) (string, error) {
	var ids [2]string
	for i, name := range []string{"tid", "oid"} {
		id, err := subjectIn(claims, name)
		if err != nil {
			return "", err
		}
		if !isUUID(id) {
			return "", fmt.Errorf("%s %s is no UUID", name, quoted(id))
		}
		ids[i] = id
	}
	return ids[0] + ":" + ids[1], nil
}

// isUUID reports whether s is a UUID in lower case: one person in one spelling.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// verified reports whether the e-mail address in source is vouched for: by email_verified, which speaks of the claim
// "email" and no other (OIDC Core 5.1), or by the connection's word for its own domains, where the issuer keeps silent.
func (p *Provider) verified(address string, source, claims object) bool {
	email, err := provision.ParseEmail(address)
	if err != nil {
		return false
	}
	if p.connection.Issuer == google && !p.hosted(claims) {
		return false
	}
	standard := p.named("email") == "email"
	if standard && source.has("email_verified") {
		return source.yes("email_verified")
	}
	return p.connection.TrustEmail && p.connection.Asserts(email.Domain())
}

// hosted reports whether a Google account is one of an organisation that the connection may speak for. Anybody can have
// a personal Google account under an address at work, and keeps it after leaving; only hosted ones have hd.
func (p *Provider) hosted(claims object) bool {
	hd, err := claims.text("hd")
	if err != nil {
		return false
	}
	domain, err := provision.ParseDomain(hd)
	return err == nil && p.connection.Asserts(domain)
}

// overage reports whether the groups were left out because there are too many: Entra ID then names a place to ask (OIDC
// Core 5.6.2), or says only that there are some. An issuer is not asked elsewhere on a token's word.
func (o object) overage(groups string) bool {
	if o.yes("hasgroups") && !o.has(groups) {
		return true
	}
	if !o.has("_claim_names") {
		return false
	}
	elsewhere, err := readObject(o["_claim_names"])
	return err != nil || elsewhere.has(groups) // what cannot be read may be the groups
}

// authnOf is how and when the subject logged in upstream.
func authnOf(claims object) (a provision.Authn, err error) {
	var faults [5]error
	a.At, faults[0] = claims.time("auth_time")
	a.ACR, faults[1] = claims.text("acr")
	a.AMR, faults[2] = claims.texts("amr")
	a.SessionEnd, faults[3] = claims.time("session_expiry") // OpenID Connect Enterprise Extensions
	a.SessionIndex, faults[4] = claims.text("sid")          // OIDC Front- and Back-Channel Logout
	return a, errors.Join(faults[:]...)
}
