package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

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
	err = s.reading(ctx, func(r reader) error {
		items, err = rows[T](r, query, args...)
		return err
	})
	return items, err
}

// Tenant implements provision.Registry.
func (s *Store) Tenant(ctx context.Context, id provision.TenantID) (provision.Tenant, error) {
	return one[provision.Tenant](ctx, s, "SELECT body FROM tenants WHERE id = $1", string(id))
}

// Connection implements provision.Registry.
func (s *Store) Connection(ctx context.Context, id provision.ConnectionID) (provision.Connection, error) {
	return one[provision.Connection](ctx, s, "SELECT body FROM connections WHERE id = $1", string(id))
}

// App implements provision.Registry.
func (s *Store) App(ctx context.Context, id provision.AppID) (provision.App, error) {
	return one[provision.App](ctx, s, "SELECT body FROM apps WHERE id = $1", string(id))
}

// AppByOrigin implements provision.Registry.
func (s *Store) AppByOrigin(ctx context.Context, o provision.Origin) (provision.App, error) {
	return one[provision.App](ctx, s, "SELECT body FROM apps WHERE id = (SELECT app FROM app_origins WHERE origin = $1)", o.String())
}

// Policy implements provision.Registry.
func (s *Store) Policy(ctx context.Context, t provision.TenantID, version int64) (provision.Policy, error) {
	return one[provision.Policy](ctx, s, "SELECT body FROM policies WHERE tenant = $1 AND version = $2", string(t), version)
}

// snapshot is how a batch begins whose statements see one state.
const snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

// Account implements provision.Registry.
func (s *Store) Account(ctx context.Context, id provision.AccountID) (a provision.Account, signIns []provision.Link, live []provision.Lease, err error) {
	err = s.reading(ctx, func(r reader) error {
		a, signIns, live = provision.Account{}, nil, nil
		b := &pgx.Batch{}
		b.Queue(snapshot)
		b.Queue("SELECT body FROM accounts WHERE id = $1", string(id)).Query(bodies(func(x provision.Account) { a = x }))
		b.Queue(linkQuery+"account = $1 ORDER BY id", string(id)).Query(links(func(l provision.Link) { signIns = append(signIns, l) }))
		b.Queue("SELECT "+leaseColumns+" FROM leases WHERE account = $1 AND NOT ended ORDER BY id", string(id)).Query(leases(func(l provision.Lease) { live = append(live, l) }))
		b.Queue("COMMIT")
		if err := r.send(b); err != nil {
			return err
		}
		if a.ID == "" {
			return provision.ErrNotFound
		}
		return nil
	})
	if err != nil {
		return provision.Account{}, nil, nil, err
	}
	return a, signIns, live, nil
}

// ConnectionsFor implements provision.Registry.
func (s *Store) ConnectionsFor(ctx context.Context, d provision.Domain) ([]provision.Connection, error) {
	return list[provision.Connection](ctx, s, `SELECT c.body FROM claims o JOIN connection_domains d ON d.domain = o.domain JOIN connections c ON c.id = d.connection AND c.tenant = o.tenant
		WHERE o.domain = $1 AND o.owns AND o.opens ORDER BY c.first DESC, c.id`, d.String())
}

// filter is the end of a query that reads one page: the conditions that are wanted, and no others, so that each
// combination is a statement of its own with an index of its own.
type filter struct {
	text string
	args []any
}

// and adds a condition, whose value is its last operand.
func (f filter) and(condition string, value any) filter {
	return filter{fmt.Sprintf("%s AND %s$%d", f.text, condition, len(f.args)+1), append(f.args, value)}
}

// of adds a condition unless its value is empty.
func (f filter) of(condition, value string) filter {
	if value == "" {
		return f
	}
	return f.and(condition, value)
}

// that adds a condition without a value.
func (f filter) that(condition string) filter { return filter{f.text + " AND " + condition, f.args} }

// rest is how a page ends: what comes after, in order, at most limit.
func (f filter) rest(order string, limit, most int) (string, []any) {
	if limit <= 0 {
		limit = most
	}
	return fmt.Sprintf("%s ORDER BY %s LIMIT $%d", f.text, order, len(f.args)+1), append(f.args, limit)
}

// paged is the end of a query that reads one page of a table that has an id. tenant is the condition that a row is of the
// page's tenant.
func paged(tenant string, p provision.Page, also filter) (string, []any) {
	return also.of(tenant, string(p.Tenant)).and("id > ", p.After).rest("id", p.Limit, 100)
}

// unless is a condition that holds only when over is not asked for.
func unless(over bool, condition string) filter {
	if over {
		return filter{}
	}
	return filter{}.that(condition)
}

// Tenants implements provision.Registry.
func (s *Store) Tenants(ctx context.Context, p provision.Page) ([]provision.Tenant, error) {
	end, args := paged("id = ", p, filter{})
	return list[provision.Tenant](ctx, s, "SELECT body FROM tenants WHERE true"+end, args...)
}

// Connections implements provision.Registry.
func (s *Store) Connections(ctx context.Context, p provision.Page) ([]provision.Connection, error) {
	end, args := paged("tenant = ", p, filter{})
	return list[provision.Connection](ctx, s, "SELECT body FROM connections WHERE true"+end, args...)
}

// Apps implements provision.Registry. Those of a tenant are those that admit it.
func (s *Store) Apps(ctx context.Context, p provision.Page) ([]provision.App, error) {
	also := filter{}
	if p.Tenant != "" {
		also = filter{" AND $1 = ANY(tenants)", []any{string(p.Tenant)}}
	}
	p.Tenant = ""
	end, args := paged("", p, also)
	return list[provision.App](ctx, s, "SELECT body FROM apps WHERE true"+end, args...)
}

// Accounts implements provision.Registry.
func (s *Store) Accounts(ctx context.Context, p provision.Page) ([]provision.Account, error) {
	end, args := paged("tenant = ", p, filter{})
	return list[provision.Account](ctx, s, "SELECT body FROM accounts WHERE true"+end, args...)
}

// Leases implements provision.Registry.
func (s *Store) Leases(ctx context.Context, p provision.Page) (items []provision.Lease, err error) {
	also := unless(p.Ended, "NOT ended")
	if p.Task != "" { // the second condition is the one of an index
		also = also.and("task = ", p.Task).that("task <> ''")
	}
	if p.Account != "" {
		also = also.and("account = ", string(p.Account))
	}
	also = also.of("agent <> '' AND agent = ", string(p.Agent))
	end, args := paged("tenant = ", p, also)
	err = s.reading(ctx, func(r reader) error {
		items = nil
		b := &pgx.Batch{}
		b.Queue("SELECT "+leaseColumns+" FROM leases WHERE true"+end, args...).Query(leases(func(l provision.Lease) { items = append(items, l) }))
		return r.send(b)
	})
	return items, err
}

// Revocation implements provision.Registry.
func (s *Store) Revocation(ctx context.Context, id provision.RevocationID) (provision.Revocation, error) {
	return one[provision.Revocation](ctx, s, "SELECT body FROM revocations WHERE id = $1", string(id))
}

// Revocations implements provision.Registry. They are of no tenant.
func (s *Store) Revocations(ctx context.Context, p provision.Page) ([]provision.Revocation, error) {
	p.Tenant = ""
	end, args := paged("", p, unless(p.Ended, "NOT settled"))
	return list[provision.Revocation](ctx, s, "SELECT body FROM revocations WHERE true"+end, args...)
}

// Claims implements provision.Registry. The cursor is "DOMAIN/TENANT".
func (s *Store) Claims(ctx context.Context, p provision.Page) ([]provision.Claim, error) {
	domain, tenant, _ := strings.Cut(p.After, "/")
	after := filter{" AND (domain, tenant) > ($1, $2)", []any{domain, tenant}}
	end, args := after.of("tenant = ", string(p.Tenant)).rest("domain, tenant", p.Limit, 100)
	return list[provision.Claim](ctx, s, "SELECT body FROM claims WHERE true"+end, args...)
}

// readEvents are events with their numbers.
func readEvents(r reader, query string, args ...any) (events []provision.Event, err error) {
	b := &pgx.Batch{}
	b.Queue(query, args...).Query(each(func(rows pgx.Rows) error {
		var body string
		var e provision.Event
		var seq int64
		if err := rows.Scan(&body, &seq); err != nil {
			return err
		}
		err := decode(body, &e)
		e.Seq = seq
		events = append(events, e)
		return err
	}))
	return events, r.send(b)
}
