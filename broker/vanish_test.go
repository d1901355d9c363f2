package broker_test

import (
	"context"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// ephemeral is a tenant that keeps nobody without a lease, with a workload that has a task of its own beside those of persons.
func ephemeral(uses int) func(*house) {
	return policy(func(p *provision.Policy) {
		p.Mode = provision.Ephemeral
		p.Grants[0].MaxTTL, p.Grants[0].Uses = time.Minute, uses
	})
}

func ofItsOwn(x *broker.Trade) { x.Task = "its own" }

// TestAnAgentWhoseAccountVanishesActsForNobody plays each end of the last lease of its own: the account is deleted with it.
func TestAnAgentWhoseAccountVanishesActsForNobody(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		uses int
		end  func(*house, broker.Traded) error
	}{
		"it is revoked": {0, func(h *house, own broker.Traded) error { return h.RevokeLease(ctx, operator(), own.Lease.ID) }},
		"it is given back": {0, func(h *house, own broker.Traded) error {
			return h.GiveBack(ctx, "acme", own.Token, provision.Requester{})
		}},
		"its task ends": {0, func(h *house, own broker.Traded) error {
			return second(h.EndTask(ctx, "acme", "its own", string(own.Lease.ID), provision.Requester{}))
		}},
		"its time": {0, func(h *house, _ broker.Traded) error { h.clock.pass(time.Minute); return second(h.Reap(ctx)) }},
		"its only use": {1, func(h *house, own broker.Traded) error {
			h.wantReach(h.reach(own.Token, deployURL, "/"), "")
			return nil
		}},
		"rules that tighten": {0, func(h *house, _ broker.Traded) error {
			h.wanted.Tenants[0].Tenant.Policy.Trust[0].Disabled = true
			h.register(h.wanted)
			return h.Regate(ctx)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, hers := newAgentHouse(t, ephemeral(c.uses))
			own, got := h.exchanged(ofItsOwn), h.agent(hers)
			if own.Lease.Account != got.Lease.Agent.Account {
				t.Fatalf("two accounts: %s and %s", own.Lease.Account, got.Lease.Agent.Account)
			}
			h.wantReach(h.reach(got.Token, ticketsURL, "/tickets/A"), "")
			if err := c.end(h, own); err != nil {
				t.Fatal(err)
			}
			if a := h.account(own.Lease.Account); a.State != provision.Deleted {
				t.Fatalf("the account is %s", a.State)
			}
			h.wantReach(h.reach(got.Token, ticketsURL, "/tickets/A"), provision.LeaseEnded)
			if err := h.Regate(ctx); err != nil {
				t.Fatal(err)
			}
			if l := h.lease(got.Lease.ID); l.EndedAt.IsZero() {
				t.Error("its row goes on")
			}
		})
	}
}

func second(_ int, err error) error { return err }

func TestAnAgentWhoseAccountVanishesIsRefusedByEveryReplica(t *testing.T) {
	ctx := context.Background()
	w := newTown(t, 2, withAgents, ephemeral(0))
	one, other := w.houses[0], w.houses[1]
	hers := one.login(ada())
	own := one.exchanged(ofItsOwn)
	got, err := other.Exchange(ctx, other.deputed(one.code(hers)))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range w.houses {
		h.wantReach(h.reach(got.Token, ticketsURL, "/tickets/A"), "")
	}
	if err := one.RevokeLease(ctx, operator(), own.Lease.ID); err != nil {
		t.Fatal(err)
	}
	for _, h := range w.houses {
		h.wantReach(h.reach(got.Token, ticketsURL, "/tickets/A"), provision.LeaseEnded)
	}
}

func TestAnAppThatIsToldOfThePersonAloneTakesNoAgents(t *testing.T) {
	blunt := func(a *provision.App) {
		if a.ID == "tickets" {
			a.Headers, a.User = "remote-user", "id"
		}
	}
	h, hers := newAgentHouse(t)
	got, code := h.agent(hers), h.code(hers)
	h.wantReach(h.reach(got.Token, ticketsURL, "/tickets/A"), "")
	h.changeApps(blunt)
	h.wantReach(h.reach(got.Token, ticketsURL, "/tickets/A"), provision.AppNotGranted)
	if known, err := h.Introspect(context.Background(), "acme", got.Token, got.Token); err != nil || known.Active {
		t.Errorf("an introspection says %+v, %v", known, err)
	}
	h.declined(h.deputed(code), provision.AppNotGranted, "app takes it")
	_, err := h.commissions(hers)
	h.wantDenied("a commission", err, provision.AppNotGranted)
	h.changeApps(func(a *provision.App) { a.OffPath = a.OffPath || a.ID == "tickets" }) // a signed token says who acts
	if _, err := h.Exchange(context.Background(), h.deputed(h.code(hers), func(x *broker.Trade) { x.Signed = true })); err != nil {
		t.Error(err)
	}
}

func TestAnAgentIsLetIntoAnAppNoLongerThanItsPerson(t *testing.T) {
	h, hers := newAgentHouse(t)
	h.changeApps(func(a *provision.App) {
		if a.ID == "tickets" {
			a.MaxSession = 10 * time.Minute
		}
	})
	if _, err := h.enter(hers, ticketsURL); err != nil {
		t.Fatal(err)
	}
	h.clock.pass(8 * time.Minute)
	got := h.agent(hers) // for five minutes, she said
	h.wantReach(h.reach(got.Token, ticketsURL, "/tickets/A"), "")
	h.clock.pass(2 * time.Minute)
	h.wantReach(h.reach(got.Token, ticketsURL, "/tickets/A"), provision.LeaseEnded)
	_, err := h.commissions(hers)
	h.wantDenied("after her time at the app", err, provision.AuthTooOld)
	h.wantReach(h.reach(h.agent(h.login(ada())).Token, ticketsURL, "/tickets/A"), "")
}
