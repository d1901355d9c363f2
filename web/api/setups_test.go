package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web/api"
)

// opens reports whether somebody can open a link.
func (h *house) opens(link string) bool {
	h.t.Helper()
	g := broker.Guide{Broker: h.broker, Prover: broker.NewProver(h.broker, h, 0, 0)}
	_, err := g.LookAt(h.t.Context(), link[strings.LastIndex(link, "/")+1:], "")
	return err == nil
}

func TestALinkThatSetsAConnectionUpIsSaidOnceAndWithdrawn(t *testing.T) {
	h, acme, everyone := admin(t)
	var x, again api.Setup
	order := o{"tenant": "acme", "expires": "2h", "reason": "contract"}
	h.ask(acme, http.MethodPost, "/api/v1/setups", order, "Idempotency-Key", "k").want(t, 200, "").read(t, &x)
	if !strings.HasPrefix(x.URL, sso+"/setup/") || x.State != "open" || x.Step != "sent" || x.Tenant != "acme" || x.Expires.Sub(h.now()).Round(time.Hour) != 2*time.Hour {
		t.Fatalf("made %+v", x)
	}
	if !h.opens(x.URL) {
		t.Error("nobody can open it")
	}
	h.ask(acme, http.MethodPost, "/api/v1/setups", order, "Idempotency-Key", "k").want(t, 200, "").read(t, &again)
	if again.ID != x.ID || again.URL != "" {
		t.Errorf("asked for again it is %+v", again)
	}
	for _, path := range []string{"/api/v1/setups", "/api/v1/setups/" + x.ID} {
		if a := h.ask(acme, http.MethodGet, path, nil).want(t, 200, ""); !strings.Contains(a.body, x.ID) || strings.Contains(a.body, x.URL[len(sso+"/setup/"):]) {
			t.Errorf("%s is %s", path, a.body)
		}
	}
	if rows := strings.Join(h.rows(), "\n"); strings.Contains(rows, x.URL[len(sso+"/setup/"):]) {
		t.Error("the ledger has the link itself")
	}
	h.ask(acme, http.MethodDelete, "/api/v1/setups/"+x.ID+"?reason=wrong", nil).want(t, 204, "")
	h.ask(acme, http.MethodDelete, "/api/v1/setups/"+x.ID+"?reason=wrong", nil).want(t, 409, "conflict")
	if h.opens(x.URL) {
		t.Error("it can still be opened")
	}
	if a := h.ask(acme, http.MethodGet, "/api/v1/setups", nil).want(t, 200, ""); strings.Contains(a.body, x.ID) {
		t.Errorf("it is still listed: %s", a.body)
	}
	h.ask(acme, http.MethodGet, "/api/v1/setups?ended=true", nil).want(t, 200, "").read(t, &struct{}{})
	h.ask(acme, http.MethodPost, "/api/v1/setups", o{"tenant": "acme", "connection": "chosen"}).want(t, 422, "input_invalid")
	h.ask(acme, http.MethodPost, "/api/v1/setups", o{"tenant": "acme", "expires": "32d"}).want(t, 422, "input_invalid")
	h.ask(everyone, http.MethodPost, "/api/v1/setups", o{"tenant": "acme", "connection": "chosen"}).want(t, 200, "")
	h.ask(everyone, http.MethodPost, "/api/v1/setups", o{"tenant": "acme", "connection": "acme-manifest"}).want(t, 409, "conflict")
	events := h.events(provision.EventSetup)
	if e := events[0]; e.Outcome != "created" || e.Personal.Detail != "contract" || e.Actor.Via != "api" || e.Personal.Requester.RequestID == "" {
		t.Errorf("the event is %+v", e)
	}
}

// TestANarrowTokenMakesNoLink: whoever opens one becomes administrator, which the token is not.
func TestANarrowTokenMakesNoLink(t *testing.T) {
	h, _, _ := admin(t)
	narrow := h.token("acme", time.Hour, "setups:write", "connections:write", "accounts:write")
	before := len(h.events(provision.EventSetup))
	h.ask(narrow, http.MethodPost, "/api/v1/setups", o{"tenant": "acme"}).want(t, 403, "scope_missing")
	h.ask(narrow, http.MethodGet, "/api/v1/setups", nil).want(t, 200, "")
	if len(h.events(provision.EventSetup)) != before {
		t.Error("something was written")
	}
}
