package provision_test

import (
	"testing"

	"leasehold/provision"
)

// replacing is Ada's next login in a browser that has a session of the account former.
func replacing(t testing.TB, former provision.Account) (s scene, lease provision.Lease) {
	s = nextLogin(t)
	lease = leaseOf(s.State, former, "former")
	s.Request.Replaces = lease.ID
	s.State.Former = standingOf(s.State, former, lease)
	s.State.FormerLeases = []provision.Lease{lease}
	s.State.FormerLinks = []provision.Link{{LinkKey: provision.LinkKey{Connection: "acme-saml", Subject: "former"}, Pseudonym: "pseudonym of former", Account: former.ID}}
	return s, lease
}

func eve(t testing.TB) provision.Account {
	return provision.Account{ID: "acc_eve", Tenant: "acme", State: provision.Active, Email: email(t, "eve@acme.test"), Key: []byte("eve's"), Generation: 1}
}

// endedIn is how a lease ended in a change, or "".
func endedIn(c provision.Change, id provision.LeaseID) provision.Cause {
	for _, l := range c.Leases {
		if l.ID == id && !l.EndedAt.IsZero() {
			return l.EndReason
		}
	}
	return ""
}

// accountIn is the row of an account in a change, or the zero account.
func accountIn(c provision.Change, id provision.AccountID) provision.Account {
	for _, a := range c.Accounts {
		if a.ID == id {
			return a
		}
	}
	return provision.Account{}
}

func TestALoginReplacesTheBrowsersFormerSessionOfTheSameAccount(t *testing.T) {
	ada := nextLogin(t).State.Account
	ada.State = provision.Active
	s, former := replacing(t, ada)
	s.State.Account = ada
	elsewhere, below := leaseOf(s.State, ada, "elsewhere"), leaseOf(s.State, ada, "below")
	below.Parent = former.ID
	s.State.FormerLeases = append(s.State.FormerLeases, elsewhere, below)
	d := s.decide(t)
	if endedIn(d.Change, former.ID) != provision.CauseReplaced || endedIn(d.Change, below.ID) != provision.CauseParentEnded || endedIn(d.Change, elsewhere.ID) != "" {
		t.Errorf("leases %+v", d.Change.Leases)
	}
	if a := wantOne(t, "accounts", d.Change.Accounts); a.State != provision.Active {
		t.Errorf("account %s", a.State)
	}
}

func TestALoginEndsSomebodyElsesSessionInTheSameBrowser(t *testing.T) {
	s, former := replacing(t, eve(t))
	d := s.decide(t)
	if endedIn(d.Change, former.ID) != provision.CauseReplaced || accountIn(d.Change, "acc_eve").State != provision.Dormant {
		t.Errorf("accounts %+v", d.Change.Accounts)
	}
	if e := wantOne(t, "account events", eventsOf(d.Change, provision.EventAccountState)); e.Account != "acc_eve" || e.Reason != string(provision.CauseReplaced) {
		t.Errorf("event %+v", e)
	}

	s.State.FormerLeases = append(s.State.FormerLeases, leaseOf(s.State, eve(t), "elsewhere"))
	if d := s.decide(t); accountIn(d.Change, "acc_eve").ID != "" {
		t.Error("an account with another session is written")
	}
}

func TestALoginEndsASessionInAnotherTenantUnderThatTenantsName(t *testing.T) {
	other := eve(t)
	other.Tenant = "other"
	s, former := replacing(t, other)
	s.State.Former.Tenant = provision.Tenant{ID: "other", Policy: provision.Policy{Mode: provision.Leased}}
	s.State.Tenant.Policy.Mode = provision.Ephemeral // of Ada's tenant, and no business of the other's
	d := s.decide(t)
	if endedIn(d.Change, former.ID) != provision.CauseReplaced || accountIn(d.Change, "acc_eve").State != provision.Dormant {
		t.Errorf("accounts %+v", d.Change.Accounts)
	}
	for _, e := range d.Change.Events[1:] {
		if e.Tenant != "other" {
			t.Errorf("event of tenant %s: %+v", e.Tenant, e)
		}
	}
}

func TestALoginThatReplacesTheLastSessionOfAnEphemeralAccountDeletesIt(t *testing.T) {
	s, former := replacing(t, eve(t))
	s.State.Tenant.Policy.Mode = provision.Ephemeral
	s.State.Former.Tenant = s.State.Tenant
	d := s.decide(t)
	gone := accountIn(d.Change, "acc_eve")
	if endedIn(d.Change, former.ID) != provision.CauseReplaced || gone.State != provision.Deleted || gone.Before != "" {
		t.Errorf("account %+v", gone)
	}
	if key := wantOne(t, "unlinks", d.Change.Unlinks); key.Subject != "former" {
		t.Errorf("unlinked %+v", key)
	}
	if l := wantOne(t, "links", d.Change.Links); l.Subject != "" || l.Pseudonym != "pseudonym of former" || l.Account != "acc_eve" {
		t.Errorf("tombstone %+v", l)
	}
}

func TestAFormerSessionThatIsOverIsNotEndedAgain(t *testing.T) {
	s, former := replacing(t, eve(t))
	s.State.Former.Lease.EndedAt = s.Now
	s.State.Former.Account.State = provision.Dormant
	s.State.FormerLeases = nil
	if d := s.decide(t); endedIn(d.Change, former.ID) != "" || len(d.Change.Accounts) != 1 || len(d.Change.Events) != 1 {
		t.Errorf("change %+v", d.Change)
	}
}

func TestARefusedLoginLeavesTheFormerSessionAlone(t *testing.T) {
	s, _ := replacing(t, eve(t))
	s.State.Account.State = provision.Revoked
	if d := s.decide(t); len(d.Change.Leases) != 0 {
		t.Errorf("leases %+v", d.Change.Leases)
	}
	s, _ = replacing(t, eve(t))
	s.State.Account, s.State.Tenant.Policy.Create, s.State.EmailHolder = provision.Account{}, provision.CreateApprove, provision.Account{}
	if d := s.decide(t); d.Outcome != provision.PendingApproval || len(d.Change.Leases) != 0 {
		t.Errorf("%s with leases %+v", d.Outcome, d.Change.Leases)
	}
}

func TestASuspendedAccountStaysSuspendedWhenItsSessionIsReplaced(t *testing.T) { // I9
	held := eve(t)
	held.State = provision.Suspended
	s, former := replacing(t, held)
	d := s.decide(t)
	if endedIn(d.Change, former.ID) == "" || accountIn(d.Change, "acc_eve").ID != "" {
		t.Errorf("accounts %+v", d.Change.Accounts)
	}
}
