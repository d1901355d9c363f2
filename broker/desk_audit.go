package broker

import (
	"context"
	"crypto/cipher"
	"encoding/json"
	"fmt"

	"leasehold/provision"
)

// Events is a part of the audit, in order, with the personal parts whose keys still exist.
func (k *Desk) Events(ctx context.Context, m Mandate, f provision.EventFilter) (Part[provision.Event], error) {
	if err := m.May("audit.read"); err != nil {
		return Part[provision.Event]{}, err
	}
	var err error
	if f.Tenant, err = m.Within(f.Tenant); err != nil {
		return Part[provision.Event]{}, err
	}
	limit := limitOf(f.Limit)
	f.Limit = limit + 1
	events, err := k.b.Events(ctx, f)
	if err != nil {
		return Part[provision.Event]{}, err
	}
	part := Part[provision.Event]{Items: events[:min(len(events), limit)]}
	if len(events) > limit {
		part.Next = "more"
	}
	m.hush(part.Items)
	return part, nil
}

// hush leaves out of events what is not for the mandate's holder: which other tenants have domains like theirs.
func (m Mandate) hush(events []provision.Event) {
	for i, e := range events {
		if !m.Everywhere && e.Kind == provision.EventDomainClaim {
			events[i].Changes = nil
		}
	}
}

// Decisions lists the decisions that a mandate reaches, in the order of their ids, without their inputs.
func (k *Desk) Decisions(ctx context.Context, m Mandate, p provision.Page) (Part[provision.DecisionRow], error) {
	if err := m.May("audit.read"); err != nil {
		return Part[provision.DecisionRow]{}, err
	}
	return partOf(ctx, m, p, k.tokens.Decisions, func(d provision.DecisionRow) string { return string(d.ID) }, nil)
}

// Decision is one, with what it was made of while that is not erased.
func (k *Desk) Decision(ctx context.Context, m Mandate, id provision.DecisionID) (provision.DecisionRow, *provision.Request, error) {
	if err := m.May("audit.read"); err != nil {
		return provision.DecisionRow{}, nil, err
	}
	d, err := k.tokens.Decision(ctx, id)
	if d, err = reach(m, "decision", d, d.Tenant, err); err != nil {
		return d, nil, err
	}
	return d, k.b.inputs(ctx, d), nil
}

// inputs are what a decision was made of; nil: they are erased.
func (b *Broker) inputs(ctx context.Context, d provision.DecisionRow) *provision.Request {
	e := provision.Event{Account: d.Account, SealedBy: d.SealedBy}
	var aead cipher.AEAD
	aead, err := Audit{b.Ledger, b.Registry, b.Keys}.key(ctx, &e)
	if err != nil {
		return nil
	}
	plain, err := open(aead, d.Inputs, string(d.ID))
	var r provision.Request
	if err != nil || json.Unmarshal(plain, &r) != nil {
		return nil
	}
	return &r
}

// Deliveries lists what apps were or are to be told about people whom a mandate reaches.
func (k *Desk) Deliveries(ctx context.Context, m Mandate, f provision.DeliveryFilter) (Part[provision.Delivery], error) {
	if err := m.May("deliveries.read"); err != nil {
		return Part[provision.Delivery]{}, err
	}
	read := func(ctx context.Context, p provision.Page) ([]provision.Delivery, error) {
		f.Tenant, f.Limit = p.Tenant, p.Limit
		return k.b.Deliveries(ctx, f)
	}
	return partOf(ctx, m, provision.Page{Tenant: f.Tenant, Limit: f.Limit}, read, func(d provision.Delivery) string { return fmt.Sprintf("%d/%s", d.Seq, d.App) }, nil)
}

// How a list is walked that no store cuts to a tenant.
const (
	walkStep  = 1000 // rows read at once
	walkSteps = 10   // and how often for one part; then the reader has to ask again, from there on
)

// walk gathers a part of what is wanted. pass moves on behind an item, and says where that is.
func walk[T any](limit int, read func() ([]T, error), wanted func(T) bool, pass func(T) string) (part Part[T], err error) {
	for range walkSteps {
		found, err := read()
		if err != nil {
			return part, err
		}
		for _, item := range found {
			if wanted(item) {
				if len(part.Items) == limit {
					part.Next = pass(part.Items[limit-1])
					return part, nil
				}
				part.Items = append(part.Items, item)
			}
		}
		if len(found) < walkStep {
			part.Next = ""
			return part, nil
		}
		part.Next = pass(found[len(found)-1])
	}
	return part, nil
}

// Delivery is one.
func (k *Desk) Delivery(ctx context.Context, m Mandate, id provision.DeliveryID) (provision.Delivery, error) {
	if err := m.May("deliveries.read"); err != nil {
		return provision.Delivery{}, err
	}
	return k.delivery(ctx, m, id)
}

func (k *Desk) delivery(ctx context.Context, m Mandate, id provision.DeliveryID) (provision.Delivery, error) {
	found, err := k.b.Deliveries(ctx, provision.DeliveryFilter{ID: id, Limit: 1})
	var d provision.Delivery
	if err == nil && (id == "" || len(found) == 0) {
		err = provision.ErrNotFound
	}
	if err == nil {
		d = found[0]
	}
	return reach(m, "delivery", d, d.Tenant, err)
}

// RetryDelivery has a delivery tried at once.
func (k *Desk) RetryDelivery(ctx context.Context, o Order, id provision.DeliveryID) error {
	return k.onDelivery(ctx, o, "deliveries.retry", id, k.b.RetryDelivery)
}

// DropDelivery lets an app not be told.
func (k *Desk) DropDelivery(ctx context.Context, o Order, id provision.DeliveryID) error {
	return k.onDelivery(ctx, o, "deliveries.drop", id, k.b.DropDelivery)
}

func (k *Desk) onDelivery(ctx context.Context, o Order, r Right, id provision.DeliveryID, do func(context.Context, Deed, provision.DeliveryID) error) error {
	if err := o.May(r); err != nil {
		return err
	}
	if _, err := k.delivery(ctx, o.Mandate, id); err != nil {
		return err
	}
	return settled(do(ctx, o.deed(), id))
}

// Revocations lists the revocations of what a mandate reaches, or of a tenant's alone: those with rows left, unless ended.
func (k *Desk) Revocations(ctx context.Context, m Mandate, p provision.Page) (Part[provision.Revocation], error) {
	if err := m.May("leases.read"); err != nil {
		return Part[provision.Revocation]{}, err
	}
	if _, err := m.Within(p.Tenant); err != nil {
		return Part[provision.Revocation]{}, err
	}
	limit := limitOf(p.Limit)
	p.Limit = walkStep
	return walk(limit, func() ([]provision.Revocation, error) { return k.b.Registry.Revocations(ctx, p) },
		func(r provision.Revocation) bool {
			return m.Over(r.Tenant) == nil && (p.Tenant == "" || r.Tenant == p.Tenant)
		},
		func(r provision.Revocation) string {
			p.After = string(r.ID)
			return p.After
		})
}

// Revocation is one, with whether rows are left.
func (k *Desk) Revocation(ctx context.Context, m Mandate, id provision.RevocationID) (provision.Revocation, error) {
	if err := m.May("leases.read"); err != nil {
		return provision.Revocation{}, err
	}
	r, err := k.b.Registry.Revocation(ctx, id)
	return reach(m, "revocation", r, r.Tenant, err)
}
