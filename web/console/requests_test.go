package console_test

import (
	"context"
	"strings"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

// amendPolicy changes acme's policy past all rules, as an older manifest may have left it.
func (x *town) amendPolicy(change func(*provision.Policy)) {
	x.t.Helper()
	_, err := x.store.Amend(context.Background(), provision.Target{Tenant: "acme"}, func(s provision.State) (provision.Change, error) {
		change(&s.Tenant.Policy)
		s.Tenant.Policy.Version++
		s.Tenant.Revision++
		return provision.Change{Tenants: []provision.Tenant{s.Tenant}}, nil
	})
	must(x.t, err)
}

func TestARequestForARoleIsListedWhileItWaits(t *testing.T) {
	x := newTown(t)
	operator, acme := x.admin("ops", "olga", provision.OperatorOffice), x.admin("acme", "adam", provision.TenantAdminOffice)
	x.amendPolicy(func(p *provision.Policy) {
		p.Roles.Default = []string{"reader"}
		p.Elevate = []provision.ElevationRule{{Role: "auditor", Who: provision.Circle{Roles: []string{"reader"}}, Max: 1 << 40, Approve: provision.ByApprover, Approvers: provision.Circle{Groups: []string{"leads"}}}}
	})
	if page := acme.get("/admin/requests").Body.String(); !strings.Contains(page, "Nobody waits") {
		t.Fatalf("before: %s", page)
	}
	eve := x.login("acme", "eve")
	e, err := x.AskElevation(context.Background(), x.Token(eve.ID, x.origin), x.origin, broker.Wanting{Role: "auditor", For: 1 << 40, Said: provision.Said{Reason: "the yearly audit", Ticket: "A-7"}}, provision.Requester{})
	must(t, err)
	for who, v := range map[string]visitor{"her administrator": acme, "an operator": operator} {
		if page := v.get("/admin/requests").Body.String(); !strings.Contains(page, "eve@acme.test") || !strings.Contains(page, "auditor") || !strings.Contains(page, "A-7: the yearly audit") {
			t.Errorf("%s: %s", who, page)
		}
	}
	if page := x.admin("globex", "gina", provision.TenantAdminOffice).get("/admin/requests").Body.String(); !strings.Contains(page, "Nobody waits") {
		t.Errorf("another tenant's: %s", page)
	}
	_, err = x.JudgeElevation(context.Background(), x.Token(eve.ID, x.origin), x.origin, broker.Judgement{ID: e.ID})
	must(t, err)
	if page := acme.get("/admin/requests").Body.String(); !strings.Contains(page, "Nobody waits") {
		t.Errorf("withdrawn: %s", page)
	}
}

func TestRulesForWhichNobodyAnswersAreOrphans(t *testing.T) {
	x := newTown(t)
	acme := x.admin("acme", "adam", provision.TenantAdminOffice)
	bob := x.login("acme", "bob").Account
	address := func(name string) provision.Email {
		e, err := provision.ParseEmail(name + "@acme.test")
		must(t, err)
		return e
	}
	x.amendPolicy(func(p *provision.Policy) {
		p.Trust = []provision.TrustRule{{ID: "deploys", Owner: address("bob")}, {ID: "backups", Owner: address("nobody")}, {ID: "reports", Owner: address("adam")}}
	})
	page := acme.get("/admin/orphans").Body.String()
	if !strings.Contains(page, "backups") || !strings.Contains(page, "no account") || strings.Contains(page, "deploys") || strings.Contains(page, "reports") {
		t.Errorf("whose owner is there: %s", page)
	}
	if r := acme.post("/admin/accounts/"+string(bob)+"/revoke", "reason", "left"); r.Code != 303 {
		t.Fatal(r.Code)
	}
	if page := acme.get("/admin/orphans").Body.String(); !strings.Contains(page, "deploys") || !strings.Contains(page, "bob@acme.test") {
		t.Errorf("whose owner was revoked: %s", page)
	}
	if page := x.admin("globex", "gina", provision.TenantAdminOffice).get("/admin/orphans").Body.String(); strings.Contains(page, "deploys") || strings.Contains(page, "backups") {
		t.Errorf("another tenant's: %s", page)
	}
}
