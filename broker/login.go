package broker

import (
	"context"
	"errors"
	"slices"

	"leasehold/idp"
	"leasehold/provision"
)

// Receive takes a response that another site's page posted: it comes without the browser's cookie. Receive finds its
// attempt, verifies, and parks the assertion in it; the first one wins. Nothing is spent yet. The name that it returns is
// the attempt's with a proof of the response: only the browser that brought the response comes back by it.
func (b *Broker) Receive(ctx context.Context, c provision.ConnectionID, form idp.Form, from provision.Requester) (idp.AttemptID, error) {
	id := idp.AttemptID(form.Get("RelayState"))
	u, err := b.find(ctx, c, id)
	if err != nil {
		return id, b.stray(ctx, c, err)
	}
	if u.Parked != nil {
		return proved(id, form), nil // good for a second copy, and not for a second answer
	}
	assertion, err := b.verify(ctx, u, form, from)
	var no *idp.Rejected
	if u.Trial && errors.As(err, &no) { // its browser is told, and then it is written
		return proved(id, form), b.rewrite(ctx, u, func(u *underway) { u.Fault, u.Proof = faultOf(no, assertion), proofOf(form) })
	}
	if err != nil {
		if faulty(err) {
			b.refused(ctx, u)
		}
		return id, err
	}
	if err := b.park(ctx, u, assertion, form); err != nil {
		return id, b.stray(ctx, c, err)
	}
	return proved(id, form), nil
}

// faulty reports whether a refusal was the message's fault. That nobody could tell, or that there was no room, is not.
func faulty(err error) bool {
	var denied *provision.DeniedError
	return errors.As(err, &denied) && denied.Reason != provision.RateLimited && denied.Reason != provision.IdPUnreachable
}

// Login finishes one login: the browser that began it is back.
//  1. redeem: its attempt, once
//  2. take: the parked assertion, or the one its code is exchanged for
//  3. decide and write: tenant policy, account, lease and audit event, in one step
//
// A refusal is a *provision.DeniedError and the zero Lease. So is the end of a login that was only tried, a *TriedError.
func (b *Broker) Login(ctx context.Context, back Return) (provision.Lease, error) {
	u, err := b.redeem(ctx, back)
	if err != nil {
		return provision.Lease{}, b.stray(ctx, back.Connection, err)
	}
	if u.Trial {
		return provision.Lease{}, b.tried(ctx, u, back)
	}
	assertion, err := b.take(ctx, u, back)
	if err != nil {
		return provision.Lease{}, err
	}
	request, err := b.request(ctx, u, assertion, back)
	if err != nil {
		return provision.Lease{}, err
	}
	ids, err := b.ids()
	if err != nil {
		return provision.Lease{}, err
	}
	var tenant provision.Tenant
	var revoked bool
	d, err := b.provide(ctx, request.Request, request.tenant, func(s provision.State) provision.Decision {
		tenant = s.Tenant
		if revoked = u.outdated(s); revoked {
			return provision.Decision{}
		}
		return b.decide(ctx, s, request.Request, ids)
	})
	if err != nil {
		return provision.Lease{}, err
	}
	if revoked {
		return provision.Lease{}, b.stray(ctx, back.Connection, provision.ErrNotFound)
	}
	if !d.Allowed() {
		return provision.Lease{}, &provision.DeniedError{Reason: d.Reason, Ref: string(d.ID), Tenant: tenant.ID, Contact: tenant.Contact}
	}
	b.remember(ctx, u, d)
	return d.Lease, nil
}

// take is the assertion that Receive parked, or the one that the answer is good for.
func (b *Broker) take(ctx context.Context, u underway, back Return) (provision.Assertion, error) {
	if u.Parked != nil {
		return *u.Parked, nil
	}
	return b.verify(ctx, u, back.Answer, back.Requester)
}

// asked is what the gate is asked, and at whose connection.
type asked struct {
	provision.Request
	tenant provision.TenantID
	began  provision.Whence // of an exchange on behalf of a person: where her session did, as far as a condition looks at it
}

// request puts the question to the gate together.
func (b *Broker) request(ctx context.Context, u underway, a provision.Assertion, back Return) (asked, error) {
	former, err := b.pointsAt(ctx, back.Session, b.URL.String())
	if err != nil {
		return asked{}, err
	}
	r := provision.Request{
		Occasion: provision.OnLogin, Facts: a.Facts, Authn: a.Authn, Intent: u.Intent, App: u.App, Requester: back.Requester,
		Actor:    provision.Actor{Kind: provision.Person, Via: "login"},
		Replaces: former, Setup: u.Setup,
		Spend: append(slices.Clone(a.Spend), provision.Spent{Kind: "attempt", ID: string(u.ID), Until: u.Expires}),
	}
	if u.Intent.Account != "" {
		r.Occasion = provision.OnLink
	}
	c, err := b.Registry.Connection(ctx, a.Facts.Connection)
	if err != nil && !errors.Is(err, provision.ErrNotFound) {
		return asked{}, err
	}
	tenant := c.Tenant
	if err := b.recall(ctx, &r, c, a.Upstream); err != nil {
		return asked{}, err
	}
	r.Pseudonym, err = b.Keys.Pseudonym(ctx, tenant, provision.LinkKey{Connection: a.Facts.Connection, Subject: a.Facts.Subject})
	return asked{Request: r, tenant: tenant}, err
}
