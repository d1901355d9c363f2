package api_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web/api"
)

// administrator is somebody who administers acme, her session, and a token that she made on the console.
func (h *house) administrator(name string) (provision.Lease, string) {
	h.t.Helper()
	ctx := context.Background()
	l := h.login("acme-manifest", name, name+"@acme.test")
	_, err := h.broker.Appoint(ctx, orderOf("test"), l.Account, provision.TenantAdminOffice, true)
	must(h.t, err)
	_, m, err := h.broker.Administrator(ctx, h.broker.Token(l.ID, origin(sso)), provision.Requester{})
	must(h.t, err)
	_, token, err := h.desk.CreateToken(ctx, broker.Order{Mandate: m}, broker.NewToken{Tenant: "acme", Name: "of " + name, Permits: []provision.Permit{provision.MayWrite}, Life: time.Hour})
	must(h.t, err)
	return l, token
}

// full is why somebody asks for a role.
const full = "the disk is full"

func (h *house) wants(l provision.Lease) string {
	h.t.Helper()
	e, err := h.broker.AskElevation(context.Background(), h.broker.Token(l.ID, origin(sso)), origin(sso), broker.Wanting{Role: "root", For: time.Minute, Said: provision.Said{Reason: full}}, provision.Requester{})
	must(h.t, err)
	return string(e.ID)
}

// has are the roles that somebody has for a while.
func (h *house) has(l provision.Lease) []string {
	h.t.Helper()
	s, err := h.store.Lease(context.Background(), l.ID)
	must(h.t, err)
	roles, _ := s.Elevated(h.store.Now())
	return roles
}

func TestNobodyApprovesHerOwnRequestByAToken(t *testing.T) {
	h, _, everyone := admin(t)
	ada, hers := h.administrator("ada")
	_, bobs := h.administrator("bob")
	var second, third api.Token
	make := o{"name": "second", "scope": []string{"tokens:write", "elevations:write", "elevations:read", "tokens:read"}, "expires": "30m"}
	h.ask(hers, http.MethodPost, "/api/v1/tokens", make).want(t, 200, "").read(t, &second)
	h.ask(second.Token, http.MethodPost, "/api/v1/tokens", make).want(t, 200, "").read(t, &third)
	at := "/api/v1/elevations/" + h.wants(ada)
	for who, token := range map[string]string{"her own": hers, "one that this made": second.Token, "one that that made": third.Token} {
		for _, verb := range []string{"/approve", "/deny"} {
			if a := h.ask(token, http.MethodPost, at+verb, o{"reason": "x"}); a.status != 403 || a.reason() != "approver_refused" {
				t.Errorf("by %s, %s is %d %s", who, verb, a.status, a.body)
			}
		}
	}
	if roles := h.has(ada); len(roles) > 0 {
		t.Fatalf("she has %v", roles)
	}
	var x api.ElevationView
	h.ask(bobs, http.MethodPost, at+"/approve", o{"reason": "go"}, "Idempotency-Key", "k").want(t, 200, full).read(t, &x)
	if x.State != "approved" || x.Lease == "" || x.Email != "ada@acme.test" || x.Reason != full || !slices.Equal(h.has(ada), []string{"root"}) {
		t.Errorf("approved it is %+v, and she has %v", x, h.has(ada))
	}
	h.ask(bobs, http.MethodPost, at+"/approve", o{"reason": "go"}, "Idempotency-Key", "k").want(t, 200, full)
	h.ask(bobs, http.MethodPost, at+"/approve", o{"reason": "go"}).want(t, 409, "elevation_over")
	h.ask(hers, http.MethodPost, at+"/end", o{"reason": "done"}).want(t, 200, full)
	if roles := h.has(ada); len(roles) > 0 {
		t.Errorf("after the end she has %v", roles)
	}
	at = "/api/v1/elevations/" + h.wants(ada)
	h.ask(everyone, http.MethodPost, at+"/end", o{}).want(t, 409, "conflict")
	h.ask(everyone, http.MethodPost, at+"/deny", o{"reason": "no"}).want(t, 200, full)
	if e := h.events(provision.EventElevation); e[len(e)-1].Outcome != "denied" || e[len(e)-1].Personal.Detail != "no" {
		t.Errorf("the event is %+v", e[len(e)-1])
	}
}

// TestATokenFromBeforeMakersWereNotedApprovesForNobodyWhoMayHaveMadeIt strips tokens of their maker, as old rows have none.
func TestATokenFromBeforeMakersWereNotedApprovesForNobodyWhoMayHaveMadeIt(t *testing.T) {
	h, acme, _ := admin(t)
	ada, hers := h.administrator("ada")
	_, bobs := h.administrator("bob")
	make := o{"name": "second", "scope": []string{"tokens:write", "elevations:write", "elevations:read", "tokens:read"}, "expires": "30m"}
	second := func(token string) string {
		var made api.Token
		h.ask(token, http.MethodPost, "/api/v1/tokens", make).want(t, 200, "").read(t, &made)
		h.age(token)
		h.age(made.Token)
		return made.Token
	}
	fromHers, fromBobs, fromHosts, orphan := second(hers), second(bobs), second(acme), second(bobs)
	h.rewrite(orphan, func(x *provision.Token) { x.By.ID = "tok_gone" })
	at := "/api/v1/elevations/" + h.wants(ada)
	for who, token := range map[string]string{"her own": hers, "one that this made": fromHers, "one whose maker is gone": orphan} {
		if a := h.ask(token, http.MethodPost, at+"/approve", o{"reason": "x"}); a.status != 403 || a.reason() != "approver_refused" {
			t.Errorf("by %s it is %d %s", who, a.status, a.body)
		}
		if e := h.events(provision.EventElevation); e[len(e)-1].Outcome != "refused" {
			t.Errorf("by %s: the event is %+v", who, e[len(e)-1])
		}
	}
	if roles := h.has(ada); len(roles) > 0 {
		t.Fatalf("she has %v", roles)
	}
	for who, token := range map[string]string{"another's": bobs, "one that this made": fromBobs, "the host's": acme, "one that this one made": fromHosts} {
		h.ask(token, http.MethodPost, at+"/approve", o{"reason": "go"}).want(t, 200, full)
		if !slices.Equal(h.has(ada), []string{"root"}) {
			t.Errorf("by %s she has %v", who, h.has(ada))
		}
		h.ask(token, http.MethodPost, at+"/end", o{"reason": "done"}).want(t, 200, full)
		at = "/api/v1/elevations/" + h.wants(ada)
	}
}

// age makes a token one that was made before makers were noted.
func (h *house) age(token string) {
	h.t.Helper()
	h.rewrite(token, func(x *provision.Token) { x.Maker = "" })
}

func (h *house) rewrite(token string, change func(*provision.Token)) {
	h.t.Helper()
	id := provision.TokenID("tok_" + token[len("lht_"):][:16])
	_, err := h.store.Amend(context.Background(), provision.Target{Token: id, Quiet: true}, func(s provision.State) (provision.Change, error) {
		change(&s.Token)
		return provision.Change{Tokens: []provision.Token{s.Token}}, nil
	})
	must(h.t, err)
}

func TestATokenAsksForItsMakerAlone(t *testing.T) {
	h, acme, everyone := admin(t)
	ada, hers := h.administrator("ada")
	bob, bobs := h.administrator("bob")
	order := func(l provision.Lease) o {
		return o{"lease": string(l.ID), "role": "root", "for": "2m", "reason": full, "ticket": "OPS-7"}
	}
	for who, token := range map[string]string{"a token of nobody": acme, "an operator's": everyone, "another's": bobs} {
		if a := h.ask(token, http.MethodPost, "/api/v1/elevations", order(ada)); a.status != 409 {
			t.Errorf("%s is answered %d %s", who, a.status, a.body)
		}
	}
	if n := len(h.events(provision.EventElevation)); n > 0 {
		t.Errorf("%d events", n)
	}
	var first, again api.ElevationView
	h.ask(hers, http.MethodPost, "/api/v1/elevations", order(ada), "Idempotency-Key", "k").want(t, 200, full).read(t, &first)
	h.ask(hers, http.MethodPost, "/api/v1/elevations", order(ada), "Idempotency-Key", "k").want(t, 200, full).read(t, &again)
	if first.ID == "" || first != again || first.State != "waiting" || first.Account != string(ada.Account) {
		t.Errorf("asked for %+v, and again %+v", first, again)
	}
	h.ask(hers, http.MethodPost, "/api/v1/elevations", order(ada)).want(t, 409, "elevation_asked")
	h.ask(bobs, http.MethodPost, "/api/v1/elevations/"+first.ID+"/approve", o{}).want(t, 200, full)
	if !slices.Equal(h.has(ada), []string{"root"}) || len(h.has(bob)) > 0 {
		t.Errorf("ada has %v, bob %v", h.has(ada), h.has(bob))
	}
	h.past += 6 * time.Minute // her login is too old now
	h.ask(hers, http.MethodPost, "/api/v1/elevations", order(ada), "Idempotency-Key", "k2").want(t, 403, "auth_too_old")
	h.ask(hers, http.MethodPost, "/api/v1/elevations", order(ada), "Idempotency-Key", "k2").want(t, 403, "auth_too_old")
	var list struct{ Items []api.ElevationView }
	h.ask(acme, http.MethodGet, "/api/v1/elevations?ended=true&account="+string(ada.Account), nil).want(t, 200, "").read(t, &list)
	if len(list.Items) != 1 || list.Items[0].Ticket != "OPS-7" {
		t.Errorf("listed %+v", list.Items)
	}
	h.ask(acme, http.MethodGet, "/api/v1/elevations", nil).want(t, 200, "").read(t, &list)
	if len(list.Items) != 0 {
		t.Errorf("waiting %+v", list.Items)
	}
}
