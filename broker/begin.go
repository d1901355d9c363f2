package broker

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"leasehold/idp"
	"leasehold/provision"
)

// Begin starts a login: it finds the connection, remembers the attempt, and says where the browser goes. A domain that
// is unknown, unproved, lapsed or of a suspended tenant is one and the same refusal to whoever asks.
func (b *Broker) Begin(ctx context.Context, w Wish) (Departure, error) {
	if w.Browser == "" {
		return Departure{}, &provision.DeniedError{Reason: provision.AttemptOtherBrowser}
	}
	c, err := b.connection(ctx, w)
	if err != nil {
		return Departure{}, err
	}
	tenant, err := b.Registry.Tenant(ctx, c.Tenant)
	if err != nil {
		return Departure{}, err
	}
	switch {
	case tenant.Suspended || c.Disabled && w.try == nil:
		return Departure{}, &provision.DeniedError{Reason: provision.DomainUnknown}
	case c.Held:
		return Departure{}, b.stray(ctx, c.ID, &provision.DeniedError{Reason: provision.ConnectionHeld})
	}
	leave, err := b.room(ctx, c)
	if err != nil {
		return Departure{}, err
	}
	defer leave()
	a, err := b.attempt(ctx, w, c)
	if err != nil {
		return Departure{}, err
	}
	provider, err := b.providers.of(ctx, c)
	if errors.Is(err, provision.ErrUnavailable) || errors.Is(err, provision.ErrCorrupt) {
		return Departure{}, fmt.Errorf("connection %s: %w", c.ID, err)
	}
	if err != nil { // its metadata have not come yet, say
		return Departure{}, b.unreachable(ctx, c, a, w.Requester, err)
	}
	url, err := provider.Begin(ctx, &a)
	if err != nil {
		return Departure{}, b.unreachable(ctx, c, a, w.Requester, err)
	}
	u := underway{Attempt: a, Trust: c.Generation, Tenant: tenant.Generation, Voided: tenant.Voided, Setup: w.setup}
	if w.try != nil {
		u.Trying, u.Back, u.Setup, u.Mark = w.try.name, w.try.back, w.try.by, w.try.mark
	}
	if err := b.store(ctx, kindAttempt, string(a.ID), a.Browser, a.Expires, u); err != nil {
		return Departure{}, err
	}
	return Departure{URL: url, Tenant: tenant.Name}, nil
}

// connection is the one that was named, or the one for the e-mail's domain.
func (b *Broker) connection(ctx context.Context, w Wish) (provision.Connection, error) {
	unknown := &provision.DeniedError{Reason: provision.DomainUnknown}
	if w.Connection != "" {
		c, err := b.Registry.Connection(ctx, w.Connection)
		if errors.Is(err, provision.ErrNotFound) || c.Protocol == provision.Workloads {
			return c, unknown
		}
		return c, err
	}
	email, err := provision.ParseEmail(w.Email)
	if err != nil {
		return provision.Connection{}, unknown
	}
	found, err := b.Registry.ConnectionsFor(ctx, email.Domain())
	if err != nil && !errors.Is(err, provision.ErrNotFound) {
		return provision.Connection{}, err
	}
	found = slices.DeleteFunc(found, func(c provision.Connection) bool { return c.Disabled })
	if len(found) == 0 {
		return provision.Connection{}, unknown
	}
	if at := slices.IndexFunc(found, func(c provision.Connection) bool { return !c.Held }); at > 0 {
		return found[at], nil
	}
	return found[0], nil
}

// attempt is a new one, with the wish to add a sign-in judged where it can be judged already.
func (b *Broker) attempt(ctx context.Context, w Wish, c provision.Connection) (idp.Attempt, error) {
	now := b.Now()
	a := idp.Attempt{
		ID: idp.AttemptID(draw() + draw()), Connection: c.ID, Browser: sha256.Sum256([]byte(w.Browser)),
		Began: now, Expires: now.Add(attemptLife), Fresh: w.Fresh || w.AddSignIn, LoginHint: w.Email,
		Origin: w.Origin, Path: w.Path, Start: w.Start, Trial: w.try != nil,
	}
	if app, err := b.door(ctx, w.Origin.String(), b.fresh()); err == nil {
		a.App = app.ID
	}
	if !w.AddSignIn {
		return a, nil
	}
	s, err := b.Session(ctx, w.Session, b.URL)
	if err != nil {
		return a, err
	}
	if c.Tenant != s.Lease.Tenant {
		return a, &provision.DeniedError{Reason: provision.LinkRefused, Tenant: s.Tenant.ID, Contact: s.Tenant.Contact}
	}
	if at := s.Lease.Authn.At; at.IsZero() || b.Ledger.Now().Sub(at) > provision.LinkAuthAge {
		return a, &provision.DeniedError{Reason: provision.AuthTooOld, Tenant: s.Tenant.ID, Contact: s.Tenant.Contact}
	}
	a.Intent = provision.Intent{Account: s.Account.ID, Lease: s.Lease.ID}
	return a, nil
}
