package storetest

import (
	"slices"
	"time"

	"leasehold/provision"
)

func dues() []check {
	all := []check{{"due are those whose time has come, the longest first", dueByTime}}
	for _, r := range revocations() {
		all = append(all, check{"due are those that a revocation of the " + r.object + " passed, until it is settled", r.due})
	}
	return all
}

func uses() []check {
	return []check{
		{"use moves a lease's idle time, never back and not after its end", used},
		{"more uses than one batch are written", usedMany},
	}
}

func (w world) due(at time.Time, limit int) []provision.LeaseID {
	due, err := w.store.Due(w.t.ctx, at, limit)
	w.t.ok("due", err)
	return due
}

// wantDue compares what is due, in order.
func (w world) wantDue(what string, at time.Time, limit int, want ...provision.LeaseID) {
	if got := w.due(at, limit); !slices.Equal(got, want) {
		w.t.errorf("%s: due are %v, want %v", what, got, want)
	}
}

func dueByTime(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada := w.account("ada@acme.example", provision.Active)
	idle, over, later, gone := w.lease(ada), w.lease(ada), w.lease(ada), w.lease(ada)
	over.Idle, over.End = 0, start.Add(30*time.Minute)
	later.Idle = 0
	gone.End = start.Add(time.Minute)
	gone.EndedAt = start
	w.write(provision.Change{Accounts: []provision.Account{ada}, Leases: []provision.Lease{idle, over, later, gone}})
	w = w.on(b)
	w.wantDue("before", over.End.Add(-1), 10)
	w.wantDue("at the ceiling", over.End, 10, over.ID)
	w.wantDue("before idle", idle.IdleAt().Add(-1), 10, over.ID)
	w.wantDue("idle", idle.IdleAt(), 10, over.ID, idle.ID)
	w.wantDue("at most one", idle.IdleAt(), 1, over.ID)
	w.wantDue("at the end of all", later.End, 10, over.ID, idle.ID, later.ID)
	t.ok("end", w.end(over.ID))
	w.wantDue("after an end", idle.IdleAt(), 10, idle.ID)
}

// revoked is one kind of revocation: raise writes the object's next generation into a change, and into the lease of a
// that begins afterwards.
type revoked struct {
	object string
	raise  func(provision.Account, *provision.Change, *provision.Lease) provision.Scope
}

func revocations() []revoked {
	return []revoked{
		{"installation", func(_ provision.Account, c *provision.Change, l *provision.Lease) provision.Scope {
			c.Installation, l.Generations.Installation = 2, 2
			return provision.Scope{}
		}},
		{"tenant", func(_ provision.Account, c *provision.Change, l *provision.Lease) provision.Scope {
			raised := tenant(acme)
			raised.Generation, raised.Revision, l.Generations.Tenant = 2, 2, 2
			c.Tenants = []provision.Tenant{raised}
			return provision.Scope{Tenant: acme}
		}},
		{"connection", func(_ provision.Account, c *provision.Change, l *provision.Lease) provision.Scope {
			raised := connection(okta, acme, "acme.example")
			raised.Generation, raised.Revision, l.Generations.Connection = 2, 2, 2
			c.Connections = []provision.Connection{raised}
			return provision.Scope{Connection: okta}
		}},
		{"domain", func(_ provision.Account, c *provision.Change, l *provision.Lease) provision.Scope {
			raised := claim(acme, "acme.example", provision.ClaimVerified)
			raised.Generation, raised.Revision, l.Generations.Domain = 2, 2, 2
			c.Claims = []provision.Claim{raised}
			return provision.Scope{Domain: domain("acme.example")}
		}},
		{"account", func(a provision.Account, c *provision.Change, l *provision.Lease) provision.Scope {
			a.Generation, l.Generations.Account = 2, 2
			c.Accounts = []provision.Account{a}
			return provision.Scope{Account: a.ID}
		}},
	}
}

// due: of a person's two leases, one fell under the revocation; the other began at the very same time, but under the
// new generation, and goes on, as does the lease of somebody else.
func (r revoked) due(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, old := w.person("ada", "ada@acme.example")
	_, abroad := w.person("bob", "bob@rival.example")
	young := w.lease(ada)
	c := provision.Change{}
	open := provision.Revocation{ID: "rev_1", Scope: r.raise(ada, &c, &young), Cause: provision.CauseAdmin, Requested: start}
	c.Revocations = []provision.Revocation{open, {ID: "rev_2", Scope: open.Scope, Cause: provision.CauseAdmin, Requested: start}}
	w.write(c)
	w.write(provision.Change{Leases: []provision.Lease{young}})
	want := []provision.LeaseID{old.ID}
	if r.object == "installation" {
		want = append(want, abroad.ID)
	}
	got := w.on(b).due(start, 10)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.errorf("due are %v, want %v", got, want)
	}
	if n := len(w.due(start, 1)); n != 1 {
		t.errorf("%d due, of one at most", n)
	}
	if got := w.due(old.End, 10); len(got) != 3 {
		t.errorf("due at the end of all are %v, want three, each once", got)
	}
	for i := range c.Revocations {
		c.Revocations[i].Settled = start.Add(time.Minute)
	}
	w.write(provision.Change{Revocations: c.Revocations})
	w.wantDue("settled", start, 10)
}

func used(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, l := w.person("ada", "ada@acme.example")
	gone := w.lease(ada)
	gone.EndedAt = start
	w.write(provision.Change{Leases: []provision.Lease{gone}})
	seen := start.Add(30 * time.Minute)
	t.ok("used", a.Used(t.ctx, map[provision.LeaseID]time.Time{l.ID: seen, gone.ID: seen, "acme.unknown": seen}))
	t.ok("used", b.Used(t.ctx, map[provision.LeaseID]time.Time{l.ID: start.Add(time.Minute)}))
	for id, want := range map[provision.LeaseID]time.Time{l.ID: seen, gone.ID: start} {
		if st, err := b.Lease(t.ctx, id); err != nil || !st.Lease.Seen.Equal(want) {
			t.errorf("lease %s was seen at %s, want %s, error %v", id, st.Lease.Seen, want, err)
		}
	}
	w.wantDue("where it would have been idle", l.IdleAt(), 10)
	l.Seen = seen
	w.wantDue("where it is idle now", l.IdleAt(), 10, l.ID)
	if _, err := a.Lease(t.ctx, "acme.unknown"); err == nil {
		t.errorf("a use made a lease")
	}
}

func usedMany(t *probe, a, _ Store) {
	const many = 1201
	w := newWorld(t, a)
	var c provision.Change
	seen := map[provision.LeaseID]time.Time{}
	for range many {
		a := w.account("", provision.Active)
		l := w.lease(a)
		c.Accounts, c.Leases = append(c.Accounts, a), append(c.Leases, l)
		seen[l.ID] = start.Add(time.Minute)
	}
	w.write(c)
	t.ok("used", a.Used(t.ctx, seen))
	leases, err := a.Leases(t.ctx, provision.Page{Limit: 2 * many})
	t.ok("leases", err)
	for _, l := range leases {
		if !l.Seen.Equal(start.Add(time.Minute)) {
			t.fatalf("lease %s was seen at %s", l.ID, l.Seen)
		}
	}
	if len(leases) != many {
		t.errorf("%d leases, want %d", len(leases), many)
	}
}
