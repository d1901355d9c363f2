package broker

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"leasehold/provision"
)

// Check answers whether one request may go through to an app. It reads, and writes nothing but a time in memory, unless a
// workload's lease is good for so many uses: those are counted in the ledger. Every way out of it but the last line of
// admit is a refusal, or a public path without an identity.
func (b *Broker) Check(ctx context.Context, ask Ask) Verdict {
	remembered := !b.NoCache
	for range maxReads {
		until := b.replica.until.Load() // before memory is read: a renewal that comes later does not make true what was read
		v, sure := b.answer(ctx, ask, remembered)
		switch {
		case remembered && !b.stillFresh(until): // last of all: from memory that grew old, nobody is answered
			remembered = false
		case sure:
			return v
		default:
			remembered = false
		}
	}
	return Verdict{Reason: provision.StoreUnavailable}
}

// maxReads is how often one check reads a lease that others keep writing to, before it says that nobody can tell.
const maxReads = 8

// answer is the answer as far as memory goes, or as the ledger says. It is not sure when what it read died meanwhile.
func (b *Broker) answer(ctx context.Context, ask Ask, remembered bool) (v Verdict, sure bool) {
	app, err := b.aviary.door, error(nil)
	if !ask.canary {
		app, err = b.door(ctx, ask.Origin, remembered)
	}
	switch {
	case errors.Is(err, provision.ErrNotFound):
		return Verdict{Reason: provision.AppUnknown}, true
	case err != nil:
		return Verdict{Reason: provision.StoreUnavailable}, true
	}
	v, sure = b.judge(ctx, app, ask, remembered)
	if !v.Allow && isPublic(app, ask) {
		v = Verdict{Allow: true, App: app.ID, Header: b.Present(app.App, Identity{})}
	}
	return v, sure
}

// judge is answer for the holder of the token.
func (b *Broker) judge(ctx context.Context, app *door, ask Ask, remembered bool) (v Verdict, sure bool) {
	refuse := func(reason provision.Reason) (Verdict, bool) { return Verdict{Reason: reason, App: app.ID}, true }
	token, origin := ask.Token, ask.Origin
	if ask.byHandle(app) {
		token, origin = ask.Handle, handles
	}
	if token == "" {
		return refuse(provision.SessionMissing)
	}
	id := b.readToken(token, origin)
	if !remembered {
		var err error
		if id, err = b.pointsAt(ctx, token, origin); err != nil {
			return refuse(provision.StoreUnavailable)
		}
	}
	if id == "" || id.IsCanary() != ask.canary { // canaries have a door of their own, and it is for nobody else
		return refuse(provision.SessionMalformed)
	}
	now := b.Ledger.Now()
	e, err := b.entry(ctx, id, now, remembered)
	if err != nil {
		return refuse(unavailable(err))
	}
	if reason := misplaced(app, ask, e); reason != "" {
		s := e.standing()
		v := Verdict{Reason: reason, App: app.ID}
		b.noteDenied(v, &s)
		return v, !e.dead.Load()
	}
	v, sure = b.admit(app, ask.Origin, e, now)
	if !v.Allow || e.errand == nil || e.errand.Uses == 0 {
		return v, sure
	}
	if remembered { // what comes of memory may be judged twice, and a use is taken once
		return Verdict{}, false
	}
	if err := b.useOnce(ctx, id); err != nil {
		return refuse(unavailable(err))
	}
	return v, sure
}

// admit judges an entry for an app at now. It is not fresh when the entry died meanwhile, or when it should be read again
// before somebody is refused for idleness: another replica may have seen the lease used.
func (b *Broker) admit(app *door, origin string, e *entry, now time.Time) (v Verdict, fresh bool) {
	v.App = app.ID
	s := e.standing()
	if v.Reason = s.Refuses(now); v.Reason == "" {
		v.Reason = app.refuses(&s, now)
	}
	if v.Reason != "" {
		b.noteDenied(v, &s)
		return v, !e.dead.Load()
	}
	header, err := b.tell(app, origin, e, &s, now)
	if err != nil {
		v.Reason = provision.StoreUnavailable
		return v, true
	}
	e.used.Store(now.UnixNano())
	if e.dead.Load() { // last of all: nothing that ended meanwhile lets anybody in
		return Verdict{}, false
	}
	v.Allow, v.Header = true, header
	return v, true
}

// hasRole reports whether the holder has a role that the app wants, as far as the tenant's policy allows it now (I12).
func hasRole(app *door, s *provision.Standing, now time.Time) bool {
	return len(app.Roles) == 0 || slices.ContainsFunc(s.Effective(now), func(role string) bool { return slices.Contains(app.Roles, role) })
}

// entry is how a lease stands: from memory, or as the ledger says. What is idle in memory is asked for again.
func (b *Broker) entry(ctx context.Context, id provision.LeaseID, now time.Time, remembered bool) (*entry, error) {
	e, epoch := b.index.get(id)
	if e != nil && remembered && !e.dead.Load() && !e.isIdle(now) {
		return e, nil
	}
	if b.suspense.wait(ctx, id) {
		_, epoch = b.index.get(id)
	}
	s, err := b.standing(ctx, id)
	if err != nil {
		return nil, err
	}
	if !s.Lease.EndedAt.IsZero() {
		return nil, provision.ErrNotFound // what is over is not remembered
	}
	return b.index.fill(s, epoch), nil
}

// standing is how a lease stands, or a canary, as the ledger says.
func (b *Broker) standing(ctx context.Context, id provision.LeaseID) (provision.Standing, error) {
	if !id.IsCanary() {
		return b.Ledger.Lease(ctx, id)
	}
	c, err := b.Canaries.Canary(ctx, id)
	return c.Standing(), err
}

// noteDenied audits that somebody with a session was kept out of an app: once a lease, app, reason and minute.
func (b *Broker) noteDenied(v Verdict, s *provision.Standing) {
	switch v.Reason {
	case provision.TenantNotOfApp, provision.RoleMissing, provision.AppNotGranted, provision.ResourceNotGranted:
	default:
		return
	}
	b.tally.note(stroke{Kind: provision.EventCheckDenied, Tenant: s.Tenant.ID, Account: s.Account.ID, App: v.App, Lease: s.Lease.ID, Reason: v.Reason})
}

// unavailable is the reason for an error of the ledger: what is not there is a session that is missing; all else is
// that nobody can tell (I14).
func unavailable(err error) provision.Reason {
	if errors.Is(err, provision.ErrNotFound) {
		return provision.LeaseEnded
	}
	return provision.StoreUnavailable
}

// isPublic reports whether the request needs no session.
func isPublic(app *door, ask Ask) bool {
	return (ask.Method == http.MethodGet || ask.Method == http.MethodHead) && app.IsPublic(ask.Path)
}
