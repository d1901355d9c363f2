package sqlite

import (
	"context"
	"time"

	"leasehold/provision"
)

// Unused lists accounts of a tenant that have no live lease, and last began one, or were made, before a time.
func (s *Store) Unused(ctx context.Context, t provision.TenantID, before time.Time, limit int) (ids []provision.AccountID, err error) {
	at := before.UTC().Format(time.RFC3339)
	err = s.snapshot(ctx, func(r reader) error {
		ids, err = column[provision.AccountID](r, `SELECT id FROM accounts WHERE tenant = ? AND email <> '' AND state <> 'deleted' AND state <> 'active'
			AND json_extract(body, '$.LastLogin') < ? AND json_extract(body, '$.Created') < ? LIMIT ?`, t, at, at, limit)
		return err
	})
	return ids, err
}

// Linked lists accounts that have a sign-in at a connection, at most limit.
func (s *Store) Linked(ctx context.Context, c provision.ConnectionID, limit int) (ids []provision.AccountID, err error) {
	err = s.snapshot(ctx, func(r reader) error {
		ids, err = column[provision.AccountID](r, "SELECT DISTINCT account FROM links WHERE connection = ? AND subject <> '' LIMIT ?", c, limit)
		return err
	})
	return ids, err
}

// DeletePast deletes decisions of a tenant from before a time, leases that had ended and were due before it, with their
// entries, and requests for roles that are closed: at most limit rows of each, in one commit. It returns how many.
func (s *Store) DeletePast(ctx context.Context, t provision.TenantID, before time.Time, limit int) (n int, err error) {
	from, to := string(t)+".", string(t)+"/" // what begins with the tenant and a dot
	err = s.commit(ctx, shrink, func(w writer, _ *need) error {
		decisions, err := w.deleted("DELETE FROM decisions WHERE id IN (SELECT id FROM decisions WHERE tenant = ? AND at < ? LIMIT ?)", t, stamp(before), limit)
		if err != nil {
			return err
		}
		past, err := column[provision.LeaseID](w.reader, "SELECT id FROM leases WHERE id > ? AND id < ? AND tenant = ? AND ended AND due < ? LIMIT ?", from, to, t, stamp(before), limit)
		if err != nil {
			return err
		}
		for _, id := range past {
			if _, err := w.deleted("DELETE FROM entries WHERE lease = ?", id); err != nil {
				return err
			}
			if _, err := w.deleted("DELETE FROM leases WHERE id = ?", id); err != nil {
				return err
			}
		}
		asked, err := w.deleted("DELETE FROM elevations WHERE id IN (SELECT id FROM elevations WHERE tenant = ? AND expires < ? AND NOT waits LIMIT ?)", t, stamp(before), limit)
		if err != nil {
			return err
		}
		taken, err := w.deleted("DELETE FROM credentials WHERE id IN (SELECT id FROM credentials WHERE tenant = ? AND NOT open AND until < ? LIMIT ?)", t, stamp(before), limit)
		n = max(decisions, len(past), asked, taken)
		return err
	})
	return n, err
}

// DeleteSpent deletes what was used up and could not have been accepted any more at a time, at most limit rows. It
// returns how many.
func (s *Store) DeleteSpent(ctx context.Context, at time.Time, limit int) (n int, err error) {
	err = s.commit(ctx, shrink, func(w writer, _ *need) error {
		n, err = w.deleted("DELETE FROM spent WHERE (kind, scope, id) IN (SELECT kind, scope, id FROM spent WHERE until < ? LIMIT ?)", stamp(at), limit)
		return err
	})
	return n, err
}

// KeyNames lists names of keys from one on, below another, in order.
func (s *Store) KeyNames(ctx context.Context, from, below string, limit int) (names []string, err error) {
	err = s.snapshot(ctx, func(r reader) error {
		names, err = column[string](r, "SELECT name FROM keys WHERE name >= ? AND name < ? ORDER BY name LIMIT ?", from, below, limit)
		return err
	})
	return names, err
}

// deleted runs a statement and says how many rows it touched.
func (w writer) deleted(statement string, args ...any) (int, error) {
	done, err := w.session.exec(w.ctx, statement, args...)
	if err != nil {
		return 0, fault(err)
	}
	n, err := done.RowsAffected()
	return int(n), fault(err)
}
