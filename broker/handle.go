package broker

import (
	"context"
	"errors"
	"slices"
	"strings"

	"leasehold/provision"
)

// HandlePrefix is what handles of workloads begin with, so that whoever finds one knows what it is.
const HandlePrefix = "lh_"

// handles is in the MAC of a handle what the origin is in that of a cookie: no origin has that name, so that none
// passes for the other.
const handles = "workload"

// handle is what a workload shows for a lease: its id with a MAC. A forged one costs no look-up.
func (b *Broker) handle(id provision.LeaseID) string { return HandlePrefix + b.token(id, handles) }

// byHandle reports whether a request is a workload's, at an app that takes them. At any other app a bearer token is the
// app's own business.
func (a Ask) byHandle(app *door) bool { return a.Handle != "" && app.Workloads }

// misplaced is why a lease is none for this app, this address, or this way of showing it: a workload's is shown as a
// handle and nothing else is, and reaches what it was given for.
func misplaced(app *door, ask Ask, e *entry) provision.Reason {
	switch {
	case e.kind.IsErrand() != ask.byHandle(app), e.kind == provision.CommissionLease:
		return provision.SessionMalformed
	case e.errand == nil:
		return ""
	case !slices.Contains(e.errand.Audience, app.ID), e.kind == provision.AgentLease && !app.TakesAgents(false):
		return provision.AppNotGranted
	case !e.errand.Covers(ask.Origin, ask.Path):
		return provision.ResourceNotGranted
	}
	return ""
}

// useOnce takes one of the uses that a lease has left, in the ledger, where all replicas count together. With the last one
// it ends, in the same commit. A lease that has none left is ErrNotFound.
func (b *Broker) useOnce(ctx context.Context, id provision.LeaseID) error {
	ids, err := b.ids()
	if err != nil {
		return err
	}
	_, err = b.commit(ctx, provision.Target{Lease: id}, func(s provision.State) (provision.Change, error) {
		l, now := s.Former.Lease, b.Ledger.Now()
		switch {
		case s.Former.Refuses(now) != "" || l.Grant.Uses < 1:
			return provision.Change{}, provision.ErrNotFound
		case l.Grant.Uses == 1:
			end := provision.End{Leases: []provision.LeaseID{id}, Cause: provision.CauseUsedUp, Actor: provision.Actor{Kind: provision.System, Via: "check"}}
			return provision.EndLeases(s.OfFormer(), end, ids, now), nil
		}
		l.Grant.Uses--
		return provision.Change{Leases: []provision.Lease{l}}, nil
	})
	return err
}

// errandOf is what an app is told of a workload's errand.
func errandOf(l provision.Lease) Errand {
	if !l.Kind.IsErrand() {
		return Errand{}
	}
	return Errand{Rule: l.Grant.Rule, Task: l.Grant.Task, Resources: l.Grant.Resources, Actor: l.Agent.Account}
}

// workloadOf is the workload's lease that a token points at: a handle, a signed token of ours, or with ending also the
// lease's id, which ends it and does nothing else. ErrNotFound: there is none, or not of that tenant.
func (b *Broker) workloadOf(ctx context.Context, t provision.TenantID, token string, ending bool) (provision.Standing, error) {
	id, err := b.pointedAt(ctx, token)
	if err != nil {
		return provision.Standing{}, err
	}
	if id == "" && ending {
		id = provision.LeaseID(token)
	}
	if id == "" || id.Tenant() != t || id.IsCanary() {
		return provision.Standing{}, provision.ErrNotFound
	}
	s, err := b.Ledger.Lease(ctx, id)
	if err == nil && (!s.Lease.Kind.IsErrand() || s.Lease.Tenant != t) {
		err = provision.ErrNotFound
	}
	return s, err
}

// pointedAt is the lease that a handle or a signed token names, or "".
func (b *Broker) pointedAt(ctx context.Context, token string) (provision.LeaseID, error) {
	if rest, ok := strings.CutPrefix(token, HandlePrefix); ok {
		return b.pointsAt(ctx, rest, handles)
	}
	return b.readAccess(token), nil
}

// Known is what is said of a token to whoever may ask (RFC 7662, 2.2). The zero Known is a token that is not active.
type Known struct {
	Active   bool
	Standing provision.Standing
	Audience []string // origins of the apps that it is for
}

// Introspect says what a token is worth now. Who asks is an app, which learns of leases for itself alone, or whoever
// holds the token itself; anybody else is ErrNotFound. Active is what the app would take as it is now. A lease of so many
// uses is never said to be: the check alone takes one.
func (b *Broker) Introspect(ctx context.Context, t provision.TenantID, token, asker string) (Known, error) {
	app, err := b.Listener(ctx, asker)
	if errors.Is(err, provision.ErrNotFound) && asker == token && strings.HasPrefix(token, HandlePrefix) {
		app, err = "", nil
	}
	if err != nil {
		return Known{}, err
	}
	s, err := b.workloadOf(ctx, t, token, false)
	if errors.Is(err, provision.ErrNotFound) {
		return Known{}, nil
	}
	if err != nil || s.Refuses(b.Ledger.Now()) != "" || s.Lease.Grant.Uses > 0 {
		return Known{}, err
	}
	takers, err := b.takers(ctx, s, !strings.HasPrefix(token, HandlePrefix))
	if err != nil || len(takers) == 0 || app != "" && !slices.Contains(takers, app) {
		return Known{}, err
	}
	return Known{Active: true, Standing: s, Audience: b.originsOf(takers)}, nil
}

// takers are the apps that a lease is for and that take it as they are now: signed, or as a handle.
func (b *Broker) takers(ctx context.Context, s provision.Standing, signed bool) ([]provision.AppID, error) {
	var takers []provision.AppID
	for _, id := range s.Lease.Grant.Audience {
		app, err := b.Registry.App(ctx, id)
		if errors.Is(err, provision.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if app.Takes(signed) && (s.Lease.Kind != provision.AgentLease || app.TakesAgents(signed)) && newDoor(app).refuses(&s, b.Ledger.Now()) == "" {
			takers = append(takers, id)
		}
	}
	return takers, nil
}

// originsOf are the origins of apps.
func (b *Broker) originsOf(apps []provision.AppID) []string {
	var origins []string
	for _, app := range b.index.all() {
		if slices.Contains(apps, app.ID) {
			for _, o := range app.Origins {
				origins = append(origins, o.String())
			}
		}
	}
	slices.Sort(origins)
	return slices.Compact(origins)
}

// GiveBack ends the lease that a token or a lease's id names (RFC 7009). What names none is as good as ended.
func (b *Broker) GiveBack(ctx context.Context, t provision.TenantID, token string, from provision.Requester) error {
	s, err := b.workloadOf(ctx, t, token, true)
	if errors.Is(err, provision.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	err = b.endOne(ctx, s.Lease.ID, provision.End{Cause: provision.CauseLogout, Actor: workloadActor(s.Lease), Requester: from})
	if errors.Is(err, provision.ErrNotFound) {
		return nil
	}
	return err
}

func workloadActor(l provision.Lease) provision.Actor {
	return provision.Actor{Kind: provision.Workload, ID: string(l.Worker()), Via: "token"}
}
