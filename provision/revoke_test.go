package provision_test

import (
	"errors"
	"testing"

	"leasehold/provision"
)

func revoke(s provision.State, scope provision.Scope) (provision.Change, error) {
	return provision.RevokeScope(s, scope, provision.CauseAdmin, "rev_1", act("1", noon()))
}

func TestRevokingAnObjectEndsEveryLeaseBelowItInOneChangeWithOneEvent(t *testing.T) {
	acme := domain(t, "acme.test")
	for name, test := range map[string]struct {
		scope provision.Scope
		write func(*provision.Standing, provision.Change)
	}{
		"a tenant":         {provision.Scope{Tenant: "acme"}, func(s *provision.Standing, c provision.Change) { s.Tenant = c.Tenants[0] }},
		"a connection":     {provision.Scope{Connection: "acme-saml"}, func(s *provision.Standing, c provision.Change) { s.Connection = c.Connections[0] }},
		"a domain":         {provision.Scope{Domain: acme}, func(s *provision.Standing, c provision.Change) { s.Claim, s.Tenant = c.Claims[0], c.Tenants[0] }},
		"the installation": {provision.Scope{}, func(s *provision.Standing, c provision.Change) { s.Installation = c.Installation }},
	} {
		t.Run(name, func(t *testing.T) {
			s, lease, _ := session(t)
			standing := standingOf(s, s.Account, lease)
			if cause, _ := provision.Over(standing, nil, noon()); standing.Refuses(noon()) != "" || cause != "" {
				t.Fatal("the lease is dead before")
			}
			c, err := revoke(s, test.scope)
			if err != nil {
				t.Fatal(err)
			}
			written := len(c.Tenants) + len(c.Connections) + len(c.Claims) + min(int(c.Installation), 1)
			if len(c.Claims) > 0 && c.Tenants[0].Voided == 1 && c.Tenants[0].Generation == s.Tenant.Generation {
				written-- // and logins under way of its tenant, whose other leases go on
			}
			if written != 1 || len(c.Leases)+len(c.Accounts) != 0 {
				t.Errorf("%d objects written: %+v", written, c)
			}
			e, r := wantOne(t, "events", c.Events), wantOne(t, "revocations", c.Revocations)
			if e.Kind != provision.EventRevocation || e.Revocation.ID != "rev_1" || e.Reason != "admin" || e.Personal.Detail != "because 1" || e.Tenant != "acme" {
				t.Errorf("event %+v", e)
			}
			if r.Scope != test.scope || r.Cause != provision.CauseAdmin || r.Note != "because 1" || !r.Requested.Equal(noon()) || !r.Settled.IsZero() {
				t.Errorf("revocation %+v", r)
			}
			test.write(&standing, c)
			if standing.Refuses(noon()) != provision.LeaseEnded {
				t.Error("the lease is live after")
			}
			if cause, ref := provision.Over(standing, c.Revocations, noon()); cause != provision.CauseAdmin || ref.ID != "rev_1" || ref.Cause != provision.CauseAdmin || !ref.RequestedAt.Equal(noon()) {
				t.Errorf("it settles as %q under %+v", cause, ref)
			}
			again := leaseOf(provision.State{Installation: standing.Installation, Tenant: standing.Tenant, Connection: standing.Connection, Claim: standing.Claim}, s.Account, "again")
			standing.Lease = again
			if standing.Refuses(noon()) != "" {
				t.Error("a lease that begins afterwards is dead")
			}
			if cause, _ := provision.Over(standing, c.Revocations, noon()); cause != "" {
				t.Errorf("a lease that begins afterwards settles as %q", cause)
			}
		})
	}
}

func TestRevokingADomainNamesItsOwnerInTheEvent(t *testing.T) {
	s, _, _ := session(t)
	c, err := revoke(s, provision.Scope{Domain: domain(t, "acme.test")})
	if err != nil || c.Events[0].Tenant != "acme" {
		t.Errorf("%v: %+v", err, c.Events)
	}
	s.Tenant = provision.Tenant{ID: "other"}
	if c, err := revoke(s, provision.Scope{Domain: domain(t, "acme.test")}); !errors.Is(err, provision.ErrNotFound) || len(c.Tenants) > 0 {
		t.Errorf("in the name of another tenant: %v, %+v", err, c)
	}
}

func TestWhatIsNotThereIsNotRevoked(t *testing.T) {
	acme := domain(t, "acme.test")
	for name, scope := range map[string]provision.Scope{
		"another tenant":     {Tenant: "other"},
		"another connection": {Connection: "other"},
		"another domain":     {Domain: domain(t, "other.test")},
	} {
		s, _, _ := session(t)
		if c, err := revoke(s, scope); !errors.Is(err, provision.ErrNotFound) || len(c.Events) != 0 {
			t.Errorf("%s: %v, %+v", name, err, c)
		}
	}
	s, _, _ := session(t)
	s.Claim.State = provision.ClaimPending
	if _, err := revoke(s, provision.Scope{Domain: acme}); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("a domain that nobody owns: %v", err)
	}
}

func TestRevokingOneAccountDoesNotRevokeEverybody(t *testing.T) {
	s, _, _ := session(t)
	if c, err := revoke(s, provision.Scope{Account: "acc_ada"}); !errors.Is(err, provision.ErrConflict) || c.Installation != 0 {
		t.Errorf("%v, installation %d", err, c.Installation)
	}
}

func TestARevocationCoversOnlyWhatIsBelowItAndBeganBefore(t *testing.T) {
	s, lease, _ := session(t)
	standing := standingOf(s, s.Account, lease)
	for name, test := range map[string]struct {
		scope provision.Scope
		raise func(*provision.Standing)
	}{
		"connection":   {provision.Scope{Connection: "acme-saml"}, func(x *provision.Standing) { x.Connection.Generation++ }},
		"domain":       {provision.Scope{Domain: domain(t, "acme.test")}, func(x *provision.Standing) { x.Claim.Generation++ }},
		"account":      {provision.Scope{Account: "acc_ada"}, func(x *provision.Standing) { x.Account.Generation++ }},
		"tenant":       {provision.Scope{Tenant: "acme"}, func(x *provision.Standing) { x.Tenant.Generation++ }},
		"installation": {provision.Scope{}, func(x *provision.Standing) { x.Installation++ }},
	} {
		open := []provision.Revocation{{ID: "rev_1", Scope: test.scope, Cause: provision.CauseSignal}}
		if cause, _ := provision.Over(standing, open, noon()); cause != "" {
			t.Errorf("%s: a lease of this generation is over by %q", name, cause)
		}
		raised := standing
		test.raise(&raised)
		if cause, ref := provision.Over(raised, open, noon()); cause != provision.CauseSignal || ref.ID != "rev_1" {
			t.Errorf("%s: over by %q under %q", name, cause, ref.ID)
		}
		for other, elsewhere := range map[string]provision.Scope{
			"connection": {Connection: "c"}, "domain": {Domain: domain(t, "other.test")}, "account": {Account: "acc_eve"}, "tenant": {Tenant: "other"},
		} {
			open[0].Scope = elsewhere
			if cause, ref := provision.Over(raised, open, noon()); cause != provision.CauseAdmin || ref.ID != "" {
				t.Errorf("%s raised, revocation of another %s: over by %q under %q", name, other, cause, ref.ID)
			}
		}
	}
}
