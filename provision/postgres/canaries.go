package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"leasehold/provision"
)

// PutCanary writes a canary as it is now, with its news in the same commit, and deletes those that are old.
func (s *Store) PutCanary(ctx context.Context, c provision.Canary, n provision.News) error {
	return s.transact(ctx, func(w *work) error {
		if err := w.put(c, "INSERT INTO canaries (id, planted, body) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET body = excluded.body", string(c.ID), stamp(c.Planted)); err != nil {
			return err
		}
		old := stamp(c.Planted.Add(-provision.CanariesKept))
		w.queue("DELETE FROM sightings WHERE canary = ANY(ARRAY(SELECT id FROM canaries WHERE planted < $1 ORDER BY planted LIMIT 500))", old)
		w.queue("DELETE FROM canaries WHERE id = ANY(ARRAY(SELECT id FROM canaries WHERE planted < $1 ORDER BY planted LIMIT 500))", old)
		w.tell(n)
		return w.finish(s.clock)
	})
}

// Canary is one, or the newest, or ErrNotFound.
func (s *Store) Canary(ctx context.Context, id provision.LeaseID) (c provision.Canary, err error) {
	err = s.reading(ctx, func(r reader) error {
		c = provision.Canary{}
		b := &pgx.Batch{}
		keep := bodies(func(found provision.Canary) { c = found })
		if id == "" {
			b.Queue("SELECT body FROM canaries WHERE planted > 0 ORDER BY planted DESC LIMIT 1").Query(keep)
		} else {
			b.Queue("SELECT body FROM canaries WHERE id = $1", string(id)).Query(keep)
		}
		if err := r.send(b); err != nil {
			return err
		}
		if c.ID == "" {
			return provision.ErrNotFound
		}
		return nil
	})
	return c, err
}

// SawCanary writes what a process saw of a canary, in its row.
func (s *Store) SawCanary(ctx context.Context, x provision.Sighting) error {
	return s.transact(ctx, func(w *work) error {
		err := w.put(x, "INSERT INTO sightings (canary, process, body) VALUES ($1, $2, $3) ON CONFLICT (canary, process) DO UPDATE SET body = excluded.body", string(x.Canary), x.Process)
		if err != nil {
			return err
		}
		return w.finish(s.clock)
	})
}

// Sightings are what was seen of a canary, by process.
func (s *Store) Sightings(ctx context.Context, id provision.LeaseID) (found []provision.Sighting, err error) {
	err = s.reading(ctx, func(r reader) error {
		found = nil
		b := &pgx.Batch{}
		b.Queue("SELECT body FROM sightings WHERE canary = $1 ORDER BY process", string(id)).Query(bodies(func(x provision.Sighting) { found = append(found, x) }))
		return r.send(b)
	})
	return found, err
}
