package memory

import (
	"cmp"
	"context"

	"leasehold/provision"
)

// elevation keeps a request for a role, what was said with it sealed.
func (c *commit) elevation(e provision.Elevation) error {
	e.Said = provision.Said{} // sealed, or not kept
	set(c, c.elevations, e.ID, e)
	return nil
}

// elevationsOf are the live elevations below a lease.
func (t *tables) elevationsOf(l provision.Lease) []provision.Lease {
	return provision.ElevationsBelow(l.ID, t.liveLeases(l.Account))
}

// waiting are the requests of an account that wait.
func (t *tables) waiting(id provision.AccountID) []provision.Elevation {
	if id == "" {
		return nil
	}
	return sorted(t.elevations, "", provision.ElevationFilter{Account: id, Waiting: true}.Matches, len(t.elevations))
}

// Elevations lists requests for roles, in the order of their ids.
func (s *Store) Elevations(ctx context.Context, f provision.ElevationFilter) (found []provision.Elevation, err error) {
	err = s.view(ctx, func(t *tables) error {
		found = sorted(t.elevations, string(f.After), f.Matches, cmp.Or(max(f.Limit, 0), 100))
		return nil
	})
	return found, err
}
