package provision_test

import (
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
