package api_test

import (
	"net/http"
	"regexp"
	"slices"
	"testing"

	"leasehold/provision"
	"leasehold/web/api"
)

// named are the addresses that a search finds, part by part.
func (h *house) searched(token, query string) (found []string) {
	h.t.Helper()
	for path := "/api/v1/accounts?limit=2&" + query; path != ""; {
		var list struct{ Items []api.Account }
		a := h.ask(token, http.MethodGet, path, nil).want(h.t, 200, "")
		a.read(h.t, &list)
		for _, x := range list.Items {
			found = append(found, x.Email)
		}
		if path = ""; a.header.Get("Link") != "" {
			path = "/api/v1/accounts" + regexp.MustCompile(`^<(.*)>; rel="next"$`).FindStringSubmatch(a.header.Get("Link"))[1]
		}
	}
	return slices.Sorted(slices.Values(found))
}

func TestAccountsAreSearchedForByAddressStateAndConnection(t *testing.T) {
	h, acme, everyone := admin(t)
	h.register("acme", "rival")
	h.login("acme-manifest", "ada", "ada@acme.test")
	h.login("rival-manifest", "ada", "ada@rival.test")
	for _, name := range []string{"adam", "adele", "adolf", "bob"} {
		h.ask(acme, http.MethodPost, "/api/v1/accounts", o{"tenant": "acme", "email": name + "@acme.test"}).want(t, 200, "")
	}
	for query, want := range map[string][]string{
		"email=ADA@acme.test": {"ada@acme.test"}, "email=ad@acme.test": nil, "email=ada@rival.test": nil,
		"email_begins=ad": {"ada@acme.test", "adam@acme.test", "adele@acme.test", "adolf@acme.test"}, "email_begins=ad%25": nil,
		"email_begins=ad&state=pending": {"adam@acme.test", "adele@acme.test", "adolf@acme.test"}, "state=active": {"ada@acme.test"},
		"connection=acme-manifest": {"ada@acme.test"}, "connection=rival-manifest": nil, "q=bo": {"bob@acme.test"}, "q=Name": {"ada@acme.test"},
	} {
		if got := h.searched(acme, query); !slices.Equal(got, want) {
			t.Errorf("%s finds %q, want %q", query, got, want)
		}
	}
	if got := h.searched(everyone, "email_begins=ada"); !slices.Equal(got, []string{"ada@acme.test", "ada@rival.test", "adam@acme.test"}) {
		t.Errorf("everywhere it finds %q", got)
	}
	if got := h.searched(everyone, "tenant=rival&email_begins=ada"); !slices.Equal(got, []string{"ada@rival.test"}) {
		t.Errorf("at rival it finds %q", got)
	}
	h.ask(acme, http.MethodGet, "/api/v1/accounts?email=nobody", nil).want(t, 422, "input_invalid")
	h.ask(acme, http.MethodGet, "/api/v1/accounts?state=gone", nil).want(t, 422, "input_invalid")
}

func TestTheEventsOfAnAccountAreListedFromTheNewestOn(t *testing.T) {
	h, acme, _ := admin(t)
	l := h.login("acme-manifest", "ada", "ada@acme.test")
	h.login("acme-manifest", "bob", "bob@acme.test")
	at := "/api/v1/accounts/" + string(l.Account)
	h.ask(acme, http.MethodPost, at+"/suspend", o{"reason": "leave"}).want(t, 200, "")
	var kinds []string
	for path := at + "/events?limit=1"; path != ""; {
		var list struct {
			Items []api.Event
			Next  string
		}
		h.ask(acme, http.MethodGet, path, nil).want(t, 200, "").read(t, &list)
		for _, e := range list.Items {
			if e.Account != string(l.Account) || e.Seq != 0 {
				t.Errorf("an event of another: %+v", e)
			}
			kinds = append(kinds, e.Event)
		}
		if path = ""; list.Next != "" {
			path = at + "/events?limit=1&cursor=" + list.Next
		}
	}
	if len(kinds) < 3 || kinds[len(kinds)-1] != provision.EventLogin && kinds[len(kinds)-1] != provision.EventAccountState || !slices.Contains(kinds, provision.EventLeaseEnded) {
		t.Errorf("the events are %q", kinds)
	}
}

func TestAnAppIsDeletedWhenItIsNeededForNothing(t *testing.T) {
	h, acme, everyone := admin(t)
	app := func(tenants ...string) o {
		return o{"origins": []string{"https://mine.example.com"}, "tenants": tenants, "notify_url": "https://hooks.example/mine", "notify_secret": "0123456789012345678901234567"}
	}
	at := "/api/v1/apps/mine"
	h.ask(everyone, http.MethodPut, at, app("acme"), "If-None-Match", "*").want(t, 200, "")
	h.ask(acme, http.MethodDelete, at+"?reason=x", nil).want(t, 403, "office_missing")
	h.ask(everyone, http.MethodDelete, "/api/v1/apps/acme-app?reason=x", nil).want(t, 409, "managed_by_manifest")
	h.ask(everyone, http.MethodDelete, at+"?reason=x", nil).want(t, 409, "conflict") // it lets people in
	l := h.login("acme-manifest", "ada", "ada@acme.test")
	h.enter(l, "mine")
	h.ask(everyone, http.MethodPut, at, app(), "If-Match", "*").want(t, 200, "")
	must(t, h.desk.EndLease(t.Context(), orderOf("x"), l.ID))
	h.ask(everyone, http.MethodDelete, at+"?reason=x", nil).want(t, 409, "conflict") // and has not heard of an end
	waiting, err := h.broker.Deliveries(t.Context(), provision.DeliveryFilter{App: "mine", Open: true})
	must(t, err)
	for _, d := range waiting {
		h.ask(everyone, http.MethodPost, "/api/v1/deliveries/"+string(d.ID)+"/drop", o{"reason": "x"}).want(t, 204, "")
	}
	h.ask(everyone, http.MethodDelete, at+"?reason=gone", nil, "Idempotency-Key", "k").want(t, 204, "")
	h.ask(everyone, http.MethodDelete, at+"?reason=gone", nil, "Idempotency-Key", "k").want(t, 204, "")
	h.ask(everyone, http.MethodDelete, at+"?reason=gone", nil).want(t, 404, "not_found")
	h.ask(everyone, http.MethodGet, at, nil).want(t, 404, "not_found")
	if a := h.ask(everyone, http.MethodGet, "/api/v1/apps", nil).want(t, 200, ""); regexp.MustCompile(`"id":"mine"`).MatchString(a.body) {
		t.Errorf("it is still listed: %s", a.body)
	}
	if _, err := h.broker.AppAt(t.Context(), origin("https://mine.example.com")); err == nil {
		t.Error("its origin is still an app's")
	}
	if e := h.events(provision.EventAppChanged); e[len(e)-1].Outcome != "deleted" || e[len(e)-1].Personal.Detail != "gone" {
		t.Errorf("the event is %+v", e[len(e)-1])
	}
	h.ask(everyone, http.MethodPut, "/api/v1/apps/other", app("acme"), "If-None-Match", "*").want(t, 200, "") // its origin is free
	again := o{"origins": []string{"https://second.example.com"}}
	var made api.App
	h.ask(everyone, http.MethodPut, at, again, "If-None-Match", "*").want(t, 200, "").read(t, &made)
	if made.Notified || made.NotifyURL != "" || made.Owner != "api" || len(made.Tenants) > 0 {
		t.Errorf("made anew it is %+v", made)
	}
}
