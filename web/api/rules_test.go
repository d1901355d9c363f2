package api_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web/api"
)

// withGlobex is a house with a tenant that the API registered, its app, and what may do all of it there.
func withGlobex(t testing.TB) (h *house, globex, everyone string) {
	t.Helper()
	h, _, everyone = admin(t)
	h.ask(everyone, http.MethodPut, "/api/v1/tenants/globex", o{}, "If-None-Match", "*").want(t, 200, "")
	h.ask(everyone, http.MethodPut, "/api/v1/tenants/globex/policy", o{"create": "allow", "roles": o{"ceiling": []string{"deployer"}}}, "If-Match", "*").want(t, 200, "")
	h.ask(everyone, http.MethodPut, "/api/v1/tenants/globex/domains/globex.test", o{"proof": "operator", "reason": "known"}).want(t, 200, "")
	h.ask(everyone, http.MethodPut, "/api/v1/apps/deploy", o{"origins": []string{"https://deploy.example.com"}, "tenants": []string{"globex"}, "workloads": true}, "If-None-Match", "*").want(t, 200, "")
	return h, h.token("globex", time.Hour, provision.MayWrite), everyone
}

// trusts has globex trust an issuer, and says which connection that is.
func (h *house) trusts(token string) string {
	h.t.Helper()
	var c api.Connection
	h.ask(token, http.MethodPost, "/api/v1/connections", o{"tenant": "globex", "protocol": "workload", "issuer": "https://ci.globex.test"}).want(h.t, 200, "").read(h.t, &c)
	if c.Addresses["audience"] != sso+"/t/globex" || c.Protocol != "workload" {
		h.t.Fatalf("the issuer is %+v", c)
	}
	return c.ID
}

func ruleBody(connection string, subject ...string) o {
	return o{"connection": connection, "match": o{"repository_id": []string{"1"}}, "subject": subject, "grants": []string{"prod"}, "owner": "olga@globex.test", "reason": "new pipeline"}
}

func TestATenantWritesItsRulesOfWorkloadsItself(t *testing.T) {
	h, globex, _ := withGlobex(t)
	ci, base := h.trusts(globex), "/api/v1/tenants/globex"
	grant := o{"apps": []string{"deploy"}, "roles": []string{"deployer"}, "max_ttl": "10m", "renewals": 2, "when": o{"hours": "Mon-Fri 08:00-18:00 Europe/Berlin", "addresses": []string{"192.0.2.0/24"}}, "require": o{"task": true}}
	h.ask(globex, http.MethodPut, base+"/grants/prod", grant).want(t, 428, "revision_missing")
	var g api.Grant
	h.ask(globex, http.MethodPut, base+"/grants/prod", grant, "If-None-Match", "*").want(t, 200, "").read(t, &g)
	if g.By != "api" || g.MaxTTL != "10m0s" || g.Renewals != 2 || !g.Require.Task || g.When.Hours == "" || len(g.When.Addresses) != 1 {
		t.Errorf("the grant is %+v", g)
	}
	var r api.Rule
	first := h.ask(globex, http.MethodPut, base+"/rules/deploy", ruleBody(ci, "repository_id", "workflow"), "If-None-Match", "*").want(t, 200, "")
	first.read(t, &r)
	if !r.Held || r.Account != "" || r.Disabled || r.By != "api" || first.header.Get("ETag") == "" {
		t.Errorf("without its owner the rule is %+v", r)
	}
	h.ask(globex, http.MethodPut, base+"/rules/deploy", ruleBody(ci, "repository_id", "workflow"), "If-None-Match", "*").want(t, 412, "revision_mismatch")

	var owner api.Account
	h.ask(globex, http.MethodPost, "/api/v1/accounts", o{"tenant": "globex", "email": "olga@globex.test"}).want(t, 200, "").read(t, &owner)
	h.ask(globex, http.MethodGet, base+"/rules/deploy", nil).want(t, 200, "").read(t, &r)
	if r.Account != owner.ID || r.State != "pending" || !r.Held {
		t.Errorf("of an owner who has not logged in yet it is %+v", r)
	}
	for what, wrong := range map[string]o{
		"a connection of nobody":         {"connection": "nowhere"},
		"another tenant's connection":    {"connection": "acme-ci"},
		"an owner of another domain":     {"owner": "olga@acme.test"},
		"an owner without an address":    {"owner": "olga"},
		"a grant that is not there":      {"grants": []string{"root"}},
		"a match of anything":            {"match": o{"repository_id": []string{"*"}}},
		"no match":                       {"match": o{}},
		"a token that is too old":        {"token_age": "2h"},
		"a name of nothing, in no place": {"subject": []string{}},
	} {
		body := ruleBody(ci, "repository_id", "workflow")
		for key, value := range wrong {
			body[key] = value
		}
		if a := h.ask(globex, http.MethodPut, base+"/rules/other", body, "If-None-Match", "*"); a.status != 422 {
			t.Errorf("%s is %d %s", what, a.status, a.body)
		}
	}
	for what, wrong := range map[string]o{
		"an app that admits others": {"apps": []string{"acme-app"}}, "a role above the ceiling": {"roles": []string{"root"}},
		"too long": {"max_ttl": "1h"}, "too often": {"renewals": 12}, "no hours": {"when": o{"hours": "always"}}, "no network": {"when": o{"addresses": []string{"everywhere"}}},
	} {
		body := o{"apps": []string{"deploy"}}
		for key, value := range wrong {
			body[key] = value
		}
		if a := h.ask(globex, http.MethodPut, base+"/grants/other", body, "If-None-Match", "*"); a.status != 422 {
			t.Errorf("%s is %d %s", what, a.status, a.body)
		}
	}
	forAgents := ruleBody(ci, "repository_id", "workflow")
	forAgents["agent"] = true
	h.ask(globex, http.MethodPut, base+"/rules/helper", forAgents, "If-None-Match", "*").want(t, 200, "").read(t, &r)
	if !r.Agent {
		t.Errorf("of agents it is %+v", r)
	}
	h.ask(globex, http.MethodDelete, base+"/rules/helper?reason=x", nil).want(t, 204, "")
	h.ask(globex, http.MethodDelete, base+"/grants/prod?reason=x", nil).want(t, 409, "conflict")
	h.ask(globex, http.MethodPost, base+"/rules/deploy/disable", o{"reason": "leak"}).want(t, 200, "").read(t, &r)
	if !r.Disabled {
		t.Errorf("disabled it is %+v", r)
	}
	h.ask(globex, http.MethodPost, base+"/rules/deploy/disable", o{"reason": "leak"}).want(t, 409, "conflict")
	h.ask(globex, http.MethodPut, base+"/rules/deploy", ruleBody(ci, "repository_id", "workflow"), "If-Match", "*").want(t, 200, "").read(t, &r)
	if !r.Disabled {
		t.Error("a change of the rule has switched it on again")
	}
	h.ask(globex, http.MethodPost, base+"/rules/deploy/enable", o{}).want(t, 200, "").read(t, &r)
	if r.Disabled {
		t.Errorf("enabled it is %+v", r)
	}
	h.ask(globex, http.MethodDelete, base+"/rules/deploy?reason=x", nil).want(t, 204, "")
	h.ask(globex, http.MethodGet, base+"/rules/deploy", nil).want(t, 404, "not_found")
	h.ask(globex, http.MethodDelete, base+"/grants/prod?reason=x", nil).want(t, 204, "")
	h.ask(globex, http.MethodGet, base+"/grants/prod", nil).want(t, 404, "not_found")
	if e := h.events(provision.EventPolicyChanged); e[len(e)-1].Personal.Detail != "x" || !strings.HasPrefix(e[len(e)-1].Actor.ID, "tok_") {
		t.Errorf("the last event is %+v", e[len(e)-1])
	}
}

func TestRulesOfManifestsAreSwitchedOffAndNotRewritten(t *testing.T) {
	h, acme, _ := admin(t)
	base, before := "/api/v1/tenants/acme", h.rows()
	body := ruleBody("acme-ci", "repository")
	body["owner"], body["grants"] = "ada@acme.test", []string{"acme-grant"}
	h.ask(acme, http.MethodPut, base+"/rules/acme-rule", body, "If-Match", "*").want(t, 409, "managed_by_manifest")
	h.ask(acme, http.MethodPut, base+"/rules/mine", body, "If-None-Match", "*").want(t, 409, "managed_by_manifest")
	h.ask(acme, http.MethodPut, base+"/grants/mine", o{"apps": []string{"acme-app"}}, "If-None-Match", "*").want(t, 409, "managed_by_manifest")
	h.ask(acme, http.MethodDelete, base+"/rules/acme-rule?reason=x", nil).want(t, 409, "managed_by_manifest")
	if !slices.Equal(before, h.rows()) {
		t.Error("something was written")
	}
	h.ask(acme, http.MethodPost, base+"/rules/acme-rule/disable", o{"reason": "leak"}).want(t, 200, "")
	h.register("acme") // the manifests again
	var r api.Rule
	h.ask(acme, http.MethodGet, base+"/rules/acme-rule", nil).want(t, 200, "").read(t, &r)
	if !r.Disabled || r.By != "manifest" {
		t.Errorf("after the manifests were applied again it is %+v", r)
	}
	if tenant, err := h.store.Tenant(context.Background(), "acme"); err != nil || tenant.Owner != provision.ByManifest {
		t.Errorf("the tenant is %+v, %v", tenant, err)
	}
}

func TestARuleDoesNotMakeOtherAccountsOfTheWorkloadsThereAre(t *testing.T) {
	h, globex, _ := withGlobex(t)
	ci, base := h.trusts(globex), "/api/v1/tenants/globex"
	h.ask(globex, http.MethodPut, base+"/grants/prod", o{"apps": []string{"deploy"}}, "If-None-Match", "*").want(t, 200, "")
	h.ask(globex, http.MethodPut, base+"/rules/deploy", ruleBody(ci, "repository_id", "workflow"), "If-None-Match", "*").want(t, 200, "")
	h.ask(globex, http.MethodPut, base+"/rules/deploy", ruleBody(ci, "repository_id"), "If-Match", "*").want(t, 200, "") // nobody came yet
	var x api.Account
	h.ask(globex, http.MethodPost, "/api/v1/accounts", o{"tenant": "globex", "email": "job@globex.test", "connection": ci, "subject": "repository_id=1"}).want(t, 200, "").read(t, &x)
	rekeyed := ruleBody(ci, "repository_id", "workflow")
	a := h.ask(globex, http.MethodPut, base+"/rules/deploy", rekeyed, "If-Match", "*").want(t, 409, "conflict")
	if !strings.Contains(a.body, x.ID) || !strings.Contains(a.body, "subject") {
		t.Errorf("the reason is %s", a.body)
	}
	h.ask(globex, http.MethodDelete, base+"/rules/deploy?reason=x", nil).want(t, 204, "") // nor by a detour
	h.ask(globex, http.MethodPut, base+"/rules/deploy", rekeyed, "If-None-Match", "*").want(t, 409, "conflict")
	h.ask(globex, http.MethodPut, base+"/rules/deploy", ruleBody(ci, "repository_id"), "If-None-Match", "*").want(t, 200, "")

	// Nor by a manifest that takes the tenant over.
	tenant, err := h.store.Tenant(context.Background(), "globex")
	must(t, err)
	tenant.Policy.Trust[0].Subject = []string{"workflow"}
	_, err = h.broker.Register(context.Background(), everywhere().Deed("", ""), broker.Wanted{Tenants: []broker.WantedTenant{{Tenant: tenant}}}, broker.Plan{Owner: provision.ByManifest, Adopt: true})
	if err == nil || !strings.Contains(err.Error(), x.ID) {
		t.Errorf("by a manifest: %v", err)
	}
}
