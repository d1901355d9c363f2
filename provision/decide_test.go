package provision_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"leasehold/provision"
)

// refusals is one case for every reason that the gate can give: the scene, and the one thing that is wrong with it.
// They stand in the order in which the gate asks.
func refusals() []refusal {
	type s = *scene
	return []refusal{
		{"a message that was used before", provision.Replayed, firstLogin, func(s s) { s.State.Spent = s.Request.Spend[:1] }},
		{"no connection", provision.TenantUnknown, firstLogin, func(s s) { s.State.Connection.ID = "" }},
		{"an assertion of another connection", provision.TenantUnknown, firstLogin, func(s s) { s.Request.Facts.Connection = "other" }},
		{"a connection of another tenant", provision.TenantUnknown, firstLogin, func(s s) { s.State.Connection.Tenant = "other" }},
		{"no tenant", provision.TenantUnknown, firstLogin, func(s s) { s.State.Tenant.ID, s.State.Connection.Tenant = "", "" }},
		{"a suspended tenant", provision.TenantSuspended, firstLogin, func(s s) { s.State.Tenant.Suspended = true }},
		{"a contract that ends this instant", provision.ContractEnded, firstLogin, func(s s) { s.State.Tenant.ContractEnd = s.Now }},
		{"a connection that is switched off", provision.ConnectionDisabled, firstLogin, func(s s) { s.State.Connection.Disabled = true }},
		{"a connection that is held", provision.ConnectionHeld, firstLogin, func(s s) { s.State.Connection.Held = true }},
		{"no subject", provision.SubjectMissing, firstLogin, func(s s) { s.Request.Facts.Subject = "" }},
		{"a subject for this session only", provision.SubjectTransient, firstLogin, func(s s) { s.Request.Facts.Transient = true }},
		{"no address", provision.EmailMissing, firstLogin, func(s s) { s.Request.Facts.Email = "" }},
		{"an address with two @", provision.EmailInvalid, firstLogin, func(s s) { s.Request.Facts.Email = "ada@evil.test@acme.test" }},
		{"an address of a public provider", provision.DomainPublic, firstLogin, func(s s) { s.Request.Facts.Email = "ada@gmail.com" }},
		{"an address that nobody vouches for", provision.EmailUnverified, firstLogin, func(s s) { s.Request.Facts.EmailVerified = false }},
		{"a domain that nobody claims", provision.DomainUnknown, firstLogin, func(s s) { s.State.Claim = provision.Claim{} }},
		{"the claim on another domain", provision.DomainUnknown, firstLogin, func(s s) { s.Request.Facts.Email = "ada@sub.acme.test" }},
		{"a domain that another tenant claims, unproved", provision.DomainUnknown, firstLogin, func(s s) { s.State.Claim.Tenant, s.State.Claim.State = "other", provision.ClaimPending }},
		{"a domain that another tenant owns", provision.DomainForeign, firstLogin, func(s s) { s.State.Claim.Tenant, s.State.Claim.State = "other", provision.ClaimVerified }},
		{"a domain that another tenant let lapse", provision.DomainForeign, firstLogin, func(s s) { s.State.Claim.Tenant, s.State.Claim.State = "other", provision.ClaimLapsed }},
		{"a domain that is not proved yet", provision.DomainUnverified, firstLogin, func(s s) { s.State.Claim.State = provision.ClaimPending }},
		{"a claim in no state", provision.DomainUnverified, firstLogin, func(s s) { s.State.Claim.State = "" }},
		{"a claim in a state that nobody knows", provision.DomainUnverified, firstLogin, func(s s) { s.State.Claim.State = "proved" }},
		{"a domain that lapsed", provision.DomainLapsed, nextLogin, func(s s) { s.State.Claim.State = provision.ClaimLapsed }},
		{"a domain that the connection may not assert", provision.DomainNotOfConnection, firstLogin, func(s s) { s.State.Connection.Domains = nil }},
		{"a link into another tenant", provision.TenantUnknown, nextLogin, func(s s) { s.State.Account.Tenant = "other" }},
		{"a revoked account", provision.AccountRevoked, nextLogin, func(s s) { s.State.Account.State = provision.Revoked }},
		{"the tombstone of a revoked account", provision.AccountRevoked, nextLogin, func(s s) { s.State.Account = tombstone(s.State.Account, provision.Revoked) }},
		{"a suspended account", provision.AccountSuspended, nextLogin, func(s s) { s.State.Account.State = provision.Suspended }},
		{"the tombstone of a suspended account", provision.AccountSuspended, nextLogin, func(s s) { s.State.Account = tombstone(s.State.Account, provision.Suspended) }},
		{"too many groups to list", provision.GroupsOverage, firstLogin, func(s s) { s.Request.Facts.GroupsOverage = true }},
		{"a group that is kept out", provision.GroupForbidden, firstLogin, func(s s) { s.State.Tenant.Policy.Groups.None = []string{"eng*"} }},
		{"none of the groups that are let in", provision.GroupMissing, firstLogin, func(s s) { s.State.Tenant.Policy.Groups.Any = []string{"sales", "board"} }},
		{"one of the groups that are all wanted", provision.GroupMissing, firstLogin, func(s s) { s.State.Tenant.Policy.Groups.All = []string{"engineering", "board"} }},
		{"too weak an authentication", provision.ACRInsufficient, firstLogin, func(s s) { s.State.Tenant.Policy.ACR = []string{"hardware"} }},
		{"an authentication of which nothing is said", provision.ACRInsufficient, firstLogin, func(s s) { s.State.Tenant.Policy.ACR, s.Request.Authn.ACR = []string{"mfa"}, "" }},
		{"too old an authentication", provision.AuthTooOld, firstLogin, func(s s) { s.State.Tenant.Policy.MaxAuthAge, s.Request.Authn.At = time.Hour, s.Now.Add(-time.Hour-1) }},
		{"an authentication of no known age", provision.AuthTooOld, firstLogin, func(s s) { s.State.Tenant.Policy.MaxAuthAge, s.Request.Authn.At = time.Hour, time.Time{} }},
		{"a condition that does not hold", provision.ConditionFalse, firstLogin, func(s s) { s.State.Tenant.Policy.When = "false" }},
		{"a condition that does not hold, of somebody known", provision.ConditionFalse, nextLogin, func(s s) { s.State.Tenant.Policy.When = "false" }},
		{"a session that is over upstream", provision.SessionOver, firstLogin, func(s s) { s.Request.Authn.SessionEnd = s.Now.Add(-time.Second) }},
		{"a session that is over upstream this instant", provision.SessionOver, firstLogin, func(s s) { s.Request.Authn.SessionEnd = s.Now }},
		{"a policy without a session", provision.SessionOver, firstLogin, func(s s) { s.State.Tenant.Policy.MaxSession = -time.Hour }},
		{"an occasion that nobody knows", provision.LinkRefused, firstLogin, func(s s) { s.Request.Occasion = "invite" }},
		{"no occasion", provision.LinkRefused, firstLogin, func(s s) { s.Request.Occasion = "" }},
		{"an occasion that nobody knows, of somebody known", provision.LinkRefused, nextLogin, func(s s) { s.Request.Occasion = "renew" }},
		{"an account that waits for approval", provision.ApprovalPending, nextLogin, func(s s) { s.State.Account.State = provision.Pending }},
		{"an account in a state that nobody knows", provision.ApprovalPending, nextLogin, func(s s) { s.State.Account.State = "frozen" }},
		{"an address that somebody holds", provision.EmailTaken, firstLogin, func(s s) { s.State.EmailHolder.ID = "acc_eve" }},
		{"a domain that fails, for somebody new", provision.DomainFailing, firstLogin, func(s s) { s.State.Claim.State = provision.ClaimFailing }},
		{"a tenant whose accounts are made beforehand", provision.CreationDisabled, firstLogin, func(s s) { s.State.Tenant.Policy.Mode = provision.Provisioned }},
		{"a tenant that invites", provision.InviteRequired, firstLogin, func(s s) { s.State.Tenant.Policy.Create = provision.CreateInvite }},
		{"a tenant that makes nobody", provision.CreationDisabled, firstLogin, func(s s) { s.State.Tenant.Policy.Create = provision.CreateDeny }},
		{"a tenant that says nothing", provision.CreationDisabled, firstLogin, func(s s) { s.State.Tenant.Policy.Create = "" }},
		{"a rule that nobody knows", provision.CreationDisabled, firstLogin, func(s s) { s.State.Tenant.Policy.Create = "maybe" }},
		{"no seat for somebody new", provision.SeatsFull, firstLogin, func(s s) { s.State.Tenant.Policy.Seats, s.State.Seats = 3, 3 }},
		{"no seat for somebody to approve", provision.SeatsFull, firstLogin, func(s s) {
			s.State.Tenant.Policy.Seats, s.State.Seats, s.State.Tenant.Policy.Create = 3, 4, provision.CreateApprove
		}},
		{"no seat for somebody who comes back", provision.SeatsFull, nextLogin, func(s s) { s.State.Tenant.Policy.Seats, s.State.Seats = 3, 3 }},
	}
}

type refusal struct {
	name   string
	reason provision.Reason
	base   func(testing.TB) scene
	spoil  func(*scene)
}

// tombstone is what deletion leaves of an account that was in state before.
func tombstone(a provision.Account, before provision.AccountState) provision.Account {
	return provision.Account{ID: a.ID, Tenant: a.Tenant, State: provision.Deleted, Before: before, Created: a.Created, Generation: a.Generation + 1, Revision: a.Revision + 1}
}

func TestOneThingWrongIsARefusalWithItsReason(t *testing.T) {
	for _, test := range refusals() {
		t.Run(test.name, func(t *testing.T) {
			s := test.base(t)
			if d := s.decide(t); !d.Allowed() {
				t.Fatalf("the honest scene is %s: %s", d.Outcome, d.Reason)
			}
			test.spoil(&s)
			d := s.decide(t)
			if d.Outcome != provision.Denied || d.Reason != test.reason {
				t.Errorf("%s %q, want %q", d.Outcome, d.Reason, test.reason)
			}
			e := wantOne(t, "events", d.Change.Events)
			if e.App != "wiki" || e.Personal.Email != s.Request.Facts.Email || e.Personal.Requester.IP != "192.0.2.1" || e.Account != s.State.Account.ID {
				t.Errorf("the event does not say who wanted what: %+v", e)
			}
		})
	}
}

func TestOfTwoThingsWrongTheOneAskedFirstIsTheReason(t *testing.T) {
	reason := func(base func(testing.TB) scene, spoils ...func(*scene)) (scene, provision.Reason) {
		s := base(t)
		for _, spoil := range spoils {
			spoil(&s)
		}
		return s, s.decide(t).Reason
	}
	pairs := 0
	for i, first := range refusals() {
		for _, second := range refusals()[i+1:] {
			for _, base := range []func(testing.TB) scene{firstLogin, nextLogin} {
				_, one := reason(base, first.spoil)
				_, two := reason(base, second.spoil)
				both, got := reason(base, first.spoil, second.spoil)
				turned, _ := reason(base, second.spoil, first.spoil)
				if one != first.reason || two != second.reason || !reflect.DeepEqual(both, turned) {
					continue // not wrong in this scene, or both spoil the same thing
				}
				if pairs++; got != first.reason {
					t.Errorf("%s and %s: %q, want %q", first.name, second.name, got, first.reason)
				}
			}
		}
	}
	if pairs < 1000 {
		t.Errorf("only %d pairs", pairs)
	}
}

func TestTheZeroStateAndTheZeroRequestAreRefused(t *testing.T) { // I14
	honest := firstLogin(t)
	for name, s := range map[string]scene{
		"both":    {},
		"state":   {Request: honest.Request, Now: noon()},
		"request": {State: honest.State, Now: noon()},
	} {
		d := provision.Decide(s.State, s.Request, ids("1"), s.Now)
		if d.Allowed() || d.Outcome != provision.Denied || d.Reason != provision.TenantUnknown {
			t.Errorf("%s: %s %q", name, d.Outcome, d.Reason)
		}
	}
	if (provision.Decision{}).Allowed() {
		t.Error("the zero decision lets in")
	}
}

func TestADecisionLetsInOnlyWithOutcomeAndLeaseAndWithoutReason(t *testing.T) {
	lease := provision.Lease{ID: "acme.1"}
	for _, d := range []provision.Decision{
		{Outcome: provision.Created}, {Lease: lease}, {Outcome: provision.Created, Lease: lease, Reason: provision.SeatsFull},
		{Outcome: provision.Denied, Lease: lease}, {Outcome: provision.PendingApproval, Lease: lease}, {Outcome: "ok", Lease: lease},
	} {
		if d.Allowed() {
			t.Errorf("%+v lets in", d)
		}
	}
}

func TestTheFirstLoginMakesAnAccountALinkAndALease(t *testing.T) {
	s := firstLogin(t)
	d := s.decide(t)
	if d.Outcome != provision.Created {
		t.Fatalf("%s %q", d.Outcome, d.Reason)
	}
	a := wantOne(t, "accounts", d.Change.Accounts)
	if a.ID != "acc_1" || a.Tenant != "acme" || a.State != provision.Active || a.Email != email(t, "ada@acme.test") || a.Name != "Ada" || !slices.Equal(a.Groups, []string{"engineering"}) || !a.Created.Equal(noon()) || !a.LastLogin.Equal(noon()) || string(a.Key) != "key of 1" {
		t.Errorf("account %+v", a)
	}
	link := wantOne(t, "links", d.Change.Links)
	if link != (provision.Link{LinkKey: provision.LinkKey{Connection: "acme-saml", Subject: "ada"}, Pseudonym: "pseudonym of ada", Account: "acc_1", Created: noon()}) {
		t.Errorf("link %+v", link)
	}
	l := wantOne(t, "leases", d.Change.Leases)
	want := provision.Generations{Installation: 1, Tenant: 2, Connection: 3, Domain: 4, Account: 1}
	if l.ID != "acme.lease1" || l.Kind != provision.SessionLease || l.Generations != want || l.Authn.ACR != "mfa" || !slices.Equal(l.Grant.Roles, []string{"engineer", "reader"}) {
		t.Errorf("lease %+v", l)
	}
	if e := wantOne(t, "events", d.Change.Events); e.Account != "acc_1" || e.Connection != "acme-saml" || e.Lease.ID != l.ID || e.Decision.PolicyVersion != 7 {
		t.Errorf("event %+v", e)
	}
	if row := d.Change.Decisions[0]; row.Account != "acc_1" {
		t.Errorf("the decision's row is about %q", row.Account)
	}
}

func TestTheNextLoginResumesTheSameAccount(t *testing.T) {
	for _, state := range []provision.AccountState{provision.Dormant, provision.Active} {
		for _, claim := range []provision.ClaimState{provision.ClaimVerified, provision.ClaimFailing} {
			for _, mode := range []provision.Mode{"", provision.Leased, provision.Ephemeral, provision.Provisioned} {
				for _, create := range []provision.CreateRule{"", provision.CreateDeny, provision.CreateAllow, provision.CreateInvite, provision.CreateApprove} {
					s := nextLogin(t)
					s.State.Account.State, s.State.Claim.State, s.State.Tenant.Policy.Mode, s.State.Tenant.Policy.Create = state, claim, mode, create
					s.State.Account.Notice = "A sign-in was removed from your account."
					s.Request.Facts.Name, s.Request.Facts.Groups = "Ada Lovelace", []string{"board"}
					d := s.decide(t)
					if d.Outcome != provision.Resumed || d.Account.ID != "acc_ada" || len(d.Change.Links) != 0 || len(d.Change.Events) != 1 {
						t.Errorf("%s, %s, %s, %s: %s %q", state, claim, mode, create, d.Outcome, d.Reason)
					}
					if d.Account.Name != "Ada Lovelace" || !slices.Equal(d.Account.Groups, []string{"board"}) || d.Lease.Generations.Account != 5 || !slices.Equal(d.Lease.Grant.Roles, []string{"reader"}) {
						t.Errorf("what the assertion says now is not taken over: %+v", d.Account)
					}
					if d.Notice != "A sign-in was removed from your account." || d.Account.Notice != "" {
						t.Errorf("the notice is not shown once: %q, then %q", d.Notice, d.Account.Notice)
					}
				}
			}
		}
	}
}

func TestApprovalHoldsTheFirstLoginAndTheNextOneComesIn(t *testing.T) {
	s := firstLogin(t)
	s.State.Tenant.Policy.Create = provision.CreateApprove
	d := s.decide(t)
	if d.Outcome != provision.PendingApproval || d.Reason != provision.ApprovalPending || d.Allowed() {
		t.Fatalf("%s %q", d.Outcome, d.Reason)
	}
	s = nextLogin(t)
	s.State.Account.State = provision.Pending
	c, err := provision.ApproveAccount(s.State, act("approve", noon()))
	if err != nil {
		t.Fatal(err)
	}
	s.State.Account = c.Accounts[0]
	if d := s.decide(t); d.Outcome != provision.Resumed {
		t.Errorf("after approval: %s %q", d.Outcome, d.Reason)
	}
}

func TestWhoWasDeletedComesBackAsSomebodyNew(t *testing.T) {
	s := nextLogin(t)
	s.State.Account = tombstone(s.State.Account, "")
	s.State.EmailHolder = provision.Account{}
	if d := s.decide(t); d.Outcome != provision.Created || d.Account.ID == "acc_ada" {
		t.Errorf("%s %q as %s", d.Outcome, d.Reason, d.Account.ID)
	}
}

func TestAnEphemeralTenantMakesAccountsAtLogin(t *testing.T) {
	s := firstLogin(t)
	s.State.Tenant.Policy.Mode = provision.Ephemeral
	if d := s.decide(t); d.Outcome != provision.Created {
		t.Errorf("%s %q", d.Outcome, d.Reason)
	}
}

func TestANewAddressThatSomebodyHoldsIsNotTakenAndLocksNobodyOut(t *testing.T) {
	s := nextLogin(t)
	s.Request.Facts.Email = "eve@acme.test"
	s.State.EmailHolder = provision.Account{ID: "acc_eve", Tenant: "acme", State: provision.Suspended, Email: email(t, "eve@acme.test")}
	d := s.decide(t)
	if d.Outcome != provision.Resumed || d.Account.ID != "acc_ada" || d.Account.Email != email(t, "ada@acme.test") {
		t.Fatalf("%s %q as %+v", d.Outcome, d.Reason, d.Account)
	}
	e := wantOne(t, "conflicts", eventsOf(d.Change, provision.EventEmailConflict))
	if e.Account != "acc_ada" || e.Personal.Email != "eve@acme.test" {
		t.Errorf("conflict %+v", e)
	}
	if a := wantOne(t, "accounts", d.Change.Accounts); a.ID == "acc_eve" {
		t.Error("the holder is written")
	}

	s.State.EmailHolder = provision.Account{}
	d = s.decide(t)
	if d.Account.Email != email(t, "eve@acme.test") || len(d.Change.Events) != 1 {
		t.Errorf("a new address that nobody holds is not taken: %+v", d.Account)
	}
}

func TestALeaseHangsOnTheDomainThatWasJudgedAlsoWhenTheAddressIsNotTaken(t *testing.T) {
	s := nextLogin(t)
	labs := domain(t, "labs.test")
	s.State.Connection.Domains = append(s.State.Connection.Domains, labs)
	s.State.Claim.Domain, s.Request.Facts.Email = labs, "eve@labs.test"
	s.State.EmailHolder = provision.Account{ID: "acc_eve", Tenant: "acme", State: provision.Active, Email: email(t, "eve@labs.test")}
	if d := s.decide(t); d.Outcome != provision.Resumed || d.Account.Email.Domain() == labs || d.Lease.Domain != labs {
		t.Errorf("%s %q: the lease hangs on %s", d.Outcome, d.Reason, d.Lease.Domain)
	}
}

func TestASeatIsNeededToBecomeActiveAndNotToStay(t *testing.T) {
	s := nextLogin(t)
	s.State.Tenant.Policy.Seats, s.State.Seats = 3, 2
	if d := s.decide(t); !d.Allowed() {
		t.Errorf("the last seat: %q", d.Reason)
	}
	s.State.Seats, s.State.Account.State = 3, provision.Active
	if d := s.decide(t); !d.Allowed() {
		t.Errorf("somebody who has a seat: %q", d.Reason)
	}
	s.State.Tenant.Policy.Seats, s.State.Seats, s.State.Account.State = 0, 1_000_000, provision.Dormant
	if d := s.decide(t); !d.Allowed() {
		t.Errorf("no cap: %q", d.Reason)
	}
}

func TestAuthenticationThatIsStrongAndYoungEnoughComesIn(t *testing.T) {
	s := firstLogin(t)
	s.State.Tenant.Policy.ACR, s.State.Tenant.Policy.MaxAuthAge = []string{"hardware", "mfa"}, time.Hour
	s.Request.Authn.At = s.Now.Add(-time.Hour)
	if d := s.decide(t); !d.Allowed() {
		t.Errorf("%q", d.Reason)
	}
}

func TestTheEarliestCeilingEndsTheLease(t *testing.T) {
	at := func(d time.Duration) time.Time { return noon().Add(d) }
	for name, test := range map[string]struct {
		max, session, contract time.Duration
		want                   time.Duration
		cause                  provision.Cause
	}{
		"nothing said: the default":          {0, 0, 0, 8 * time.Hour, provision.CauseCeiling},
		"the policy":                         {time.Hour, 2 * time.Hour, 3 * time.Hour, time.Hour, provision.CauseCeiling},
		"upstream, five seconds ahead":       {0, 5 * time.Second, 0, 5 * time.Second, provision.CauseCeiling},
		"upstream cannot lengthen":           {0, 100 * time.Hour, 0, 8 * time.Hour, provision.CauseCeiling},
		"the contract":                       {0, 2 * time.Hour, time.Hour, time.Hour, provision.CauseContractEnded},
		"upstream before the contract":       {0, time.Hour, 2 * time.Hour, time.Hour, provision.CauseCeiling},
		"the contract and upstream together": {0, time.Hour, time.Hour, time.Hour, provision.CauseCeiling},
	} {
		s := firstLogin(t)
		s.State.Tenant.Policy.MaxSession = test.max
		if test.session != 0 {
			s.Request.Authn.SessionEnd = at(test.session)
		}
		if test.contract != 0 {
			s.State.Tenant.ContractEnd = at(test.contract)
		}
		l := s.decide(t).Lease
		if !l.End.Equal(at(test.want)) || l.Ceiling != test.cause {
			t.Errorf("%s: ends %s by %s, want %s by %s", name, l.End, l.Ceiling, at(test.want), test.cause)
		}
	}
}

func TestASessionThatEndsUpstreamInFiveSecondsIsDeadAtSix(t *testing.T) {
	s := firstLogin(t)
	s.Request.Authn.SessionEnd = s.Now.Add(5 * time.Second)
	d := s.decide(t)
	standing := standingOf(s.State, d.Account, d.Lease)
	if reason := standing.Refuses(s.Now.Add(5*time.Second - 1)); reason != "" {
		t.Errorf("refused before its end: %q", reason)
	}
	for _, after := range []time.Duration{5 * time.Second, 6 * time.Second} {
		if standing.Refuses(s.Now.Add(after)) != provision.LeaseEnded {
			t.Errorf("still good after %s", after)
		}
	}
	if !d.Lease.Due().Equal(s.Now.Add(5 * time.Second)) {
		t.Errorf("due %s", d.Lease.Due())
	}
}

func TestDecideKeepsNothingOfWhatItWasGiven(t *testing.T) {
	s := nextLogin(t)
	d := s.decide(t)
	s.Request.Facts.Groups[0] = "board"
	if d.Account.Groups[0] != "engineering" {
		t.Error("the account's groups are the request's")
	}
}

func TestDecideTwiceIsTheSameDecision(t *testing.T) {
	for _, base := range []func(testing.TB) scene{firstLogin, nextLogin, linking} {
		s := base(t)
		if one, two := s.decide(t), s.decide(t); !reflect.DeepEqual(one, two) {
			t.Errorf("%+v\n%+v", one, two)
		}
	}
}
