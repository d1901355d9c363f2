package sqlite

import (
	"cmp"
	"context"

	"leasehold/provision"
)

// Key implements provision.Keys.
func (s *Store) Key(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := s.snapshot(ctx, func(r reader) (err error) {
		value, err = r.key(name)
		return err
	})
	return value, err
}

func (r reader) key(name string) ([]byte, error) {
	found, err := column[[]byte](r, "SELECT value FROM keys WHERE name = ?", name)
	if err != nil || len(found) == 0 {
		return nil, cmp.Or(err, provision.ErrNotFound)
	}
	return found[0], nil
}

// AddKey implements provision.Keys.
func (s *Store) AddKey(ctx context.Context, name string, value []byte) ([]byte, error) {
	var kept []byte
	err := s.commit(ctx, relief, func(w writer, _ *need) (err error) {
		if err := w.exec("INSERT INTO keys (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", name, value); err != nil {
			return err
		}
		kept, err = w.key(name)
		return err
	})
	return kept, err
}

// Rewrap implements provision.Keys.
func (s *Store) Rewrap(ctx context.Context, rewrap func(string, []byte) ([]byte, error)) error {
	return s.commit(ctx, growth, func(w writer, _ *need) error {
		names, err := column[string](w.reader, "SELECT name FROM keys")
		if err != nil {
			return err
		}
		for _, name := range names {
			value, err := w.key(name)
			if err != nil {
				return err
			}
			wrapped, err := rewrap(name, value)
			if err != nil {
				return err
			}
			if err := w.exec("UPDATE keys SET value = ? WHERE name = ?", wrapped, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// DropKey implements provision.Keys.
func (s *Store) DropKey(ctx context.Context, name string) error {
	return s.commit(ctx, relief, func(w writer, _ *need) error { return w.exec("DELETE FROM keys WHERE name = ?", name) })
}
