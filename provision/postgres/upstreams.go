package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

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
func (w *work) upstream(u provision.Upstream) error {
	w.queue("DELETE FROM upstream_handles WHERE lease = $1", string(u.Lease))
	if u.IsZero() {
		w.queue("DELETE FROM upstreams WHERE lease = $1", string(u.Lease))
		return nil
	}
	w.queue("INSERT INTO upstream_handles (handle, lease) SELECT DISTINCT unnest($1::text[]), $2 ON CONFLICT DO NOTHING", u.Handles, string(u.Lease))
	w.queue("INSERT INTO upstreams (lease, account, sealed) VALUES ($1, $2, $3) ON CONFLICT (lease) DO UPDATE SET sealed = excluded.sealed",
		string(u.Lease), string(u.Account), u.Sealed)
	return nil
}

// Upstream is what a lease remembers of its session at the identity provider, or ErrNotFound.
func (s *Store) Upstream(ctx context.Context, id provision.LeaseID) (u provision.Upstream, err error) {
	err = s.reading(ctx, func(r reader) error {
		u = provision.Upstream{}
		if err := r.row("SELECT lease, account, sealed, ARRAY(SELECT handle FROM upstream_handles h WHERE h.lease = u.lease ORDER BY handle) FROM upstreams u WHERE lease = $1",
			[]any{string(id)}, &u.Lease, &u.Account, &u.Sealed, &u.Handles); err != nil {
			return err
		}
		if u.Lease == "" {
			return provision.ErrNotFound
		}
		return nil
	})
	return u, err
}

// Handled lists leases that remember a handle, at most limit.
func (s *Store) Handled(ctx context.Context, handle string, limit int) (ids []provision.LeaseID, err error) {
	err = s.reading(ctx, func(r reader) error {
		ids, err = column[provision.LeaseID](r, "SELECT lease FROM upstream_handles WHERE handle = $1 ORDER BY lease LIMIT $2", handle, limit)
		return err
	})
	return ids, err
}

// Asked lists leases of a connection that have not ended and about which its provider is to be asked by now: at most
// limit, the longest due first.
func (s *Store) Asked(ctx context.Context, c provision.ConnectionID, now time.Time, limit int) (items []provision.Lease, err error) {
	err = s.reading(ctx, func(r reader) error {
		items = nil
		b := &pgx.Batch{}
		b.Queue("SELECT "+leaseColumns+" FROM leases WHERE connection = $1 AND NOT ended AND asks <> 0 AND asks <= $2 ORDER BY asks, id LIMIT $3", string(c), stamp(now), limit).
			Query(leases(func(l provision.Lease) { items = append(items, l) }))
		return r.send(b)
	})
	return items, err
}
