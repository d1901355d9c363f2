package sqlite

import (
	"context"
	"database/sql"
)

// Key implements provision.Keys.
func (s *Store) Key(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := s.read.QueryRowContext(ctx, "SELECT value FROM keys WHERE name = ?", name).Scan(&value)
	return value, fault(err)
}

// AddKey implements provision.Keys.
func (s *Store) AddKey(ctx context.Context, name string, value []byte) ([]byte, error) {
	var kept []byte
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO keys (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", name, value); err != nil {
			return fault(err)
		}
		return fault(tx.QueryRowContext(ctx, "SELECT value FROM keys WHERE name = ?", name).Scan(&kept))
	})
	return kept, err
}

// DropKey implements provision.Keys.
func (s *Store) DropKey(ctx context.Context, name string) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM keys WHERE name = ?", name)
		return fault(err)
	})
}
