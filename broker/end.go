package broker

import (
	"context"
	"errors"

	"leasehold/provision"
)

// Logout ends the session that a cookie points at, for all apps at once. A session that is over already is as good.
func (b *Broker) Logout(ctx context.Context, token string, o provision.Origin, from provision.Requester) error {
	id, err := b.pointsAt(ctx, token, o.String())
	if id == "" {
		return err
	}
	err = b.endOne(ctx, id, provision.End{Cause: provision.CauseLogout, Requester: from})
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
			return b.endOne(ctx, id, provision.End{Cause: provision.CauseLogout, Requester: from})
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
	return b.end(ctx, Deed{}, me.Standing.Lease.ID, provision.End{Cause: provision.CauseLogout, Requester: from})
}

// endOne ends one lease and what is below it.
func (b *Broker) endOne(ctx context.Context, id provision.LeaseID, e provision.End) error {
	e.Leases = []provision.LeaseID{id}
	return b.end(ctx, Deed{}, id, e)
}

// end ends leases of the account whose lease is named, and what is below them. Without an actor, it is the person. Of the
// deed, only its name counts: said again, it ends nothing.
func (b *Broker) end(ctx context.Context, d Deed, of provision.LeaseID, e provision.End) error {
	ids, err := b.ids()
	if err != nil {
		return err
	}
	b.foretell(ctx, e.Leases...) // before the ledger is even read
	defer b.suspense.release(e.Leases...)
	t := provision.Target{Lease: of}
	change := b.once(d, &t, func(s provision.State) (provision.Change, error) {
		s = s.OfFormer()
		if s.Account.ID == "" {
			return provision.Change{}, provision.ErrNotFound
		}
		if e.Actor == (provision.Actor{}) {
			e.Actor = provision.Actor{Kind: provision.Person, ID: string(s.Account.ID), Via: "web"}
		}
		return provision.EndLeases(s, e, ids, b.Ledger.Now()), nil
	})
	done, err := b.amend(ctx, t, change)
	if err == nil && len(done.Leases) == 0 { // somebody has ended them already
		b.settledAll(ctx)
	}
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
	me := Me{Standing: s, Links: provision.SignIns(links), Leases: leases, Began: map[provision.LeaseID]provision.Whence{}}
	_, err = b.MandateOf(s, provision.Requester{})
	me.Administers = err == nil
	for _, l := range me.Newest() {
		if me.Began[l.ID], err = b.whence(ctx, l.ID, s.Account.Key); err != nil {
			return Me{}, err
		}
	}
	for _, c := range connections {
		if !c.Disabled && !c.Held && c.Asserts(s.Account.Email.Domain()) {
			me.Connections = append(me.Connections, c)
		}
	}
	return me, nil
}
