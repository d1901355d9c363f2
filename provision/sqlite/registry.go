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

// filter is the end of a query that reads one page: the conditions that are wanted, and no others, so that each
// combination is a statement of its own with an index of its own.
type filter struct {
	text string
	args []any
}

func (f filter) and(condition string, args ...any) filter {
	return filter{f.text + " AND " + condition, append(f.args, args...)}
}

// of adds a condition unless its value is empty.
func (f filter) of(condition, value string) filter {
	if value == "" {
		return f
	}
	return f.and(condition, value)
}

// rest is how a page ends: what comes after, in order, at most limit.
func (f filter) rest(order string, limit, most int) (string, []any) {
	if limit <= 0 {
		limit = most
	}
	return f.text + " ORDER BY " + order + " LIMIT ?", append(f.args, limit)
}

// paged reads one page of a table that has an id. tenant is the condition that a row is of the page's tenant.
func paged[T any](ctx context.Context, s *Store, table, tenant string, p provision.Page, also filter) ([]T, error) {
	end, args := also.of(tenant, string(p.Tenant)).and("id > ?", p.After).rest("id", p.Limit, 100)
	return list[T](ctx, s, "SELECT body FROM "+table+" WHERE 1"+end, args...)
}

// unless is a condition that holds only when over is not asked for.
func unless(over bool, condition string) filter {
	if over {
		return filter{}
	}
	return filter{}.and(condition)
}

// Tenants implements provision.Registry.
func (s *Store) Tenants(ctx context.Context, p provision.Page) ([]provision.Tenant, error) {
	return paged[provision.Tenant](ctx, s, "tenants", "id = ?", p, filter{})
}

// Connections implements provision.Registry.
func (s *Store) Connections(ctx context.Context, p provision.Page) ([]provision.Connection, error) {
	return paged[provision.Connection](ctx, s, "connections", "tenant = ?", p, filter{})
}

// Apps implements provision.Registry. Those of a tenant are those that admit it.
func (s *Store) Apps(ctx context.Context, p provision.Page) ([]provision.App, error) {
	return paged[provision.App](ctx, s, "apps", "EXISTS (SELECT 1 FROM json_each(body, '$.Tenants') WHERE value = ?)", p, filter{})
}

// Accounts implements provision.Registry.
func (s *Store) Accounts(ctx context.Context, p provision.Page) ([]provision.Account, error) {
	return paged[provision.Account](ctx, s, "accounts", "tenant = ?", p, filter{})
}

// Leases implements provision.Registry.
func (s *Store) Leases(ctx context.Context, p provision.Page) ([]provision.Lease, error) {
	return paged[provision.Lease](ctx, s, "leases", "tenant = ?", p, ofTask(p.Task, unless(p.Ended, "NOT ended")).of("account = ?", string(p.Account)).of("agent <> '' AND agent = ?", string(p.Agent)))
}

// ofTask adds that a lease is one of a task, unless that is no matter. The second condition is the one of an index.
func ofTask(task string, f filter) filter {
	if task == "" {
		return f
	}
	return f.and("task = ?", task).and("task <> ''")
}

// Revocation implements provision.Registry.
func (s *Store) Revocation(ctx context.Context, id provision.RevocationID) (provision.Revocation, error) {
	return one[provision.Revocation](ctx, s, "SELECT body FROM revocations WHERE id = ?", id)
}

// Revocations implements provision.Registry. They are of no tenant.
func (s *Store) Revocations(ctx context.Context, p provision.Page) ([]provision.Revocation, error) {
	p.Tenant = ""
	return paged[provision.Revocation](ctx, s, "revocations", "", p, unless(p.Ended, "NOT settled"))
}

// Claims implements provision.Registry. The cursor is "DOMAIN/TENANT".
func (s *Store) Claims(ctx context.Context, p provision.Page) ([]provision.Claim, error) {
	domain, tenant, _ := strings.Cut(p.After, "/")
	end, args := filter{}.of("tenant = ?", string(p.Tenant)).and("(domain, tenant) > (?, ?)", domain, tenant).rest("domain, tenant", p.Limit, 100)
	return list[provision.Claim](ctx, s, "SELECT body FROM claims WHERE 1"+end, args...)
}
