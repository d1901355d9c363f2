package postgres

import (
	"cmp"
	"context"

	"github.com/jackc/pgx/v5"

	"leasehold/provision"
)

// Key implements provision.Keys.
func (s *Store) Key(ctx context.Context, name string) (value []byte, err error) {
	err = s.reading(ctx, func(r reader) error {
		found, err := column[[]byte](r, "SELECT value FROM keys WHERE name = $1", name)
		if err != nil || len(found) == 0 {
			return cmp.Or(err, provision.ErrNotFound)
		}
		value = found[0]
		return nil
	})
	return value, err
}

// AddKey implements provision.Keys.
func (s *Store) AddKey(ctx context.Context, name string, value []byte) (kept []byte, err error) {
	err = s.transact(ctx, func(w *work) error {
		w.queue("INSERT INTO keys (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", name, value)
		w.queue("SELECT value FROM keys WHERE name = $1", name).QueryRow(scan(&kept))
		return w.finish(s.clock)
	})
	return kept, err
}

// DropKey implements provision.Keys.
func (s *Store) DropKey(ctx context.Context, name string) error {
	return s.transact(ctx, func(w *work) error {
		w.queue("DELETE FROM keys WHERE name = $1", name)
		return w.finish(s.clock)
	})
}

// Rewrap implements provision.Keys. Keys that are added meanwhile wait for it.
func (s *Store) Rewrap(ctx context.Context, rewrap func(string, []byte) ([]byte, error)) error {
	return s.transact(ctx, func(w *work) error {
		values := map[string][]byte{}
		w.queue("LOCK TABLE keys IN SHARE ROW EXCLUSIVE MODE")
		w.queue("SELECT name, value FROM keys").Query(each(func(rows pgx.Rows) error {
			var name string
			var value []byte
			err := rows.Scan(&name, &value)
			values[name] = value
			return err
		}))
		if err := w.send(); err != nil {
			return err
		}
		for name, value := range values {
			wrapped, err := rewrap(name, value)
			if err != nil {
				return err
			}
			w.queue("UPDATE keys SET value = $1 WHERE name = $2", wrapped, name)
		}
		return w.finish(s.clock)
	})
}

// KeyNames implements provision.Keys.
func (s *Store) KeyNames(ctx context.Context, from, below string, limit int) (names []string, err error) {
	err = s.reading(ctx, func(r reader) error {
		names, err = column[string](r, "SELECT name FROM keys WHERE name >= $1 AND name < $2 ORDER BY name LIMIT $3", from, below, limit)
		return err
	})
	return names, err
}
