package broker

import (
	"context"
	"errors"

	"leasehold/idp"
	"leasehold/provision"
)

// Receive takes a response that another site's page posted: it comes without the browser's cookie. Receive finds its
// attempt, verifies, and parks the assertion in it; the first one wins. Nothing is spent yet.
func (b *Broker) Receive(ctx context.Context, c provision.ConnectionID, form idp.Form, from provision.Requester) (idp.AttemptID, error) {
	id := idp.AttemptID(form.Get("RelayState"))
	u, err := b.find(ctx, c, id)
	if err != nil {
		return id, b.stray(ctx, c, err)
	}
	if u.Parked != nil {
		return id, nil // a second copy, or a second answer: the browser decides on the first
	}
	assertion, err := b.verify(ctx, u, form, from)
	if err != nil {
		b.refused(ctx, u)
		return id, err
	}
	u.Parked = &assertion
	sealed, err := b.sealJSON(ctx, u.stored.ID, u)
	if err != nil {
		return id, err
	}
	if err := b.Attempts.Swap(ctx, u.stored, sealed); err != nil && !errors.Is(err, provision.ErrConflict) {
		return id, b.stray(ctx, c, err)
	}
	return id, nil
}

// Login finishes one login: the browser that began it is back.
//  1. redeem: its attempt, once
//  2. take: the parked assertion, or the one its code is exchanged for
//  3. decide and write: tenant policy, account, lease and audit event, in one step
//
// A refusal is a *provision.DeniedError and the zero Lease.
func (b *Broker) Login(ctx context.Context, back Return) (provision.Lease, error) {
	u, err := b.redeem(ctx, back)
	if err != nil {
		return provision.Lease{}, b.stray(ctx, back.Connection, err)
	}
	assertion, err := b.take(ctx, u, back)
	if err != nil {
		return provision.Lease{}, err
	}
	request, ids, err := b.request(ctx, u, assertion, back)
	if err != nil {
		return provision.Lease{}, err
	}
	now := b.Ledger.Now()
	var tenant provision.Tenant
	d, err := b.provide(ctx, request, func(s provision.State) provision.Decision {
		tenant = s.Tenant
		return provision.Decide(s, request, ids, now)
	})
	if err != nil {
		return provision.Lease{}, err
	}
	if !d.Allowed() {
		return provision.Lease{}, &provision.DeniedError{Reason: d.Reason, Ref: string(d.ID), Tenant: tenant.ID, Contact: tenant.Contact}
	}
	return d.Lease, b.remember(ctx, u, d)
}

// take is the assertion that Receive parked, or the one that the answer is good for.
func (b *Broker) take(ctx context.Context, u underway, back Return) (provision.Assertion, error) {
	if u.Parked != nil {
		return *u.Parked, nil
	}
	return b.verify(ctx, u, back.Answer, back.Requester)
}

// request is what the gate is asked, and the names it may need.
func (b *Broker) request(ctx context.Context, u underway, a provision.Assertion, back Return) (provision.Request, provision.IDs, error) {
	r := provision.Request{
		Occasion: provision.OnLogin, Facts: a.Facts, Authn: a.Authn, Intent: u.Intent, App: u.App, Requester: back.Requester,
		Actor:    provision.Actor{Kind: provision.Person, Via: "login"},
		Replaces: b.readToken(back.Session, b.URL.String()),
		Spend:    append(a.Spend, provision.Spent{Kind: "attempt", ID: string(u.ID), Until: u.Expires}),
	}
	if u.Intent.Account != "" {
		r.Occasion = provision.OnLink
	}
	ids, err := b.ids()
	if err != nil {
		return r, ids, err
	}
	key := provision.LinkKey{Connection: a.Facts.Connection, Subject: a.Facts.Subject}
	r.Pseudonym, err = b.Keys.Pseudonym(ctx, b.tenantOf(ctx, key.Connection), key)
	return r, ids, err
}
