package oidc

import (
	"context"

	"leasehold/idp"
	"leasehold/provision"
)

const maxUserInfo = 1 << 20 // bytes

// userInfo is what the issuer says about the subject beside the ID token, asked for when the token leaves out the
// e-mail address or the groups. An issuer that cannot be asked then is a refusal: what it would have said may be the
// group that keeps the person out.
func (p *Provider) userInfo(ctx context.Context, found discovery, claims object, t tokens) (object, error) {
	enough := claims.has(p.named("email")) && (claims.has(p.named("groups")) || claims.overage(p.named("groups")))
	if enough || found.userInfo == "" {
		return nil, nil
	}
	more, err := p.fetch(ctx, found.userInfo, t.access, maxUserInfo)
	if err != nil {
		return nil, refused(provision.IdPUnreachable, "userinfo", err)
	}
	sub, err := more.text("sub")
	if err != nil {
		return nil, refused(provision.DocumentMalformed, "userinfo", err)
	}
	if expected, _ := claims.text("sub"); !equal(sub, expected) { // OIDC Core 5.3.2
		return nil, idp.Reject(provision.ConfirmationInvalid, "userinfo: sub %s, expected %s", quoted(sub), quoted(expected))
	}
	return more, nil
}
