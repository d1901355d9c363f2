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

// withAdministrator is a house whose acme has a connection of the API, by which an administrator of acme came.
func withAdministrator(t testing.TB) (h *house, connection string, administrator provision.AccountID) {
	t.Helper()
	h, _, _ = admin(t)
	ctx, o := context.Background(), orderOf("test")
	c, err := h.desk.CreateConnection(ctx, o, broker.ConnectionOrder{Connection: provision.Connection{
		ID: "acme-saml", Tenant: "acme", Protocol: provision.SAML, Domains: []provision.Domain{domain("acme.test")}, Subject: "nameid", Metadata: []byte("<one/>"),
	}})
	must(t, err)
	l := h.login(c.ID, "ann-1", "ann@acme.test")
	_, err = h.desk.Appoint(ctx, o, l.Account, provision.TenantAdminOffice, true)
	must(t, err)
	return h, "/api/v1/connections/acme-saml", l.Account
}

// lasting are rows but for those of tokens.
func (h *house) lasting() []string {
	return slices.DeleteFunc(h.rows(), func(row string) bool { return strings.Contains(row, "tok_") })
}

// TestANarrowTokenChoosesNobodysIdentityProvider: by its own it could come in as an administrator.
func TestANarrowTokenChoosesNobodysIdentityProvider(t *testing.T) {
	h, at, _ := withAdministrator(t)
	evil := func(metadata string) o {
		return o{"protocol": "saml", "domains": []string{"acme.test"}, "metadata": metadata}
	}
	bound, everyone := h.token("acme", time.Hour, "connections:write"), h.token("", time.Hour, "connections:write", "accounts:write")
	before := h.lasting()
	for _, token := range []string{bound, everyone} {
		h.ask(token, http.MethodPut, at, evil("<evil/>"), "If-Match", "*").want(t, 403, "scope_missing")
	}
	if !slices.Equal(before, h.lasting()) {
		t.Error("something was written")
	}
	whole := h.token("acme", time.Hour, provision.MayWrite)
	h.ask(whole, http.MethodPut, at, evil("<other/>"), "If-Match", "*").want(t, 200, "")
	before = h.lasting()
	for _, token := range []string{bound, everyone} {
		h.ask(token, http.MethodPost, at+"/confirm", o{"reason": "x"}).want(t, 403, "scope_missing")
	}
	if c, err := h.store.Connection(context.Background(), "acme-saml"); err != nil || !c.Held || string(c.Metadata) != "<one/>" || !slices.Equal(before, h.lasting()) {
		t.Errorf("the connection is %+v, %v", c, err)
	}
	h.ask(bound, http.MethodPost, at+"/reject", o{"reason": "x"}).want(t, 204, "") // what stays as it is, it may decide
	h.ask(whole, http.MethodPut, at, evil("<next/>"), "If-Match", "*").want(t, 200, "")
	h.ask(whole, http.MethodPost, at+"/confirm", o{"reason": "x"}).want(t, 200, "")
}

// TestANarrowTokenGivesNoOfficeBack: an account keeps its offices while it is kept out.
func TestANarrowTokenGivesNoOfficeBack(t *testing.T) {
	h, _, ann := withAdministrator(t)
	bob := h.login("acme-saml", "bob-1", "bob@acme.test")
	bound, everyone, whole := h.token("acme", time.Hour, "accounts:write"), h.token("", time.Hour, "accounts:write"), h.token("acme", time.Hour, provision.MayWrite)
	for _, verbs := range [][2]string{{"suspend", "release"}, {"revoke", "restore"}} {
		out, back := verbs[0], verbs[1]
		for _, id := range []provision.AccountID{ann, bob.Account} {
			h.ask(bound, http.MethodPost, "/api/v1/accounts/"+string(id)+"/"+out, o{"reason": "x"}).want(t, 200, "")
		}
		before := h.lasting()
		for _, token := range []string{bound, everyone} {
			h.ask(token, http.MethodPost, "/api/v1/accounts/"+string(ann)+"/"+back, o{"reason": "x"}).want(t, 403, "scope_missing")
			h.ask(token, http.MethodPost, "/api/v1/accounts/"+string(ann)+"/approve", o{"reason": "x"}).want(t, 403, "scope_missing")
		}
		if !slices.Equal(before, h.lasting()) {
			t.Errorf("%s: something was written", back)
		}
		h.ask(bound, http.MethodPost, "/api/v1/accounts/"+string(bob.Account)+"/"+back, o{"reason": "x"}).want(t, 200, "") // who holds none
		h.ask(whole, http.MethodPost, "/api/v1/accounts/"+string(ann)+"/"+back, o{"reason": "x"}).want(t, 200, "")
	}
}

// TestAConnectionKeepsTheSubjectThatPeopleAreKnownBy, whoever asks for another.
func TestAConnectionKeepsTheSubjectThatPeopleAreKnownBy(t *testing.T) {
	h, at, _ := withAdministrator(t)
	whole := h.token("acme", time.Hour, provision.MayWrite)
	body := o{"protocol": "saml", "domains": []string{"acme.test"}, "metadata": "<one/>", "subject": "attribute:mail"}
	before := h.lasting()
	if a := h.ask(whole, http.MethodPut, at, body, "If-Match", "*").want(t, 409, "conflict"); !strings.Contains(a.body, "another id") {
		t.Errorf("the reason is %s", a.body)
	}
	if !slices.Equal(before, h.lasting()) {
		t.Error("something was written")
	}
	made := o{"tenant": "acme", "protocol": "saml", "domains": []string{"acme.test"}, "metadata": "<two/>"}
	var c struct{ ID string }
	h.ask(whole, http.MethodPost, "/api/v1/connections", made).want(t, 200, "").read(t, &c)
	h.ask(whole, http.MethodPut, "/api/v1/connections/"+c.ID, body, "If-Match", "*").want(t, 200, "") // nobody has come by it
}
