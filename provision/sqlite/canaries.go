package sqlite

import (
	"context"

	"leasehold/provision"
)

// PutCanary writes a canary as it is now, and deletes those that are old. One process hears no news.
func (s *Store) PutCanary(ctx context.Context, c provision.Canary, _ provision.News) error {
	return s.commit(ctx, growth, func(w writer, _ *need) error {
		if err := w.put(c, "INSERT INTO canaries (id, planted, body) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body", c.ID, stamp(c.Planted)); err != nil {
			return err
		}
		old := stamp(c.Planted.Add(-provision.CanariesKept))
		if err := w.exec("DELETE FROM sightings WHERE canary IN (SELECT id FROM canaries WHERE planted < ?)", old); err != nil {
			return err
		}
		return w.exec("DELETE FROM canaries WHERE planted < ?", old)
	})
}

// Canary is one, or the newest, or ErrNotFound.
func (s *Store) Canary(ctx context.Context, id provision.LeaseID) (c provision.Canary, err error) {
	err = s.snapshot(ctx, func(r reader) error {
		if id == "" {
			c, err = row[provision.Canary](r, "SELECT body FROM canaries WHERE planted > 0 ORDER BY planted DESC LIMIT 1")
		} else {
			c, err = row[provision.Canary](r, "SELECT body FROM canaries WHERE id = ?", id)
		}
		if err == nil && c.ID == "" {
			err = provision.ErrNotFound
		}
		return err
	})
	return c, err
}

// SawCanary writes what a process saw of a canary, in its row.
func (s *Store) SawCanary(ctx context.Context, x provision.Sighting) error {
	return s.commit(ctx, growth, func(w writer, _ *need) error {
		return w.put(x, "INSERT INTO sightings (canary, process, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body", x.Canary, x.Process)
	})
}

// Sightings are what was seen of a canary, by process.
func (s *Store) Sightings(ctx context.Context, id provision.LeaseID) ([]provision.Sighting, error) {
	return list[provision.Sighting](ctx, s, "SELECT body FROM sightings WHERE canary = ? ORDER BY process", id)
}
