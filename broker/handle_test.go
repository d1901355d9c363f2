package broker_test

import (
	"context"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// changeApps applies the manifests once more, with apps that are changed.
func (h *house) changeApps(change func(*provision.App)) {
	h.t.Helper()
	for i := range h.wanted.Apps {
		change(&h.wanted.Apps[i])
	}
	h.register(h.wanted)
}

func TestAnIntrospectionSaysActiveOnlyWhereTheCheckLetsIn(t *testing.T) {
	for name, change := range map[string]func(*provision.App){
		"it takes no workloads":     func(a *provision.App) { a.Workloads = false },
		"it does not admit them":    func(a *provision.App) { a.Tenants = []provision.TenantID{"rival"} },
		"it wants another role":     func(a *provision.App) { a.Roles = []string{"engineer"} },
		"it is open for an instant": func(a *provision.App) { a.MaxSession = time.Nanosecond },
	} {
		h, ctx := newWorkloadHouse(t, told("deploy-api", "batch-api")), context.Background()
		handle, signed := h.exchanged(), h.exchanged(func(x *broker.Trade) { x.Grant, x.Signed = "batch", true })
		asks := func(token, asker string) bool {
			known, err := h.Introspect(ctx, "acme", token, asker)
			if err != nil {
				t.Fatal(err)
			}
			return known.Active
		}
		app := func(id provision.AppID) string { return broker.StreamToken(id, []byte(hook), h.clock.Now()) }
		if !asks(handle.Token, handle.Token) || !asks(handle.Token, app("deploy-api")) || !asks(signed.Token, app("batch-api")) || asks(handle.Token, app("batch-api")) {
			t.Fatal("before the change")
		}
		h.clock.pass(time.Second)
		h.changeApps(func(a *provision.App) {
			change(a)
			a.OffPath = a.OffPath && name != "it takes no workloads"
		})
		if asks(handle.Token, handle.Token) || asks(handle.Token, app("deploy-api")) || asks(signed.Token, app("batch-api")) {
			t.Errorf("%s: active", name)
		}
		if v := h.reach(handle.Token, deployURL, "/"); v.Allow {
			t.Errorf("%s: the check lets in", name)
		}
	}
}

func TestEveryAppOfAnExchangeIsJudged(t *testing.T) {
	for reason, c := range map[provision.Reason]struct {
		check  string
		change func(*provision.App)
	}{
		provision.AppNotGranted:  {"app takes it", func(a *provision.App) { a.Workloads = false }},
		provision.TenantNotOfApp: {"tenant of the app", func(a *provision.App) { a.Tenants = []provision.TenantID{"rival"} }},
	} {
		h := newWorkloadHouse(t, func(h *house) {
			other := app("other-api", "https://other.example.com", "acme")
			other.Workloads = true
			c.change(&other)
			h.wanted.Apps = append(h.wanted.Apps, other)
			h.wanted.Tenants[0].Tenant.Policy.Grants[0].Apps = []provision.AppID{"deploy-api", "other-api"}
		})
		h.declined(h.trade(), reason, c.check)
		h.exchanged(func(x *broker.Trade) { x.Audience = []string{deployURL} })
	}
}

func TestUsesAreCountedByTheCheckAlone(t *testing.T) {
	h := newWorkloadHouse(t, policy(func(p *provision.Policy) { p.Grants[0].Uses, p.Grants[1].Uses = 2, 2 }))
	h.declined(h.trade(func(x *broker.Trade) { x.Grant, x.Signed = "batch", true }), provision.GrantRefused, "counted uses")
	got := h.exchanged()
	if known, err := h.Introspect(context.Background(), "acme", got.Token, got.Token); err != nil || known.Active {
		t.Errorf("it is active without a use: %+v, %v", known, err)
	}
	h.wantReach(h.reach(got.Token, deployURL, "/"), "")
}

func TestAnExplanationTellsAStrangerNoMoreThanARefusal(t *testing.T) {
	h := newWorkloadHouse(t)
	x := h.trade(func(x *broker.Trade) {
		x.Token, x.Task, x.Audience = h.job(map[string]any{"ref": "refs/heads/evil", "environment": "staging"}), "", []string{wikiURL}
	})
	e, err := h.Explain(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	if e.Allowed || e.Reason != provision.ClaimMismatch || len(e.Checks) != 1 || e.Checks[0].Check != "claim environment" {
		t.Errorf("a stranger is told %+v", e)
	}
	h.declined(x, provision.ClaimMismatch, e.Checks[0].Check)
}

func TestAUseIsTakenOnceAlsoWhenMemoryGrowsOldMeanwhile(t *testing.T) {
	w := newTown(t, 1, withWorkloads, policy(func(p *provision.Policy) { p.Grants[0].Uses = 5 }))
	h := w.houses[0]
	h.login(ada())
	got := h.exchanged()
	h.wantReach(h.reach(got.Token, deployURL, "/"), "") // now memory knows it
	eventually(t, "memory is good", func() bool { return h.Fresh() == nil })
	h.ledger.before = func() { h.clock.pass(time.Minute) }
	h.wantReach(h.reach(got.Token, deployURL, "/"), "")
	if left := h.lease(got.Lease.ID).Grant.Uses; left != 3 {
		t.Errorf("two checks leave %d of 5", left)
	}
}

func TestATokenIsUsedUpAtItsIssuerNotAtAConnection(t *testing.T) {
	h := newWorkloadHouse(t, func(h *house) {
		acme := &h.wanted.Tenants[0]
		acme.Connections = append(acme.Connections, broker.WantedConnection{Connection: provision.Connection{ID: "ci-2", Protocol: provision.Workloads, Issuer: h.oidc.URL}})
		rule := acme.Tenant.Policy.Trust[0]
		rule.ID, rule.Connection = "deploy-2", "ci-2"
		acme.Tenant.Policy.Trust = append(acme.Tenant.Policy.Trust, rule)
	})
	x := h.trade()
	if _, err := h.Exchange(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	x.Rule = "deploy-2"
	h.declined(x, provision.Replayed, "single use")
	h.exchanged(func(x *broker.Trade) { x.Rule = "deploy-2" })
}
