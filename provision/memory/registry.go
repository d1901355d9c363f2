package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"leasehold/provision"
)

// one reads one entry of a table.
func one[K comparable, V any](ctx context.Context, s *Store, table map[K]V, key K) (item V, err error) {
	err = s.view(ctx, func(*tables) error {
		found, ok := table[key]
		if !ok {
			return provision.ErrNotFound
		}
		item = own(found)
		return nil
	})
	return item, err
}

// Tenant implements provision.Registry.
func (s *Store) Tenant(ctx context.Context, id provision.TenantID) (provision.Tenant, error) {
	return one(ctx, s, s.tables.tenants, id)
}

// Connection implements provision.Registry.
func (s *Store) Connection(ctx context.Context, id provision.ConnectionID) (provision.Connection, error) {
	return one(ctx, s, s.tables.connections, id)
}

// App implements provision.Registry.
func (s *Store) App(ctx context.Context, id provision.AppID) (provision.App, error) {
	return one(ctx, s, s.tables.apps, id)
}

// AppByOrigin implements provision.Registry.
func (s *Store) AppByOrigin(ctx context.Context, o provision.Origin) (provision.App, error) {
	id, err := one(ctx, s, s.tables.origins, o)
	if err != nil {
		return provision.App{}, err
	}
	return s.App(ctx, id)
}

// Policy implements provision.Registry.
func (s *Store) Policy(ctx context.Context, t provision.TenantID, version int64) (provision.Policy, error) {
	return one(ctx, s, s.tables.policies, policyKey{t, version})
}

// Account implements provision.Registry.
func (s *Store) Account(ctx context.Context, id provision.AccountID) (a provision.Account, links []provision.Link, leases []provision.Lease, err error) {
	err = s.view(ctx, func(t *tables) error {
		found, ok := t.accounts[id]
		if !ok {
			return provision.ErrNotFound
		}
		a, links, leases = own(found), own(t.links[id]), own(t.liveLeases(id))
		return nil
	})
	return a, links, leases, err
}

// ConnectionsFor implements provision.Registry.
func (s *Store) ConnectionsFor(ctx context.Context, d provision.Domain) (found []provision.Connection, err error) {
	err = s.view(ctx, func(t *tables) error {
		owner := t.owner(d)
		if owner.Tenant == "" || owner.State == provision.ClaimLapsed {
			return nil
		}
		found = sorted(t.connections, "", func(c provision.Connection) bool { return c.Tenant == owner.Tenant && c.Asserts(d) }, -1)
		slices.SortStableFunc(found, func(a, b provision.Connection) int { return cmp.Compare(rank(a), rank(b)) })
		return nil
	})
	return found, err
}

// rank puts the default connection before the others.
func rank(c provision.Connection) int {
	if c.Default {
		return 0
	}
	return 1
}

// list reads one page of a table.
func list[K ~string, V any](ctx context.Context, s *Store, table map[K]V, p provision.Page, want func(V) bool) (items []V, err error) {
	err = s.view(ctx, func(*tables) error {
		items = sorted(table, p.After, want, limit(p))
		return nil
	})
	return items, err
}

func limit(p provision.Page) int { return cmp.Or(max(p.Limit, 0), 100) }

func of(p provision.Page, t provision.TenantID) bool { return p.Tenant == "" || p.Tenant == t }

// Tenants implements provision.Registry.
func (s *Store) Tenants(ctx context.Context, p provision.Page) ([]provision.Tenant, error) {
	return list(ctx, s, s.tables.tenants, p, func(t provision.Tenant) bool { return of(p, t.ID) })
}

// Connections implements provision.Registry.
func (s *Store) Connections(ctx context.Context, p provision.Page) ([]provision.Connection, error) {
	return list(ctx, s, s.tables.connections, p, func(c provision.Connection) bool { return of(p, c.Tenant) })
}

// Apps implements provision.Registry. Those of a tenant are those that admit it.
func (s *Store) Apps(ctx context.Context, p provision.Page) ([]provision.App, error) {
	return list(ctx, s, s.tables.apps, p, func(a provision.App) bool { return p.Tenant == "" || a.Admits(p.Tenant) })
}

// Claims implements provision.Registry.
func (s *Store) Claims(ctx context.Context, p provision.Page) ([]provision.Claim, error) {
	byCursor := map[string]provision.Claim{}
	err := s.view(ctx, func(t *tables) error {
		for key, c := range t.claims {
			byCursor[key.domain.String()+"\x00"+string(key.tenant)] = c // below every character of a name: sorts by domain, then tenant
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	after := strings.Replace(p.After, "/", "\x00", 1)
	return sorted(byCursor, after, func(c provision.Claim) bool { return of(p, c.Tenant) }, limit(p)), nil
}

// Accounts implements provision.Registry.
func (s *Store) Accounts(ctx context.Context, p provision.Page) ([]provision.Account, error) {
	return list(ctx, s, s.tables.accounts, p, func(a provision.Account) bool { return of(p, a.Tenant) })
}

// Leases implements provision.Registry.
func (s *Store) Leases(ctx context.Context, p provision.Page) ([]provision.Lease, error) {
	return list(ctx, s, s.tables.leases, p, func(l provision.Lease) bool {
		return of(p, l.Tenant) && (p.Task == "" || l.Grant.Task == p.Task) && (p.Account == "" || l.Account == p.Account) && (p.Agent == "" || l.Agent.Account == p.Agent) && (p.Ended || l.EndedAt.IsZero())
	})
}

// Revocation implements provision.Registry.
func (s *Store) Revocation(ctx context.Context, id provision.RevocationID) (provision.Revocation, error) {
	return one(ctx, s, s.tables.revocations, id)
}

// Revocations implements provision.Registry.
func (s *Store) Revocations(ctx context.Context, p provision.Page) ([]provision.Revocation, error) {
	return list(ctx, s, s.tables.revocations, p, func(r provision.Revocation) bool { return p.Ended || r.Settled.IsZero() })
}
