package postgres

import (
	"context"

	"leasehold/provision"
)

// elevation keeps a request for a role, what was said with it sealed.
func (w *work) elevation(e provision.Elevation) error {
	return w.put(e, `INSERT INTO elevations (id, tenant, account, waits, expires, body) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET waits = excluded.waits, body = excluded.body`,
		string(e.ID), string(e.Tenant), string(e.Account), e.State == provision.ElevationWaiting, stamp(e.Expires))
}

// elevationsOf are the live elevations below a lease.
func (v *view) elevationsOf(l provision.Lease) []provision.Lease {
	return provision.ElevationsBelow(l.ID, v.liveLeases(l.Account))
}

// elevationsAmong are those among the leases below one, by their bodies.
func elevationsAmong(parent provision.LeaseID, bodies []string) ([]provision.Lease, error) {
	var below []provision.Lease
	for _, body := range bodies {
		var l provision.Lease
		if err := decode(body, &l); err != nil {
			return nil, err
		}
		below = append(below, l)
	}
	return provision.ElevationsBelow(parent, below), nil
}

// loadWaiting reads the requests that wait of the account whose lease the target names.
func (w *work) loadWaiting(v *view, f *found, t provision.Target) {
	if !t.Elevations {
		return
	}
	var ids []provision.AccountID
	for _, h := range f.leases {
		if h.id == t.Lease {
			ids = append(ids, h.account)
		}
	}
	queueFor(w, "SELECT body FROM elevations WHERE account = ANY($1) AND waits ORDER BY id", ids, bodies(func(e provision.Elevation) {
		v.waiting[e.Account] = append(v.waiting[e.Account], e)
	}))
}

// Elevations lists requests for roles, in the order of their ids.
func (s *Store) Elevations(ctx context.Context, f provision.ElevationFilter) ([]provision.Elevation, error) {
	which := filter{}.of("id = ", string(f.ID)).of("tenant = ", string(f.Tenant)).of("account = ", string(f.Account)).of("id > ", string(f.After))
	if f.Waiting || !f.Late.IsZero() {
		which = which.that("waits")
	}
	if !f.Late.IsZero() {
		which = which.and("expires <= ", stamp(f.Late))
	}
	end, args := which.rest("id", f.Limit, 100)
	return list[provision.Elevation](ctx, s, "SELECT body FROM elevations WHERE true"+end, args...)
}
