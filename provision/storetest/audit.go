package storetest

import (
	"slices"

	"leasehold/provision"
)

func audit() []check {
	return []check{
		{"a refusal is in the audit, too", refusals},
		{"an event is kept whole, but for its personal part in the clear", keptEvent},
		{"events are listed by cursor, tenant and kind", listedEvents},
	}
}

func refusals(t *probe, a, b Store) {
	w := newWorld(t, a)
	for _, r := range []provision.Request{request("ada", "ada@acme.example"), request("eve", "ada@acme.example"), request("ada", "ada@acme.example")} {
		_, err := w.login(r, nil)
		t.ok("login", err)
	}
	var outcomes []string
	for _, e := range w.on(b).gapless() {
		outcomes = append(outcomes, e.Outcome)
	}
	if want := []string{string(provision.Created), string(provision.Denied), string(provision.Resumed)}; !slices.Equal(outcomes, want) {
		t.errorf("outcomes in the audit are %v, want %v", outcomes, want)
	}
}

func keptEvent(t *probe, a, b Store) {
	w := newWorld(t, a)
	e := w.event(provision.EventLogin)
	e.Outcome, e.Reason, e.Check, e.Count, e.Changes = "denied", string(provision.Expired), "SAML Core 2.5.1", 3, []string{"a line"}
	e.Actor, e.Account, e.Connection, e.App, e.Domain = provision.Actor{Kind: provision.Operator, ID: "uid:0", Via: "test"}, "acc_1", okta, wiki, domain("acme.example")
	e.Lease, e.Decision = provision.LeaseRef{ID: "acme.1", Kind: provision.SessionLease, End: start}, provision.DecisionRef{ID: "dec_1", PolicyVersion: 4}
	e.Revocation = provision.RevocationRef{ID: "rev_1", Cause: provision.CauseAdmin, RequestedAt: start, EffectiveAt: start}
	e.Personal, e.Sealed, e.SealedBy = provision.Personal{Email: "ada@acme.example"}, []byte{0, 1, 2}, "account:acc_1"
	w.write(provision.Change{Events: []provision.Event{e, w.event(provision.EventAdmin)}})
	events := w.on(b).gapless()
	if len(events) != 2 {
		t.fatalf("%d events, want 2", len(events))
	}
	e.Personal, e.Seq = provision.Personal{}, 1
	same(t, "event", events[0], e)
}

func listedEvents(t *probe, a, _ Store) {
	w := newWorld(t, a)
	for n := range 6 {
		e := w.event([]string{provision.EventLogin, provision.EventAdmin}[n%2])
		if n >= 3 {
			e.Tenant = rival
		}
		if n == 2 {
			e.Decision.ID = "dec_listed"
		}
		w.write(provision.Change{Events: []provision.Event{e}})
	}
	for _, x := range []struct {
		filter provision.EventFilter
		want   []int64
	}{
		{provision.EventFilter{}, []int64{1, 2, 3, 4, 5, 6}},
		{provision.EventFilter{After: 2, Limit: 2}, []int64{3, 4}},
		{provision.EventFilter{Tenant: rival}, []int64{4, 5, 6}},
		{provision.EventFilter{Kind: provision.EventAdmin}, []int64{2, 4, 6}},
		{provision.EventFilter{Tenant: rival, Kind: provision.EventAdmin, After: 4}, []int64{6}},
		{provision.EventFilter{After: 6}, nil},
		{provision.EventFilter{Ref: "dec_listed"}, []int64{3}},
		{provision.EventFilter{Ref: "dec_of_nobody"}, nil},
	} {
		var got []int64
		for _, e := range w.events(x.filter) {
			got = append(got, e.Seq)
		}
		if !slices.Equal(got, x.want) {
			t.errorf("events of %+v are %v, want %v", x.filter, got, x.want)
		}
	}
}
