package memory

import (
	"context"

	"leasehold/provision"
)

// Setup is a setup by its name, or ErrNotFound.
func (s *Store) Setup(ctx context.Context, id provision.SetupID) (provision.Setup, error) {
	return one(ctx, s, s.tables.setups, id)
}

// Setups is one page of them; those that are done or revoked with Page.Ended alone.
func (s *Store) Setups(ctx context.Context, p provision.Page) ([]provision.Setup, error) {
	return list(ctx, s, s.tables.setups, p, func(x provision.Setup) bool { return of(p, x.Tenant) && (p.Ended || x.State == provision.SetupOpen) })
}
