package broker

import (
	"context"
	"fmt"
	"time"

	"leasehold/provision"
)

// Deed is who does what an administrative verb says, and why.
type Deed struct {
	Actor     provision.Actor
	Behind    provision.AccountID // see Mandate.Behind
	Requester provision.Requester
	Why       string
	Once      string // a name under which it is done once, however often it is asked for within a day; "": each time
	Print     string // of a request whose sender chose Once: what it was, so that another one is not taken for it; "": the target tells
}

// act is the deed with everything drawn that it may need.
func (b *Broker) act(d Deed) (provision.Act, error) {
	ids, err := b.ids()
	return provision.Act{Actor: d.Actor, Behind: d.Behind, Requester: d.Requester, Why: d.Why, IDs: ids, Now: b.Ledger.Now()}, err
}

// AccountVerb is a verb on one account: provision.SuspendAccount and its like.
type AccountVerb func(provision.State, provision.Act) (provision.Change, error)

// Account does a verb on an account, with every lease that ends by it, and returns the account as it is then.
func (b *Broker) Account(ctx context.Context, d Deed, id provision.AccountID, verb AccountVerb) (provision.Account, error) {
	return b.change(ctx, d, provision.Target{Account: id}, verb)
}

// change is Account for a target that names more than the account.
func (b *Broker) change(ctx context.Context, d Deed, t provision.Target, verb AccountVerb) (provision.Account, error) {
	a, err := b.act(d)
	if err != nil {
		return provision.Account{}, err
	}
	var account provision.Account
	change := b.once(d, &t, func(s provision.State) (provision.Change, error) { return verb(s, a) })
	done, err := b.amend(ctx, t, func(s provision.State) (provision.Change, error) {
		account = s.Account
		return change(s)
	})
	if err != nil {
		return provision.Account{}, fmt.Errorf("account %s: %w", t.Account, err)
	}
	if done.News.IsZero() {
		b.settledAll(ctx)
	}
	for _, changed := range done.Accounts {
		if changed.ID == t.Account {
			account = changed
		}
	}
	return account, nil
}

// NewAccount describes an account to make before its first login.
type NewAccount struct {
	Tenant provision.TenantID
	Email  provision.Email
	Name   string
	Link   provision.LinkKey // zero: the account is pending until it is linked
}

// CreateAccount makes an account before its first login.
func (b *Broker) CreateAccount(ctx context.Context, d Deed, n NewAccount) (provision.Account, error) {
	a, err := b.act(d)
	if err != nil {
		return provision.Account{}, err
	}
	link, err := b.link(ctx, n.Tenant, n.Link)
	if err != nil {
		return provision.Account{}, err
	}
	if d.Once != "" { // asked for again, it is found by its name
		if a.IDs, err = b.idsFor(provision.AccountID("acc_" + b.derived(d, "account"))); err != nil {
			return provision.Account{}, err
		}
	}
	t := provision.Target{Tenant: n.Tenant, Connection: n.Link.Connection, Email: n.Email, Link: n.Link, Pseudonym: link.Pseudonym}
	change := b.once(d, &t, func(s provision.State) (provision.Change, error) {
		return provision.CreateAccount(s, n.Email, n.Name, link, a)
	})
	done, err := b.amend(ctx, t, change)
	switch {
	case err != nil:
		return provision.Account{}, err
	case len(done.Accounts) == 0:
		account, _, _, err := b.Registry.Account(ctx, a.IDs.Account)
		return account, err
	}
	return done.Accounts[0], nil
}

// LinkAccount gives an account a further sign-in.
func (b *Broker) LinkAccount(ctx context.Context, d Deed, id provision.AccountID, key provision.LinkKey) (provision.Account, error) {
	account, _, _, err := b.Registry.Account(ctx, id)
	if err != nil {
		return account, fmt.Errorf("account %s: %w", id, err)
	}
	link, err := b.link(ctx, account.Tenant, key)
	if err != nil {
		return account, err
	}
	t := provision.Target{Account: id, Connection: key.Connection, Link: key}
	return b.change(ctx, d, t, func(s provision.State, a provision.Act) (provision.Change, error) {
		return provision.LinkAccount(s, link, a)
	})
}

// UnlinkAccount takes a sign-in from an account.
func (b *Broker) UnlinkAccount(ctx context.Context, d Deed, id provision.AccountID, key provision.LinkKey) (provision.Account, error) {
	return b.change(ctx, d, provision.Target{Account: id, Link: key}, provision.UnlinkAccount)
}

func (b *Broker) link(ctx context.Context, t provision.TenantID, key provision.LinkKey) (provision.Link, error) {
	if key.Subject == "" {
		return provision.Link{}, nil
	}
	pseudonym, err := b.Keys.Pseudonym(ctx, t, key)
	return provision.Link{LinkKey: key, Pseudonym: pseudonym}, err
}

// RevokeLease ends one lease and everything below it.
func (b *Broker) RevokeLease(ctx context.Context, d Deed, id provision.LeaseID) error {
	began := time.Now()
	defer func() { b.Count.Revoked(time.Since(began)) }()
	return b.end(ctx, d, id, provision.End{Leases: []provision.LeaseID{id}, Cause: provision.CauseAdmin, Actor: d.Actor, Requester: d.Requester, Why: d.Why})
}

// Revoke ends everything below a tenant, a connection or a domain. When it returns, no check that begins lets anything
// of it in; the rows settle afterwards, under the id it returns.
func (b *Broker) Revoke(ctx context.Context, d Deed, scope provision.Scope, cause provision.Cause) (provision.RevocationID, error) {
	return b.hold(ctx, d, scope, cause, func(*provision.Change) {})
}

// SuspendTenant keeps everybody of a tenant out, and ends what they have; ResumeTenant lets them log in again.
func (b *Broker) SuspendTenant(ctx context.Context, d Deed, id provision.TenantID) (provision.RevocationID, error) {
	return b.hold(ctx, d, provision.Scope{Tenant: id}, provision.CauseTenantSuspended, func(c *provision.Change) {
		c.Tenants[0].Suspended = true
	})
}

// DisableConnection keeps everybody who would come by a connection out, and ends what they have.
func (b *Broker) DisableConnection(ctx context.Context, d Deed, id provision.ConnectionID) (provision.RevocationID, error) {
	return b.hold(ctx, d, provision.Scope{Connection: id}, provision.CauseConnectionDisabled, func(c *provision.Change) {
		c.Connections[0].Disabled = true
	})
}

// hold is Revoke with one more word in the same commit.
func (b *Broker) hold(ctx context.Context, d Deed, scope provision.Scope, cause provision.Cause, mark func(*provision.Change)) (provision.RevocationID, error) {
	began := time.Now()
	defer func() { b.Count.Revoked(time.Since(began)) }()
	a, err := b.act(d)
	if err != nil {
		return "", err
	}
	t := provision.Target{Tenant: scope.Tenant, Connection: scope.Connection, Domain: scope.Domain}
	id := d.revocationID(t)
	change := b.once(d, &t, func(s provision.State) (provision.Change, error) {
		c, err := provision.RevokeScope(s, scope, cause, id, a)
		if err == nil {
			mark(&c)
		}
		return c, err
	})
	if !scope.Domain.IsZero() {
		if t.Tenant, err = b.ownerOf(ctx, scope.Domain); err != nil {
			return "", err
		}
	}
	done, err := b.amendRegistered(ctx, t, change)
	if err != nil {
		return "", err
	}
	if done.News.IsZero() {
		b.settledAll(ctx)
	}
	return id, nil
}

// ResumeTenant lifts SuspendTenant. Nobody is let in by it.
func (b *Broker) ResumeTenant(ctx context.Context, d Deed, id provision.TenantID) error {
	return b.lift(ctx, d, provision.Target{Tenant: id}, func(s provision.State) (provision.Change, provision.Event, error) {
		t := s.Tenant
		if t.ID == "" || !t.Suspended || t.Removal != "" {
			return provision.Change{}, provision.Event{}, fmt.Errorf("suspended tenant %s: %w", id, provision.ErrNotFound)
		}
		t.Suspended, t.Revision = false, t.Revision+1
		return provision.Change{Tenants: []provision.Tenant{t}}, provision.Event{Kind: provision.EventTenantChanged, Tenant: id, Outcome: "resumed"}, nil
	})
}

// EnableConnection lifts DisableConnection.
func (b *Broker) EnableConnection(ctx context.Context, d Deed, id provision.ConnectionID) error {
	return b.lift(ctx, d, provision.Target{Connection: id}, func(s provision.State) (provision.Change, provision.Event, error) {
		c := s.Connection
		if c.ID == "" || !c.Disabled || c.Removal != "" {
			return provision.Change{}, provision.Event{}, fmt.Errorf("disabled connection %s: %w", id, provision.ErrNotFound)
		}
		c.Disabled, c.Revision = false, c.Revision+1
		return provision.Change{Connections: []provision.Connection{c}}, provision.Event{Kind: provision.EventConnectionChanged, Tenant: c.Tenant, Connection: id, Outcome: "enabled"}, nil
	})
}

// lift does what do says, with its event. Nobody is let in by it.
func (b *Broker) lift(ctx context.Context, d Deed, t provision.Target, do func(provision.State) (provision.Change, provision.Event, error)) error {
	a, err := b.act(d)
	if err != nil {
		return err
	}
	change := b.once(d, &t, func(s provision.State) (provision.Change, error) {
		c, e, err := do(s)
		e.ID, e.Time, e.Actor = a.IDs.Event(0), a.Now, a.Actor
		e.Personal = provision.Personal{Requester: a.Requester, Detail: a.Why}
		c.Events = []provision.Event{e}
		return c, err
	})
	_, err = b.amendRegistered(ctx, t, change)
	return err
}

// Events is a part of the audit, with the personal parts whose keys still exist.
func (b *Broker) Events(ctx context.Context, f provision.EventFilter) ([]provision.Event, error) {
	return Audit{b.Ledger, b.Registry, b.Keys}.Events(ctx, f)
}

// opened is an event with its personal part, if its key still exists.
func (b *Broker) opened(ctx context.Context, e provision.Event) provision.Event {
	one := []provision.Event{e}
	Audit{b.Ledger, b.Registry, b.Keys}.open(ctx, one)
	return one[0]
}

// ResetClock is for a clock that ran ahead: every lease ends, and ledger time is the wall clock again. It revokes twice,
// because a lease that began after the first time may have its end by the clock that ran ahead. After an error it is to
// be done again.
func (b *Broker) ResetClock(ctx context.Context, d Deed) (provision.RevocationID, error) {
	if _, err := b.Revoke(ctx, d, provision.Scope{}, provision.CauseAdmin); err != nil {
		return "", err
	}
	if err := b.Clock.ResetClock(ctx); err != nil {
		return "", fmt.Errorf("reset clock: %w", err)
	}
	return b.Revoke(ctx, d, provision.Scope{}, provision.CauseAdmin)
}

// Metadata is what a connection publishes about its service provider (SAML Metadata 2.4.4), or ErrNotFound.
func (b *Broker) Metadata(ctx context.Context, id provision.ConnectionID) ([]byte, error) {
	c, err := b.Registry.Connection(ctx, id)
	if err != nil {
		return nil, err
	}
	if c.Removal != "" {
		return nil, provision.ErrNotFound
	}
	provider, err := b.providers.of(ctx, c)
	if err != nil {
		return nil, err
	}
	d, ok := provider.(interface{ Metadata() ([]byte, error) })
	if !ok {
		return nil, provision.ErrNotFound
	}
	return d.Metadata()
}
