package broker

import (
	"context"
	"strconv"

	"leasehold/provision"
)

// FindAccounts lists the accounts that a mandate reaches and a query chooses.
func (k *Desk) FindAccounts(ctx context.Context, m Mandate, q provision.AccountQuery) (Part[provision.Account], error) {
	if err := m.May("accounts.read"); err != nil {
		return Part[provision.Account]{}, err
	}
	p := provision.Page{Tenant: q.Tenant, After: string(q.After), Limit: q.Limit}
	return partOf(ctx, m, p, func(ctx context.Context, p provision.Page) ([]provision.Account, error) {
		q.Tenant, q.After, q.Limit = p.Tenant, provision.AccountID(p.After), p.Limit
		return k.b.Search.FindAccounts(ctx, q)
	}, func(a provision.Account) string { return string(a.ID) }, nil)
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
