package broker

import (
	"context"
	"errors"
	"fmt"

	"leasehold/provision"
)

// HeldRule is a trust rule by which no workload gets in, because the account that answers for it is not in force.
type HeldRule struct {
	Tenant provision.TenantID
	Rule   provision.TrustRule
	Owner  provision.Account // zero: nobody has the address
}

// HeldRules lists the trust rules of a tenant that are held, in the words of the gate.
func (k *Desk) HeldRules(ctx context.Context, m Mandate, id provision.TenantID) (held []HeldRule, err error) {
	if err := m.May("policies.read"); err != nil {
		return nil, err
	}
	t, err := k.tenant(ctx, m, id)
	if err != nil {
		return nil, err
	}
	for _, r := range t.Policy.Trust {
		owner, err := k.b.holderOf(ctx, id, r.Owner)
		if err != nil {
			return nil, fmt.Errorf("owner of rule %s: %w", r.ID, err)
		}
		if !r.Answered(owner) {
			held = append(held, HeldRule{id, r, owner})
		}
	}
	return held, nil
}

// holderOf is the account of a tenant that has an address now; zero: none has.
func (b *Broker) holderOf(ctx context.Context, t provision.TenantID, email provision.Email) (holder provision.Account, err error) {
	_, err = b.Ledger.Amend(ctx, provision.Target{Tenant: t, Email: email, Quiet: true}, func(s provision.State) (provision.Change, error) {
		holder = s.EmailHolder
		return provision.Change{}, errLooked
	})
	if errors.Is(err, errLooked) {
		err = nil
	}
	return holder, err
}

// Waiting lists the requests for roles that wait for a word, with what was said.
func (k *Desk) Waiting(ctx context.Context, m Mandate, p provision.Page) (Part[Petition], error) {
	if err := m.May("accounts.read"); err != nil {
		return Part[Petition]{}, err
	}
	if k.b.Elevations == nil {
		return Part[Petition]{}, nil
	}
	now := k.b.Ledger.Now()
	read := func(ctx context.Context, p provision.Page) ([]Petition, error) {
		return k.b.Petitions(ctx, provision.ElevationFilter{Tenant: p.Tenant, Waiting: true, After: provision.ElevationID(p.After), Limit: p.Limit})
	}
	return partOf(ctx, m, p, read, func(w Petition) string { return string(w.ID) }, func(w Petition) bool { return now.Before(w.Expires) })
}
