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
)

// offices is a house whose operators' tenant the API registered, with an operator, an administrator and somebody there.
type offices struct {
	*house
	operator, admin, somebody provision.AccountID
}

const opsConnection = "ops-idp"

func withOffices(t testing.TB) offices {
	t.Helper()
	h := newHouse(t)
	h.register("acme")
	ctx, o := context.Background(), broker.Order{Mandate: everywhere(), Why: "test"}
	_, err := h.desk.PutTenant(ctx, o, broker.TenantOrder{Tenant: provision.Tenant{ID: "ops", Name: "Operators"}}, broker.IsNew)
	must(t, err)
	_, err = h.desk.PutPolicy(ctx, o, "ops", provision.Policy{Create: provision.CreateAllow}, 1)
	must(t, err)
	_, err = h.desk.AttestDomain(ctx, o, "ops", domain("ops.test"))
	must(t, err)
	_, err = h.desk.CreateConnection(ctx, o, broker.ConnectionOrder{Connection: provision.Connection{
		ID: opsConnection, Tenant: "ops", Protocol: provision.SAML, Domains: []provision.Domain{domain("ops.test")}, Subject: "nameid", Metadata: []byte("<one/>"),
	}})
	must(t, err)
	x := offices{house: h}
	for name, office := range map[string]provision.Office{"olga": provision.OperatorOffice, "adam": provision.TenantAdminOffice, "eve": ""} {
		l := h.login(opsConnection, name, name+"@ops.test")
		switch office {
		case provision.OperatorOffice:
			x.operator = l.Account
		case provision.TenantAdminOffice:
			x.admin = l.Account
		default:
			x.somebody = l.Account
			continue
		}
		_, err := h.broker.Appoint(ctx, orderOf("test"), l.Account, office, true)
		must(t, err)
	}
	return x
}

func linkOf(subject string) o { return o{"connection": opsConnection, "subject": subject} }

func TestWhoAdministersTheOperatorsTenantDoesNotBecomeOperator(t *testing.T) {
	h := withOffices(t)
	bound, before := h.token("ops", time.Hour, provision.MayWrite), []string(nil)
	operator, connection := "/api/v1/accounts/"+string(h.operator), "/api/v1/connections/"+opsConnection
	saml := o{"protocol": "saml", "domains": []string{"ops.test"}, "metadata": "<evil/>"}
	made := o{"tenant": "ops", "protocol": "saml", "domains": []string{"ops.test"}, "metadata": "<evil/>"}
	calls := []struct {
		method, path string
		body         any
	}{
		{http.MethodPost, operator + "/link", linkOf("mallory")}, {http.MethodPost, operator + "/unlink", linkOf("olga")},
		{http.MethodPut, operator + "/offices/admin", nil}, {http.MethodDelete, operator + "/offices/operator?reason=x", nil}, {http.MethodDelete, operator + "?reason=x", nil},
		{http.MethodPost, "/api/v1/connections", made}, {http.MethodPost, "/api/v1/setups", o{"tenant": "ops"}}, {http.MethodPut, connection, saml}, {http.MethodPost, connection + "/confirm", o{"reason": "x"}},
		{http.MethodPost, connection + "/disable", o{"reason": "x"}}, {http.MethodPost, connection + "/enable", o{"reason": "x"}}, {http.MethodDelete, connection + "?reason=x", nil},
		{http.MethodPut, "/api/v1/tenants/ops/policy", o{"create": "allow", "roles": o{"default": []string{"x"}}}},
	}
	for _, verb := range []string{"approve", "end", "suspend", "release", "revoke", "restore"} {
		calls = append(calls, struct {
			method, path string
			body         any
		}{http.MethodPost, operator + "/" + verb, o{"reason": "x"}})
	}
	before = h.rows()
	for _, c := range calls {
		header := []string{}
		if c.method == http.MethodPut && !strings.Contains(c.path, "office") {
			header = []string{"If-Match", "*"}
		}
		if a := h.ask(bound, c.method, c.path, c.body, header...); a.status != http.StatusForbidden || a.reason() != "office_missing" {
			t.Errorf("%s %s is %d %s", c.method, c.path, a.status, a.body)
		}
	}
	if !slices.Equal(before, h.rows()) {
		t.Error("something was written")
	}
	h.ask(bound, http.MethodPost, "/api/v1/accounts/"+string(h.somebody)+"/link", linkOf("eve-2")).want(t, 200, "") // her own people she governs
	h.ask(bound, http.MethodPost, "/api/v1/accounts/"+string(h.somebody)+"/suspend", o{"reason": "x"}).want(t, 200, "")
	acme := h.token("acme", time.Hour, provision.MayWrite)
	h.ask(acme, http.MethodPost, "/api/v1/connections/acme-manifest/disable", o{"reason": "x"}).want(t, 200, "")
	everyone := h.token("", time.Hour, provision.MayWrite)
	h.ask(everyone, http.MethodPost, operator+"/link", linkOf("olga-2")).want(t, 200, "")
	h.ask(everyone, http.MethodPut, connection, saml, "If-Match", "*").want(t, 200, "")
}

func TestANarrowTokenAppointsNobody(t *testing.T) {
	h := withOffices(t)
	everyone, bound := h.token("", time.Hour, "accounts:write"), h.token("ops", time.Hour, "accounts:write")
	before := h.rows()
	for who, token := range map[string]string{"everywhere": everyone, "bound to the tenant": bound} {
		for _, c := range [][2]string{{http.MethodPut, string(h.somebody) + "/offices/admin"}, {http.MethodDelete, string(h.admin) + "/offices/admin?reason=x"}, {http.MethodPost, string(h.admin) + "/link"}} {
			var body any
			if c[0] == http.MethodPost {
				body = linkOf("mallory")
			}
			if a := h.ask(token, c[0], "/api/v1/accounts/"+c[1], body); a.status != http.StatusForbidden || a.reason() != "scope_missing" {
				t.Errorf("%s, %s %s is %d %s", who, c[0], c[1], a.status, a.body)
			}
		}
	}
	h.ask(everyone, http.MethodPut, "/api/v1/accounts/"+string(h.somebody)+"/offices/operator", nil).want(t, 403, "scope_missing")
	h.ask(everyone, http.MethodPost, "/api/v1/accounts/"+string(h.operator)+"/link", linkOf("mallory")).want(t, 403, "scope_missing")
	narrow := h.token("", time.Hour, "connections:write", "policies:write")
	h.ask(narrow, http.MethodPost, "/api/v1/connections/"+opsConnection+"/disable", o{"reason": "x"}).want(t, 403, "scope_missing")
	h.ask(narrow, http.MethodPut, "/api/v1/tenants/ops/policy", o{"create": "deny"}, "If-Match", "*").want(t, 403, "scope_missing")
	after := slices.DeleteFunc(h.rows(), func(row string) bool { return strings.Contains(row, "tok_") })
	if before = slices.DeleteFunc(before, func(row string) bool { return strings.Contains(row, "tok_") }); !slices.Equal(before, after) {
		t.Error("something was written")
	}
	h.ask(everyone, http.MethodPost, "/api/v1/accounts/"+string(h.somebody)+"/link", linkOf("eve-2")).want(t, 200, "")
	whole := h.token("ops", time.Hour, provision.MayWrite)
	h.ask(whole, http.MethodPut, "/api/v1/accounts/"+string(h.somebody)+"/offices/admin", nil).want(t, 200, "")
}

func TestAStoredSecretIsSentToNobodyElse(t *testing.T) {
	h, acme, _ := admin(t)
	oidc := func(issuer, client string, secret ...string) o {
		body := o{"protocol": "oidc", "domains": []string{"acme.test"}, "issuer": issuer, "client_id": client}
		if len(secret) > 0 {
			body["client_secret"] = secret[0]
		}
		return body
	}
	const own, other = "https://idp.acme.test", "https://idp.mallory.test"
	made := oidc(own, "us", "the secret")
	made["tenant"] = "acme"
	var c struct{ ID string }
	h.ask(acme, http.MethodPost, "/api/v1/connections", made).want(t, 200, "").read(t, &c)
	at := "/api/v1/connections/" + c.ID
	secret := func() string {
		x, err := h.store.Connection(context.Background(), provision.ConnectionID(c.ID))
		must(t, err)
		return x.ClientSecret
	}
	first := secret()
	for _, body := range []o{oidc(other, "us"), oidc(own, "them"), oidc(other, "them")} {
		if a := h.ask(acme, http.MethodPut, at, body, "If-Match", "*").want(t, 422, "input_invalid"); !strings.Contains(a.body, "client_secret wanted") {
			t.Errorf("the fault is %s", a.body)
		}
	}
	same := oidc(own, "us")
	same["trust_email"] = true
	h.ask(acme, http.MethodPut, at, same, "If-Match", "*").want(t, 200, "")
	if first == "" || secret() != first {
		t.Errorf("the secret %q has become %q", first, secret())
	}
	h.ask(acme, http.MethodPut, at, oidc(other, "us", "another"), "If-Match", "*").want(t, 200, "")
	if secret() == first {
		t.Error("the secret of the former issuer is still there")
	}
}

func TestALookForAProofSaysWhoAskedForItAndWhy(t *testing.T) {
	h, acme, _ := admin(t)
	at := "/api/v1/tenants/acme/domains/acme-group.test"
	var d struct{ Record, Value string }
	h.ask(acme, http.MethodPut, at, o{}).want(t, 200, "").read(t, &d)
	h.zone[d.Record] = []string{d.Value}
	h.ask(acme, http.MethodPost, at+"/check", o{"reason": "it is published"}).want(t, 200, "")
	events := h.events(provision.EventDomainClaim)
	if e := events[len(events)-1]; e.Outcome != "verified" || e.Personal.Detail != "it is published" || e.Personal.Requester.IP != "192.0.2.1" {
		t.Errorf("the event is %+v", e)
	}
}
