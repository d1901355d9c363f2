package provision_test

import (
	"errors"
	"testing"

	"leasehold/provision"
)

type verb = func(provision.State, provision.Act) (provision.Change, error)

// amend does a verb, held to the laws of every change.
func amend(t testing.TB, s provision.State, do verb) (provision.Change, error) {
	t.Helper()
	c, err := do(s, act("1", noon()))
	for _, fault := range changeFaults(accountsOf(s), leasesOf(s), c, noon()) {
		t.Error(fault)
	}
	if err != nil && len(c.Events)+len(c.Accounts)+len(c.Leases)+len(c.Links)+len(c.Unlinks) != 0 {
		t.Errorf("an error with a change: %+v", c)
	}
	return c, err
}

func mustAmend(t testing.TB, s provision.State, do verb) provision.Change {
	t.Helper()
	c, err := amend(t, s, do)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range c.Events {
		if e.Actor.ID != "uid:1000" || e.Personal.Requester.RequestID != "r1" {
			t.Errorf("the event does not say who did it: %+v", e)
		}
	}
	return c
}

// inState is Ada's account in a state, with her live leases if it is active.
func inState(t testing.TB, state provision.AccountState) provision.State {
	s, _, _ := session(t)
	s.Account.State = state
	if state != provision.Active {
		s.Leases = nil
	}
	s.EmailHolder = s.Account
	return s
}

func TestVerbsMoveAnAccountFromTheStatesTheyAreForAndFromNoOther(t *testing.T) {
	const pending, active, dormant, suspended, revoked, deleted = provision.Pending, provision.Active, provision.Dormant, provision.Suspended, provision.Revoked, provision.Deleted
	for name, test := range map[string]struct {
		verb  verb
		moves map[provision.AccountState]provision.AccountState
	}{
		"suspend": {provision.SuspendAccount, map[provision.AccountState]provision.AccountState{pending: suspended, active: suspended, dormant: suspended}},
		"revoke":  {provision.RevokeAccount, map[provision.AccountState]provision.AccountState{pending: revoked, active: revoked, dormant: revoked, suspended: revoked}},
		"end":     {provision.EndAccount, map[provision.AccountState]provision.AccountState{active: dormant}},
		"release": {provision.ReleaseAccount, map[provision.AccountState]provision.AccountState{suspended: dormant}},
		"restore": {provision.RestoreAccount, map[provision.AccountState]provision.AccountState{revoked: dormant}},
		"approve": {provision.ApproveAccount, map[provision.AccountState]provision.AccountState{pending: dormant}},
		"delete":  {provision.DeleteAccount, map[provision.AccountState]provision.AccountState{pending: deleted, active: deleted, dormant: deleted, suspended: deleted, revoked: deleted}},
	} {
		for _, from := range []provision.AccountState{pending, active, dormant, suspended, revoked, deleted, "frozen"} {
			s := inState(t, from)
			c, err := amend(t, s, test.verb)
			to, moves := test.moves[from]
			if !moves {
				if !errors.Is(err, provision.ErrConflict) {
					t.Errorf("%s of somebody %s: %v, want a conflict", name, from, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s of somebody %s: %v", name, from, err)
				continue
			}
			a := wantOne(t, "accounts", c.Accounts)
			e := wantOne(t, "account events", eventsOf(c, provision.EventAccountState))
			if a.ID != "acc_ada" || a.State != to || e.Outcome != string(to) || e.Reason != string(provision.CauseAdmin) || e.Account != a.ID || e.Tenant != a.Tenant {
				t.Errorf("%s of somebody %s: account %+v, event %+v", name, from, a, e)
			}
			if name != "end" && e.Personal.Detail != "because 1" {
				t.Errorf("%s: the event does not say why: %+v", name, e.Personal)
			}
			if len(eventsOf(c, provision.EventLeaseEnded)) != len(s.Leases) {
				t.Errorf("%s of somebody %s: %d leases ended of %d", name, from, len(c.Leases), len(s.Leases))
			}
		}
		if _, err := amend(t, provision.State{}, test.verb); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("%s of nobody: %v", name, err)
		}
	}
}

func TestALeaseFromBeforeARevocationNeverWorksAgain(t *testing.T) { // I10
	for name, take := range map[string][2]verb{
		"revoked":   {provision.RevokeAccount, provision.RestoreAccount},
		"suspended": {provision.SuspendAccount, provision.ReleaseAccount},
	} {
		s, lease, _ := session(t)
		s.Account = mustAmend(t, s, take[0]).Accounts[0]
		s.Leases = nil
		s.Account = mustAmend(t, s, take[1]).Accounts[0]
		s.Account.State = provision.Active // a new login
		if standingOf(s, s.Account, lease).Refuses(noon()) == "" {
			t.Errorf("%s: the row from before, put back, gives access", name)
		}
	}
}

func TestRestoringWantsAReason(t *testing.T) {
	a := act("1", noon())
	a.Why = ""
	if c, err := provision.RestoreAccount(inState(t, provision.Revoked), a); !errors.Is(err, provision.ErrConflict) || len(c.Accounts) != 0 {
		t.Errorf("%v, %+v", err, c)
	}
}

func TestWhoIsReleasedWithoutASignInWaitsForOne(t *testing.T) { // I4
	for state, lift := range map[provision.AccountState]verb{provision.Suspended: provision.ReleaseAccount, provision.Revoked: provision.RestoreAccount} {
		s := inState(t, state)
		s.Links = nil
		if a := mustAmend(t, s, lift).Accounts[0]; a.State != provision.Pending {
			t.Errorf("from %s: %s", state, a.State)
		}
	}
	s := inState(t, provision.Pending)
	s.Links = nil
	if _, err := amend(t, s, provision.ApproveAccount); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("approved without a sign-in: %v", err)
	}
}

func TestATombstoneRemembersThatItWasKeptAway(t *testing.T) { // I17
	for state, lift := range map[provision.AccountState]verb{provision.Suspended: provision.ReleaseAccount, provision.Revoked: provision.RestoreAccount} {
		s := inState(t, state)
		s.Account = mustAmend(t, s, provision.DeleteAccount).Accounts[0]
		if s.Account.Before != state {
			t.Fatalf("deleted from %s: %+v", state, s.Account)
		}
		s.Links, s.EmailHolder = nil, provision.Account{}
		other := provision.ReleaseAccount
		if state == provision.Suspended {
			other = provision.RestoreAccount
		}
		if _, err := amend(t, s, other); !errors.Is(err, provision.ErrConflict) {
			t.Errorf("the wrong verb lifts %s: %v", state, err)
		}
		lifted := mustAmend(t, s, lift).Accounts[0]
		if lifted.State != provision.Deleted || lifted.Before != "" {
			t.Errorf("lifted from %s: %+v", state, lifted)
		}
	}
	for _, state := range []provision.AccountState{provision.Pending, provision.Active, provision.Dormant} {
		if a := mustAmend(t, inState(t, state), provision.DeleteAccount).Accounts[0]; a.Before != "" {
			t.Errorf("deleted from %s: %+v", state, a)
		}
	}
}

func TestHoldingAnEphemeralAccountLeavesATombstoneThatRefuses(t *testing.T) {
	for state, take := range map[provision.AccountState]verb{provision.Suspended: provision.SuspendAccount, provision.Revoked: provision.RevokeAccount} {
		s := inState(t, provision.Active)
		s.Tenant.Policy.Mode = provision.Ephemeral
		c := mustAmend(t, s, take)
		if a := c.Accounts[0]; a.State != provision.Deleted || a.Before != state || len(c.Unlinks) != 1 || len(c.Links) != 1 {
			t.Errorf("%+v", c)
		}
		login := firstLogin(t)
		login.State.Account = c.Accounts[0]
		if d := login.decide(t); d.Outcome != provision.Denied {
			t.Errorf("%s, and back: %s", state, d.Outcome)
		}
	}
}

// created is CreateAccount for ada@acme.test, as a verb.
func created(t testing.TB, subject string) verb {
	link := provision.Link{LinkKey: provision.LinkKey{Connection: "acme-saml", Subject: subject}, Pseudonym: "p"}
	if subject == "" {
		link = provision.Link{}
	}
	return func(s provision.State, a provision.Act) (provision.Change, error) {
		return provision.CreateAccount(s, email(t, "ada@acme.test"), "Ada", link, a)
	}
}

func TestAnAccountMadeWithASignInWaitsForItsFirstLogin(t *testing.T) {
	s := firstLogin(t)
	s.State.Tenant.Policy.Mode = provision.Provisioned
	c := mustAmend(t, s.State, created(t, "ada"))
	a, l := wantOne(t, "accounts", c.Accounts), wantOne(t, "links", c.Links)
	if a.State != provision.Dormant || a.Email != email(t, "ada@acme.test") || a.Tenant != "acme" || len(a.Key) == 0 || l.Account != a.ID || l.Subject != "ada" || !l.Created.Equal(noon()) {
		t.Errorf("account %+v, link %+v", a, l)
	}
	if e := wantOne(t, "events", c.Events); e.Outcome != "expired" || e.Reason != "created" || e.Personal.Subject != "ada" {
		t.Errorf("event %+v", e)
	}
	s.State.Account, s.State.EmailHolder = a, a
	if d := s.decide(t); d.Outcome != provision.Resumed || d.Account.ID != a.ID {
		t.Errorf("her first login: %s %q", d.Outcome, d.Reason)
	}
}

func TestAnAccountMadeWithoutASignInIsPending(t *testing.T) {
	c := mustAmend(t, firstLogin(t).State, created(t, ""))
	if a := wantOne(t, "accounts", c.Accounts); a.State != provision.Pending || len(c.Links) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestAnAccountIsNotMadeTwiceOrAbroad(t *testing.T) {
	type s = *provision.State
	for name, test := range map[string]struct {
		err   error
		spoil func(s)
	}{
		"no tenant":                             {provision.ErrNotFound, func(s s) { s.Tenant.ID = "" }},
		"an address that somebody holds":        {provision.ErrConflict, func(s s) { s.EmailHolder.ID = "acc_eve" }},
		"a sign-in that somebody has":           {provision.ErrConflict, func(s s) { s.Account = eve(t) }},
		"a sign-in of somebody revoked":         {provision.ErrConflict, func(s s) { s.Account = eve(t); s.Account.State = provision.Revoked }},
		"a sign-in of a revoked tombstone":      {provision.ErrConflict, func(s s) { s.Account = tombstone(eve(t), provision.Revoked) }},
		"a domain of another tenant":            {provision.ErrConflict, func(s s) { s.Claim.Tenant = "other" }},
		"a domain that nobody claims":           {provision.ErrConflict, func(s s) { s.Claim = provision.Claim{} }},
		"the claim on another domain":           {provision.ErrConflict, func(s s) { s.Claim.Domain = domain(t, "sub.acme.test") }},
		"a connection that is not there":        {provision.ErrNotFound, func(s s) { s.Connection = provision.Connection{} }},
		"a connection of another tenant":        {provision.ErrNotFound, func(s s) { s.Connection.Tenant = "other" }},
		"another connection than the sign-in's": {provision.ErrNotFound, func(s s) { s.Connection.ID = "acme-oidc" }},
	} {
		state := firstLogin(t).State
		test.spoil(&state)
		if _, err := amend(t, state, created(t, "ada")); !errors.Is(err, test.err) {
			t.Errorf("%s: %v, want %v", name, err, test.err)
		}
	}
}

// linked is LinkAccount of a subject at acme-oidc, as a verb.
func linked(s provision.State, a provision.Act) (provision.Change, error) {
	return provision.LinkAccount(s, provision.Link{LinkKey: provision.LinkKey{Connection: "acme-oidc", Subject: "0815"}, Pseudonym: "p"}, a)
}

// forLinking is Ada's account in a state, and the connection acme-oidc, at which nobody has subject 0815.
func forLinking(t testing.TB, state provision.AccountState) provision.State {
	s := inState(t, state)
	s.Connection, s.Link = provision.Connection{ID: "acme-oidc", Tenant: "acme"}, provision.Link{}
	return s
}

func TestAnAdministratorAddsASignInAndHerSessionsEnd(t *testing.T) {
	s := forLinking(t, provision.Active)
	s.Tenant.Policy.Mode = provision.Ephemeral // the account goes on: whom it was added for has not come yet
	c := mustAmend(t, s, linked)
	if l := wantOne(t, "links", c.Links); l.Account != "acc_ada" || l.Subject != "0815" || !l.Created.Equal(noon()) {
		t.Errorf("link %+v", l)
	}
	if a := wantOne(t, "accounts", c.Accounts); a.State != provision.Dormant || a.Notice == "" {
		t.Errorf("account %+v", a)
	}
	for _, l := range c.Leases {
		if l.EndReason != provision.CauseLinked {
			t.Errorf("lease %+v", l)
		}
	}
	if e := wantOne(t, "link events", eventsOf(c, provision.EventAccountLinked)); e.Connection != "acme-oidc" || e.Personal.Subject != "0815" || e.Personal.Detail != "because 1" || len(c.Leases) != 2 {
		t.Errorf("event %+v", e)
	}
}

func TestTheFirstSignInOfAPendingAccountIsItsWayInAndAFurtherOneIsNoApproval(t *testing.T) {
	s := forLinking(t, provision.Pending)
	if a := mustAmend(t, s, linked).Accounts[0]; a.State != provision.Pending {
		t.Errorf("waiting for approval, given a further sign-in: %s", a.State)
	}
	s.Links = nil
	if a := mustAmend(t, s, linked).Accounts[0]; a.State != provision.Dormant {
		t.Errorf("given its first sign-in: %s", a.State)
	}
	if a := mustAmend(t, forLinking(t, provision.Dormant), linked).Accounts[0]; a.State != provision.Dormant || a.Notice == "" {
		t.Errorf("expired, given a further sign-in: %+v", a)
	}
}

func TestASignInIsNotAddedWhereItDoesNotBelong(t *testing.T) {
	type s = *provision.State
	for name, test := range map[string]struct {
		err   error
		spoil func(s)
	}{
		"somebody else's":                {provision.ErrConflict, func(s s) { s.Link.Account = "acc_eve" }},
		"her own already":                {provision.ErrConflict, func(s s) { s.Link.Account = "acc_ada" }},
		"no connection":                  {provision.ErrNotFound, func(s s) { s.Connection = provision.Connection{} }},
		"another connection":             {provision.ErrNotFound, func(s s) { s.Connection.ID = "acme-saml" }},
		"a connection of another tenant": {provision.ErrNotFound, func(s s) { s.Connection.Tenant = "other" }}, // I11
		"to nobody":                      {provision.ErrNotFound, func(s s) { s.Account = provision.Account{} }},
		"to somebody suspended":          {provision.ErrConflict, func(s s) { s.Account.State = provision.Suspended }},
		"to somebody revoked":            {provision.ErrConflict, func(s s) { s.Account.State = provision.Revoked }},
		"to somebody deleted":            {provision.ErrConflict, func(s s) { s.Account.State = provision.Deleted }},
	} {
		state := forLinking(t, provision.Dormant)
		test.spoil(&state)
		if _, err := amend(t, state, linked); !errors.Is(err, test.err) {
			t.Errorf("%s: %v, want %v", name, err, test.err)
		}
	}
	if _, err := provision.LinkAccount(forLinking(t, provision.Dormant), provision.Link{LinkKey: provision.LinkKey{Connection: "acme-oidc"}}, act("1", noon())); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("without a subject: %v", err)
	}
}

// forUnlinking is Ada's account with two sign-ins, of which acme-saml's is the target.
func forUnlinking(t testing.TB, state provision.AccountState) provision.State {
	s := inState(t, state)
	s.Links = append(s.Links, provision.Link{LinkKey: provision.LinkKey{Connection: "acme-oidc", Subject: "0815"}, Account: "acc_ada"})
	return s
}

func TestAnAdministratorTakesASignInAndHerSessionsEnd(t *testing.T) {
	s := forUnlinking(t, provision.Active)
	c := mustAmend(t, s, provision.UnlinkAccount)
	if key := wantOne(t, "unlinks", c.Unlinks); key != s.Link.LinkKey || len(c.Links) != 0 {
		t.Errorf("unlinked %+v, linked %+v", key, c.Links)
	}
	if a := wantOne(t, "accounts", c.Accounts); a.State != provision.Dormant || a.Notice == "" || len(c.Leases) != 2 {
		t.Errorf("account %+v", a)
	}
	if e := wantOne(t, "unlink events", eventsOf(c, provision.EventAccountUnlinked)); e.Connection != "acme-saml" || e.Personal.Subject != "ada" {
		t.Errorf("event %+v", e)
	}
}

func TestASignInIsNotTakenWhenItIsTheLastOrNotHersOrWhenSheIsKeptAway(t *testing.T) { // I4, I17
	last := inState(t, provision.Dormant)
	if _, err := amend(t, last, provision.UnlinkAccount); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("the last one: %v", err)
	}
	for name, spoil := range map[string]func(*provision.State){
		"one that is not there":   func(s *provision.State) { s.Link = provision.Link{} },
		"one of somebody else":    func(s *provision.State) { s.Link.Account = "acc_eve" },
		"one of nobody at nobody": func(s *provision.State) { *s = provision.State{} },
	} {
		s := forUnlinking(t, provision.Dormant)
		spoil(&s)
		if _, err := amend(t, s, provision.UnlinkAccount); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, state := range []provision.AccountState{provision.Suspended, provision.Revoked, provision.Deleted} {
		if _, err := amend(t, forUnlinking(t, state), provision.UnlinkAccount); !errors.Is(err, provision.ErrConflict) {
			t.Errorf("of somebody %s: %v", state, err)
		}
	}
}
