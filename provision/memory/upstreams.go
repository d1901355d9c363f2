package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"leasehold/provision"
)

// upstream keeps what a lease remembers, sealed, or takes it away.
func (c *commit) upstream(u provision.Upstream) error {
	if u.IsZero() {
		drop(c, c.upstreams, u.Lease)
		return nil
	}
	u.Session = provision.UpstreamSession{} // sealed, or not kept
	set(c, c.upstreams, u.Lease, u)
	return nil
}

// Upstream is what a lease remembers of its session at the identity provider, or ErrNotFound.
func (s *Store) Upstream(ctx context.Context, id provision.LeaseID) (u provision.Upstream, err error) {
	err = s.view(ctx, func(t *tables) error {
		found, ok := t.upstreams[id]
		if !ok {
			return provision.ErrNotFound
		}
		u = own(found)
		return nil
	})
	return u, err
}

// Handled lists leases that remember a handle, at most limit.
func (s *Store) Handled(ctx context.Context, handle string, limit int) (ids []provision.LeaseID, err error) {
	err = s.view(ctx, func(t *tables) error {
		for _, u := range sorted(t.upstreams, "", func(u provision.Upstream) bool { return slices.Contains(u.Handles, handle) }, limit) {
			ids = append(ids, u.Lease)
		}
		return nil
	})
	return ids, err
}

// Asked lists leases of a connection that have not ended and about which its provider is to be asked by now: at most
// limit, the longest due first.
func (s *Store) Asked(ctx context.Context, c provision.ConnectionID, now time.Time, limit int) (leases []provision.Lease, err error) {
	err = s.view(ctx, func(t *tables) error {
		leases = sorted(t.leases, "", func(l provision.Lease) bool {
			return l.Connection == c && l.EndedAt.IsZero() && !l.Asks.IsZero() && !l.Asks.After(now)
		}, len(t.leases))
		slices.SortStableFunc(leases, func(a, b provision.Lease) int { return cmp.Or(a.Asks.Compare(b.Asks), cmp.Compare(a.ID, b.ID)) })
		leases = leases[:min(limit, len(leases))]
		return nil
	})
	return leases, err
}
