package sqlite

import (
	"context"
	"strings"

	"leasehold/provision"
)

// one reads one object of the registry.
func one[T any](ctx context.Context, s *Store, query string, args ...any) (T, error) {
	found, err := list[T](ctx, s, query, args...)
	if err != nil || len(found) == 0 {
		var none T
		if err == nil {
			err = provision.ErrNotFound
		}
		return none, err
	}
	return found[0], nil
}

func list[T any](ctx context.Context, s *Store, query string, args ...any) (items []T, err error) {
	err = s.snapshot(ctx, func(r reader) error {
		items, err = rows[T](r, query, args...)
		return err
	})
	return items, err
}

// Tenant implements provision.Registry.
func (s *Store) Tenant(ctx context.Context, id provision.TenantID) (provision.Tenant, error) {
	return one[provision.Tenant](ctx, s, "SELECT body FROM tenants WHERE id = ?", id)
}

// Connection implements provision.Registry.
func (s *Store) Connection(ctx context.Context, id provision.ConnectionID) (provision.Connection, error) {
	return one[provision.Connection](ctx, s, "SELECT body FROM connections WHERE id = ?", id)
}

// App implements provision.Registry.
func (s *Store) App(ctx context.Context, id provision.AppID) (provision.App, error) {
	return one[provision.App](ctx, s, "SELECT body FROM apps WHERE id = ?", id)
}

// AppByOrigin implements provision.Registry.
func (s *Store) AppByOrigin(ctx context.Context, o provision.Origin) (provision.App, error) {
	return one[provision.App](ctx, s, "SELECT body FROM apps WHERE id = (SELECT app FROM app_origins WHERE origin = ?)", o.String())
}

// Policy implements provision.Registry.
func (s *Store) Policy(ctx context.Context, t provision.TenantID, version int64) (provision.Policy, error) {
	return one[provision.Policy](ctx, s, "SELECT body FROM policies WHERE tenant = ? AND version = ?", t, version)
}

// Account implements provision.Registry.
func (s *Store) Account(ctx context.Context, id provision.AccountID) (a provision.Account, links []provision.Link, leases []provision.Lease, err error) {
	err = s.snapshot(ctx, func(r reader) error {
		if a, err = r.account(id); err != nil {
			return err
		}
		if a.ID == "" {
			return provision.ErrNotFound
		}
		if links, err = r.links("account = ? ORDER BY id", id); err != nil {
			return err
		}
		leases, err = r.liveLeases(id)
		return err
	})
	return a, links, leases, err
}

// ConnectionsFor implements provision.Registry.
func (s *Store) ConnectionsFor(ctx context.Context, d provision.Domain) ([]provision.Connection, error) {
	return list[provision.Connection](ctx, s, `SELECT c.body FROM claims o JOIN connection_domains d ON d.domain = o.domain JOIN connections c ON c.id = d.connection AND c.tenant = o.tenant
		WHERE o.domain = ? AND o.owns AND json_extract(o.body, '$.State') <> 'lapsed' ORDER BY json_extract(c.body, '$.Default') DESC, c.id`, d.String())
}

// page is the end of a query for one page of a list.
func page(p provision.Page, id string) (string, []any) {
	limit := p.Limit
	if limit <= 0 {
		limit = 100
	}
	return " AND (? = '' OR tenant = ?) AND " + id + " > ? ORDER BY " + id + " LIMIT ?", []any{p.Tenant, p.Tenant, p.After, limit}
}

// Tenants implements provision.Registry.
func (s *Store) Tenants(ctx context.Context, p provision.Page) ([]provision.Tenant, error) {
	end, args := page(p, "id")
	return list[provision.Tenant](ctx, s, "SELECT body FROM tenants WHERE 1"+strings.ReplaceAll(end, "tenant", "id"), args...)
}

// Connections implements provision.Registry.
func (s *Store) Connections(ctx context.Context, p provision.Page) ([]provision.Connection, error) {
	end, args := page(p, "id")
	return list[provision.Connection](ctx, s, "SELECT body FROM connections WHERE 1"+end, args...)
}

// Apps implements provision.Registry.
func (s *Store) Apps(ctx context.Context, p provision.Page) ([]provision.App, error) {
	end, args := page(p, "id")
	return list[provision.App](ctx, s, "SELECT body FROM apps WHERE 1"+strings.ReplaceAll(end, "? = '' OR tenant = ?", "? = '' OR EXISTS (SELECT 1 FROM json_each(body, '$.Tenants') WHERE value = ?)"), args...)
}

// Claims implements provision.Registry. The cursor is "DOMAIN/TENANT".
func (s *Store) Claims(ctx context.Context, p provision.Page) ([]provision.Claim, error) {
	domain, tenant, _ := strings.Cut(p.After, "/")
	limit := p.Limit
	if limit <= 0 {
		limit = 100
	}
	return list[provision.Claim](ctx, s, "SELECT body FROM claims WHERE (? = '' OR tenant = ?) AND (domain, tenant) > (?, ?) ORDER BY domain, tenant LIMIT ?",
		p.Tenant, p.Tenant, domain, tenant, limit)
}

// Accounts implements provision.Registry.
func (s *Store) Accounts(ctx context.Context, p provision.Page) ([]provision.Account, error) {
	end, args := page(p, "id")
	return list[provision.Account](ctx, s, "SELECT body FROM accounts WHERE 1"+end, args...)
}

// Leases implements provision.Registry.
func (s *Store) Leases(ctx context.Context, p provision.Page) ([]provision.Lease, error) {
	which := "NOT ended"
	if p.Ended {
		which = "1"
	}
	end, args := page(p, "id")
	return list[provision.Lease](ctx, s, "SELECT body FROM leases WHERE "+which+end, args...)
}

// Revocations implements provision.Registry.
func (s *Store) Revocations(ctx context.Context, p provision.Page) ([]provision.Revocation, error) {
	which := "NOT settled"
	if p.Ended {
		which = "1"
	}
	limit := p.Limit
	if limit <= 0 {
		limit = 100
	}
	return list[provision.Revocation](ctx, s, "SELECT body FROM revocations WHERE "+which+" AND id > ? ORDER BY id LIMIT ?", p.After, limit)
}

// Events implements provision.Ledger.
func (s *Store) Events(ctx context.Context, f provision.EventFilter) ([]provision.Event, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = 1000
	}
	query, args := "SELECT body FROM events WHERE seq > ?", []any{f.After}
	for column, value := range map[string]string{"tenant": string(f.Tenant), "kind": f.Kind, "ref": f.Ref} {
		if value != "" {
			query, args = query+" AND "+column+" = ?", append(args, value)
		}
	}
	return list[provision.Event](ctx, s, query+" ORDER BY seq LIMIT ?", append(args, limit)...)
}
