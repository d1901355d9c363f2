package broker_test

import (
	"context"
	"errors"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

func TestATenantAdminOfTheOperatorsOpensNoWayInThere(t *testing.T) {
	h := newHouse(t, func(h *house) { h.operators = "acme" })
	ctx := context.Background()
	_, err := h.Register(ctx, operator(), h.wanted, broker.Plan{Owner: provision.ByAPI, Adopt: true})
	if err != nil {
		t.Fatal(err)
	}
	bound := broker.Mandate{Actor: provision.Actor{Kind: provision.TenantAdmin, ID: "acc_1"}, Tenant: "acme", Write: true}
	denied := func(what string, err error) {
		t.Helper()
		var d *provision.DeniedError
		if !errors.As(err, &d) || d.Reason != provision.OfficeMissing {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = h.MakeSetup(ctx, bound, broker.NewSetup{Tenant: "acme"}, "")
	denied("a setup link", err)
	p := h.policyNow()
	changed := p
	changed.Seats = 7
	rules := h.Rules(bound, "acme")
	_, err = rules.Save(ctx, changed, p.Version, "")
	denied("a policy", err)
	_, err = rules.Restore(ctx, p.Version, p.Version, "")
	denied("a former policy", err)
	denied("a policy that is looked at", rules.Check(ctx, changed))
	if now := h.policyNow(); now.Seats != p.Seats || now.Version != p.Version {
		t.Errorf("the policy is %+v", now)
	}
	if _, err := h.MakeSetup(ctx, everywhere(), broker.NewSetup{Tenant: "acme"}, ""); err != nil {
		t.Errorf("an operator: %v", err)
	}
	rival := bound
	rival.Tenant = "rival"
	if _, err := h.MakeSetup(ctx, rival, broker.NewSetup{Tenant: "rival"}, ""); err != nil {
		t.Errorf("another tenant's administrator: %v", err)
	}
}

func TestARetryWakesNoOtherApp(t *testing.T) {
	h := newHouse(t, told("wiki", "vault"))
	for _, app := range []provision.AppID{"wiki", "vault"} {
		h.ear.set(app, errors.New("answers 500"), false)
	}
	l := h.login(ada())
	for _, app := range []string{wikiURL, vaultURL} {
		if _, err := h.enter(l, app); err != nil {
			t.Fatal(err)
		}
	}
	h.end(l)
	h.deliver()
	h.deliver()
	waits := map[provision.AppID]provision.Delivery{}
	for _, d := range h.deliveries(provision.DeliveryFilter{}) {
		if _, known := waits[d.App]; !known {
			waits[d.App] = d
		}
	}
	h.ear.set("wiki", nil, false)
	h.ear.set("vault", nil, false)
	for _, app := range []provision.AppID{"wiki", "vault"} {
		if waits[app].Tries == 0 {
			t.Fatalf("deliveries %+v", waits)
		}
	}
	if err := h.RetryDelivery(t.Context(), operator(), waits["wiki"].ID); err != nil {
		t.Fatal(err)
	}
	if h.Rests("wiki") || !h.Rests("vault") {
		t.Errorf("wiki rests: %v, vault rests: %v", h.Rests("wiki"), h.Rests("vault"))
	}
}

func TestALookForAProofOnTheConsoleSaysWhoAskedForItAndWhy(t *testing.T) {
	h := newHouse(t)
	var zone []string
	prover := broker.NewProver(h.Broker, resolverFunc(func(_ context.Context, name string) ([]string, error) {
		if name != "_leasehold.acme-group.test" {
			return nil, nil
		}
		return zone, nil
	}), day, day)
	claim, err := prover.Claim(t.Context(), operator(), "acme", domain("acme-group.test"))
	if err != nil {
		t.Fatal(err)
	}
	zone = []string{provision.ProofValue(claim.Token)}
	bound := broker.Mandate{Actor: provision.Actor{Kind: provision.TenantAdmin, ID: "acc_1"}, Requester: provision.Requester{IP: "192.0.2.7"}, Tenant: "acme", Write: true}
	if _, err := broker.NewDesk(h.Broker, prover, nil).CheckDomain(t.Context(), broker.Order{Mandate: bound, Why: "it is published"}, "acme", domain("acme-group.test")); err != nil {
		t.Fatal(err)
	}
	events, err := h.Events(t.Context(), provision.EventFilter{Kind: provision.EventDomainClaim, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	if e := events[len(events)-1]; e.Outcome != "verified" || e.Personal.Detail != "it is published" || e.Personal.Requester.IP != "192.0.2.7" {
		t.Errorf("the event is %+v", e)
	}
}
