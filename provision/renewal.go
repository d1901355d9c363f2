package provision

import (
	"slices"
	"time"
)

// MaxRenewed is how long a lease lasts at most with all its renewals.
const MaxRenewed = time.Hour

// Term is the part of a renewable lease that runs now. The zero Term is of a lease that is not renewed: it runs to its end.
type Term struct {
	N     int       // how often the lease was renewed
	Start time.Time // of this term
	End   time.Time // from then on the lease gives no access, unless it was renewed before
}

// IsZero reports whether there is no term but the lease's whole time.
func (t Term) IsZero() bool { return t.End.IsZero() }

// Until is when l gives no access any more, as things stand: its End, or that of the term that runs. A renewal moves the
// term; nothing moves the End later (I5).
func (l Lease) Until() time.Time {
	if !l.Term.IsZero() && l.Term.End.Before(l.End) {
		return l.Term.End
	}
	return l.End
}

// within is l with an end no later than whole, and a term that lasts no longer than ttl and ends by until.
func (l Lease) within(whole time.Time, ttl time.Duration, until time.Time) Lease {
	if whole.Before(l.End) {
		l.End, l.Ceiling = whole, CauseCeiling
	}
	if !l.Term.IsZero() {
		if last := l.Term.Start.Add(ttl); last.Before(until) {
			until = last
		}
		if until.Before(l.Term.End) {
			l.Term.End = until
		}
	} else if until.Before(l.End) {
		l.End, l.Ceiling = until, CauseCeiling
	}
	return l
}

// Whole is how long a lease of g lasts at most, with all its renewals.
func (g GrantRule) Whole() time.Duration {
	return g.TTL() * time.Duration(1+min(max(g.Renewals, 0), g.maxRenewals()))
}

// maxRenewals is how often a lease of g can be renewed within MaxRenewed.
func (g GrantRule) maxRenewals() int {
	return int(MaxRenewed/g.TTL()) - 1
}

// ends are when a lease that begins now has to end, and when its first term does: the grant's longest time, renewals
// included, and the contract bound the one; the grant's longest time, its hours and the token also bound the other. Of a
// grant that is not renewed they are the same, and there is no term.
func (e *examiner) ends() (end time.Time, cause Cause, term Term) {
	until, cause := e.end()
	if e.grant.Renewals <= 0 {
		return until, cause, Term{}
	}
	end, cause = e.now.Add(e.grant.Whole()), CauseCeiling
	if contract := e.State.Tenant.ContractEnd; !contract.IsZero() && contract.Before(end) {
		end, cause = contract, CauseContractEnded
	}
	return end, cause, Term{Start: e.now, End: until}
}

// renewal is what has to hold beside everything else when a lease is to be renewed: it is live, of whoever asks, what the
// rules give now, and not renewed too often.
func (e *examiner) renewal() {
	if e.Request.Occasion != OnRenewal {
		return
	}
	s, l := e.State.Former, e.State.Former.Lease
	e.hold("lease to renew", s.Refuses(e.now) != "" || l.Kind != WorkloadLease || l.ID != e.Request.Replaces, LeaseEnded, "lease %q does not live", e.Request.Replaces)
	e.hold("holder of the lease", e.State.Account.ID == "" || l.Account != e.State.Account.ID || l.Connection != e.Request.Facts.Connection, RenewalRefused, "the token is of another workload than lease %q", l.ID)
	x := e.Request.Errand
	same := x.Rule == l.Grant.Rule && x.Grant == l.Grant.Of && x.Task == l.Grant.Task && x.Purpose == l.Grant.Purpose && slices.Equal(x.Audience, l.Grant.Audience) && slices.Equal(x.Resources, l.Grant.Resources)
	e.hold("errand of the lease", !same || x.Direct, RenewalRefused, "a renewal asks for what lease %q has, and for nothing else", l.ID)
	_, cause := regateWorkload(s, e.now)
	e.hold("lease as the rules are now", cause != "", RenewalRefused, "the rules would end lease %q now: %s", l.ID, cause)
	e.hold("renewals", l.Term.IsZero() || l.Term.N >= e.grant.Renewals, RenewalRefused, "lease %q was renewed %d times; grant %s has %d", l.ID, l.Term.N, e.grant.ID, e.grant.Renewals)
	until, _ := e.end()
	e.hold("something is gained", !l.Until().Before(e.renewed(until)), RenewalRefused, "lease %q lasts until %s already", l.ID, instant(l.Until()))
}

// renewed is the end of a new term: what an exchange would give now, and never more than the lease has.
func (e *examiner) renewed(until time.Time) time.Time {
	if end := e.State.Former.Lease.End; end.Before(until) {
		return end
	}
	return until
}

// renew moves the term of the lease that a request names. Account, roles and all else stay as they are.
func (d *draft) renew() Decision {
	decision := d.decision(Renewed, "")
	t, x := d.State.Tenant, d.Request.Errand
	e := examiner{draft: *d, rule: t.Policy.Rule(x.Rule), grant: t.Policy.Grant(x.Grant)}
	lease := d.State.Former.Lease
	until, _ := e.end()
	lease.Term = Term{N: lease.Term.N + 1, Start: d.now, End: e.renewed(until)}
	decision.Account, decision.Lease = d.State.Account, lease
	decision.Change.Leases = []Lease{lease}
	event := d.loginEvent(decision, d.State.Account.ID)
	event.Changes = x.lines()
	decision.Change.Events = []Event{event}
	return decision
}
