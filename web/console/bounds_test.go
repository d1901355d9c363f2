package console_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web/console"
)

func TestWhoAdministersTheOperatorsTenantDoesNotBecomeOperator(t *testing.T) {
	x := newTown(t)
	operator, adam, eve := x.admin("ops", "olga", provision.OperatorOffice), x.admin("ops", "adam", provision.TenantAdminOffice), x.login("ops", "eve")
	x.hold("ops-idp")
	before := x.held("ops")
	forms := []string{"reason", "because", "typed", "olga@ops.test", "office", "leasehold:admin", "connection", "ops-idp", "subject", "mallory"}
	for _, act := range console.AccountActs() {
		if r := adam.post("/admin/accounts/"+string(operator.lease.Account)+"/"+act, forms...); r.Code != http.StatusForbidden {
			t.Errorf("%s of an operator: %d", act, r.Code)
		}
	}
	for _, act := range []string{"confirm", "disable", "enable"} {
		if r := adam.post("/admin/connections/ops-idp/"+act, forms...); r.Code != http.StatusForbidden {
			t.Errorf("%s the operators' connection: %d", act, r.Code)
		}
	}
	if r := adam.post("/admin/tenants/ops/policy/save", "seen", "1", "base", "1", "create", "deny", "mode", "leased", "reason", "because"); r.Code != http.StatusForbidden {
		t.Errorf("the operators' policy: %d", r.Code)
	}
	for at, offered := range map[string]bool{"/admin/accounts/" + string(operator.lease.Account): false, "/admin/accounts/" + string(eve.Account): true} {
		if page := adam.get(at).Body.String(); strings.Contains(page, "/suspend") != offered || strings.Contains(page, "/appoint") != offered {
			t.Errorf("%s offers what is refused, or does not offer what is not", at)
		}
	}
	if page := adam.get("/admin/connections/ops-idp").Body.String(); strings.Contains(page, "/disable") || strings.Contains(page, "/confirm") {
		t.Error("the operators' connection is offered to be changed")
	}
	if after := x.held("ops"); after != before {
		t.Errorf("something was done:\n%s\nwas\n%s", after, before)
	}
	if r := adam.post("/admin/accounts/"+string(eve.Account)+"/link", "connection", "ops-idp", "subject", "eve-2"); r.Code != http.StatusSeeOther {
		t.Errorf("her own people she governs: %d\n%s", r.Code, r.Body)
	}
	if r := operator.post("/admin/connections/ops-idp/reject", "reason", "not ours"); r.Code != http.StatusSeeOther {
		t.Errorf("an operator: %d", r.Code)
	}
}

func TestTheAuditTellsATenantAdminNothingOfOthersDomainsNorOfHowMuchHappens(t *testing.T) {
	x, acme, operator, _ := settled(t)
	ctx, deed := context.Background(), everything().Deed("", "")
	prover := broker.NewProver(x.Broker, nowhere{}, time.Hour, time.Hour)
	_, err := prover.Attest(ctx, deed, "globex", domain(t, "rnodem.test"))
	must(t, err)
	_, err = prover.Claim(ctx, deed, "acme", domain(t, "modem.test"))
	must(t, err)
	for range 60 {
		x.login("acme", "bob")
	}
	kind := "?kind=domain.claim"
	for _, at := range []string{"/admin/audit", "/admin/audit.jsonl"} {
		if page := acme.get(at + kind).Body.String(); strings.Contains(page, "globex") || strings.Contains(page, "looks like") || !strings.Contains(page, "modem.test") {
			t.Errorf("%s tells whose domain another is like:\n%s", at, page)
		}
		if page := operator.get(at + kind).Body.String(); !strings.Contains(page, "which tenant globex owns") {
			t.Errorf("%s does not warn operators", at)
		}
	}
	if lines := acme.get("/admin/audit.jsonl").Body.String(); strings.Contains(lines, `"seq"`) {
		t.Error("the export counts every tenant's events")
	}
	if lines := operator.get("/admin/audit.jsonl").Body.String(); !strings.Contains(lines, `"seq":1,`) {
		t.Error("an operator's export has no seq")
	}
	next := regexp.MustCompile(`href="([^"]*(?:before|after)=([^"&#]*)[^"]*)">Next page`)
	walk := func(who visitor, path string, want int) {
		t.Helper()
		seen := map[string]bool{}
		for pages := 0; path != "" && pages < 20; pages++ {
			page := who.get(path).Body.String()
			for _, row := range regexp.MustCompile(`(?s)<tr><td.*?</tr>`).FindAllString(page, -1) {
				if seen[row] {
					t.Errorf("%s has a row again: %s", path, row)
				}
				seen[row] = true
			}
			found := next.FindStringSubmatch(page)
			if path = ""; found != nil {
				path = strings.ReplaceAll(found[1], "&amp;", "&")
				if regexp.MustCompile(`^\d+(%2F|/|$)`).MatchString(found[2]) {
					t.Errorf("a cursor can be read: %s", found[2])
				}
			}
		}
		if len(seen) < want {
			t.Errorf("%d rows, want %d", len(seen), want)
		}
	}
	bob := x.login("acme", "bob")
	for range 60 {
		x.stuck(bob)
	}
	walk(acme, "/admin/audit?kind=login", 60)
	walk(acme, "/admin/accounts/"+string(bob.Account), 60)
	walk(acme, "/admin/deliveries", 61)
	walk(operator, "/admin/audit?kind=login", 60)
}

// stuck gives an account one more delivery that is stuck.
func (x *town) stuck(l provision.Lease) {
	x.t.Helper()
	_, err := x.store.Amend(context.Background(), provision.Target{}, func(provision.State) (provision.Change, error) {
		event, id, now := provision.EventID("evt_"+rand.Text()), provision.DeliveryID("dlv_"+rand.Text()), time.Now()
		return provision.Change{
			Events: []provision.Event{{ID: event, Time: now, Kind: provision.EventLeaseEnded, Tenant: l.Tenant, Account: l.Account}},
			Deliveries: []provision.Delivery{{ID: id, Event: event, Kind: provision.SessionEnded, App: "wiki", Tenant: l.Tenant, Account: l.Account, At: now, Due: now,
				State: provision.DeliveryStuck, Tries: 9, Fault: "no answer to " + string(id), Settled: now}},
		}, nil
	})
	must(x.t, err)
}

func TestWhatAppsAreToldIsTheOperatorsAffair(t *testing.T) {
	x, acme, operator, _ := settled(t)
	before := x.held("acme")
	for _, act := range []string{"retry", "drop"} {
		at := "/admin/deliveries/dlv_acme/" + act
		if r := acme.get(at); r.Code != http.StatusForbidden {
			t.Errorf("%s is asked: %d", act, r.Code)
		}
		if r := acme.post(at, "reason", "because"); r.Code != http.StatusForbidden {
			t.Errorf("%s is done: %d", act, r.Code)
		}
	}
	if x.held("acme") != before {
		t.Error("something was done")
	}
	if page := acme.get("/admin/deliveries").Body.String(); !strings.Contains(page, "410 Gone") || strings.Contains(page, "dlv_acme/") {
		t.Errorf("a tenant admin's page:\n%s", page)
	}
	if page := operator.get("/admin/deliveries").Body.String(); !strings.Contains(page, "dlv_acme/retry") {
		t.Error("an operator is not offered a retry")
	}
	if r := operator.post("/admin/deliveries/dlv_acme/retry"); r.Code != http.StatusSeeOther {
		t.Errorf("an operator: %d", r.Code)
	}
}

func TestACredentialThatIsStuckNeedsAttention(t *testing.T) {
	x := newTown(t)
	operator, acme := x.admin("ops", "olga", provision.OperatorOffice), x.admin("acme", "adam", provision.TenantAdminOffice)
	globex := x.admin("globex", "gert", provision.TenantAdminOffice)
	l := x.login("acme", "bob")
	if page := operator.get("/admin").Body.String(); strings.Contains(page, "could not be taken back") {
		t.Fatal("it is said before it is so")
	}
	_, err := x.store.Amend(context.Background(), provision.Target{}, func(provision.State) (provision.Change, error) {
		return provision.Change{Credentials: []provision.Credential{{
			ID: "crd_1", Tenant: "acme", Account: l.Account, Lease: l.ID, Source: "reports", Name: "lh_bob", State: provision.CredentialStuck,
			Made: time.Now(), Until: time.Now(), Next: time.Now(), Tried: 4, Fault: "no route",
		}}, Events: []provision.Event{{ID: "evt_stuck", Time: time.Now(), Kind: provision.EventCredential, Tenant: "acme", Account: l.Account}}}, nil
	})
	must(t, err)
	for who, b := range map[string]visitor{"an operator": operator, "its administrator": acme} {
		if page := b.get("/admin").Body.String(); !strings.Contains(page, "1 credential could not be taken back: source reports still has lh_bob") {
			t.Errorf("%s is not told", who)
		}
	}
	if page := globex.get("/admin").Body.String(); strings.Contains(page, "lh_bob") {
		t.Error("another tenant's administrator is told")
	}
}
