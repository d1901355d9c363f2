package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"leasehold/provision"
)

// Unused lists accounts of a tenant that have no live lease, and last began one, or were made, before a time.
func (s *Store) Unused(ctx context.Context, t provision.TenantID, before time.Time, limit int) (ids []provision.AccountID, err error) {
	err = s.reading(ctx, func(r reader) error {
		ids, err = column[provision.AccountID](r, `SELECT id FROM accounts WHERE tenant = $1 AND email <> '' AND state <> 'deleted' AND state <> 'active' AND used < $2 LIMIT $3`,
			string(t), stamp(before), limit)
		return err
	})
	return ids, err
}

// Linked lists accounts that have a sign-in at a connection, at most limit.
func (s *Store) Linked(ctx context.Context, c provision.ConnectionID, limit int) (ids []provision.AccountID, err error) {
	err = s.reading(ctx, func(r reader) error {
		ids, err = column[provision.AccountID](r, "SELECT DISTINCT account FROM links WHERE connection = $1 AND subject <> '' LIMIT $2", string(c), limit)
		return err
	})
	return ids, err
}

// DeletePast deletes decisions of a tenant from before a time, leases that had ended and were due before it, with their
// entries, and requests for roles that are closed: at most limit rows of each, in one commit. It returns how many.
func (s *Store) DeletePast(ctx context.Context, t provision.TenantID, before time.Time, limit int) (n int, err error) {
	err = s.transact(ctx, func(w *work) error {
		var decisions, past, asked, taken int
		w.queue("DELETE FROM decisions WHERE id IN (SELECT id FROM decisions WHERE tenant = $1 AND at < $2 LIMIT $3)", string(t), stamp(before), limit).Exec(count(&decisions))
		w.queue(`WITH past AS (DELETE FROM leases WHERE id IN (SELECT id FROM leases WHERE tenant = $1 AND ended AND due < $2 LIMIT $3) RETURNING id),
			gone AS (DELETE FROM entries WHERE lease IN (SELECT id FROM past))
			SELECT FROM past`, string(t), stamp(before), limit).Exec(count(&past))
		w.queue("DELETE FROM elevations WHERE id = ANY(ARRAY(SELECT id FROM elevations WHERE tenant = $1 AND expires < $2 AND NOT waits LIMIT $3))", string(t), stamp(before), limit).Exec(count(&asked))
		w.queue("DELETE FROM credentials WHERE id = ANY(ARRAY(SELECT id FROM credentials WHERE tenant = $1 AND NOT open AND until < $2 LIMIT $3))", string(t), stamp(before), limit).Exec(count(&taken))
		err := w.finish(s.clock)
		n = max(decisions, past, asked, taken)
		return err
	})
	return n, err
}

// DeleteSpent deletes what was used up and could not have been accepted any more at a time, at most limit rows. It
// returns how many.
func (s *Store) DeleteSpent(ctx context.Context, at time.Time, limit int) (n int, err error) {
	err = s.transact(ctx, func(w *work) error {
		w.queue("DELETE FROM spent WHERE (kind, scope, id) IN (SELECT kind, scope, id FROM spent WHERE until < $1 LIMIT $2)", stamp(at), limit).Exec(count(&n))
		return w.finish(s.clock)
	})
	return n, err
}

// count notes how many rows a statement touched.
func count(n *int) func(pgconn.CommandTag) error {
	return func(done pgconn.CommandTag) error {
		*n = int(done.RowsAffected())
		return nil
	}
}
