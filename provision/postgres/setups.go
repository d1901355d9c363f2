package postgres

import (
	"context"

	"leasehold/provision"
)

// setup writes a setup's next revision, and no other.
func (w *work) setup(x provision.Setup) error {
	return w.replace("setup "+string(x.ID), x, `INSERT INTO setups (id, tenant, revision, open, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, open = excluded.open, body = excluded.body
		WHERE setups.revision = excluded.revision - 1`, string(x.ID), string(x.Tenant), x.Revision, x.State == provision.SetupOpen)
}

// Setup is a setup by its name, or ErrNotFound.
func (s *Store) Setup(ctx context.Context, id provision.SetupID) (provision.Setup, error) {
	return one[provision.Setup](ctx, s, "SELECT body FROM setups WHERE id = $1", string(id))
}

// Setups is one page of them; those that are done or revoked with Page.Ended alone.
func (s *Store) Setups(ctx context.Context, p provision.Page) ([]provision.Setup, error) {
	end, args := paged("tenant = ", p, unless(p.Ended, "open"))
	return list[provision.Setup](ctx, s, "SELECT body FROM setups WHERE true"+end, args...)
}
