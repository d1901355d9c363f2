package broker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"leasehold/provision"
)

// Search is what administrators look for. What it finds is what is there at the time.
type Search interface {
	// FindAccounts lists accounts in the order of tenants and of ids within one.
	FindAccounts(ctx context.Context, q provision.AccountQuery) ([]provision.Account, error)
	// FindEvents lists events, the newest first.
	FindEvents(ctx context.Context, q provision.EventQuery) ([]provision.Event, error)
	// Refused counts refused logins of a tenant, or of all, by day and reason, from the day of a time on (UTC).
	Refused(ctx context.Context, t provision.TenantID, since time.Time) ([]provision.Refusals, error)
	// Population counts accounts and leases of a tenant, or of all.
	Population(ctx context.Context, t provision.TenantID) (provision.Population, error)
}

// Reach is what a mandate reaches: everything that an administrator reads and does on the console's pages. What it does
// not reach is ErrNotFound, as what is not there. The zero Reach reaches nothing.
type Reach struct {
	b *Broker
	m Mandate
}

// Under is what m reaches.
func (b *Broker) Under(m Mandate) Reach { return Reach{b, m} }

// Administrator is who holds the session that a cookie of the SSO host points at, with what they may do there: a
// DeniedError when that is nothing. What administrators do counts as a use of their session.
func (b *Broker) Administrator(ctx context.Context, token string, from provision.Requester) (provision.Standing, Mandate, error) {
	s, err := b.Session(ctx, token, b.URL)
	if err != nil {
		return s, Mandate{}, err
	}
	m, err := b.MandateOf(s, from)
	if err != nil {
		return s, m, err
	}
	if now := b.Ledger.Now(); now.Sub(s.Lease.Seen) > usesEvery { // on a full disk, what ends access goes on
		b.log("write an administrator's use", b.Ledger.Used(ctx, map[provision.LeaseID]time.Time{s.Lease.ID: now}))
	}
	return s, m, nil
}

// listed cuts a list to what a mandate reaches.
func listed[T any](ctx context.Context, r Reach, p provision.Page, list func(context.Context, provision.Page) ([]T, error)) ([]T, error) {
	var err error
	if p.Tenant, err = r.m.Within(p.Tenant); err != nil {
		return nil, err
	}
	return list(ctx, p)
}

// within is one thing, when the mandate reaches its tenant.
func within[T any](r Reach, what string, item T, of provision.TenantID, err error) (T, error) {
	if err == nil {
		err = r.m.Over(of)
	}
	if err != nil {
		var none T
		return none, fmt.Errorf("%s: %w", what, err)
	}
	return item, nil
}

// Tenant is one tenant.
func (r Reach) Tenant(ctx context.Context, id provision.TenantID) (provision.Tenant, error) {
	if err := r.m.Over(id); err != nil {
		return provision.Tenant{}, err
	}
	t, err := r.b.Registry.Tenant(ctx, id)
	if err == nil && t.Removal == provision.Removed {
		err = provision.ErrNotFound
	}
	return within(r, "tenant "+string(id), t, id, err)
}

// Tenants lists tenants.
func (r Reach) Tenants(ctx context.Context, p provision.Page) ([]provision.Tenant, error) {
	items, err := listed(ctx, r, p, r.b.Registry.Tenants)
	return slices.DeleteFunc(items, func(t provision.Tenant) bool { return t.Removal == provision.Removed }), err
}

// Connection is one connection.
func (r Reach) Connection(ctx context.Context, id provision.ConnectionID) (provision.Connection, error) {
	c, err := r.b.Registry.Connection(ctx, id)
	if err == nil && c.Removal == provision.Removed {
		err = provision.ErrNotFound
	}
	return within(r, "connection "+string(id), c, c.Tenant, err)
}

// Connections lists connections.
func (r Reach) Connections(ctx context.Context, p provision.Page) ([]provision.Connection, error) {
	items, err := listed(ctx, r, p, r.b.Registry.Connections)
	return slices.DeleteFunc(items, func(c provision.Connection) bool { return c.Removal == provision.Removed }), err
}

// Trust says what the trust of a connection comes to, and what waits to take its place; "": nothing does.
func (r Reach) Trust(c provision.Connection) (inForce, proposed string) {
	if len(c.Trust()) > 0 {
		inForce = r.b.told(c, c.Trust())
	}
	if c.Held {
		proposed = r.b.told(c, c.Proposed)
	}
	return inForce, proposed
}

// App is one app, with no other tenants than those that the mandate reaches.
func (r Reach) App(ctx context.Context, id provision.AppID) (provision.App, error) {
	a, err := r.b.Registry.App(ctx, id)
	if err != nil {
		return a, fmt.Errorf("app %s: %w", id, err)
	}
	if a = r.cut(a); len(a.Tenants) == 0 && !r.m.Everywhere {
		return provision.App{}, fmt.Errorf("app %s: %w", id, provision.ErrNotFound)
	}
	return a, nil
}

// Apps lists apps: of a tenant, those that admit it.
func (r Reach) Apps(ctx context.Context, p provision.Page) ([]provision.App, error) {
	items, err := listed(ctx, r, p, r.b.Registry.Apps)
	for i := range items {
		items[i] = r.cut(items[i])
	}
	return items, err
}

// cut leaves out of an app what is not for everybody whom it admits to know.
func (r Reach) cut(a provision.App) provision.App {
	if !r.m.Everywhere {
		a.Tenants = slices.DeleteFunc(slices.Clone(a.Tenants), func(t provision.TenantID) bool { return r.m.Over(t) != nil })
		a.Notify = provision.Notify{}
	}
	return a
}

// Claim is a tenant's claim on a domain.
func (r Reach) Claim(ctx context.Context, t provision.TenantID, d provision.Domain) (provision.Claim, error) {
	missing := fmt.Errorf("claim of %s on %s: %w", t, d, provision.ErrNotFound)
	if r.m.Over(t) != nil {
		return provision.Claim{}, missing
	}
	claims, err := r.b.Claims(ctx, d)
	if err != nil {
		return provision.Claim{}, err
	}
	for _, c := range claims {
		if c.Tenant == t && !c.Withdrawn() {
			return c, nil
		}
	}
	return provision.Claim{}, missing
}

// Claims lists claims.
func (r Reach) Claims(ctx context.Context, p provision.Page) ([]provision.Claim, error) {
	items, err := listed(ctx, r, p, r.b.Registry.Claims)
	return slices.DeleteFunc(items, provision.Claim.Withdrawn), err
}

// Dossier is an account with its sign-ins and the leases that it has.
type Dossier struct {
	Account provision.Account
	Links   []provision.Link
	Leases  []provision.Lease
}

// Account is one account.
func (r Reach) Account(ctx context.Context, id provision.AccountID) (Dossier, error) {
	a, links, leases, err := r.b.Registry.Account(ctx, id)
	return within(r, "account "+string(id), Dossier{a, provision.SignIns(links), leases}, a.Tenant, err)
}

// Accounts lists accounts.
func (r Reach) Accounts(ctx context.Context, q provision.AccountQuery) ([]provision.Account, error) {
	var err error
	if q.Tenant, err = r.m.Within(q.Tenant); err != nil {
		return nil, err
	}
	if q.After != "" { // the place of another tenant's account says where it would stand
		if _, err := r.Account(ctx, q.After); err != nil {
			return nil, err
		}
	}
	return r.b.Search.FindAccounts(ctx, q)
}

// Stranded lists accounts with a sign-in at a connection by which nobody comes any more, at most limit.
func (r Reach) Stranded(ctx context.Context, c provision.ConnectionID, limit int) ([]provision.AccountID, error) {
	if _, err := r.Connection(ctx, c); err != nil {
		return nil, err
	}
	return r.b.Leftovers.Linked(ctx, c, limit)
}

// Lease is one lease.
func (r Reach) Lease(ctx context.Context, id provision.LeaseID) (provision.Standing, error) {
	s, err := r.b.Ledger.Lease(ctx, id)
	return within(r, "lease "+string(id), s, s.Lease.Tenant, err)
}

// Leases lists leases.
func (r Reach) Leases(ctx context.Context, p provision.Page) ([]provision.Lease, error) {
	return listed(ctx, r, p, r.b.Registry.Leases)
}

// Events lists events, the newest first, with the personal parts whose keys still exist.
func (r Reach) Events(ctx context.Context, q provision.EventQuery) ([]provision.Event, error) {
	var err error
	if q.Tenant, err = r.m.Within(q.Tenant); err != nil {
		return nil, err
	}
	events, err := r.b.Search.FindEvents(ctx, q)
	Audit{r.b.Ledger, r.b.Registry, r.b.Keys}.open(ctx, events)
	r.m.hush(events)
	return events, err
}

// Event is one event by its id and its Ref: where a list of them goes on. Their numbers count every tenant's.
func (r Reach) Event(ctx context.Context, id provision.EventID, ref string) (provision.Event, error) {
	events, err := r.Events(ctx, provision.EventQuery{Ref: ref, Limit: 1000})
	at := slices.IndexFunc(events, func(e provision.Event) bool { return e.ID == id })
	if err == nil && (at < 0 || ref == "") {
		err = fmt.Errorf("event %s: %w", id, provision.ErrNotFound)
	}
	if err != nil {
		return provision.Event{}, err
	}
	return events[at], nil
}

// Refused counts refused logins by day and reason.
func (r Reach) Refused(ctx context.Context, t provision.TenantID, since time.Time) ([]provision.Refusals, error) {
	t, err := r.m.Within(t)
	if err != nil {
		return nil, err
	}
	return r.b.Search.Refused(ctx, t, since)
}

// Population counts accounts and leases.
func (r Reach) Population(ctx context.Context, t provision.TenantID) (provision.Population, error) {
	t, err := r.m.Within(t)
	if err != nil {
		return provision.Population{}, err
	}
	return r.b.Search.Population(ctx, t)
}

// Deliveries lists what apps were or are to be told.
func (r Reach) Deliveries(ctx context.Context, f provision.DeliveryFilter) ([]provision.Delivery, error) {
	var err error
	if f.Tenant, err = r.m.Within(f.Tenant); err != nil {
		return nil, err
	}
	return r.b.Deliveries(ctx, f)
}

// Now is ledger time.
func (r Reach) Now() time.Time { return r.b.Ledger.Now() }
