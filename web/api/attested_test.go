package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"leasehold/provision"
)

// TestWhatAnOperatorAttestedNobodyElseHasProvedByDNS: it would lapse when DNS does not say so, and be another tenant's to take.
func TestWhatAnOperatorAttestedNobodyElseHasProvedByDNS(t *testing.T) {
	h, acme, everyone := admin(t)
	at, before := "/api/v1/tenants/acme/domains/acme.test", h.rows()
	if a := h.ask(acme, http.MethodPut, at, o{}).want(t, 409, "conflict"); !strings.Contains(a.body, "operator has attested") {
		t.Errorf("the reason is %s", a.body)
	}
	if !slices.Equal(before, h.rows()) {
		t.Error("something was written")
	}
	h.ask(everyone, http.MethodPut, at, o{"reason": "they publish it now"}).want(t, 200, "")
	claims, err := h.store.Claims(t.Context(), provision.Page{Tenant: "acme"})
	must(t, err)
	if len(claims) != 1 || claims[0].Proof != provision.ProofDNS || claims[0].State != provision.ClaimVerified {
		t.Errorf("by an operator's word it is %+v", claims)
	}
}
