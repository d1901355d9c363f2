package broker

import (
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"leasehold/provision"
)

// accessType is the type of access tokens (RFC 9068, 2.1): no assertion has it.
const accessType = "at+jwt"

// AccessLife is how long a signed access token is good for, at most: for so long an app off the path may take one whose
// lease has ended.
const AccessLife = 5 * time.Minute

// accessClaims are those of a signed access token (RFC 9068, 2.2).
type accessClaims struct {
	jwt.Claims
	Client    string   `json:"client_id"`
	Scope     string   `json:"scope"`
	Tenant    string   `json:"tenant"`
	Roles     []string `json:"roles"`
	Task      string   `json:"task,omitempty"`
	Resources []string `json:"resources,omitempty"`
	Act       *act     `json:"act,omitempty"`
}

// act is who acts for the subject (RFC 8693, 4.1). Nobody acts for an agent, so that there is never another within.
type act struct {
	Subject string `json:"sub"`
}

func actOf(agent provision.AccountID) *act {
	if agent == "" {
		return nil
	}
	return &act{string(agent)}
}

// access signs an access token of a lease for an app's origins. It is good until the lease ends, and for AccessLife at most.
func (s *signer) signAccess(l provision.Lease, issuer string, audience []string, now, until time.Time) (string, error) {
	return jwt.Signed(s.access).Claims(accessClaims{
		Claims: jwt.Claims{
			Issuer: issuer, Subject: string(l.Account), Audience: audience, ID: string(l.ID), IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(until),
		},
		Client: l.Grant.Rule, Scope: l.Grant.Of, Tenant: string(l.Tenant), Roles: append([]string{}, l.Grant.Roles...), Task: l.Grant.Task, Resources: l.Grant.Resources, Act: actOf(l.Agent.Account),
	}).Serialize()
}

// readAccess is the lease of an access token that was signed here and is still good, or "".
func (b *Broker) readAccess(token string) provision.LeaseID {
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(parsed.Headers) != 1 || parsed.Headers[0].ExtraHeaders[jose.HeaderType] != accessType {
		return ""
	}
	for _, s := range b.signers.Load().makers {
		var c accessClaims
		if parsed.Claims(s.public.Key, &c) != nil {
			continue
		}
		if c.Expiry == nil || !b.Now().Before(c.Expiry.Time()) || c.Issuer != b.issuer(provision.TenantID(c.Tenant)) {
			return ""
		}
		return provision.LeaseID(c.ID)
	}
	return ""
}
