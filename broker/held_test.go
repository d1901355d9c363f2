package broker_test

import (
	"context"
	"slices"
	"testing"

	"leasehold/provision"
)

func TestAPersonIsHandedWhatIsKeptAboutHerAndNothingOfOthers(t *testing.T) {
	h, ctx := newHouse(t), context.Background()
	first := h.loginFrom(provision.Requester{IP: "192.0.2.7", UserAgent: "Mozilla/5.0"}, ada())
	bob := h.login(somebody(1))
	deed := operator()
	deed.Why, deed.Requester = "lost her laptop", provision.Requester{IP: "203.0.113.1", UserAgent: "an administrator's"}
	if _, err := h.Account(ctx, deed, first.Account, provision.EndAccount); err != nil {
		t.Fatal(err)
	}
	now := h.login(ada())
	held, err := h.Held(ctx, h.sso(now), originOf(ssoURL))
	if err != nil || held.More || held.Whence[now.ID].IP != "192.0.2.7" || held.Standing.Account.ID != first.Account {
		t.Fatalf("%+v, %v", held, err)
	}
	var kinds []string
	for _, e := range held.Events {
		kinds = append(kinds, e.Kind)
		switch {
		case e.Account != first.Account || e.Account == bob.Account:
			t.Errorf("another's: %+v", e)
		case e.Kind == provision.EventLogin && (e.Personal.Email != "ada@acme.test" || e.Personal.Requester.IP == ""):
			t.Errorf("her login: %+v", e)
		case e.Kind == provision.EventLeaseEnded && e.Actor.Kind == provision.Operator && (e.Actor.ID != "" || e.Personal.Requester.IP != "" || e.Personal.Detail != "lost her laptop"):
			t.Errorf("an administrator's act tells who it was, or not why: %+v", e)
		}
	}
	for _, want := range []string{provision.EventLogin, provision.EventLeaseEnded, provision.EventAccountState} {
		if !slices.Contains(kinds, want) {
			t.Errorf("no %s among %v", want, kinds)
		}
	}
	if len(held.Decisions) != 2 || held.Decisions[0].Asked == nil || held.Decisions[0].Asked.Facts.Subject != "ada-1" {
		t.Errorf("decisions %+v", held.Decisions)
	}
}
