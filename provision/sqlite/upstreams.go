package sqlite

import (
	"context"
	"database/sql"
	"time"

	"leasehold/provision"
)

// asks is when a lease is asked about next, 0 for never.
func asks(l provision.Lease) int64 {
	if l.Asks.IsZero() {
		return 0
	}
	return stamp(l.Asks)
}

// upstream replaces what a lease remembers, or takes it away.
func (w writer) upstream(u provision.Upstream) error {
	if err := w.exec("DELETE FROM upstream_handles WHERE lease = ?", u.Lease); err != nil {
		return err
	}
	if u.IsZero() {
		return w.exec("DELETE FROM upstreams WHERE lease = ?", u.Lease)
	}
	for _, handle := range u.Handles {
		if err := w.exec("INSERT INTO upstream_handles (handle, lease) VALUES (?, ?) ON CONFLICT DO NOTHING", handle, u.Lease); err != nil {
			return err
		}
	}
	return w.exec("INSERT INTO upstreams (lease, account, sealed) VALUES (?, ?, ?) ON CONFLICT (lease) DO UPDATE SET sealed = excluded.sealed", u.Lease, u.Account, u.Sealed)
}

// Upstream is what a lease remembers of its session at the identity provider, or ErrNotFound.
func (s *Store) Upstream(ctx context.Context, id provision.LeaseID) (u provision.Upstream, err error) {
	err = s.snapshot(ctx, func(r reader) error {
		err := r.query(func(found *sql.Rows) error {
			u.Lease = id
			return found.Scan(&u.Account, &u.Sealed)
		}, "SELECT account, sealed FROM upstreams WHERE lease = ?", id)
		if err != nil {
			return err
		}
		if u.Lease == "" {
			return provision.ErrNotFound
		}
		u.Handles, err = column[string](r, "SELECT handle FROM upstream_handles WHERE lease = ? ORDER BY handle", id)
		return err
	})
	return u, err
}

// Handled lists leases that remember a handle, at most limit.
func (s *Store) Handled(ctx context.Context, handle string, limit int) (ids []provision.LeaseID, err error) {
	err = s.snapshot(ctx, func(r reader) error {
		ids, err = column[provision.LeaseID](r, "SELECT lease FROM upstream_handles WHERE handle = ? ORDER BY lease LIMIT ?", handle, limit)
		return err
	})
	return ids, err
}

// Asked lists leases of a connection that have not ended and about which its provider is to be asked by now: at most
// limit, the longest due first.
func (s *Store) Asked(ctx context.Context, c provision.ConnectionID, now time.Time, limit int) (leases []provision.Lease, err error) {
	err = s.snapshot(ctx, func(r reader) error {
		leases, err = rows[provision.Lease](r, "SELECT body FROM leases WHERE connection = ? AND NOT ended AND asks <> 0 AND asks <= ? ORDER BY asks, id LIMIT ?", c, stamp(now), limit)
		return err
	})
	return leases, err
}
