package provision_test

import (
	"testing"
	"time"

	"leasehold/provision"
)

func TestAPersonAddsASignInToHerAccount(t *testing.T) {
	s := linking(t)
	d := s.decide(t)
	if d.Outcome != provision.Linked || d.Account.ID != "acc_ada" {
		t.Fatalf("%s %q", d.Outcome, d.Reason)
	}
	if l := wantOne(t, "links", d.Change.Links); l.LinkKey != (provision.LinkKey{Connection: "acme-oidc", Subject: "0815"}) || l.Account != "acc_ada" || l.Pseudonym == "" {
		t.Errorf("link %+v", l)
	}
	if e := wantOne(t, "link events", eventsOf(d.Change, provision.EventAccountLinked)); e.Account != "acc_ada" || e.Connection != "acme-oidc" || e.Personal.Subject != "0815" {
		t.Errorf("event %+v", e)
	}
	ended := eventsOf(d.Change, provision.EventLeaseEnded)
	if len(ended) != 2 || ended[0].Reason != string(provision.CauseLinked) || ended[1].Reason != string(provision.CauseLinked) {
		t.Errorf("her other sessions did not end because of the link: %+v", ended)
	}
	if d.Account.Notice == "" || d.Notice != "" {
		t.Errorf("she is told %q now and %q at the next login", d.Notice, d.Account.Notice)
	}
	if d.Lease.Connection != "acme-oidc" {
		t.Errorf("the new session is by %s", d.Lease.Connection)
	}
}

func TestALinkIsRefused(t *testing.T) {
	type s = *scene
	session := func(s s, change func(*provision.Lease)) { change(&s.State.Intended.Lease) }
	for name, test := range map[string]struct {
		reason provision.Reason
		spoil  func(s)
	}{
		"without an intent":                           {provision.LinkRefused, func(s s) { s.Request.Intent = provision.Intent{} }},
		"to an account that is not the session's":     {provision.LinkRefused, func(s s) { s.Request.Intent.Account = "acc_eve" }},
		"to no account":                               {provision.LinkRefused, func(s s) { s.Request.Intent.Account, s.State.Intended.Account.ID = "", "" }},
		"out of another session than the intent's":    {provision.LinkRefused, func(s s) { s.Request.Intent.Lease = "acme.other" }},
		"out of a session that is not there":          {provision.LinkRefused, func(s s) { s.State.Intended = provision.Standing{} }},
		"out of a session that ended":                 {provision.LinkRefused, func(s s) { session(s, func(l *provision.Lease) { l.EndedAt = s.Now }) }},
		"out of a session that is over":               {provision.LinkRefused, func(s s) { session(s, func(l *provision.Lease) { l.End = s.Now }) }},
		"out of an idle session":                      {provision.LinkRefused, func(s s) { session(s, func(l *provision.Lease) { l.Seen = s.Now.Add(-time.Hour) }) }},
		"to an account that is suspended":             {provision.LinkRefused, func(s s) { s.State.Intended.Account.State = provision.Suspended }},
		"to an account with another address":          {provision.LinkRefused, func(s s) { s.Request.Facts.Email = "eve@acme.test" }},
		"while somebody else holds the address":       {provision.EmailTaken, func(s s) { s.State.EmailHolder.ID = "acc_eve" }},
		"when the second login is too old":            {provision.AuthTooOld, func(s s) { s.Request.Authn.At = s.Now.Add(-provision.LinkAuthAge - 1) }},
		"when nobody knows how old the second one is": {provision.AuthTooOld, func(s s) { s.Request.Authn.At = time.Time{} }},
		"when the first login is too old":             {provision.AuthTooOld, func(s s) { session(s, func(l *provision.Lease) { l.Authn.At = s.Now.Add(-15*time.Minute - 1) }) }},
		"when nobody knows how old the first one is":  {provision.AuthTooOld, func(s s) { session(s, func(l *provision.Lease) { l.Authn.At = time.Time{} }) }},
		"of a subject that was removed":               {provision.AccountRevoked, func(s s) { s.State.Account = provision.Account{ID: "acc_x", Tenant: "acme", State: provision.Revoked} }},
		"of a subject that is somebody else's": {provision.LinkRefused, func(s s) {
			s.State.Account = provision.Account{ID: "acc_eve", Tenant: "acme", State: provision.Active, Email: email(t, "eve@acme.test")}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := linking(t)
			test.spoil(&s)
			if d := s.decide(t); d.Outcome != provision.Denied || d.Reason != test.reason {
				t.Errorf("%s %q, want %q", d.Outcome, d.Reason, test.reason)
			}
		})
	}
}

func TestALinkAcrossTenantsIsRefused(t *testing.T) { // I11
	s := linking(t)
	s.State.Intended.Tenant.ID, s.State.Intended.Connection.Tenant, s.State.Intended.Claim.Tenant = "other", "other", "other"
	s.State.Intended.Account.Tenant, s.State.Intended.Lease.Tenant = "other", "other"
	if s.State.Intended.Refuses(s.Now) != "" {
		t.Fatal("the session in the other tenant is not live")
	}
	if d := s.decide(t); d.Reason != provision.LinkRefused {
		t.Errorf("%s %q", d.Outcome, d.Reason)
	}
}

func TestBothLoginsOfALinkMayBeAsOldAsTheRuleSays(t *testing.T) {
	s := linking(t)
	s.Request.Authn.At, s.State.Intended.Lease.Authn.At = s.Now.Add(-5*time.Minute), s.Now.Add(-15*time.Minute)
	if d := s.decide(t); d.Outcome != provision.Linked {
		t.Errorf("%s %q", d.Outcome, d.Reason)
	}
}

func TestALinkThatIsThereAlreadyIsALogin(t *testing.T) {
	s := linking(t)
	s.State.Account = s.State.Intended.Account
	if d := s.decide(t); d.Outcome != provision.Resumed || len(d.Change.Links) != 0 {
		t.Errorf("%s %q", d.Outcome, d.Reason)
	}
}

func TestTheSecondSignInWithoutLinkingIsRefusedAndMakesNobody(t *testing.T) {
	s := linking(t)
	s.Request.Occasion = provision.OnLogin
	if d := s.decide(t); d.Reason != provision.EmailTaken {
		t.Errorf("%s %q", d.Outcome, d.Reason)
	}
}

func TestASignInOfSomebodyDeletedCanBeAddedToAnAccount(t *testing.T) {
	s := linking(t)
	s.State.Account = provision.Account{ID: "acc_old", Tenant: "acme", State: provision.Deleted}
	if d := s.decide(t); d.Outcome != provision.Linked {
		t.Errorf("%s %q", d.Outcome, d.Reason)
	}
}

func TestALinkEndsWhatIsBelowHerSessionsOnce(t *testing.T) {
	s := linking(t)
	s.State.IntendedLeases[1].Parent = s.State.IntendedLeases[0].ID
	s.State.FormerLeases = s.State.IntendedLeases
	if d := s.decide(t); len(d.Change.Leases) != 3 {
		t.Errorf("%d leases written, want the new one and two that end", len(d.Change.Leases))
	}
}
