package oidc

import (
	"leasehold/idp"
	"leasehold/provision"
)

// look holds the claims of a token whose signature is good, and which was refused, against each rule for itself, so that
// whoever tries a login learns all that is wrong at once. It accepts nothing. What userinfo would say was not asked for.
func (b *bench) look(claims object) *provision.Survey {
	s := &provision.Survey{}
	for _, x := range []struct {
		rule    func(object) error
		reasons []provision.Reason
	}{
		{b.kind, []provision.Reason{provision.DocumentMalformed}},
		{b.issuer, []provision.Reason{provision.IssuerMismatch}},
		{b.audience, []provision.Reason{provision.AudienceMismatch}},
		{b.times, []provision.Reason{provision.Expired, provision.NotYetValid}},
		{b.nonce, []provision.Reason{provision.NonceMismatch}},
		{b.authTime, []provision.Reason{provision.AuthTooOld}},
	} {
		err := refused(provision.DocumentMalformed, "ID token", x.rule(claims))
		if looked := idp.Looked(err, x.reasons...); looked.Reason != "" || x.reasons[0] != provision.AuthTooOld { // that it is fresh enough is for the gate to say
			s.Looked = append(s.Looked, looked)
		}
	}
	return s
}
