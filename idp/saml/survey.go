package saml

import (
	"time"

	"leasehold/idp"
	"leasehold/provision"
)

// survey holds a verified message that was refused against each rule for itself, so that whoever tries a login learns all
// that is wrong at once. It accepts nothing: what it finds is shown, and no login is made of it.
func (p *Provider) survey(m message, a idp.Attempt, now time.Time) *provision.Survey {
	r := rules{issuer: p.idp.EntityID, audience: p.entityID, acs: p.acs, request: a.RequestID, now: now}
	s := &provision.Survey{}
	look := func(err error, reasons ...provision.Reason) {
		s.Looked = append(s.Looked, idp.Looked(err, reasons...))
	}
	_, err := r.issued(m.response)
	look(err, provision.Expired, provision.NotYetValid)
	look(r.sentTo(m), provision.DestinationMismatch)
	look(r.sentBy(m), provision.IssuerMismatch)
	look(r.answers(m.response), provision.Unsolicited, provision.InResponseToMismatch)
	issued, err := r.issued(m.assertion)
	look(err, provision.Expired, provision.NotYetValid)
	_, err = r.assertion(m.assertion)
	if check(err) == provision.IssuerMismatch || err == nil {
		look(err, provision.IssuerMismatch)
	}
	p.surveyConditions(r, m, issued, look)
	subject, err := one(m.assertion, nsAssertion, "Subject")
	if err != nil {
		look(err, provision.RecipientMismatch, provision.ConfirmationInvalid, provision.InResponseToMismatch)
		return s
	}
	look(r.confirmed(subject, issued), provision.RecipientMismatch, provision.ConfirmationInvalid, provision.InResponseToMismatch)
	authn, err := r.authn(m.assertion)
	look(err, provision.NotYetValid)
	facts, wrong := p.facts(m.assertion, subject)
	if wrong != nil {
		look(wrong, provision.SubjectMissing)
		return s
	}
	if err == nil {
		s.Facts, s.Authn = facts, authn
	}
	if err == nil && a.Fresh && authn.At.Before(a.Began.Add(-skew)) {
		look(idp.Reject(provision.AuthTooOld, "authentication at %s, asked for a new one at %s", stamp(authn.At), stamp(a.Began)), provision.AuthTooOld)
	}
	return s
}

func (p *Provider) surveyConditions(r rules, m message, issued time.Time, look func(error, ...provision.Reason)) {
	e, err := one(m.assertion, nsAssertion, "Conditions")
	if err != nil {
		look(err, provision.Expired, provision.NotYetValid, provision.AudienceMismatch)
		return
	}
	_, err = r.valid(e, issued)
	look(err, provision.Expired, provision.NotYetValid)
	look(r.restricted(e), provision.AudienceMismatch)
}

// check is the reason of a refusal; "": it is none.
func check(err error) provision.Reason { return idp.Looked(err).Reason }
