package console_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

const acmesPage = "/admin/tenants/acme"

func TestASetupLinkIsShownOnceListedAndWithdrawn(t *testing.T) {
	x, acme, _, _ := settled(t)
	if page := acme.get(acmesPage).Body.String(); !strings.Contains(page, "None is open") || !strings.Contains(page, acmesPage+"/setups/new") {
		t.Errorf("before: %s", page)
	}
	if asked := acme.get(acmesPage + "/setups/new").Body.String(); !strings.Contains(asked, "becomes an administrator") || !strings.Contains(asked, "3 days") {
		t.Errorf("asked: %s", asked)
	}
	if r := acme.post(acmesPage+"/setups/new", "life", "a century"); r.Code != http.StatusUnprocessableEntity {
		t.Errorf("for a century: %d", r.Code)
	}
	made := acme.post(acmesPage+"/setups/new", "life", "7 days", "reason", "they asked")
	link := regexp.MustCompile(`/setup/([a-z0-9]{50,})`).FindStringSubmatch(made.Body.String())
	if made.Code != http.StatusOK || made.Header().Get("Cache-Control") != "no-store" || link == nil || !strings.Contains(made.Body.String(), "Registers one identity provider of The acme") {
		t.Fatalf("%d %v\n%s", made.Code, made.Header(), made.Body)
	}
	open, err := x.ListSetups(context.Background(), everything(), provision.Page{Tenant: "acme"})
	if err != nil || len(open) != 1 || open[0].ID != provision.SetupOf(link[1]) || open[0].Expires.Sub(open[0].Created).Round(time.Minute) != 7*24*time.Hour {
		t.Fatalf("%+v, %v", open, err)
	}
	listed := acme.get(acmesPage).Body.String()
	withdraw := acmesPage + "/setups/" + string(open[0].ID) + "/withdraw"
	if !strings.Contains(listed, withdraw) || !strings.Contains(listed, string(open[0].Connection)) || strings.Contains(listed, link[1]) {
		t.Errorf("listed: %s", listed)
	}
	if r := acme.get(withdraw); r.Code != http.StatusOK || !strings.Contains(r.Body.String(), "opens nothing any more") {
		t.Errorf("%d: %s", r.Code, r.Body)
	}
	r := acme.post(withdraw, "reason", "the wrong person")
	if r.Code != http.StatusSeeOther {
		t.Fatalf("%d: %s", r.Code, r.Body)
	}
	if page := acme.get(r.Header().Get("Location")).Body.String(); !strings.Contains(page, "Done: Withdraw the setup link") {
		t.Errorf("nothing says that it was done: %s", page)
	}
	if _, err := (&broker.Guide{Broker: x.Broker}).LookAt(context.Background(), link[1], ""); err == nil {
		t.Error("it opens something")
	}
	if page := acme.get(acmesPage).Body.String(); !strings.Contains(page, "None is open") {
		t.Errorf("after: %s", page)
	}
	events, err := x.Events(context.Background(), provision.EventFilter{Tenant: "acme", Kind: provision.EventSetup, Limit: 100})
	if err != nil || len(events) != 2 || events[0].Actor.Via != "console" || events[0].Actor.ID != string(acme.lease.Account) || events[1].Personal.Detail != "the wrong person" {
		t.Errorf("the audit: %+v, %v", events, err)
	}
}

func TestASetupLinkOfTheOperatorsTenantIsAnOperators(t *testing.T) {
	x, _, operator, _ := settled(t)
	adam := x.admin("ops", "adam", provision.TenantAdminOffice)
	const at = "/admin/tenants/ops/setups/new"
	if page := adam.get("/admin/tenants/ops").Body.String(); strings.Contains(page, "etup link") {
		t.Errorf("it is offered: %s", page)
	}
	if asked, made := adam.get(at), adam.post(at, "life", "1 day"); asked.Code != http.StatusForbidden || made.Code != http.StatusForbidden {
		t.Errorf("asked: %d, made: %d", asked.Code, made.Code)
	}
	if r := operator.post(at, "life", "1 day"); r.Code != http.StatusOK {
		t.Errorf("an operator: %d", r.Code)
	}
}

func TestOnesOwnPageLeadsToTheConsoleWhoeverMayOpenIt(t *testing.T) {
	x, acme, operator, _ := settled(t)
	for who, c := range map[string]struct {
		visitor
		leads bool
	}{"an administrator": {acme, true}, "an operator": {operator, true}, "somebody": {x.as(x.login("acme", "eve")), false}} {
		if r := c.get("/"); r.Code != http.StatusOK || strings.Contains(r.Body.String(), `"/admin"`) != c.leads {
			t.Errorf("%s: %d\n%s", who, r.Code, r.Body)
		}
	}
}

// TestLinksThatAreOverHideNoneThatWorks has more of them than a page shows, with names before and behind.
func TestLinksThatAreOverHideNoneThatWorks(t *testing.T) {
	x, acme, _, _ := settled(t)
	var change provision.Change
	for i := range 120 {
		change.Setups = append(change.Setups, provision.Setup{
			ID: provision.SetupID(fmt.Sprintf("setup_%03d", i)), Tenant: "acme", Connection: "acme-late", State: provision.SetupOpen, Created: x.Now().Add(-2 * time.Hour), Expires: x.Now().Add(-time.Hour), Revision: 1,
		})
	}
	change.Setups[100].Connection, change.Setups[100].Expires = "acme-works", x.Now().Add(time.Hour)
	_, err := x.store.Amend(context.Background(), provision.Target{Tenant: "acme"}, func(provision.State) (provision.Change, error) { return change, nil })
	if err != nil {
		t.Fatal(err)
	}
	if page := acme.get(acmesPage).Body.String(); !strings.Contains(page, "acme-works") || strings.Contains(page, "acme-late") {
		t.Errorf("shown: %s", page)
	}
}
