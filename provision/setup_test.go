package provision_test

import (
	"testing"
	"time"

	"leasehold/provision"
)

// TestNoStepOfASetupOutlivesWhatItHangsOn has each step done on a tenant that the link was made for, and on that tenant
// as it may be by the time of the commit.
func TestNoStepOfASetupOutlivesWhatItHangsOn(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a := act("step", now)
	steps := map[string]func(provision.State) (provision.Change, error){
		"open": func(s provision.State) (provision.Change, error) {
			s.Setup.Browser = ""
			return provision.OpenSetup(s, "b", a)
		},
		"vendor": func(s provision.State) (provision.Change, error) {
			return provision.ChooseVendor(s, "okta", provision.SAML, a)
		},
		"restart": func(s provision.State) (provision.Change, error) { return provision.RestartSetup(s, "globex-2", a) },
		"enable":  func(s provision.State) (provision.Change, error) { return provision.EnableSetup(s, a) },
		"draft": func(s provision.State) (provision.Change, error) {
			return provision.DraftConnection(s, s.Connection, nil, a)
		},
		"undo": func(s provision.State) (provision.Change, error) {
			s.Connection.Disabled, s.Setup.Enabled = false, now
			return provision.UndoSetup(s, "rev_1", a)
		},
	}
	d, _ := provision.ParseDomain("globex.test")
	made := func() provision.State {
		return provision.State{
			Installation: 2, Tenant: provision.Tenant{ID: "globex", Generation: 3},
			Connection: provision.Connection{ID: "globex-1", Tenant: "globex", Owner: provision.ByAPI, Disabled: true, Revision: 5, Domains: []provision.Domain{d}},
			Claim:      provision.Claim{Tenant: "globex", Domain: d, State: provision.ClaimVerified},
			Setup: provision.Setup{
				ID: "setup_1", Tenant: "globex", Connection: "globex-1", State: provision.SetupOpen, Expires: now.Add(time.Hour), Browser: "b",
				Generation: 3, Installation: 2, Written: 5, Tested: 5, Domain: d,
			},
		}
	}
	for name, step := range steps {
		if _, err := step(made()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for what, change := range map[string]func(*provision.State){
			"revoked": func(s *provision.State) { s.Tenant.Generation++ }, "everything revoked": func(s *provision.State) { s.Installation++ },
			"suspended": func(s *provision.State) { s.Tenant.Suspended = true }, "being deleted": func(s *provision.State) { s.Tenant.Removal = provision.Removing },
			"gone": func(s *provision.State) { s.Tenant = provision.Tenant{} },
		} {
			s := made()
			change(&s)
			if _, err := step(s); err == nil {
				t.Errorf("%s was done though the tenant was %s", name, what)
			}
		}
	}
	for _, name := range []string{"draft", "enable"} {
		s := made()
		s.Connection.Revision, s.Setup.Tested = 6, 6
		if _, err := steps[name](s); err == nil {
			t.Errorf("%s was done to what somebody else wrote", name)
		}
	}
}
