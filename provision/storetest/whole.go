package storetest

import (
	"context"
	"errors"

	"leasehold/provision"
)

func whole() []check {
	return []check{
		{"a change that fails at its end leaves nothing of its beginning", tornChange},
		{"an amendment that refuses leaves everything and keeps its error", refusedAmendment},
		{"what a verb returns is what it wrote", returned},
		{"what a store was given or gave is a copy", copies},
		{"a caller who has given up is told unavailable", givenUp},
		{"the installation's generation is kept", installation},
	}
}

// tornChange writes one row of everything, and at last a lease's twin that breaks an index.
func tornChange(t *probe, a, b Store) {
	w := newWorld(t, a)
	_, l := w.person("ada", "ada@acme.example")
	before := len(w.gapless())
	eve := w.account("eve@acme.example", provision.Active)
	row := provision.DecisionRow{ID: "dec_torn", Tenant: acme, At: start}
	closed := w.ended(l).Leases[0]
	_, err := w.change(provision.Change{
		Installation: 9, Tenants: []provision.Tenant{{ID: "third"}}, Claims: []provision.Claim{claim(rival, "third.example", provision.ClaimVerified)},
		Connections: []provision.Connection{connection("third", "third", "third.example")}, Apps: []provision.App{{ID: "third"}},
		Accounts: []provision.Account{eve}, Links: []provision.Link{link(okta, "eve", eve)}, Leases: []provision.Lease{closed, w.lease(eve)},
		Entries: []provision.Entry{{Lease: l.ID, App: wiki, At: start}}, Spent: []provision.Spent{{Kind: "attempt", ID: "torn", Until: start}},
		Decisions: []provision.DecisionRow{row, row}, Revocations: []provision.Revocation{{ID: "rev_torn"}}, Setups: []provision.Setup{setupAt("torn")}, Events: []provision.Event{w.event(provision.EventAdmin)},
	})
	if !errors.Is(err, provision.ErrConflict) {
		t.fatalf("a decision written twice: error %v, want a conflict", err)
	}
	if n := len(w.gapless()) - before; n != 0 {
		t.errorf("%d events of a change that failed", n)
	}
	s := w.on(b).read(provision.Target{
		Tenant: "third", Account: eve.ID, Link: provision.LinkKey{Connection: okta, Subject: "eve"}, Lease: l.ID, App: "third",
		Domain: domain("third.example"), Connection: "third", Setup: "setup_torn", Spend: []provision.Spent{{Kind: "attempt", ID: "torn"}},
	})
	for what, there := range map[string]bool{
		"tenant": s.Tenant.ID != "", "connection": s.Connection.ID != "", "claim": s.Claim.Tenant != "", "app": s.App.ID != "", "account": s.Account.ID != "",
		"link": s.Link.Account != "", "lease": len(s.Leases) > 0, "entry": len(s.Former.Entries) > 0, "spent": len(s.Spent) > 0, "setup": s.Setup.ID != "",
		"end of a lease": !s.Former.Lease.EndedAt.IsZero(), "installation": s.Installation != 1,
	} {
		if there {
			t.errorf("the %s of a change that failed is there", what)
		}
	}
	if open, err := b.Revocations(t.ctx, provision.Page{}); err != nil || len(open) != 0 {
		t.errorf("%d revocations of a change that failed, error %v", len(open), err)
	}
	w.write(provision.Change{Decisions: []provision.DecisionRow{row}, Events: []provision.Event{w.event(provision.EventAdmin)}})
	w.gapless()
}

func refusedAmendment(t *probe, a, _ Store) {
	w := newWorld(t, a)
	refusal := errors.New("not today")
	calls := 0
	_, err := a.Amend(t.ctx, provision.Target{Tenant: acme}, func(s provision.State) (provision.Change, error) {
		calls++
		s.Tenant.Name = "changed"
		return provision.Change{Tenants: []provision.Tenant{s.Tenant}, Events: []provision.Event{w.event(provision.EventTenantChanged)}}, refusal
	})
	if !errors.Is(err, refusal) || calls != 1 {
		t.errorf("error %v after %d calls", err, calls)
	}
	if got, err := a.Tenant(t.ctx, acme); err != nil || got.Name != "acme" || len(w.gapless()) != 0 {
		t.errorf("tenant %q, error %v", got.Name, err)
	}
}

func returned(t *probe, a, b Store) {
	w := newWorld(t, a)
	d, err := w.login(request("ada", "ada@acme.example"), nil)
	t.ok("login", err)
	events := w.on(b).events(provision.EventFilter{})
	if len(events) != 1 || len(d.Change.Events) != 1 || !isSeq(d.Change.Events[0], 1) || events[0].Seq != 1 || d.Change.Events[0].ID != events[0].ID {
		t.errorf("the decision returned has events %v, the ledger %v", d.Change.Events, events)
	}
	st, err := b.Lease(t.ctx, d.Lease.ID)
	t.ok("lease", err)
	same(t, "lease", st.Lease, d.Lease)
	same(t, "account", st.Account, d.Account)
	c := w.write(provision.Change{Events: []provision.Event{w.event(provision.EventAdmin)}})
	if len(c.Events) != 1 || !isSeq(c.Events[0], 2) {
		t.errorf("the change returned has events %v", c.Events)
	}
}

// isSeq reports whether a verb returned an event with its Seq, or with none: a ledger may number it later.
func isSeq(e provision.Event, seq int64) bool { return e.Seq == seq || e.Seq == 0 }

func copies(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada := w.account("ada@acme.example", provision.Active)
	w.write(provision.Change{Accounts: []provision.Account{ada}})
	ada.Groups[0] = "admin"
	spoil := func(a provision.Account, t provision.Tenant) {
		a.Groups[0], t.Policy.Roles.Map["staff"][0] = "admin", "root"
	}
	s := w.read(provision.Target{Tenant: acme, Account: ada.ID})
	if s.Account.Groups[0] != "staff" {
		t.errorf("a change of what was given is in the store")
	}
	spoil(s.Account, s.Tenant)
	kept, _, _, err := b.Account(t.ctx, ada.ID)
	t.ok("account", err)
	owner, err := b.Tenant(t.ctx, acme)
	t.ok("tenant", err)
	spoil(kept, owner)
	if s := w.read(provision.Target{Tenant: acme, Account: ada.ID}); s.Account.Groups[0] != "staff" || s.Tenant.Policy.Roles.Map["staff"][0] != "reader" {
		t.errorf("a change of what was read is in the store")
	}
}

func givenUp(t *probe, a, _ Store) {
	w := newWorld(t, a)
	_, l := w.person("ada", "ada@acme.example")
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	_, provide := a.Provision(ctx, request("ada", "ada@acme.example"), func(provision.State) provision.Decision { return provision.Decision{} })
	_, amend := a.Amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) { return provision.Change{}, nil })
	_, read := a.Lease(ctx, l.ID)
	_, registry := a.Tenant(ctx, acme)
	_, key := a.Key(ctx, "none")
	for verb, err := range map[string]error{
		"Provision": provide, "Amend": amend, "Lease": read, "Tenant": registry, "Key": key,
		"End": a.End(ctx, []provision.LeaseID{l.ID}, func(_ provision.LeaseID, s provision.State) provision.Change { return w.ended(s.Former.Lease) }),
	} {
		if !errors.Is(err, provision.ErrUnavailable) || errors.Is(err, provision.ErrNotFound) {
			t.errorf("%s: error %v, want unavailable", verb, err)
		}
	}
}

func installation(t *probe, a, b Store) {
	w := newWorld(t, a)
	_, l := w.person("ada", "ada@acme.example")
	w.write(provision.Change{Installation: 2})
	w.write(provision.Change{})
	st, err := b.Lease(t.ctx, l.ID)
	if err != nil || st.Installation != 2 || st.Lease.Generations.Installation != 1 {
		t.errorf("installation %d, the lease's %d, error %v", st.Installation, st.Lease.Generations.Installation, err)
	}
}
