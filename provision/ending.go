package provision

import (
	"slices"
	"time"
)

// ending writes the end of leases into a change.
type ending struct {
	ids       IDs
	used      *int // events of ids used so far
	now       time.Time
	actor     Actor
	requester Requester
	ref       RevocationRef
	why       string // in the actor's words
}

// End is what ends leases of one account.
type End struct {
	Leases     []LeaseID // which; nil: all
	Cause      Cause
	Actor      Actor
	Requester  Requester
	Revocation RevocationRef
	Why        string // in the actor's words; kept in the sealed part of the events
}

// EndLeases is the change that ends leases of s.Account, and everything below them. It is empty when none of them is
// there to be ended: ending what has ended changes nothing. With the last lease the account's own state follows, in
// the same change: expired, or deleted when the tenant is ephemeral.
func EndLeases(s State, e End, ids IDs, now time.Time) Change {
	var change Change
	var used int
	chosen := s.Leases
	if e.Leases != nil {
		chosen = slices.DeleteFunc(slices.Clone(s.Leases), func(l Lease) bool { return !slices.Contains(e.Leases, l.ID) })
	}
	ender := ending{ids, &used, now, e.Actor, e.Requester, e.Revocation, e.Why}
	ender.account(&change, s, chosen, e.Cause)
	return change
}

// account ends chosen, of all the account's live leases, and lets the account's state follow.
func (e ending) account(change *Change, s State, chosen []Lease, cause Cause) {
	below := descendants(s.Leases, chosen)
	e.leases(change, s.Listeners, chosen, below, cause)
	if len(s.Leases) > len(chosen)+len(below) || len(chosen) == 0 || s.Account.State != Active {
		return
	}
	e.state(change, s, Dormant, string(cause))
}

// leases ends chosen with cause, and what is below them with parent_ended, and tells who listens.
func (e ending) leases(change *Change, who Listeners, chosen, below []Lease, cause Cause) {
	end := func(l Lease, cause Cause) {
		l.EndedAt, l.EndReason, l.EndedBy, l.Subject = e.now, cause, e.actor, ""
		change.Leases = append(change.Leases, l)
		change.Upstreams = append(change.Upstreams, Upstream{Lease: l.ID})
		ended := e.event(Event{
			Kind: EventLeaseEnded, Tenant: l.Tenant, Account: l.Account, Connection: l.Connection, Reason: string(cause), Lease: l.ref(),
		})
		change.Events = append(change.Events, ended)
		who.tell(change, ended, l)
	}
	for _, l := range chosen {
		end(l, cause)
	}
	for _, l := range below {
		end(l, CauseParentEnded)
	}
}

// state moves an account that has no lease any more, with its event, and tells who listens, after the tenant's grace. A
// tenant in ephemeral mode keeps nobody without a lease.
func (e ending) state(change *Change, s State, to AccountState, why string) {
	a := s.Account
	a.State, a.Revision = to, a.Revision+1
	if s.Tenant.Policy.Mode == Ephemeral {
		for _, l := range SignIns(s.Links) {
			change.Unlinks = append(change.Unlinks, l.LinkKey)
			change.Links = append(change.Links, l.tombstone())
		}
		a = a.tombstone()
	}
	if a.State != Dormant {
		change.News.Judge = append(change.News.Judge, s.actingIn()...)
	}
	change.Accounts = append(change.Accounts, a)
	moved := e.event(Event{
		Kind: EventAccountState, Tenant: a.Tenant, Account: a.ID, Outcome: string(a.State), Reason: why,
	})
	change.Events = append(change.Events, moved)
	s.Listeners.dismiss(change, moved, e.now.Add(s.Tenant.Policy.WithDefaults().DeprovisionGrace))
}

func (e ending) event(x Event) Event {
	x.ID, x.Time, x.Actor, x.Revocation = e.ids.Event(*e.used), e.now, e.actor, e.ref
	x.Personal = Personal{Requester: e.requester, Detail: e.why}
	*e.used++
	return x
}

// descendants are the leases of all that are below one of chosen and not of chosen.
func descendants(all, chosen []Lease) []Lease {
	in := func(set []Lease, id LeaseID) bool {
		return slices.ContainsFunc(set, func(l Lease) bool { return l.ID == id })
	}
	var below []Lease
	for grown := true; grown; {
		grown = false
		for _, l := range all {
			if l.Parent != "" && (in(chosen, l.Parent) || in(below, l.Parent)) && !in(chosen, l.ID) && !in(below, l.ID) {
				below, grown = append(below, l), true
			}
		}
	}
	return below
}

// ref names the lease in an event.
func (l Lease) ref() LeaseRef { return LeaseRef{l.ID, l.Kind, l.Until()} }

// is reports whether a is in state s, or was when it was deleted.
func (a Account) is(s AccountState) bool {
	return a.State == s || (a.State == Deleted && a.Before == s)
}

// tombstone is what is left of a deleted account: ids and times. Without Key, the personal parts of its events cannot
// be read any more.
func (a Account) tombstone() Account {
	before := a.State
	if before == Dormant || before == Active || before == Pending {
		before = ""
	}
	return Account{ID: a.ID, Tenant: a.Tenant, State: Deleted, Before: before, Created: a.Created, Generation: a.Generation + 1, Revision: a.Revision}
}

// tombstone is what is left of a deleted account's link: who comes back is known by the pseudonym alone.
func (l Link) tombstone() Link {
	return Link{LinkKey: LinkKey{Connection: l.Connection}, Pseudonym: l.Pseudonym, Account: l.Account, Created: l.Created}
}
