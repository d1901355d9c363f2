package provision_test

import (
	"errors"
	"testing"

	"leasehold/provision"
)

// leaving is Ada with a live lease, at a connection that is being deleted.
func leaving(t testing.TB, change func(*provision.State)) (provision.State, provision.Change) {
	t.Helper()
	s, _, _ := session(t)
	s.Connection.Disabled, s.Connection.Removal = true, provision.Removing
	change(&s)
	c, err := provision.LeaveConnection(s, act("leaving", noon()))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range changeFaults(accountsOf(s), leasesOf(s), c, noon()) {
		t.Error(fault)
	}
	return s, c
}

func TestWhoLosesTheLastSignInWithItsConnectionWaitsForAnother(t *testing.T) { // I4
	s, c := leaving(t, func(*provision.State) {})
	if a := wantOne(t, "accounts", c.Accounts); a.State != provision.Pending || a.Email.IsZero() {
		t.Errorf("account %+v", a)
	}
	for _, l := range s.Leases {
		if endedIn(c, l.ID) != provision.CauseConnectionDisabled {
			t.Errorf("lease %s ended by %q", l.ID, endedIn(c, l.ID))
		}
	}
	if l := wantOne(t, "links", c.Links); l.Subject != "" || l.Pseudonym != "pseudonym of ada" || l.Account != "acc_ada" {
		t.Errorf("tombstone %+v", l)
	}
	if key := wantOne(t, "unlinks", c.Unlinks); key != s.Link.LinkKey {
		t.Errorf("unlinked %+v", key)
	}

	other := provision.Link{LinkKey: provision.LinkKey{Connection: "acme-oidc", Subject: "0815"}, Account: "acc_ada"}
	_, c = leaving(t, func(s *provision.State) { s.Links = append(s.Links, other) })
	if a := wantOne(t, "accounts", c.Accounts); a.State != provision.Dormant {
		t.Errorf("with another sign-in: %+v", a)
	}
	for _, state := range []provision.AccountState{provision.Suspended, provision.Revoked, provision.Pending} {
		if _, c = leaving(t, func(s *provision.State) { s.Account.State, s.Leases = state, nil }); len(c.Accounts) != 0 || len(c.Links) != 1 {
			t.Errorf("%s moved: %+v", state, c.Accounts)
		}
	}
	_, c = leaving(t, func(s *provision.State) { s.Tenant.Policy.Mode = provision.Ephemeral })
	if a := wantOne(t, "accounts", c.Accounts); a.State != provision.Deleted || len(c.Links) != 1 {
		t.Errorf("in an ephemeral tenant: %+v, links %+v", a, c.Links)
	}

	s, _, _ = session(t)
	if c, err := provision.LeaveConnection(s, act("early", noon())); !errors.Is(err, provision.ErrConflict) || len(c.Events) != 0 {
		t.Errorf("from a connection that stays: %+v, %v", c, err)
	}
}

func TestATombstoneOfADeletedConnectionLeadsToNobodyButKeepsAwayWhoWas(t *testing.T) { // I17
	for state, want := range map[provision.AccountState]provision.Reason{
		provision.Pending: provision.EmailTaken, provision.Active: provision.EmailTaken, provision.Dormant: provision.EmailTaken,
		provision.Suspended: provision.AccountSuspended, provision.Revoked: provision.AccountRevoked,
	} {
		s := nextLogin(t)
		s.State.Account.State, s.State.EmailHolder.State = state, state
		s.State.Link, s.State.Links = provision.Link{}, []provision.Link{{LinkKey: provision.LinkKey{Connection: "acme-saml"}, Pseudonym: "pseudonym of ada", Account: "acc_ada"}}
		if d := provision.Decide(s.State, s.Request, ids("tomb"), noon()); d.Reason != want || d.Allowed() {
			t.Errorf("%s: %q, want %q", state, d.Reason, want)
		}
	}
	s := nextLogin(t) // an active account with another sign-in takes a seat of its own
	s.State.Account.State, s.State.EmailHolder, s.State.Tenant.Policy.Seats = provision.Active, provision.Account{}, 1
	s.State.Link, s.State.Links = provision.Link{}, []provision.Link{{LinkKey: provision.LinkKey{Connection: "acme-saml"}, Pseudonym: "pseudonym of ada", Account: "acc_ada"}}
	if d := provision.Decide(s.State, s.Request, ids("tomb"), noon()); d.Reason != provision.SeatsFull {
		t.Errorf("%q, want seats_full", d.Reason)
	}
}

func TestADeletionWantsWhatItDeletesToBeOutOfUse(t *testing.T) {
	s, _, _ := session(t)
	a := act("deletion", noon())
	for name, step := range map[string]func(provision.State, provision.Act) (provision.Change, error){
		"connection": provision.RemoveConnection, "its end": provision.FinishConnection, "tenant": provision.RemoveTenant, "the tenant's end": provision.FinishTenant,
	} {
		if c, err := step(s, a); !errors.Is(err, provision.ErrConflict) || len(c.Events)+len(c.Tenants)+len(c.Connections) != 0 {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
		if _, err := step(provision.State{}, a); err == nil {
			t.Errorf("%s of nothing", name)
		}
	}
	if _, err := provision.WithdrawClaim(s, a); err == nil {
		t.Error("the claim of a tenant that stays was withdrawn")
	}
	s.Connection.Disabled = true
	c, err := provision.RemoveConnection(s, a)
	if err != nil || c.Connections[0].Generation <= s.Connection.Generation {
		t.Fatalf("%+v, %v", c, err)
	}
	begun := c.Connections[0].Generation
	s.Connection = c.Connections[0]
	if c, err = provision.FinishConnection(s, a); err != nil || c.Connections[0].Generation <= begun || len(c.Connections[0].Domains) != 0 || !c.Connections[0].Disabled {
		t.Errorf("%+v, %v", c, err)
	}
}

// remake deletes a connection and makes it anew, now and then. Nobody can be let in by what it left (I4).
func (w *world) remake() {
	if !w.oddly("a deletion") {
		return
	}
	id := anyOf(w, w.connections, "connection")
	before := w.connections[id]
	c := before
	c.Disabled = true
	w.connections[id] = c
	step := func(t provision.Target, do verb) {
		w.t.Helper()
		faults, err := w.amend(t, do)
		w.must(faults)
		if err != nil {
			w.t.Fatal(err)
		}
	}
	step(provision.Target{Connection: id}, provision.RemoveConnection)
	for account, a := range w.accounts {
		if a.Tenant == before.Tenant {
			step(provision.Target{Connection: id, Account: account}, provision.LeaveConnection)
		}
	}
	step(provision.Target{Connection: id}, provision.FinishConnection)
	w.seen["remake"]++
	for lease, l := range w.leases {
		if l.Connection == id && w.standing(lease).Refuses(w.now) == "" {
			w.t.Fatalf("lease %s outlives its connection", lease)
		}
	}
	before.Generation = w.connections[id].Generation
	w.connections[id] = before
}
