package broker

import (
	"context"
	"fmt"

	"leasehold/provision"
)

// Petitions lists requests for roles that a mandate reaches: those that wait, and the others when Page.Ended; in the order of
// when they were asked for within a part.
func (k *Desk) Petitions(ctx context.Context, m Mandate, p provision.Page) (Part[Petition], error) {
	if err := m.May("elevations.read"); err != nil {
		return Part[Petition]{}, err
	}
	found, err := partOf(ctx, m, p, func(ctx context.Context, p provision.Page) ([]provision.Elevation, error) {
		return k.b.Elevations.Elevations(ctx, provision.ElevationFilter{Tenant: p.Tenant, Account: p.Account, Waiting: !p.Ended, After: provision.ElevationID(p.After), Limit: p.Limit})
	}, func(e provision.Elevation) string { return string(e.ID) }, nil)
	if err != nil {
		return Part[Petition]{}, err
	}
	items, err := k.b.petitions(ctx, found.Items)
	return Part[Petition]{Items: items, Next: found.Next}, err
}

// Petition is one.
func (k *Desk) Petition(ctx context.Context, m Mandate, id provision.ElevationID) (Petition, error) {
	if err := m.May("elevations.read"); err != nil {
		return Petition{}, err
	}
	return k.petition(ctx, m, id)
}

func (k *Desk) petition(ctx context.Context, m Mandate, id provision.ElevationID) (Petition, error) {
	e, err := k.b.elevation(ctx, id)
	if e, err = reach(m, "request", e, e.Tenant, err); err != nil {
		return Petition{}, err
	}
	found, err := k.b.petitions(ctx, []provision.Elevation{e})
	if err != nil {
		return Petition{}, err
	}
	return found[0], nil
}

// AskElevation asks for a role in a session of the person behind the mandate: nobody asks for another. Her authentication
// has to be as fresh as on her own page.
func (k *Desk) AskElevation(ctx context.Context, o Order, session provision.LeaseID, w Wanting) (Petition, error) {
	if err := o.May("elevations.ask"); err != nil {
		return Petition{}, err
	}
	s, err := k.lease(ctx, o.Mandate, session)
	switch {
	case err != nil:
		return Petition{}, err
	case o.Behind == "" || s.Lease.Account != o.Behind:
		return Petition{}, fmt.Errorf("lease: it is no session of the person who made the token; nobody asks for another: %w", provision.ErrConflict)
	}
	e, err := k.b.askElevation(ctx, o.deed(), session, w)
	if err != nil {
		return Petition{}, err
	}
	return k.petition(ctx, o.Mandate, e.ID)
}

// RuleElevation approves a request, or denies it. Whoever asked decides nothing, nor does a token that she made.
func (k *Desk) RuleElevation(ctx context.Context, o Order, id provision.ElevationID, yes bool) (Petition, error) {
	right := Right("elevations.deny")
	if yes {
		right = "elevations.approve"
	}
	return k.onElevation(ctx, o, right, id, func(e provision.Elevation) error {
		d := o.deed()
		if yes {
			var err error
			if d.Behind, err = k.behind(ctx, o.Mandate, e.Account); err != nil {
				return err
			}
		}
		_, err := k.b.ruleOn(ctx, d, e, yes, provision.Standing{})
		return err
	})
}

// EndElevation ends a role before its time.
func (k *Desk) EndElevation(ctx context.Context, o Order, id provision.ElevationID) (Petition, error) {
	return k.onElevation(ctx, o, "elevations.end", id, func(provision.Elevation) error {
		_, err := k.b.EndElevation(ctx, o.deed(), id)
		return settled(err)
	})
}

func (k *Desk) onElevation(ctx context.Context, o Order, r Right, id provision.ElevationID, do func(provision.Elevation) error) (Petition, error) {
	if err := o.May(r); err != nil {
		return Petition{}, err
	}
	x, err := k.petition(ctx, o.Mandate, id)
	if err == nil {
		err = do(x.Elevation)
	}
	if err != nil {
		return Petition{}, err
	}
	return k.petition(ctx, o.Mandate, id)
}
