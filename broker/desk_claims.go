package broker

import (
	"context"
	"slices"

	"leasehold/provision"
)

// ClaimsOn are the claims on one domain that a mandate reaches.
func (k *Desk) ClaimsOn(ctx context.Context, m Mandate, d provision.Domain) ([]provision.Claim, error) {
	if err := m.May("domains.read"); err != nil {
		return nil, err
	}
	claims, err := k.b.Claims(ctx, d)
	return slices.DeleteFunc(claims, func(c provision.Claim) bool { return c.Withdrawn() || m.Over(c.Tenant) != nil }), err
}

// Lookalikes warn of other tenants' domains that look like one. Only who reaches all of them is told.
func (k *Desk) Lookalikes(ctx context.Context, m Mandate, t provision.TenantID, d provision.Domain) ([]string, error) {
	if !m.Everywhere {
		return nil, nil
	}
	return k.b.Lookalikes(ctx, t, d)
}

// Confirmations are how an app confirms what it is told. Like how it is told, that is for who reaches every tenant.
func (k *Desk) Confirmations(ctx context.Context, m Mandate, id provision.AppID) (Confirmations, error) {
	if _, err := k.App(ctx, m, id); err != nil || !m.Everywhere {
		return Confirmations{}, err
	}
	return k.b.Confirmations(ctx, id)
}
