package broker_test

import (
	"context"
	"slices"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

func TestADomainThatLooksLikeAnothersIsWarnedOfAndRefusesNothing(t *testing.T) {
	h := newHouse(t)
	eve := tenant("eve", "асме.test") // Cyrillic throughout: a name that may be registered
	name := domain("асме.test").String()
	h.wanted.Tenants = append(h.wanted.Tenants, eve)
	done := h.register(h.wanted)
	want := "warning: " + name + " looks like acme.test, which tenant acme owns"
	if !slices.Contains(done.Changes, "tenant eve: "+want) {
		t.Errorf("changes %q", done.Changes)
	}
	events := h.events(provision.EventDomainClaim)
	if e := events[len(events)-1]; e.Tenant != "eve" || !slices.Equal(e.Changes, []string{want}) {
		t.Errorf("event %+v", e)
	}
	for _, e := range events[:len(events)-1] {
		if len(e.Changes) > 0 {
			t.Errorf("warned of %s: %q", e.Domain, e.Changes)
		}
	}
	if again := h.register(h.wanted); len(again.Changes) != 0 {
		t.Errorf("the same again: %q", again.Changes)
	}
	prover := broker.NewProver(h.Broker, resolverFunc(func(context.Context, string) ([]string, error) { return nil, nil }), day, day)
	if _, err := prover.Attest(context.Background(), operator(), "rival", domain("rnodem.test")); err != nil {
		t.Fatal(err)
	}
	if _, err := prover.Claim(context.Background(), operator(), "acme", domain("modem.test")); err != nil {
		t.Fatal(err)
	}
	events = h.events(provision.EventDomainClaim)
	if e := events[len(events)-1]; !slices.Equal(e.Changes, []string{"warning: modem.test looks like rnodem.test, which tenant rival owns"}) {
		t.Errorf("event %+v", e)
	}

	l := h.comesBy("eve", "ada-1", "ada@"+name)
	if a := h.account(l.Account); a.Tenant != "eve" {
		t.Errorf("%+v", a)
	}
	// At the other tenant it is simply another domain, in whichever spelling it comes.
	h.refused(with(ada(), "email", "ada@"+name), provision.DomainForeign)
	h.refused(with(ada(), "email", "ada@асме.test"), provision.EmailInvalid) // addresses are ASCII
	h.refused(with(ada(), "email", "ada@аcme.test"), provision.EmailInvalid)
	h.refused(with(ada(), "email", "ada@"+domain("сор.test").String()), provision.DomainUnknown)
	if _, err := provision.ParseDomain("аcme.test"); err == nil {
		t.Error("mixed scripts are a domain")
	}
	h.login(ada())
}
