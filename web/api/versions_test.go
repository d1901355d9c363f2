package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/web/api"
)

func TestAVersionSaysWhoSavedItAndWhyAndWhatItChanged(t *testing.T) {
	h, _, everyone := admin(t)
	const path = "/api/v1/tenants/mine/policy"
	h.ask(everyone, http.MethodPut, "/api/v1/tenants/mine", o{}, "If-None-Match", "*").want(t, 200, "")
	h.ask(everyone, http.MethodPut, path, o{"create": "allow", "idle": "5m", "reason": "hurry"}, "If-Match", `"1"`)
	var list struct{ Items []api.PolicyView }
	h.ask(everyone, http.MethodGet, path+"/versions", nil).read(t, &list)
	if len(list.Items) != 2 || !list.Items[0].Current || list.Items[1].Current {
		t.Fatalf("the versions are %+v", list.Items)
	}
	if v := list.Items[0]; v.Why != "hurry" || v.Actor == nil || !strings.HasPrefix(v.Actor.ID, "tok_") || v.At.IsZero() || !slices.Contains(v.Changes, "idle: 30m0s → 5m0s") {
		t.Errorf("the second is %+v", v)
	}
	list.Items = nil
	h.ask(everyone, http.MethodGet, path+"/versions?after=2", nil).read(t, &list)
	if len(list.Items) != 1 || list.Items[0].Version != 1 {
		t.Errorf("below the second: %+v", list.Items)
	}
	var found api.Differences
	h.ask(everyone, http.MethodGet, path+"/versions/1/differences", nil).read(t, &found)
	if found.To != 2 || !slices.Contains(found.Changes, "create: deny → allow") {
		t.Errorf("they differ in %+v", found)
	}
	h.ask(everyone, http.MethodGet, path+"/versions/1/differences?to=9", nil).want(t, 404, "not_found")
}

func TestAPolicyIsTriedAndNothingIsChanged(t *testing.T) {
	h, acme, _ := admin(t)
	const path = "/api/v1/tenants/acme/policy/try"
	l := h.login("acme-manifest", "ada", "ada@acme.test")
	before := h.rows()
	var found api.Impact
	h.ask(acme, http.MethodPost, path, o{"create": "allow", "groups": o{"any": []string{"staff"}}}).want(t, 200, "").read(t, &found)
	if found.Judged != 1 || found.Ended != 1 || len(found.Affected) != 1 || found.Affected[0].Account != string(l.Account) || !slices.Contains(found.Changes, "groups.any: (none) → staff") {
		t.Errorf("it would do %+v", found)
	}
	h.ask(acme, http.MethodPost, path, o{"create": "allow", "roles": o{"default": []string{"leasehold:operator"}}}).want(t, 422, "input_invalid")
	if after := h.rows(); !slices.Equal(before, after) {
		t.Error("trying it wrote something")
	}
	h.ask(h.token("acme", 3600e9, provision.MayRead), http.MethodPost, path, o{}).want(t, 403, "scope_missing")
}

func TestWhoIsAffectedAndWhoAnswersIsForWhoMayReadAccounts(t *testing.T) {
	h, _, _ := admin(t)
	h.login("acme-manifest", "ada", "ada@acme.test")
	const path = "/api/v1/tenants/acme/policy/try"
	for _, named := range []bool{true, false} {
		permits := []provision.Permit{"policies:write", "policies:read"}
		if named {
			permits = append(permits, "accounts:read")
		}
		a := h.ask(h.token("acme", time.Hour, permits...), http.MethodPost, path, o{"create": "allow", "groups": o{"any": []string{"staff"}}}).want(t, 200, "")
		if strings.Contains(a.body, "ada@acme.test") != named || strings.Contains(a.body, "acc_") != named || !strings.Contains(a.body, `"accounts":1`) {
			t.Errorf("named: %t: %s", named, a.body)
		}
	}
	h, globex, _ := withGlobex(t)
	h.ask(globex, http.MethodPost, "/api/v1/accounts", o{"tenant": "globex", "email": "olga@globex.test"}).want(t, 200, "")
	h.ask(globex, http.MethodPut, "/api/v1/tenants/globex/grants/prod", o{"apps": []string{"deploy"}}, "If-None-Match", "*").want(t, 200, "")
	h.ask(globex, http.MethodPut, "/api/v1/tenants/globex/rules/deploy", ruleBody(h.trusts(globex), "repository_id"), "If-None-Match", "*").want(t, 200, "")
	for _, rule := range []string{"", "/deploy"} {
		if a := h.ask(globex, http.MethodGet, "/api/v1/tenants/globex/rules"+rule, nil).want(t, 200, ""); !strings.Contains(a.body, "owner_account") || !strings.Contains(a.body, "owner_state") {
			t.Errorf("to whom all is shown: %s", a.body)
		}
		if a := h.ask(h.token("globex", time.Hour, "rules:read"), http.MethodGet, "/api/v1/tenants/globex/rules"+rule, nil).want(t, 200, ""); strings.Contains(a.body, "owner_account") || strings.Contains(a.body, "owner_state") || !strings.Contains(a.body, `"held":true`) {
			t.Errorf("to whom accounts are not shown: %s", a.body)
		}
	}
}

func TestRevocationsOfOneTenantAreListedAlone(t *testing.T) {
	h, own, _ := town(t)
	acme, everyone := h.token("acme", time.Hour, provision.MayWrite), h.token("", time.Hour, provision.MayWrite)
	h.ask(everyone, http.MethodPost, "/api/v1/revocations", o{"connection": own["connection"], "reason": "x"}).want(t, 200, "")
	h.ask(everyone, http.MethodPost, "/api/v1/revocations", o{"tenant": "rival", "reason": "x"}).want(t, 200, "")
	const path = "/api/v1/revocations?ended=true"
	for tenant, want := range map[string]int{"&tenant=acme": 2, "&tenant=rival": 2} {
		var list struct{ Items []api.Revocation }
		h.ask(everyone, http.MethodGet, path+tenant, nil).want(t, 200, "").read(t, &list)
		for _, r := range list.Items {
			if tenant != "" && "&tenant="+r.Tenant != tenant {
				t.Errorf("%s lists %+v", tenant, r)
			}
			if a := h.ask(everyone, http.MethodGet, "/api/v1/revocations/"+r.ID, nil); a.status != http.StatusOK {
				t.Errorf("%s by its name: %d %s", r.ID, a.status, a.body)
			}
		}
		if len(list.Items) != want {
			t.Errorf("%s lists %d", tenant, len(list.Items))
		}
	}
	h.ask(acme, http.MethodGet, path+"&tenant=rival", nil).want(t, 404, "not_found")
}
