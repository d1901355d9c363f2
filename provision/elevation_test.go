package provision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
)

// elevated is a standing whose holder has admin for ten minutes, since a minute ago.
func elevated(t *testing.T) provision.Standing {
	s := live(t)
	s.Account.Groups = []string{"eng"}
	s.Lease.Grant.Roles = []string{"reader"}
	s.Tenant.Policy.Roles = provision.RoleRule{Ceiling: []string{"reader"}}
	s.Tenant.Policy.Elevate = []provision.ElevationRule{{
		Role: "admin", Who: provision.Circle{Groups: []string{"en*"}}, Max: 10 * time.Minute, Approve: provision.ByApprover, Approvers: provision.Circle{Roles: []string{"lead"}},
	}}
	e := s.Lease
	e.ID, e.Kind, e.Parent, e.Idle, e.Grant.Roles = "acme.elevation", provision.ElevationLease, s.Lease.ID, 0, []string{"admin"}
	e.Start, e.End = noon().Add(-time.Minute), noon().Add(9*time.Minute)
	s.Elevations = []provision.Lease{e}
	return s
}

func TestAnElevationGivesItsRoleOnlyWhenAllIsInOrder(t *testing.T) { // I1, I10, I11, I12
	s := elevated(t)
	if got, until := s.Elevated(noon()); !slices.Equal(got, []string{"admin"}) || !until.Equal(noon().Add(9*time.Minute)) {
		t.Fatalf("in order it gives %q until %s", got, until)
	}
	if got := s.Effective(noon()); !slices.Equal(got, []string{"admin", "reader"}) || !slices.Equal(s.Roles(), []string{"reader"}) {
		t.Errorf("effective are %q, own are %q", got, s.Roles())
	}
	for name, spoil := range map[string]func(s *provision.Standing, e *provision.Lease){
		"before its start":                   func(_ *provision.Standing, e *provision.Lease) { e.Start = noon().Add(1) },
		"at its end":                         func(_ *provision.Standing, e *provision.Lease) { e.End = noon() },
		"ended early":                        func(_ *provision.Standing, e *provision.Lease) { e.EndedAt = noon().Add(-1) },
		"of another kind":                    func(_ *provision.Standing, e *provision.Lease) { e.Kind = "agent" },
		"of no kind":                         func(_ *provision.Standing, e *provision.Lease) { e.Kind = "" },
		"below another session":              func(_ *provision.Standing, e *provision.Lease) { e.Parent = "acme.other" },
		"below none":                         func(s *provision.Standing, e *provision.Lease) { e.Parent, s.Lease.ID = "", "" },
		"of another account":                 func(_ *provision.Standing, e *provision.Lease) { e.Account = "acc_other" },
		"of another tenant":                  func(_ *provision.Standing, e *provision.Lease) { e.Tenant = "other" },
		"of an account that was revoked":     func(s *provision.Standing, _ *provision.Lease) { s.Account.Generation++ },
		"of a tenant that was revoked":       func(s *provision.Standing, _ *provision.Lease) { s.Tenant.Generation++ },
		"without a role":                     func(_ *provision.Standing, e *provision.Lease) { e.Grant.Roles = nil },
		"with an empty role":                 func(_ *provision.Standing, e *provision.Lease) { e.Grant.Roles = []string{""} },
		"with two roles":                     func(_ *provision.Standing, e *provision.Lease) { e.Grant.Roles = []string{"admin", "root"} },
		"with a role of no rule":             func(_ *provision.Standing, e *provision.Lease) { e.Grant.Roles = []string{"root"} },
		"of a rule that is gone":             func(s *provision.Standing, _ *provision.Lease) { s.Tenant.Policy.Elevate = nil },
		"of a rule for shorter":              func(s *provision.Standing, _ *provision.Lease) { s.Tenant.Policy.Elevate[0].Max = time.Minute },
		"of a rule for nobody":               func(s *provision.Standing, _ *provision.Lease) { s.Tenant.Policy.Elevate[0].Who = provision.Circle{} },
		"of somebody who left her group":     func(s *provision.Standing, _ *provision.Lease) { s.Account.Groups = nil },
		"below a lease that is no session":   func(s *provision.Standing, _ *provision.Lease) { s.Lease.Kind = "agent" },
		"below an elevation":                 func(s *provision.Standing, _ *provision.Lease) { s.Lease.Kind = provision.ElevationLease },
		"the zero elevation":                 func(_ *provision.Standing, e *provision.Lease) { *e = provision.Lease{} },
		"a session in place of an elevation": func(s *provision.Standing, e *provision.Lease) { *e = s.Lease },
	} {
		s := elevated(t)
		spoil(&s, &s.Elevations[0])
		if got, until := s.Elevated(noon()); len(got) != 0 || !until.IsZero() {
			t.Errorf("%s it gives %q until %s", name, got, until)
		}
		if slices.Contains(s.Effective(noon()), "admin") {
			t.Errorf("%s it is effective", name)
		}
	}
	if got := (provision.Standing{}).Effective(noon()); len(got) != 0 {
		t.Errorf("the zero standing has %q", got)
	}
}

func TestAnElevationMakesNobodyWhoMayAskOrApproveForMore(t *testing.T) {
	s := elevated(t)
	s.Tenant.Policy.Elevate = append(s.Tenant.Policy.Elevate, provision.ElevationRule{Role: "root", Who: provision.Circle{Roles: []string{"admin"}}, Max: time.Minute, Approve: provision.ByPolicy})
	if !slices.Contains(s.Effective(noon()), "admin") {
		t.Fatal("she has no role for a while")
	}
	state := provision.State{Former: s}
	if r := provision.AskElevation(state, provision.ElevationAsk{ID: "elv_1", Role: "root", For: time.Minute, Said: provision.Said{Reason: "more"}}, actOf(t, provision.Person, s.Account.ID)); r.Reason != provision.ElevationRefused || len(r.Change.Leases) != 0 {
		t.Errorf("%+v", r)
	}
}

func actOf(t *testing.T, kind string, id provision.AccountID) provision.Act {
	t.Helper()
	return provision.Act{Actor: provision.Actor{Kind: kind, ID: string(id)}, Now: noon(), IDs: provision.IDs{
		Lease: func(tenant provision.TenantID) provision.LeaseID { return provision.NewLeaseID(tenant, "new") },
		Event: func(n int) provision.EventID { return provision.EventID("evt_" + strings.Repeat("i", n+1)) },
	}}
}

func TestTheZeroStateGivesNoRoleAndTheZeroRequestGetsNone(t *testing.T) { // I14
	ask := provision.ElevationAsk{ID: "elv_1", Role: "admin", For: time.Minute, Said: provision.Said{Reason: "the disk"}}
	if r := provision.AskElevation(provision.State{}, ask, actOf(t, provision.Person, "")); r.Reason == "" || len(r.Change.Leases)+len(r.Change.Elevations) > 0 {
		t.Errorf("the zero state: %+v", r)
	}
	s := elevated(t)
	if r := provision.AskElevation(provision.State{Former: s}, provision.ElevationAsk{}, actOf(t, provision.Person, s.Account.ID)); r.Reason != provision.ElevationRefused || len(r.Change.Leases)+len(r.Change.Elevations) > 0 {
		t.Errorf("the zero request: %+v", r)
	}
	for _, kind := range []string{"", provision.Person, provision.Operator, provision.TenantAdmin, provision.Workload, provision.System, provision.Partner} {
		if r := provision.RuleElevation(provision.State{}, "elv_1", true, actOf(t, kind, "")); r.Reason == "" || len(r.Change.Leases) > 0 {
			t.Errorf("the zero state, %s: %+v", kind, r)
		}
		waiting := provision.Elevation{ID: "elv_1", Tenant: "acme", Account: s.Account.ID, Session: s.Lease.ID, Role: "admin", For: time.Minute, State: provision.ElevationWaiting, Expires: noon().Add(1)}
		state := provision.State{Former: s, Waiting: []provision.Elevation{waiting}}
		if r := provision.RuleElevation(state, "elv_1", true, actOf(t, kind, "")); r.Reason != provision.ApproverRefused || len(r.Change.Leases) > 0 {
			t.Errorf("nobody, as %s: %+v", kind, r)
		}
		if r := provision.RuleElevation(state, "elv_1", true, actOf(t, kind, "acc_lead")); (r.Reason == "") != (kind == provision.Operator || kind == provision.TenantAdmin) {
			t.Errorf("%s without a session: %+v", kind, r)
		}
	}
}

func TestRulesThatNobodyCouldMeanAreFaults(t *testing.T) {
	sound := provision.ElevationRule{Role: "admin", Who: provision.Circle{Groups: []string{"eng"}}, Max: time.Minute, Approve: provision.ByApprover, Approvers: provision.Circle{Roles: []string{"lead"}}}
	if faults := (provision.Policy{Elevate: []provision.ElevationRule{sound}}).Faults(); len(faults) != 0 {
		t.Fatalf("a sound rule: %q", faults)
	}
	for want, spoil := range map[string]func(*provision.ElevationRule){
		"elevate[0].role: is missing":                                   func(r *provision.ElevationRule) { r.Role = " " },
		"elevate[0].who: names nobody":                                  func(r *provision.ElevationRule) { r.Who = provision.Circle{} },
		"elevate[0].max: 0s is not between 1s and 8h0m0s":               func(r *provision.ElevationRule) { r.Max = 0 },
		"elevate[0].max: 8h0m1s is not between 1s and 8h0m0s":           func(r *provision.ElevationRule) { r.Max = 8*time.Hour + time.Second },
		`elevate[0].approve: "" is none of policy, approver`:            func(r *provision.ElevationRule) { r.Approve = "" },
		"elevate[0].approvers: names nobody":                            func(r *provision.ElevationRule) { r.Approvers = provision.Circle{} },
		"elevate[0].approvers: nobody is asked when the policy decides": func(r *provision.ElevationRule) { r.Approve = provision.ByPolicy },
	} {
		rule := sound
		spoil(&rule)
		if faults := (provision.Policy{Elevate: []provision.ElevationRule{rule}}).Faults(); !slices.Equal(faults, []string{want}) {
			t.Errorf("%q, want %q", faults, want)
		}
	}
}
