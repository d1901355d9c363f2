package sqlite

import (
	"context"
	"database/sql"

	"leasehold/provision"
)

// Census counts what the ledger holds, on one snapshot.
func (s *Store) Census(ctx context.Context) (provision.Census, error) {
	c := provision.Census{Claims: map[provision.ClaimState]int{}}
	err := s.snapshot(ctx, func(r reader) error {
		var due sql.NullInt64
		if err := r.scan(&due, "SELECT min(due) FROM leases WHERE NOT ended"); err != nil {
			return err
		}
		c.NextDue = moment(due.Int64)
		if err := r.scan(&c.Leases, "SELECT count(*) FROM leases INDEXED BY leases_due WHERE NOT ended"); err != nil {
			return err
		}
		if err := r.scan(&c.Revocations, "SELECT count(*) FROM revocations WHERE NOT settled"); err != nil {
			return err
		}
		return r.query(func(found *sql.Rows) error {
			var state provision.ClaimState
			var n int
			err := found.Scan(&state, &n)
			c.Claims[state] = n
			return err
		}, "SELECT json_extract(body, '$.State'), count(*) FROM claims GROUP BY 1")
	})
	return c, err
}
