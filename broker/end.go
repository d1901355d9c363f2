package broker

import (
	"context"
	"errors"

	"leasehold/provision"
)

// Logout ends the session that a cookie points at, for all apps at once. A session that is over already is as good.
func (b *Broker) Logout(ctx context.Context, token string, o provision.Origin, from provision.Requester) error {
	id := b.readToken(token, o.String())
	if id == "" {
		return nil
	}
	err := b.end(ctx, provision.End{Leases: []provision.LeaseID{id}, Cause: provision.CauseLogout, Actor: person(""), Requester: from})
	if errors.Is(err, provision.ErrNotFound) {
		return nil
	}
	return err
}

// EndLease ends one session of the person whose cookie this is.
func (b *Broker) EndLease(ctx context.Context, token string, o provision.Origin, id provision.LeaseID, from provision.Requester) error {
	me, err := b.Me(ctx, token, o)
	if err != nil {
		return err
	}
	for _, l := range me.Leases {
		if l.ID == id {
			return b.end(ctx, provision.End{Leases: []provision.LeaseID{id}, Cause: provision.CauseLogout, Actor: person(me.Standing.Account.ID), Requester: from})
		}
	}
	return provision.ErrNotFound
}

// EndAll ends every session of the person whose cookie this is.
func (b *Broker) EndAll(ctx context.Context, token string, o provision.Origin, from provision.Requester) error {
	me, err := b.Me(ctx, token, o)
	if err != nil {
		return err
	}
	var ids []provision.LeaseID
	for _, l := range me.Leases {
		ids = append(ids, l.ID)
	}
	return b.end(ctx, provision.End{Leases: ids, Cause: provision.CauseLogout, Actor: person(me.Standing.Account.ID), Requester: from})
}

// end ends the named leases, of one account, and what is below them.
func (b *Broker) end(ctx context.Context, e provision.End) error {
	ids, err := b.ids()
	if err != nil {
		return err
	}
	first := e.Leases[0]
	_, err = b.amend(ctx, provision.Target{Lease: first}, first.Tenant(), func(s provision.State) (provision.Change, error) {
		s = s.OfFormer()
		if s.Account.ID == "" {
			return provision.Change{}, provision.ErrNotFound
		}
		if e.Actor.Kind == provision.Person {
			e.Actor.ID = string(s.Account.ID)
		}
		return provision.EndLeases(s, e, ids, b.Ledger.Now()), nil
	})
	return err
}

// Me is what the person whose cookie this is sees of herself.
func (b *Broker) Me(ctx context.Context, token string, o provision.Origin) (Me, error) {
	s, err := b.Session(ctx, token, o)
	if err != nil {
		return Me{}, err
	}
	_, links, leases, err := b.Registry.Account(ctx, s.Account.ID)
	if err != nil {
		return Me{}, err
	}
	connections, err := b.Registry.Connections(ctx, provision.Page{Tenant: s.Tenant.ID})
	if err != nil {
		return Me{}, err
	}
	me := Me{Standing: s, Links: links, Leases: leases}
	for _, c := range connections {
		if !c.Disabled && !c.Held && c.Asserts(s.Account.Email.Domain()) {
			me.Connections = append(me.Connections, c)
		}
	}
	return me, nil
}

func person(id provision.AccountID) provision.Actor {
	return provision.Actor{Kind: provision.Person, ID: string(id), Via: "web"}
}
