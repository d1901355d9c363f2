package sqlite

import (
	"context"

	"leasehold/provision"
)

// elevation keeps a request for a role, what was said with it sealed.
func (w writer) elevation(e provision.Elevation) error {
	return w.put(e, "INSERT INTO elevations (id, tenant, account, waits, expires, body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET waits = excluded.waits, body = excluded.body",
		e.ID, e.Tenant, e.Account, e.State == provision.ElevationWaiting, stamp(e.Expires))
}

// elevationsOf are the live elevations below a lease.
func (r reader) elevationsOf(id provision.LeaseID) ([]provision.Lease, error) {
	below, err := rows[provision.Lease](r, "SELECT body FROM leases WHERE parent = ? AND parent <> '' AND NOT ended ORDER BY id", id)
	return provision.ElevationsBelow(id, below), err
}

// waiting are the requests of an account that wait.
func (r reader) waiting(id provision.AccountID) ([]provision.Elevation, error) {
	return rows[provision.Elevation](r, "SELECT body FROM elevations WHERE account = ? AND waits ORDER BY id", id)
}

// Elevations lists requests for roles, in the order of their ids.
func (s *Store) Elevations(ctx context.Context, f provision.ElevationFilter) ([]provision.Elevation, error) {
	which := filter{}.of("id = ?", string(f.ID)).of("tenant = ?", string(f.Tenant)).of("account = ?", string(f.Account)).of("id > ?", string(f.After))
	if f.Waiting || !f.Late.IsZero() {
		which = which.and("waits")
	}
	if !f.Late.IsZero() {
		which = which.and("expires <= ?", stamp(f.Late))
	}
	end, args := which.rest("id", f.Limit, 100)
	return list[provision.Elevation](ctx, s, "SELECT body FROM elevations WHERE 1"+end, args...)
}
