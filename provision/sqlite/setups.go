package sqlite

import (
	"context"
	"fmt"

	"leasehold/provision"
)

// setup writes a setup's next revision, and no other.
func (w writer) setup(x provision.Setup) error {
	old, err := row[provision.Setup](w.reader, "SELECT body FROM setups WHERE id = ?", x.ID)
	if err != nil {
		return err
	}
	if old.ID != "" && old.Revision != x.Revision-1 {
		return fmt.Errorf("setup %s was changed meanwhile: %w", x.ID, errLostRace)
	}
	return w.put(x, "INSERT INTO setups (id, tenant, revision, open, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, open = excluded.open, body = excluded.body",
		x.ID, x.Tenant, x.Revision, x.State == provision.SetupOpen)
}

// Setup is a setup by its name, or ErrNotFound.
func (s *Store) Setup(ctx context.Context, id provision.SetupID) (provision.Setup, error) {
	return one[provision.Setup](ctx, s, "SELECT body FROM setups WHERE id = ?", id)
}

// Setups is one page of them; those that are done or revoked with Page.Ended alone.
func (s *Store) Setups(ctx context.Context, p provision.Page) ([]provision.Setup, error) {
	return paged[provision.Setup](ctx, s, "setups", "tenant = ?", p, unless(p.Ended, "open"))
}
