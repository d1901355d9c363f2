package broker

import (
	"context"
	"errors"
	"fmt"

	"leasehold/provision"
)

// maxClaims is how many domains a tenant claims at most by its own word, over the API or by a setup. What manifests and operators name is not held
// to it, but counts.
const maxClaims = 100

var errManyClaims = fmt.Errorf("a tenant claims %d domains at most: %w", maxClaims, provision.ErrConflict)

// bounded is nil when a tenant may claim d, too.
func (p *Prover) bounded(ctx context.Context, t provision.TenantID, d provision.Domain) error {
	claims, err := all(ctx, func(ctx context.Context, page provision.Page) ([]provision.Claim, error) {
		page.Tenant = t
		return p.Registry.Claims(ctx, page)
	}, func(c provision.Claim) string { return c.Domain.String() + "/" + string(c.Tenant) })
	if err != nil {
		return fmt.Errorf("claims of %s: %w", t, err)
	}
	others := 0
	for _, c := range claims {
		switch {
		case c.Withdrawn():
		case c.Domain == d:
			return nil // it is one of them
		default:
			others++
		}
	}
	if others >= maxClaims {
		return errManyClaims
	}
	return nil
}

// newClaim claims d for the setup's tenant, unless that has a claim which stands or waits: what the operator, or the
// tenant itself, said of a domain is not the setup's to change.
func (g *Guide) newClaim(ctx context.Context, x provision.Setup, d provision.Domain, from provision.Requester) error {
	c, err := g.Prover.claim(ctx, x.Tenant, d)
	switch {
	case err == nil && !c.Withdrawn() && c.State != provision.ClaimLapsed:
		return nil
	case err != nil && !errors.Is(err, provision.ErrNotFound):
		return err
	}
	if err := g.Prover.bounded(ctx, x.Tenant, d); errors.Is(err, errManyClaims) {
		return &SetupError{"No more domains can be claimed.", err}
	} else if err != nil {
		return err
	}
	_, err = g.Prover.Claim(ctx, Deed{Actor: x.Actor(), Requester: from}, x.Tenant, d)
	if errors.Is(err, provision.ErrConflict) { // claimed already, which is as good
		return nil
	}
	return err
}
