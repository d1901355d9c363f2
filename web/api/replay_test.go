package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
)

// TestAnAppointmentSaidAgainUnderItsKeyAppointsNobody who was dismissed meanwhile.
func TestAnAppointmentSaidAgainUnderItsKeyAppointsNobody(t *testing.T) {
	h, _, ann := withAdministrator(t)
	whole := h.token("acme", time.Hour, provision.MayWrite)
	eve := h.login("acme-saml", "eve-1", "eve@acme.test")
	office := func(id provision.AccountID) string { return "/api/v1/accounts/" + string(id) + "/offices/admin" }
	holds := func(a answer) bool { return strings.Contains(a.body, string(provision.TenantAdminOffice)) }
	for range 2 {
		if a := h.ask(whole, http.MethodPut, office(eve.Account), nil, "Idempotency-Key", "k").want(t, 200, ""); !holds(a) {
			t.Errorf("not appointed: %s", a.body)
		}
	}
	h.ask(whole, http.MethodPut, office(ann), nil, "Idempotency-Key", "k").want(t, 422, "idempotency_mismatch")
	h.ask(whole, http.MethodDelete, office(eve.Account)+"?reason=left", nil, "Idempotency-Key", "k2").want(t, 200, "")
	before := len(h.events(""))
	if a := h.ask(whole, http.MethodPut, office(eve.Account), nil, "Idempotency-Key", "k").want(t, 200, ""); holds(a) || len(h.events("")) != before {
		t.Errorf("appointed again: %s", a.body)
	}
	h.ask(whole, http.MethodPut, office(eve.Account), nil, "Idempotency-Key", "k3").want(t, 200, "")
	if a := h.ask(whole, http.MethodDelete, office(eve.Account)+"?reason=left", nil, "Idempotency-Key", "k2").want(t, 200, ""); !holds(a) {
		t.Errorf("dismissed again: %s", a.body)
	}
}

// TestTheEndOfALeaseHasItsKey as every change has.
func TestTheEndOfALeaseHasItsKey(t *testing.T) {
	h, acme, _ := admin(t)
	one, two := h.login("acme-manifest", "ada", "ada@acme.test"), h.login("acme-manifest", "bob", "bob@acme.test")
	end := func(l provision.Lease) string { return "/api/v1/leases/" + string(l.ID) + "/end" }
	for range 2 {
		h.ask(acme, http.MethodPost, end(one), o{"reason": "x"}, "Idempotency-Key", "k").want(t, 204, "")
	}
	h.ask(acme, http.MethodPost, end(two), o{"reason": "x"}, "Idempotency-Key", "k").want(t, 422, "idempotency_mismatch")
	if n := len(h.events(provision.EventLeaseEnded)); n != 1 {
		t.Errorf("%d ends", n)
	}
}
