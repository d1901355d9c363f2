package provision_test

import (
	"slices"
	"testing"
	"time"

	"leasehold/provision"
)

// A credential lasts as long as the session; a role for a while does not.
func TestARoleForAWhileGivesNoCredential(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	s := provision.Standing{
		Tenant:  provision.Tenant{ID: "acme", Policy: provision.Policy{Roles: provision.RoleRule{Default: []string{"engineer"}}, Elevate: []provision.ElevationRule{{Role: "dba", Who: provision.Circle{Roles: []string{"engineer"}}, Max: time.Hour, Approve: provision.ByPolicy}}}},
		Account: provision.Account{ID: "ada", Tenant: "acme", State: provision.Active},
		Lease:   provision.Lease{ID: "acme.session", Kind: provision.SessionLease, Tenant: "acme", Account: "ada", Grant: provision.Grant{Roles: []string{"engineer"}}, Start: now, End: now.Add(time.Hour)},
		Elevations: []provision.Lease{{
			ID: "acme.elevated", Kind: provision.ElevationLease, Tenant: "acme", Account: "ada", Parent: "acme.session", Grant: provision.Grant{Roles: []string{"dba"}}, Start: now, End: now.Add(10 * time.Minute),
		}},
	}
	if roles := s.Effective(now); len(roles) != 2 {
		t.Fatalf("she has %q", roles)
	}
	secret := provision.Secret{ID: "db", Tenant: "acme", Roles: []string{"dba"}}
	if secret.Gives(s) {
		t.Error("given by a role for a while")
	}
	if secret.Roles = []string{"engineer"}; !secret.Gives(s) {
		t.Error("not given by a role of the session's own")
	}
	if secret.Tenant = "globex"; secret.Gives(s) {
		t.Error("given to another tenant")
	}
}

// What a source is asked again and again for fills no audit, and no move to another state is missing there.
func TestOneEventTellsOfEachMoveOfACredentialThatIsTakenBack(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	take := func(c provision.Credential, faults ...string) (told []string) {
		for _, fault := range faults {
			done := provision.RevokedCredential(provision.State{}, c, fault, provision.Act{Now: now, IDs: ids("c")})
			c = done.Credentials[0]
			for _, e := range done.Events {
				told = append(told, e.Outcome)
			}
		}
		return told
	}
	c := provision.Credential{ID: "crd_1", Tenant: "acme", Source: "db", State: provision.CredentialIssued, Told: true}
	if told := take(c, "no route", "no route", "no route", "no route", "no route", ""); !slices.Equal(told, []string{"revoking", "stuck", "revoked"}) {
		t.Errorf("of one that was held: %q", told)
	}
	c.State, c.Told = provision.CredentialIntended, false
	if told := take(c, "", ""); !slices.Equal(told, []string{"revoking"}) {
		t.Errorf("of one that its source may make yet: %q", told)
	}
}
