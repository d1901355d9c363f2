package broker

import (
	"context"

	"leasehold/provision"
)

// Claims are all the claims on a domain.
func (b *Broker) Claims(ctx context.Context, d provision.Domain) ([]provision.Claim, error) {
	var found []provision.Claim
	list, err := b.Registry.Claims(ctx, provision.Page{After: d.String() + "/", Limit: 1000})
	for _, c := range list {
		if c.Domain == d {
			found = append(found, c)
		}
	}
	return found, err
}

// ownerOf is the tenant whose domain d is, or "" when it is nobody's.
func (b *Broker) ownerOf(ctx context.Context, d provision.Domain) (provision.TenantID, error) {
	claims, err := b.Claims(ctx, d)
	for _, c := range claims {
		if c.Owns() {
			return c.Tenant, err
		}
	}
	return "", err
}

// all walks a list to its end.
func all[T any](ctx context.Context, page func(context.Context, provision.Page) ([]T, error), id func(T) string) ([]T, error) {
	var items []T
	p := provision.Page{Limit: 1000}
	for {
		part, err := page(ctx, p)
		if err != nil {
			return nil, err
		}
		items = append(items, part...)
		if len(part) < p.Limit {
			return items, nil
		}
		p.After = id(part[len(part)-1])
	}
}
