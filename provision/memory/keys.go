package memory

import (
	"context"
	"slices"

	"leasehold/provision"
)

// Key implements provision.Keys.
func (s *Store) Key(ctx context.Context, name string) (value []byte, err error) {
	err = s.view(ctx, func(*tables) error {
		kept, ok := s.keys[name]
		if !ok {
			return provision.ErrNotFound
		}
		value = slices.Clone(kept)
		return nil
	})
	return value, err
}

// AddKey implements provision.Keys.
func (s *Store) AddKey(ctx context.Context, name string, value []byte) (kept []byte, err error) {
	err = s.commit(ctx, func(*commit) error {
		if _, ok := s.keys[name]; !ok {
			s.keys[name] = slices.Clone(value)
		}
		kept = slices.Clone(s.keys[name])
		return nil
	})
	return kept, err
}

// Rewrap implements provision.Keys.
func (s *Store) Rewrap(ctx context.Context, rewrap func(string, []byte) ([]byte, error)) error {
	return s.commit(ctx, func(*commit) error {
		fresh := map[string][]byte{}
		for name, value := range s.keys {
			wrapped, err := rewrap(name, slices.Clone(value))
			if err != nil {
				return err
			}
			fresh[name] = slices.Clone(wrapped)
		}
		s.keys = fresh
		return nil
	})
}

// DropKey implements provision.Keys.
func (s *Store) DropKey(ctx context.Context, name string) error {
	return s.commit(ctx, func(*commit) error {
		delete(s.keys, name)
		return nil
	})
}
