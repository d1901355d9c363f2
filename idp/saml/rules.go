package saml

import (
	"slices"
	"time"

	"github.com/beevik/etree"

	"leasehold/idp"
	"leasehold/provision"
)

const (
	skew    = time.Minute     // how far two honest clocks may be apart
	maxAge  = 5 * time.Minute // of a message, from its issue to its arrival
	maxLife = time.Hour       // of an assertion, from its issue to its end
)

// rules are what one answer is held against.
type rules struct {
	issuer   string // the identity provider's entityID
	audience string // our entityID
	acs      string
	request  string // the ID of the AuthnRequest
	now      time.Time
}

// response holds the Response itself against the rules. Where it is not signed they can only make things stricter.
func (r rules) response(m message) error {
	e := m.response
	if _, err := r.issued(e); err != nil {
		return err
	}
	if err := r.sentTo(m); err != nil {
		return err
	}
	if err := r.sentBy(m); err != nil {
		return err
	}
	return r.answers(e)
}

// sentTo wants a response that was sent to us.
func (r rules) sentTo(m message) error {
	destination, there := attribute(m.response, "Destination")
	if destination != r.acs && (there || m.sealed) { // SAML Bindings 3.5.5.2
		return idp.Reject(provision.DestinationMismatch, "Destination %q, expected %q", brief(destination), r.acs)
	}
	return nil
}

// sentBy wants a response of the identity provider.
func (r rules) sentBy(m message) error {
	issuer, err := optional(m.response, nsAssertion, "Issuer")
	if err != nil {
		return err
	}
	if issuer != nil || m.sealed { // SAML Profiles 4.1.4.2
		return r.issuedBy(issuer)
	}
	return nil
}

// answers wants a response to the request.
func (r rules) answers(e *etree.Element) error {
	answered, there := attribute(e, "InResponseTo")
	switch {
	case r.request == "" || !there:
		return idp.Reject(provision.Unsolicited, "response to no request")
	case answered != r.request: // SAML Core 3.2.2
		return idp.Reject(provision.InResponseToMismatch, "response to %q, expected to %q", brief(answered), r.request)
	}
	return nil
}

// assertion holds the assertion's own attributes against the rules, and answers with its time of issue.
func (r rules) assertion(e *etree.Element) (time.Time, error) {
	at, err := r.issued(e)
	if err != nil {
		return at, err
	}
	issuer, err := one(e, nsAssertion, "Issuer") // SAML Core 2.3.3
	if err != nil {
		return at, err
	}
	return at, r.issuedBy(issuer)
}

// issued holds Version, ID and IssueInstant of a message or an assertion against the rules (SAML Core 2.3.3, 3.2.2).
func (r rules) issued(e *etree.Element) (time.Time, error) {
	if version, _ := attribute(e, "Version"); version != "2.0" {
		return time.Time{}, malformed("Version of %s is %q, expected 2.0", e.Tag, brief(version))
	}
	if !isID(idOf(e)) {
		return time.Time{}, malformed("ID %q of %s is no identifier", brief(idOf(e)), e.Tag)
	}
	at, err := instant(e, "IssueInstant")
	switch {
	case err != nil:
		return at, err
	case at.IsZero():
		return at, malformed("%s has no IssueInstant", e.Tag)
	case at.After(r.now.Add(skew)):
		return at, idp.Reject(provision.NotYetValid, "%s issued at %s, it is %s", e.Tag, stamp(at), stamp(r.now))
	case at.Before(r.now.Add(-maxAge - skew)):
		return at, idp.Reject(provision.Expired, "%s issued at %s, it is %s", e.Tag, stamp(at), stamp(r.now))
	}
	return at, nil
}

// issuedBy wants the identity provider's entityID, byte for byte (SAML Core 2.2.5).
func (r rules) issuedBy(issuer *etree.Element) error {
	if issuer == nil {
		return idp.Reject(provision.IssuerMismatch, "no Issuer, expected %q", r.issuer)
	}
	name, err := text(issuer)
	if err != nil {
		return err
	}
	if name != r.issuer {
		return idp.Reject(provision.IssuerMismatch, "Issuer %q, expected %q", brief(name), r.issuer)
	}
	return nil
}

// conditions holds the assertion's conditions against the rules (SAML Core 2.5.1), and answers with the instant after
// which it cannot be accepted any more. The hour is counted from the issue: Entra ID dates NotBefore five minutes back.
func (r rules) conditions(assertion *etree.Element, issued time.Time) (time.Time, error) {
	e, err := one(assertion, nsAssertion, "Conditions")
	if err != nil {
		return time.Time{}, err
	}
	until, err := r.valid(e, issued)
	if err != nil {
		return until, err
	}
	return until, r.restricted(e)
}

// valid holds the times of conditions against the rules.
func (r rules) valid(e *etree.Element, issued time.Time) (time.Time, error) {
	begin, err := instant(e, "NotBefore")
	if err != nil {
		return time.Time{}, err
	}
	end, err := instant(e, "NotOnOrAfter")
	if err != nil {
		return time.Time{}, err
	}
	switch {
	case !begin.IsZero() && begin.After(r.now.Add(skew)):
		return end, idp.Reject(provision.NotYetValid, "valid from %s, it is %s", stamp(begin), stamp(r.now))
	case !begin.IsZero() && !begin.Before(end): // SAML Core 2.5.1.2; an end that is missing is before every beginning
		return end, malformed("valid from %s until %s", stamp(begin), stamp(end))
	}
	if err := r.ends(end, issued, provision.DocumentMalformed); err != nil {
		return end, err
	}
	return end.Add(skew), nil
}

// ends wants an end that is not yet over; endless is the reason when there is none, or a far one.
func (r rules) ends(end, issued time.Time, endless provision.Reason) error {
	switch {
	case end.IsZero():
		return idp.Reject(endless, "valid without end, expected %s at most", maxLife)
	case !r.now.Before(end.Add(skew)):
		return idp.Reject(provision.Expired, "valid until %s, it is %s", stamp(end), stamp(r.now))
	case end.Sub(issued) > maxLife:
		return idp.Reject(endless, "valid until %s, more than %s after the issue", stamp(end), maxLife)
	}
	return nil
}

// restricted holds what is in the conditions against the rules: every AudienceRestriction names us (SAML Core
// 2.5.1.4), and there is one; a condition that we do not know is not met (SAML Core 2.5.1.3).
func (r rules) restricted(conditions *etree.Element) error {
	restrictions := 0
	for _, e := range conditions.ChildElements() {
		switch {
		case is(e, nsAssertion, "AudienceRestriction"):
			restrictions++
			if err := r.audienceIn(e); err != nil {
				return err
			}
		case is(e, nsAssertion, "OneTimeUse"), is(e, nsAssertion, "ProxyRestriction"): // once is all we do; we issue no assertions on it
		default:
			return malformed("condition %q, which is not understood", brief(e.Tag))
		}
	}
	if restrictions == 0 {
		return idp.Reject(provision.AudienceMismatch, "no AudienceRestriction, expected %q", r.audience)
	}
	return nil
}

func (r rules) audienceIn(restriction *etree.Element) error {
	var named []string
	for _, e := range children(restriction, nsAssertion, "Audience") {
		name, err := text(e)
		if err != nil {
			return err
		}
		named = append(named, brief(name))
		if name == r.audience {
			return nil
		}
	}
	return idp.Reject(provision.AudienceMismatch, "audience %q, expected %q", named[:min(len(named), 5)], r.audience)
}

// authn is what the assertion says about how and when the subject logged in (SAML Core 2.7.2). Of several statements
// the earliest login and the earliest end count. An end that is past is not judged here: the gate has a reason for it.
func (r rules) authn(assertion *etree.Element) (provision.Authn, error) {
	var all provision.Authn
	statements := children(assertion, nsAssertion, "AuthnStatement")
	if len(statements) == 0 { // SAML Profiles 4.1.4.2
		return all, malformed("assertion holds no AuthnStatement")
	}
	for _, e := range statements {
		said, err := r.statement(e)
		if err != nil {
			return all, err
		}
		all.At = earliest(all.At, said.At)
		all.SessionEnd = earliest(all.SessionEnd, said.SessionEnd)
		if all.SessionIndex == "" {
			all.SessionIndex = said.SessionIndex
		}
		if all.ACR == "" {
			all.ACR = said.ACR
		}
	}
	return all, nil
}

func (r rules) statement(e *etree.Element) (said provision.Authn, err error) {
	if said.At, err = instant(e, "AuthnInstant"); err != nil {
		return said, err
	}
	switch {
	case said.At.IsZero():
		return said, malformed("AuthnStatement has no AuthnInstant")
	case said.At.After(r.now.Add(skew)):
		return said, idp.Reject(provision.NotYetValid, "authentication at %s, it is %s", stamp(said.At), stamp(r.now))
	}
	if said.SessionEnd, err = instant(e, "SessionNotOnOrAfter"); err != nil {
		return said, err
	}
	said.SessionIndex, _ = attribute(e, "SessionIndex")
	if len(said.SessionIndex) > maxValue {
		return said, malformed("SessionIndex of %d bytes", len(said.SessionIndex))
	}
	context, err := one(e, nsAssertion, "AuthnContext")
	if err != nil {
		return said, err
	}
	class, err := optional(context, nsAssertion, "AuthnContextClassRef")
	if err != nil || class == nil {
		return said, err
	}
	said.ACR, err = value(class)
	return said, err
}

// earliest is the earliest of those that are said.
func earliest(times ...time.Time) time.Time {
	said := slices.DeleteFunc(times, time.Time.IsZero)
	if len(said) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(said, time.Time.Compare)
}
