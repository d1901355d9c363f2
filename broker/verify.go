package broker

import (
	"context"
	"errors"
	"fmt"

	"leasehold/idp"
	"leasehold/provision"
)

// verify asks the connection's protocol about an answer. A refusal is audited, with what was expected and what came.
func (b *Broker) verify(ctx context.Context, u underway, form idp.Form, from provision.Requester) (provision.Assertion, error) {
	c, err := b.Registry.Connection(ctx, u.Connection)
	if err != nil {
		return provision.Assertion{}, err
	}
	leave, err := b.room(ctx, c)
	if err != nil {
		return provision.Assertion{}, err
	}
	defer leave()
	provider, err := b.providers.of(ctx, c)
	if err != nil {
		return provision.Assertion{}, fmt.Errorf("connection %s: %w", c.ID, err)
	}
	assertion, err := provider.Verify(ctx, u.Attempt, form)
	var no *idp.Rejected
	if u.Trial && errors.As(err, &no) {
		return assertion, err // it is the trial's to say
	}
	if err != nil {
		return provision.Assertion{}, b.rejected(ctx, c, u.Attempt, from, err)
	}
	if assertion.Facts.Connection != c.ID {
		return provision.Assertion{}, fmt.Errorf("connection %s: assertion of %q: %w", c.ID, assertion.Facts.Connection, provision.ErrCorrupt)
	}
	return assertion, nil
}

// rejected turns a refusal by a protocol into one at the broker's edge, and writes its event.
func (b *Broker) rejected(ctx context.Context, c provision.Connection, a idp.Attempt, from provision.Requester, err error) error {
	var no *idp.Rejected
	if !errors.As(err, &no) {
		return fmt.Errorf("connection %s: %w: %w", c.ID, provision.ErrUnavailable, err)
	}
	ids, err := b.ids()
	if err != nil {
		return err
	}
	tenant, err := b.Registry.Tenant(ctx, c.Tenant)
	if err != nil {
		return err
	}
	_, err = b.amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) {
		return provision.Change{Events: []provision.Event{{
			ID: ids.Event(0), Time: b.Ledger.Now(), Kind: provision.EventLogin, Tenant: c.Tenant, Connection: c.ID, App: a.App,
			Outcome: string(provision.Denied), Reason: string(no.Check), Actor: provision.Actor{Kind: provision.Person, Via: "login"},
			Personal: provision.Personal{Requester: from, Detail: fmt.Sprint(no.Err)},
		}}}, nil
	})
	if err != nil {
		return err
	}
	return &provision.DeniedError{Reason: no.Check, Ref: string(ids.Event(0)), Tenant: c.Tenant, Contact: tenant.Contact}
}

// unreachable is a provider that could not even be gone to, or that could not be made of its connection.
func (b *Broker) unreachable(ctx context.Context, c provision.Connection, a idp.Attempt, from provision.Requester, err error) error {
	var no *idp.Rejected
	if !errors.As(err, &no) {
		err = idp.Reject(provision.IdPUnreachable, "begin: %w", err)
	}
	return b.rejected(ctx, c, a, from, err)
}

// stray is a message without a live attempt: it costs one event a connection, reason and minute, not one a message.
func (b *Broker) stray(ctx context.Context, c provision.ConnectionID, err error) error {
	var denied *provision.DeniedError
	switch {
	case errors.Is(err, provision.ErrNotFound):
		denied = &provision.DeniedError{Reason: provision.AttemptUnknown}
	case !errors.As(err, &denied):
		return err
	}
	tenant, _ := b.tenantOf(ctx, c)
	if tenant == "" {
		c = "" // anybody's text, and no name of anything
	}
	b.tally.note(stroke{Kind: provision.EventProtocol, Tenant: tenant, Connection: c, Reason: denied.Reason})
	return denied
}
