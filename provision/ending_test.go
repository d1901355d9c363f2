package provision_test

import (
	"testing"
	"time"

	"leasehold/provision"
)

// end is EndLeases, held to the laws of every change.
func end(t testing.TB, s provision.State, e provision.End) provision.Change {
	t.Helper()
	if e.Actor.Kind == "" {
		e.Actor = provision.Actor{Kind: provision.Person, ID: "acc_ada", Via: "web"}
	}
	c := provision.EndLeases(s, e, ids("end"), noon())
	for _, fault := range changeFaults(accountsOf(s), leasesOf(s), c, noon()) {
		t.Error(fault)
	}
	return c
}

func TestTheEndOfTheLastLeaseLeavesTheAccountExpired(t *testing.T) {
	s, lease, below := session(t)
	c := end(t, s, provision.End{Leases: []provision.LeaseID{lease.ID}, Cause: provision.CauseLogout, Requester: provision.Requester{IP: "192.0.2.1"}})
	if endedIn(c, lease.ID) != provision.CauseLogout || endedIn(c, below.ID) != provision.CauseParentEnded {
		t.Errorf("leases %+v", c.Leases)
	}
	if a := wantOne(t, "accounts", c.Accounts); a.State != provision.Dormant || a.Email.IsZero() {
		t.Errorf("account %+v", a)
	}
	if e := wantOne(t, "account events", eventsOf(c, provision.EventAccountState)); e.Outcome != "expired" || e.Reason != "logout" || e.Account != "acc_ada" || e.Tenant != "acme" {
		t.Errorf("event %+v", e)
	}
	if e := eventsOf(c, provision.EventLeaseEnded)[0]; e.Reason != "logout" || e.Lease.ID != lease.ID || !e.Lease.End.Equal(lease.End) || e.Connection != "acme-saml" || e.Personal.Requester.IP != "192.0.2.1" || e.Actor.ID != "acc_ada" {
		t.Errorf("event %+v", e)
	}
}

func TestTheEndOfOneLeaseOfSeveralLeavesTheAccountActive(t *testing.T) {
	s, lease, _ := session(t)
	s.Leases = append(s.Leases, leaseOf(s, s.Account, "elsewhere"))
	c := end(t, s, provision.End{Leases: []provision.LeaseID{lease.ID}, Cause: provision.CauseIdle})
	if len(c.Leases) != 2 || len(c.Accounts) != 0 {
		t.Errorf("change %+v", c)
	}
}

func TestTheEndOfAllLeasesEndsEachForTheCause(t *testing.T) {
	s, lease, below := session(t)
	c := end(t, s, provision.End{Cause: provision.CauseAdmin})
	if endedIn(c, lease.ID) != provision.CauseAdmin || endedIn(c, below.ID) != provision.CauseAdmin || len(c.Accounts) != 1 {
		t.Errorf("change %+v", c)
	}
}

func TestTheEndOfALeaseEndsAllBelowItHoweverDeep(t *testing.T) {
	s, lease, below := session(t)
	deeper, deepest := leaseOf(s, s.Account, "deeper"), leaseOf(s, s.Account, "deepest")
	deeper.Parent, deepest.Parent = below.ID, deeper.ID
	s.Leases = []provision.Lease{deepest, deeper, below, lease}
	c := end(t, s, provision.End{Leases: []provision.LeaseID{below.ID}, Cause: provision.CauseTaskEnd})
	if endedIn(c, lease.ID) != "" || endedIn(c, below.ID) != provision.CauseTaskEnd || endedIn(c, deeper.ID) != provision.CauseParentEnded || endedIn(c, deepest.ID) != provision.CauseParentEnded {
		t.Errorf("leases %+v", c.Leases)
	}
}

func TestEndingWhatHasEndedChangesNothing(t *testing.T) {
	s, _, _ := session(t)
	for name, e := range map[string]provision.End{
		"a lease that is not there": {Leases: []provision.LeaseID{"acme.gone"}, Cause: provision.CauseLogout},
		"no lease":                  {Leases: []provision.LeaseID{}, Cause: provision.CauseLogout},
	} {
		if c := end(t, s, e); len(c.Events)+len(c.Leases)+len(c.Accounts) != 0 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := end(t, provision.State{}, provision.End{Cause: provision.CauseLogout}); len(c.Events) != 0 {
		t.Errorf("the zero state: %+v", c)
	}
}

func TestTheEndOfTheLastLeaseDeletesAnEphemeralAccount(t *testing.T) {
	s, lease, _ := session(t)
	s.Tenant.Policy.Mode = provision.Ephemeral
	s.Account.Groups, s.Account.Notice, s.Account.LastLogin = []string{"engineering"}, "something", noon()
	c := end(t, s, provision.End{Leases: []provision.LeaseID{lease.ID}, Cause: provision.CauseLogout})
	a := wantOne(t, "accounts", c.Accounts)
	if a.ID != "acc_ada" || a.Tenant != "acme" || a.State != provision.Deleted || a.Before != "" || !a.Created.Equal(s.Account.Created) || a.Generation <= s.Account.Generation {
		t.Errorf("account %+v", a)
	}
	if l := wantOne(t, "links", c.Links); l.LinkKey != (provision.LinkKey{Connection: "acme-saml"}) || l.Pseudonym != "pseudonym of ada" || l.Account != "acc_ada" {
		t.Errorf("link %+v", l)
	}
	if key := wantOne(t, "unlinks", c.Unlinks); key != s.Link.LinkKey {
		t.Errorf("unlinked %+v", key)
	}
	if e := wantOne(t, "account events", eventsOf(c, provision.EventAccountState)); e.Outcome != "deleted" {
		t.Errorf("event %+v", e)
	}
}

func TestAnEndSettledUnderARevocationNamesIt(t *testing.T) {
	s, _, _ := session(t)
	ref := provision.RevocationRef{ID: "rev_1", Cause: provision.CauseDomainLapsed, RequestedAt: noon(), EffectiveAt: noon()}
	c := end(t, s, provision.End{Cause: provision.CauseDomainLapsed, Revocation: ref, Actor: provision.Actor{Kind: provision.System, Via: "reaper"}})
	for _, e := range c.Events {
		if e.Revocation != ref || e.Reason != string(provision.CauseDomainLapsed) || e.Actor.Via != "reaper" {
			t.Errorf("event %+v", e)
		}
	}
	if len(c.Events) != 3 {
		t.Errorf("%d events", len(c.Events))
	}
}

func TestTheEndOfTheLastLeaseReleasesNobody(t *testing.T) { // I9
	for _, state := range []provision.AccountState{provision.Suspended, provision.Revoked, provision.Pending, provision.Deleted} {
		s, _, _ := session(t)
		s.Account.State = state
		if c := end(t, s, provision.End{Cause: provision.CauseAdmin}); len(c.Accounts) != 0 || len(c.Leases) != 2 {
			t.Errorf("%s: %+v", state, c.Accounts)
		}
	}
}

func TestAFormerLeasesAccountIsEndedAsIfItWereTheTarget(t *testing.T) {
	s, lease, _ := session(t)
	former := provision.State{Former: standingOf(s, s.Account, lease), FormerLeases: s.Leases, FormerLinks: s.Links}.OfFormer()
	if former.Account.ID != "acc_ada" || former.Tenant.ID != "acme" || len(former.Leases) != 2 || len(former.Links) != 1 {
		t.Errorf("state %+v", former)
	}
}

func TestALeaseIsDueAtTheEarlierOfItsCeilingAndItsIdleTime(t *testing.T) {
	l := provision.Lease{End: noon().Add(time.Hour), Idle: 10 * time.Minute, Seen: noon()}
	if want := noon().Add(10*time.Minute + provision.IdleSlack); !l.Due().Equal(want) || !l.IdleAt().Equal(want) {
		t.Errorf("due %s, idle %s, want %s", l.Due(), l.IdleAt(), want)
	}
	l.Idle = 2 * time.Hour
	if !l.Due().Equal(l.End) {
		t.Errorf("due %s", l.Due())
	}
	l.Idle = 0
	if !l.Due().Equal(l.End) || !l.IdleAt().IsZero() {
		t.Errorf("without an idle time: due %s, idle %s", l.Due(), l.IdleAt())
	}
}
