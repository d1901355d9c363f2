package saml

import (
	"time"

	"github.com/beevik/etree"

	"leasehold/idp"
	"leasehold/provision"
)

const bearer = "urn:oasis:names:tc:SAML:2.0:cm:bearer"

// confirmed wants one bearer confirmation of the subject that holds in every point (SAML Profiles 4.1.4.2, 4.1.4.3).
// Others beside it do not matter; when none holds, the last of the bearer's says why.
func (r rules) confirmed(subject *etree.Element, issued time.Time) error {
	var why error = idp.Reject(provision.ConfirmationInvalid, "no bearer confirmation of the subject")
	for _, e := range children(subject, nsAssertion, "SubjectConfirmation") {
		if method, _ := attribute(e, "Method"); method != bearer {
			continue
		}
		if why = r.bearer(e, issued); why == nil {
			return nil
		}
	}
	return why
}

func (r rules) bearer(confirmation *etree.Element, issued time.Time) error {
	e, err := one(confirmation, nsAssertion, "SubjectConfirmationData")
	if err != nil {
		return idp.Reject(provision.ConfirmationInvalid, "bearer confirmation: %w", err)
	}
	if _, there := attribute(e, "NotBefore"); there {
		return idp.Reject(provision.ConfirmationInvalid, "bearer confirmation with a NotBefore")
	}
	end, err := instant(e, "NotOnOrAfter")
	if err != nil {
		return idp.Reject(provision.ConfirmationInvalid, "bearer confirmation: %w", err)
	}
	if err := r.ends(end, issued, provision.ConfirmationInvalid); err != nil {
		return err
	}
	if recipient, _ := attribute(e, "Recipient"); recipient != r.acs {
		return idp.Reject(provision.RecipientMismatch, "Recipient %q, expected %q", brief(recipient), r.acs)
	}
	if answered, _ := attribute(e, "InResponseTo"); answered != r.request {
		return idp.Reject(provision.InResponseToMismatch, "confirmation answers %q, expected %q", brief(answered), r.request)
	}
	return nil
}
