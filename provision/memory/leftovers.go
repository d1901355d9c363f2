package memory

import (
	"context"
	"maps"
	"slices"
	"time"

	"leasehold/provision"
)

// Unused lists accounts of a tenant that have no live lease, and last began one, or were made, before a time.
func (s *Store) Unused(ctx context.Context, t provision.TenantID, before time.Time, limit int) (ids []provision.AccountID, err error) {
	err = s.view(ctx, func(x *tables) error {
		unused := sorted(x.accounts, "", func(a provision.Account) bool {
			return a.Tenant == t && a.State.Living() && a.State != provision.Active && !a.Email.IsZero() && a.LastLogin.Before(before) && a.Created.Before(before)
		}, limit)
		for _, a := range unused {
			ids = append(ids, a.ID)
		}
		return nil
	})
	return ids, err
}

// Linked lists accounts that have a sign-in at a connection, at most limit.
func (s *Store) Linked(ctx context.Context, c provision.ConnectionID, limit int) (ids []provision.AccountID, err error) {
	err = s.view(ctx, func(x *tables) error {
		for key, id := range x.linked {
			if key.Connection == c && len(ids) < limit && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		return nil
	})
	return ids, err
}

// DeletePast deletes decisions of a tenant from before a time, leases that had ended and were due before it, with their
// entries, and requests for roles that are closed: at most limit rows of each. It returns how many.
func (s *Store) DeletePast(ctx context.Context, t provision.TenantID, before time.Time, limit int) (n int, err error) {
	err = s.commit(ctx, func(c *commit) error {
		decisions := sorted(c.decisions, "", func(d provision.DecisionRow) bool { return d.Tenant == t && d.At.Before(before) }, limit)
		for _, d := range decisions {
			drop(c, c.decisions, d.ID)
		}
		past := sorted(c.leases, "", func(l provision.Lease) bool { return l.Tenant == t && !l.EndedAt.IsZero() && l.Due().Before(before) }, limit)
		for _, l := range past {
			drop(c, c.entries, l.ID)
			drop(c, c.leases, l.ID)
		}
		asked := sorted(c.elevations, "", func(e provision.Elevation) bool {
			return e.Tenant == t && e.State != provision.ElevationWaiting && e.Expires.Before(before)
		}, limit)
		for _, e := range asked {
			drop(c, c.elevations, e.ID)
		}
		taken := sorted(c.credentials, "", func(x provision.Credential) bool { return x.Tenant == t && !x.Open() && x.Until.Before(before) }, limit)
		for _, x := range taken {
			drop(c, c.credentials, x.ID)
		}
		n = max(len(decisions), len(past), len(asked), len(taken))
		return nil
	})
	return n, err
}

// DeleteSpent deletes what was used up and could not have been accepted any more at a time, at most limit rows. It
// returns how many.
func (s *Store) DeleteSpent(ctx context.Context, at time.Time, limit int) (n int, err error) {
	err = s.commit(ctx, func(c *commit) error {
		for key, x := range maps.Clone(c.spent) {
			if n < limit && x.Until.Before(at) {
				drop(c, c.spent, key)
				n++
			}
		}
		return nil
	})
	return n, err
}

// KeyNames lists names of keys from one on, below another, in order.
func (s *Store) KeyNames(ctx context.Context, from, below string, limit int) (names []string, err error) {
	err = s.view(ctx, func(*tables) error {
		for _, name := range slices.Sorted(maps.Keys(s.keys)) {
			if name >= from && name < below && len(names) < limit {
				names = append(names, name)
			}
		}
		return nil
	})
	return names, err
}
