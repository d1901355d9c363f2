package broker

import (
	"context"
	"strconv"

	"leasehold/provision"
)

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
