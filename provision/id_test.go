package provision_test

import (
	"strings"
	"testing"

	"leasehold/provision"
)

func TestALeasesNameCarriesItsTenant(t *testing.T) {
	if id := provision.NewLeaseID("acme", "ABCDEF"); id != "acme.abcdef" || id.Tenant() != "acme" {
		t.Errorf("%q of %q", id, id.Tenant())
	}
	for id, want := range map[provision.LeaseID]provision.TenantID{
		"": "", "acme": "", "acme.": "", ".abc": "", "acme.a.b": "acme",
	} {
		if got := id.Tenant(); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}

func TestANameIsSafeInAPathAFileAndALog(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "acme": true, "acme-saml": true, "0815": true, "a-": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "Acme": false, "a.b": false, "a_b": false, "a/b": false, "..": false, "a b": false, "a\n": false, "ä": false, "\u212a": false, strings.Repeat("a", 64): false,
	} {
		if got := provision.ValidName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestAClaimOwnsItsDomainOnceItIsProved(t *testing.T) {
	for state, want := range map[provision.ClaimState]bool{
		"": false, provision.ClaimPending: false, provision.ClaimVerified: true, provision.ClaimFailing: true, provision.ClaimLapsed: true,
	} {
		if got := (provision.Claim{State: state}).Owns(); got != want {
			t.Errorf("%q: %v", state, got)
		}
	}
}

func TestEveryAccountButADeletedOneHoldsItsAddress(t *testing.T) {
	for state, want := range map[provision.AccountState]bool{
		"": false, provision.Pending: true, provision.Active: true, provision.Dormant: true, provision.Suspended: true, provision.Revoked: true, provision.Deleted: false,
	} {
		if got := state.Living(); got != want {
			t.Errorf("%q: %v", state, got)
		}
	}
}
