package broker

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
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

// FindAccounts is a part of the accounts that a query chooses.
func (k *Desk) FindAccounts(ctx context.Context, m Mandate, q provision.AccountQuery) (part Part[provision.Account], err error) {
	if q.After != "" { // the place of another tenant's account says where it would stand
		if _, err := k.Account(ctx, m, q.After); err != nil {
			return part, err
		}
	}
	if err := m.May("accounts.read"); err != nil {
		return part, err
	}
	read := func(ctx context.Context, p provision.Page) ([]provision.Account, error) {
		q.Tenant, q.Limit = p.Tenant, p.Limit
		return k.b.Search.FindAccounts(ctx, q)
	}
	return partOf(ctx, m, provision.Page{Tenant: q.Tenant, Limit: q.Limit}, read, func(a provision.Account) string { return string(a.ID) }, nil)
}

// FindEvents is a part of the events that a query chooses, the newest first, with the personal parts whose keys still exist.
// after is where a part before it ended: no number, for the numbers of events count every tenant's.
func (k *Desk) FindEvents(ctx context.Context, m Mandate, q provision.EventQuery, after string) (part Part[provision.Event], err error) {
	if err := m.May("audit.read"); err != nil {
		return part, err
	}
	if ref, id, _ := strings.Cut(after, "/"); after != "" {
		e, err := k.findEvent(ctx, m, provision.EventID(id), ref)
		if err != nil {
			return part, err
		}
		q.Before = e.Seq
	}
	read := func(ctx context.Context, p provision.Page) ([]provision.Event, error) {
		q.Tenant, q.Limit = p.Tenant, p.Limit
		events, err := k.b.Search.FindEvents(ctx, q)
		Audit{k.b.Ledger, k.b.Registry, k.b.Keys}.open(ctx, events)
		m.hush(events)
		return events, err
	}
	return partOf(ctx, m, provision.Page{Tenant: q.Tenant, Limit: q.Limit}, read, func(e provision.Event) string { return e.Ref() + "/" + string(e.ID) }, nil)
}

// EventsOf lists the events about an account, the newest first. before is the number after which the list goes on; 0: the newest.
func (k *Desk) EventsOf(ctx context.Context, m Mandate, id provision.AccountID, before int64, limit int) (Part[provision.Event], error) {
	if err := m.May("audit.read"); err != nil {
		return Part[provision.Event]{}, err
	}
	who, err := k.account(ctx, m, id)
	if err != nil {
		return Part[provision.Event]{}, err
	}
	p := provision.Page{Tenant: who.Tenant, Limit: limit}
	part, err := partOf(ctx, m, p, func(ctx context.Context, p provision.Page) ([]provision.Event, error) {
		return k.b.Search.FindEvents(ctx, provision.EventQuery{Tenant: p.Tenant, Account: id, Before: before, Limit: p.Limit})
	}, func(e provision.Event) string { return strconv.FormatInt(e.Seq, 10) }, nil)
	Audit{k.b.Ledger, k.b.Registry, k.b.Keys}.open(ctx, part.Items)
	m.hush(part.Items)
	return part, err
}

// findEvent is one event by its id and its Ref.
func (k *Desk) findEvent(ctx context.Context, m Mandate, id provision.EventID, ref string) (provision.Event, error) {
	t, err := m.Within("")
	if err != nil {
		return provision.Event{}, err
	}
	events, err := k.b.Search.FindEvents(ctx, provision.EventQuery{Tenant: t, Ref: ref, Limit: 1000})
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
func (k *Desk) Refused(ctx context.Context, m Mandate, t provision.TenantID, since time.Time) ([]provision.Refusals, error) {
	t, err := k.within(m, "audit.read", t)
	if err != nil {
		return nil, err
	}
	return k.b.Search.Refused(ctx, t, since)
}

// Population counts accounts and leases.
func (k *Desk) Population(ctx context.Context, m Mandate, t provision.TenantID) (provision.Population, error) {
	t, err := k.within(m, "accounts.read", t)
	if err != nil {
		return provision.Population{}, err
	}
	return k.b.Search.Population(ctx, t)
}

// within is the tenant that a count is cut to, for whoever holds a right.
func (k *Desk) within(m Mandate, r Right, t provision.TenantID) (provision.TenantID, error) {
	if err := m.May(r); err != nil {
		return "", err
	}
	return m.Within(t)
}

// Stranded lists accounts with a sign-in at a connection, at most limit: when nobody comes by it any more, they are orphans.
func (k *Desk) Stranded(ctx context.Context, m Mandate, c provision.ConnectionID, limit int) ([]provision.AccountID, error) {
	if _, err := k.Connection(ctx, m, c); err != nil {
		return nil, err
	}
	return k.b.Leftovers.Linked(ctx, c, limit)
}

// Trust says what the trust of a connection comes to, and what waits to take its place; "": nothing does.
func (k *Desk) Trust(c provision.Connection) (inForce, proposed string) {
	if len(c.Trust()) > 0 {
		inForce = k.b.told(c, c.Trust())
	}
	if c.Held {
		proposed = k.b.told(c, c.Proposed)
	}
	return inForce, proposed
}

// Can reports whether a mandate holds a right on something of a tenant, and CanOn whether it does on an account.
func (k *Desk) Can(m Mandate, r Right, t provision.TenantID) bool {
	return m.Over(t) == nil && k.b.permits(m, r, t) == nil
}

// CanOn reports whether a mandate holds a right on an account.
func (k *Desk) CanOn(m Mandate, r Right, a provision.Account) bool {
	return m.Over(a.Tenant) == nil && k.b.permitsOn(m, r, a) == nil
}

// Now is ledger time.
func (k *Desk) Now() time.Time { return k.b.Ledger.Now() }
