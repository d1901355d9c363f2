package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/web/api"
)

func TestACredentialIsTakenBackBeforeItsLeaseEnds(t *testing.T) {
	h, acme, _ := admin(t)
	over, err := h.broker.Issue(t.Context(), h.login("acme-manifest", "ada", "ada@acme.test").ID, "reports", provision.Requester{})
	must(t, err)
	at := "/api/v1/credentials/" + string(over.ID)
	var x api.Credential
	if a := h.ask(acme, http.MethodGet, at, nil).want(t, 200, ""); strings.Contains(a.body, over.Password) {
		t.Error("the password is told")
	}
	h.ask(acme, http.MethodPost, at+"/retry", o{}).want(t, 409, "conflict") // somebody has it
	h.ask(acme, http.MethodPost, at+"/end", o{"reason": "laptop lost"}).want(t, 200, "").read(t, &x)
	if x.State != "revoked" || h.users[over.Name] {
		t.Errorf("it is %+v, and the source knows %v", x, h.users)
	}
	h.ask(acme, http.MethodPost, at+"/end", o{}).want(t, 409, "conflict")
	var said bool
	for _, e := range h.events(provision.EventCredential) {
		said = said || e.Outcome == "ended" && e.Personal.Detail == "laptop lost" && e.Actor.Via == "api"
	}
	if !said {
		t.Error("the audit does not say who took it back, and why")
	}
}

func TestAStuckCredentialIsTriedAgainWhenSomebodySaysSo(t *testing.T) {
	h, acme, _ := admin(t)
	over, err := h.broker.Issue(t.Context(), h.login("acme-manifest", "ada", "ada@acme.test").ID, "reports", provision.Requester{})
	must(t, err)
	at := "/api/v1/credentials/" + string(over.ID)
	var x api.Credential
	h.down = true
	h.ask(acme, http.MethodPost, at+"/end", o{}).want(t, 200, "").read(t, &x)
	for range provision.CredentialTries {
		h.ask(acme, http.MethodPost, at+"/retry", o{}).want(t, 200, "").read(t, &x)
	}
	if x.State != "stuck" || x.Fault == "" || !h.users[over.Name] || x.Next.Before(h.now().Add(time.Second)) {
		t.Fatalf("with its source down it is %+v", x)
	}
	var list struct{ Items []api.Credential }
	h.ask(acme, http.MethodGet, "/api/v1/credentials?state=stuck", nil).want(t, 200, "").read(t, &list)
	if len(list.Items) != 1 || list.Items[0].ID != x.ID {
		t.Errorf("listed %+v", list.Items)
	}
	h.down = false
	h.ask(acme, http.MethodPost, at+"/retry", o{"reason": "it is back"}, "Idempotency-Key", "k").want(t, 200, "").read(t, &x)
	if x.State != "revoked" || h.users[over.Name] {
		t.Errorf("it is %+v", x)
	}
	h.ask(acme, http.MethodPost, at+"/retry", o{"reason": "it is back"}, "Idempotency-Key", "k").want(t, 200, "")
	h.ask(acme, http.MethodPost, at+"/retry", o{}).want(t, 409, "conflict")
}
