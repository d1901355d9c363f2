package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web/api"
)

// part is a part of a list, by ids.
type part struct {
	Items []struct{ ID, Domain, Tenant, State string }
	Next  string
}

func TestAListBeginsAfterWhatIsNamed(t *testing.T) {
	h, own, _ := town(t)
	everyone, acme := h.token("", time.Hour, provision.MayRead), h.token("acme", time.Hour, provision.MayRead)
	var all, rest part
	h.ask(everyone, http.MethodGet, "/api/v1/accounts", nil).read(t, &all)
	h.ask(everyone, http.MethodGet, "/api/v1/accounts?after="+all.Items[0].ID, nil).read(t, &rest)
	if len(all.Items) < 3 || len(rest.Items) != len(all.Items)-1 || rest.Items[0].ID != all.Items[1].ID {
		t.Errorf("of %v, after the first: %v", all.Items, rest.Items)
	}
	rest = part{}
	h.ask(acme, http.MethodGet, "/api/v1/accounts?after="+all.Items[0].ID, nil).read(t, &rest)
	for _, a := range rest.Items {
		if a.Tenant != own["tenant"] {
			t.Errorf("acme reads %v", a)
		}
	}
	// What is counted over all tenants is begun at by number only by who sees the numbers.
	h.ask(everyone, http.MethodGet, "/api/v1/events?after=3", nil).want(t, 200, "")
	h.ask(acme, http.MethodGet, "/api/v1/events?after=3", nil).want(t, 422, "input_invalid")
	h.ask(everyone, http.MethodGet, "/api/v1/deliveries?state=all&after=1/acme-app", nil).want(t, 200, "")
	a := h.ask(acme, http.MethodGet, "/api/v1/deliveries?state=all&after=1/acme-app", nil)
	a.want(t, 422, "input_invalid")
	if a = h.ask(acme, http.MethodGet, "/api/v1/deliveries?state=all", nil); strings.Contains(a.body, `"seq"`) || !strings.Contains(a.body, own["delivery"]) {
		t.Errorf("deliveries of acme: %s", a.body)
	}
}

func TestOnlyOperatorsAreToldWhatIsOfSeveralTenants(t *testing.T) {
	h, _, _ := town(t)
	everyone, acme := h.token("", time.Hour, provision.MayWrite), h.token("acme", time.Hour, provision.MayWrite)
	h.ask(acme, http.MethodPut, "/api/v1/tenants/acme/domains/rival.test", o{}).want(t, 200, "")
	h.ask(acme, http.MethodPut, "/api/v1/tenants/acme/domains/r1val.test", o{}).want(t, 200, "")
	var claims part
	h.ask(everyone, http.MethodGet, "/api/v1/domains?domain=rival.test", nil).read(t, &claims)
	if len(claims.Items) != 2 {
		t.Errorf("the claims on rival.test are %v", claims.Items)
	}
	claims = part{}
	h.ask(acme, http.MethodGet, "/api/v1/domains?domain=rival.test", nil).read(t, &claims)
	if len(claims.Items) != 1 || claims.Items[0].Tenant != "acme" {
		t.Errorf("acme sees of rival.test %v", claims.Items)
	}
	const check = "/api/v1/tenants/acme/domains/r1val.test/check"
	if a := h.ask(everyone, http.MethodPost, check, o{}); !strings.Contains(a.body, "looks like rival.test") {
		t.Errorf("an operator is told %s", a.body)
	}
	if a := h.ask(acme, http.MethodPost, check, o{}); a.status != http.StatusOK || strings.Contains(a.body, "rival.test, which") {
		t.Errorf("acme is told %d %s", a.status, a.body)
	}
	if a := h.ask(everyone, http.MethodGet, "/api/v1/apps/acme-app", nil); !strings.Contains(a.body, `"notify":{"url":"https://hooks.example/acme","pending":`) {
		t.Errorf("an operator sees the app %s", a.body)
	}
	if a := h.ask(acme, http.MethodGet, "/api/v1/apps/acme-app", nil); strings.Contains(a.body, `"notify"`) {
		t.Errorf("acme sees the app %s", a.body)
	}
}

func TestTheGistOfAPolicyIsForWhoMayReadPolicies(t *testing.T) {
	h, _, _ := town(t)
	for permit, told := range map[provision.Permit]bool{provision.MayRead: true, "tenants:read": false} {
		for _, path := range []string{"/api/v1/tenants", "/api/v1/tenants/acme"} {
			if a := h.ask(h.token("acme", time.Hour, permit), http.MethodGet, path, nil); a.status != http.StatusOK || strings.Contains(a.body, `"create":"allow","mode":"leased","max_session":"8h0m0s","idle":"30m0s","seats":0`) != told {
				t.Errorf("%s with %s: %s", path, permit, a.body)
			}
		}
	}
}

func TestWhatManifestsRegisteredIsDeletedAtTheHostAlone(t *testing.T) {
	h, own, _ := town(t)
	ctx := context.Background()
	remote := broker.Order{Mandate: everywhere(), Why: "why"}
	host := remote
	host.Host = true
	id := provision.ConnectionID(own["connection"])
	_, err := h.desk.DisableConnection(ctx, remote, id)
	must(t, err)
	everyone := h.token("", time.Hour, provision.MayWrite)
	h.ask(everyone, http.MethodDelete, "/api/v1/connections/"+string(id)+"?reason=why", nil).want(t, 409, "managed_by_manifest")
	must(t, h.desk.DeleteConnection(ctx, host, id))
	_, err = h.desk.SuspendTenant(ctx, remote, "acme")
	must(t, err)
	h.ask(everyone, http.MethodDelete, "/api/v1/tenants/acme?reason=why", nil).want(t, 409, "managed_by_manifest")
	must(t, h.desk.DeleteTenant(ctx, host, "acme"))
	h.ask(everyone, http.MethodGet, "/api/v1/tenants/acme", nil).want(t, 404, "not_found")
}

func TestAWorkloadsConnectionHasAnAudienceAndNoAddressOfLogins(t *testing.T) {
	found := api.Addresses(origin(sso), provision.Connection{ID: "ci", Tenant: "acme", Protocol: provision.Workloads})
	if len(found) != 1 || found["audience"] != broker.WorkloadAudience(origin(sso), "acme") {
		t.Errorf("the addresses are %v", found)
	}
}
