package broker_test

import (
	"context"
	"fmt"
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

// looks is a search that counts what it is asked.
type looks struct {
	broker.Search
	accounts int
	events   int
}

func (l *looks) FindAccounts(ctx context.Context, q provision.AccountQuery) ([]provision.Account, error) {
	l.accounts++
	return l.Search.FindAccounts(ctx, q)
}

func (l *looks) FindEvents(ctx context.Context, q provision.EventQuery) ([]provision.Event, error) {
	l.events++
	return l.Search.FindEvents(ctx, q)
}

// looking has what is asked of the search counted.
func (h *house) looking() *looks {
	l := &looks{Search: h.store}
	h.ports.Search = l
	h.start()
	return l
}

// TestWhoAnswersForRulesIsReadOncePerOwnerAndNoWriterWaits lists rules of two owners.
func TestWhoAnswersForRulesIsReadOncePerOwnerAndNoWriterWaits(t *testing.T) {
	address := func(text string) provision.Email {
		e, err := provision.ParseEmail(text)
		must(t, err)
		return e
	}
	h := newWorkloadHouse(t, policy(func(p *provision.Policy) {
		for _, owner := range []string{"ada@acme.test", "nobody@acme.test", "nobody@acme.test"} {
			r := p.Trust[0]
			r.ID, r.Owner = fmt.Sprint("more-", len(p.Trust)), address(owner)
			p.Trust = append(p.Trust, r)
		}
	}))
	l := h.looking()
	h.ledger.before = func() { t.Error("the list took the turn of a writer") }
	desk := broker.NewDesk(h.Broker, broker.NewProver(h.Broker, nil, 0, 0), h.store)
	all, err := desk.TrustRules(context.Background(), everywhere(), "acme")
	must(t, err)
	if len(all) < 4 || l.accounts != 2 {
		t.Errorf("%d rules, for which %d accounts were looked up", len(all), l.accounts)
	}
	for _, c := range all {
		if ada := c.TrustRule.Owner == address("ada@acme.test"); c.Owner.Email != c.TrustRule.Owner && ada || c.Held() == ada {
			t.Errorf("%+v", c)
		}
	}
}

// TestAPolicyIsShownByTheEventsOfItsVersionAlone has more versions than are read at once.
func TestAPolicyIsShownByTheEventsOfItsVersionAlone(t *testing.T) {
	h, ctx := ruled(t), context.Background()
	first := h.policyNow()
	newest := first.Version
	for seats := range 120 {
		p := h.policyNow()
		p.Seats = seats + 1
		_, err := h.Rules(everywhere(), "acme").Save(ctx, p, newest, fmt.Sprint("seat ", seats))
		must(t, err)
		newest++
	}
	l := h.looking()
	rules := h.Rules(everywhere(), "acme")
	for n, most := range map[int64]int{0: 1, newest: 1, newest - 1: 1, first.Version + 1: 2} {
		l.events = 0
		v, err := rules.Version(ctx, n)
		if err != nil || v.Why == "" || v.At.IsZero() || l.events > most {
			t.Errorf("version %d: %q of %s after %d looks, error %v", n, v.Why, v.At, l.events, err)
		}
	}
	l.events = 0
	if part, err := rules.Versions(ctx, 0, 5); err != nil || len(part) != 5 || part[4].Why == "" || l.events != 1 {
		t.Errorf("the newest five: %+v after %d looks, error %v", part, l.events, err)
	}
	l.events = 0
	if p, err := rules.Policy(ctx, first.Version); err != nil || p.Version != first.Version || l.events > 0 {
		t.Errorf("a policy alone: %+v after %d looks, error %v", p, l.events, err)
	}
}
