package sqlite

import (
	"context"
	"maps"
	"slices"
)

// Statements are the texts of all that the store has run.
func (s *Store) Statements() []string {
	seen := map[string]bool{}
	for _, p := range []*pool{s.read, s.write} {
		for range cap(p.free) {
			lent := <-p.free
			for text := range lent.statements {
				seen[text] = true
			}
			p.free <- lent
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Tell runs a statement on the connection that writes, outside of a transaction.
func (s *Store) Tell(ctx context.Context, text string) error {
	lent := <-s.write.free
	defer func() { s.write.free <- lent }()
	_, err := lent.conn.ExecContext(ctx, text)
	return err
}
