package memory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"leasehold/provision"
)

// tries is how often a verb is tried when a unique index says that a race was lost. Here nobody races: the function
// has returned a change which the state it was shown could have told it would break.
const tries = 3

// retried is commit, tried again on fresh state when a race was lost.
func (s *Store) retried(ctx context.Context, write func(*commit) error) error {
	var err error
	for range tries {
		if err = s.commit(ctx, write); !errors.Is(err, errLostRace) {
			return err
		}
	}
	return err
}

// Provision implements provision.Ledger.
func (s *Store) Provision(ctx context.Context, r provision.Request, decide func(provision.State) provision.Decision) (provision.Decision, error) {
	var d provision.Decision
	err := s.retried(ctx, func(c *commit) error {
		d = decide(own(c.state(r.Target())))
		return c.apply(&d.Change)
	})
	if err != nil {
		return provision.Decision{}, err
	}
	return d, nil
}

// Amend implements provision.Ledger.
func (s *Store) Amend(ctx context.Context, t provision.Target, amend func(provision.State) (provision.Change, error)) (provision.Change, error) {
	var change provision.Change
	err := s.retried(ctx, func(c *commit) (err error) {
		if change, err = amend(own(c.state(t))); err != nil {
			return err
		}
		return c.apply(&change)
	})
	if err != nil {
		return provision.Change{}, err
	}
	return change, nil
}

// End implements provision.Ledger.
func (s *Store) End(ctx context.Context, ids []provision.LeaseID, end func(provision.LeaseID, provision.State) provision.Change) error {
	return s.retried(ctx, func(c *commit) error {
		for _, id := range ids {
			change := end(id, own(c.state(provision.Target{Lease: id})))
			if err := c.apply(&change); err != nil {
				return err
			}
		}
		return nil
	})
}

// Lease implements provision.Ledger.
func (s *Store) Lease(ctx context.Context, id provision.LeaseID) (st provision.Standing, err error) {
	err = s.view(ctx, func(t *tables) error {
		if st = own(t.standing(id)); st.Lease.ID == "" {
			return provision.ErrNotFound
		}
		return nil
	})
	return st, err
}

// Due implements provision.Ledger.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) (due []provision.LeaseID, err error) {
	err = s.view(ctx, func(t *tables) error {
		var found []provision.Lease
		for _, ids := range t.live {
			for _, id := range ids {
				if l := t.leases[id]; !l.Due().After(now) || t.passed(l) {
					found = append(found, l)
				}
			}
		}
		slices.SortFunc(found, func(a, b provision.Lease) int { return cmp.Or(a.Due().Compare(b.Due()), cmp.Compare(a.ID, b.ID)) })
		for _, l := range found[:min(limit, len(found))] {
			due = append(due, l.ID)
		}
		return nil
	})
	return due, err
}

// passed reports whether an open revocation is waiting for the lease.
func (t *tables) passed(l provision.Lease) bool {
	for _, r := range t.revocations {
		if r.Settled.IsZero() && t.below(l, r.Scope) {
			return true
		}
	}
	return false
}

// below reports whether the lease began under an older generation of what a revocation is about.
func (t *tables) below(l provision.Lease, of provision.Scope) bool {
	g := l.Generations
	switch {
	case of.Connection != "":
		return l.Connection == of.Connection && g.Connection < t.connections[of.Connection].Generation
	case !of.Domain.IsZero():
		return l.Domain == of.Domain && g.Domain < t.owner(of.Domain).Generation
	case of.Account != "":
		return l.Account == of.Account && g.Account < t.accounts[of.Account].Generation
	case of.Tenant != "":
		return l.Tenant == of.Tenant && g.Tenant < t.tenants[of.Tenant].Generation
	}
	return g.Installation < t.installation
}

// Used implements provision.Ledger.
func (s *Store) Used(ctx context.Context, seen map[provision.LeaseID]time.Time) error {
	return s.commit(ctx, func(c *commit) error {
		for id, at := range seen {
			if l, ok := c.leases[id]; ok && l.EndedAt.IsZero() && at.After(l.Seen) {
				l.Seen = at.UTC().Round(0)
				set(c, c.leases, id, l)
			}
		}
		return nil
	})
}

// Events implements provision.Ledger.
func (s *Store) Events(ctx context.Context, f provision.EventFilter) (events []provision.Event, err error) {
	limit := cmp.Or(max(f.Limit, 0), 1000)
	err = s.view(ctx, func(t *tables) error {
		for _, e := range t.events {
			if e.Seq > f.After && (f.Tenant == "" || e.Tenant == f.Tenant) && (f.Kind == "" || e.Kind == f.Kind) && (f.Ref == "" || e.Ref() == f.Ref) && len(events) < limit {
				events = append(events, own(e))
			}
		}
		return nil
	})
	return events, err
}
