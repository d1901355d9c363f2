package broker

import (
	"context"
	"fmt"

	"leasehold/provision"
)

// Lookalikes warn of domains that other tenants own and that a person could take for d, a line each. They refuse
// nothing: what counts is the proof, not how a name looks.
func (b *Broker) Lookalikes(ctx context.Context, t provision.TenantID, d provision.Domain) ([]string, error) {
	owned, err := listLooks(ctx, b.Registry)
	return owned.warn(t, d), err
}

// looks are owned domains, and how they look.
type looks []look

type look struct {
	provision.Look
	claim provision.Claim
}

// listLooks are those of every domain that is owned.
func listLooks(ctx context.Context, r provision.Registry) (looks, error) {
	claims, err := all(ctx, r.Claims, func(c provision.Claim) string { return c.Domain.String() + "/" + string(c.Tenant) })
	if err != nil {
		return nil, fmt.Errorf("owned domains: %w", err)
	}
	return looks(nil).with(claims...), nil
}

// with is l and those of claims that own their domain.
func (l looks) with(claims ...provision.Claim) looks {
	for _, c := range claims {
		if c.Owns() {
			l = append(l, look{c.Domain.Look(), c})
		}
	}
	return l
}

// warn says which of l another tenant than t owns and d could be taken for.
func (l looks) warn(t provision.TenantID, d provision.Domain) (lines []string) {
	this := d.Look()
	for _, other := range l {
		if other.claim.Tenant != t && other.Resembles(this) {
			lines = append(lines, fmt.Sprintf("warning: %s looks like %s, which tenant %s owns", d, other.claim.Domain, other.claim.Tenant))
		}
	}
	return lines
}
