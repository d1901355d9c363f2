package provision

import (
	"slices"
	"time"
)

// Looked is a part of what a login has to stand up to, and whether it does, looked at for itself: of a login that is only
// tried, beside what refused it first. Nobody is let in by it.
type Looked struct {
	Reasons []Reason // that this part refuses with
	Reason  Reason   // why it does; "": it holds
	Text    string   // what was expected and what came; "": not for everybody's eyes
}

// Survey is what else was found in a message that was refused.
type Survey struct {
	Looked []Looked
	Facts  Facts // what it says; zero when nobody vouches for that, or it cannot be read
	Authn  Authn
}

// Judged is how a check of a list stands by what was looked at. seen is false when that says nothing of it, or not all.
func (c Check) Judged(looked []Looked) (by Looked, seen bool) {
	for _, l := range looked {
		if slices.Contains(c.Reasons, l.Reason) {
			return l, true
		}
	}
	if slices.ContainsFunc(looked, func(l Looked) bool { return c.touched(l) && l.Reason != "" }) {
		return Looked{}, false // it broke off before
	}
	return Looked{}, c.Touched(looked)
}

// Touched reports whether some of what was looked at is about c, however it ended.
func (c Check) Touched(looked []Looked) bool { return slices.ContainsFunc(looked, c.touched) }

func (c Check) touched(l Looked) bool {
	return slices.ContainsFunc(l.Reasons, func(r Reason) bool { return slices.Contains(c.Reasons, r) })
}

// LookAll holds a login that is only tried against each check of the gate, those after the first that fails, too. What
// depends on one that failed is not looked at. It says the same as Rehearse, and decides nothing.
func LookAll(s State, r Request, now time.Time) []Looked {
	asked := rehearsed(s, now)
	s = asked.strange(r.Pseudonym)
	list := gateChecks()
	var all []Looked
	look := func(check int, reason Reason) bool {
		all = append(all, Looked{Reasons: list[check].Reasons, Reason: reason})
		return reason == ""
	}
	if reason := s.notInForce(r, now); !look(0, reason) && reason == TenantUnknown {
		return all
	}
	good := all[0].Reason == ""
	good = look(1, r.Facts.unnamed()) && good
	email, reason := r.Facts.address()
	if look(2, reason) {
		good = look(3, claimRefuses(s, email.Domain())) && good
		asserts := Reason("")
		if !s.Connection.Asserts(email.Domain()) {
			asserts = DomainNotOfConnection
		}
		good = look(4, asserts) && good
	} else {
		good = false
	}
	good = look(5, s.shutOut()) && good
	policy := s.Tenant.Policy.WithDefaults()
	groups := policy.Groups.refuses(r.Facts.Groups)
	if r.Facts.GroupsOverage {
		groups = GroupsOverage
	}
	good = look(6, groups) && good
	good = look(7, policy.weak(r.Authn, s.Met, now)) && good
	over := Reason("")
	if end, _ := ceiling(s.Tenant, r.Authn, now); !now.Before(end) || slices.ContainsFunc(s.Spent, loggedOut) {
		over = SessionOver
	}
	if good = look(8, over) && good; good && !replayed(s) {
		look(9, Decide(asked, r, nothing(), now).Reason)
	}
	return all
}

// nothing are names for what is not made.
func nothing() IDs {
	return IDs{Lease: func(TenantID) LeaseID { return "" }, Event: func(int) EventID { return "" }}
}

// notInForce is why nobody of the tenant gets in by the connection, or "".
func (s State) notInForce(r Request, now time.Time) Reason {
	switch {
	case s.Connection.ID == "" || s.Connection.ID != r.Facts.Connection || s.Tenant.ID == "" || s.Tenant.ID != s.Connection.Tenant, s.Connection.Protocol == Workloads:
		return TenantUnknown
	case s.Tenant.Suspended:
		return TenantSuspended
	case contractEnded(s.Tenant, now):
		return ContractEnded
	case s.Connection.Disabled:
		return ConnectionDisabled
	case s.Connection.Held:
		return ConnectionHeld
	}
	return ""
}

// unnamed is why the subject names nobody for good, or "".
func (f Facts) unnamed() Reason {
	switch {
	case f.Subject == "":
		return SubjectMissing
	case f.Transient:
		return SubjectTransient
	}
	return ""
}

// address is the e-mail address, or why it is none that counts.
func (f Facts) address() (Email, Reason) {
	email, err := ParseEmail(f.Email)
	switch {
	case f.Email == "":
		return email, EmailMissing
	case err != nil:
		return email, emailReason(err)
	case !f.EmailVerified:
		return email, EmailUnverified
	}
	return email, ""
}

// shutOut is why the account of the subject lets nobody in, or "".
func (s State) shutOut() Reason {
	switch {
	case s.Account.ID != "" && s.Account.Tenant != s.Tenant.ID: // I11
		return TenantUnknown
	case s.Account.is(Revoked):
		return AccountRevoked
	case s.Account.is(Suspended):
		return AccountSuspended
	}
	return ""
}

// weak is why an authentication does not do, or "".
func (p Policy) weak(a Authn, met bool, now time.Time) Reason {
	switch {
	case len(p.ACR) > 0 && !slices.Contains(p.ACR, a.ACR):
		return ACRInsufficient
	case p.MaxAuthAge > 0 && olderThan(a.At, p.MaxAuthAge, now):
		return AuthTooOld
	case p.unmet(met):
		return ConditionFalse
	}
	return ""
}
