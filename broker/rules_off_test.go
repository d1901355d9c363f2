package broker_test

import (
	"context"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

// TestADisabledRuleLetsNobodyInAndEndsWhatCameByIt, though a manifest owns it.
func TestADisabledRuleLetsNobodyInAndEndsWhatCameByIt(t *testing.T) {
	h := newWorkloadHouse(t)
	ctx, desk := context.Background(), broker.NewDesk(h.Broker, broker.NewProver(h.Broker, nil, 0, 0), h.store)
	got := h.exchanged()
	h.wantReach(h.reach(got.Token, deployURL, "/"), "")
	off, err := desk.SwitchTrustRule(ctx, broker.Order{Mandate: everywhere(), Why: "leak"}, "acme", "deploy", false)
	must(t, err)
	if !off.Disabled || off.By != provision.ByManifest || off.Held() || off.Owner.Email.String() != "ada@acme.test" {
		t.Errorf("the rule is %+v", off)
	}
	must(t, h.Regate(ctx))
	h.wantReach(h.reach(got.Token, deployURL, "/"), provision.LeaseEnded)
	h.declined(h.trade(), provision.RuleHeld, "rule not disabled")
	h.declined(h.trade(func(x *broker.Trade) { x.Rule = "" }), provision.RuleHeld, "rule not disabled")
	h.register(h.wanted)
	h.declined(h.trade(), provision.RuleHeld, "rule not disabled")
	_, err = desk.SwitchTrustRule(ctx, broker.Order{Mandate: everywhere()}, "acme", "deploy", true)
	must(t, err)
	h.exchanged()
}
