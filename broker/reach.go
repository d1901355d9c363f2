package broker

import (
	"context"
	"fmt"

	"leasehold/provision"
)

// Reach is what a mandate reaches: everything that an administrator reads and does on the console's pages. What it does
// not reach is ErrNotFound, as what is not there.
type Reach struct {
	b *Broker
	m Mandate
}

// Under is what m reaches.
func (b *Broker) Under(m Mandate) Reach { return Reach{b, m} }

// Accounts lists accounts.
func (r Reach) Accounts(ctx context.Context, p provision.Page) ([]provision.Account, error) {
	return listed(ctx, r, p, r.b.Registry.Accounts)
}

// Account is one account with its sign-ins and live leases.
func (r Reach) Account(ctx context.Context, id provision.AccountID) (provision.Account, []provision.Link, []provision.Lease, error) {
	a, links, leases, err := r.b.Registry.Account(ctx, id)
	if err == nil {
		err = r.m.Over(a.Tenant)
	}
	if err != nil {
		return provision.Account{}, nil, nil, fmt.Errorf("account %s: %w", id, err)
	}
	return a, provision.SignIns(links), leases, nil
}

// listed cuts a list to what a mandate reaches.
func listed[T any](ctx context.Context, r Reach, p provision.Page, list func(context.Context, provision.Page) ([]T, error)) ([]T, error) {
	var err error
	if p.Tenant, err = r.m.Within(p.Tenant); err != nil {
		return nil, err
	}
	return list(ctx, p)
}
