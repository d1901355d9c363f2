package storetest

import (
	"errors"
	"time"

	"leasehold/provision"
)

func ends() []check {
	return []check{
		{"ending what has ended changes nothing", endsOnce},
		{"each end sees what the one before it wrote", endsInTurn},
		{"ends are one commit", endsTogether},
		{"a lease stands with all that a check reads", standing},
	}
}

func (w world) end(ids ...provision.LeaseID) error {
	return w.store.End(w.t.ctx, ids, func(_ provision.LeaseID, s provision.State) provision.Change { return w.ended(s.Former.Lease) })
}

func endsOnce(t *probe, a, b Store) {
	w := newWorld(t, a)
	_, l := w.person("ada", "ada@acme.example")
	before := len(w.gapless())
	t.ok("end", w.end(l.ID, l.ID, "acme.unknown"))
	first, err := b.Lease(t.ctx, l.ID)
	t.ok("lease", err)
	t.ok("end again", w.on(b).end(l.ID))
	again, err := a.Lease(t.ctx, l.ID)
	t.ok("lease", err)
	same(t, "lease", again.Lease, first.Lease)
	if first.Lease.EndedAt.IsZero() || first.Lease.EndReason != provision.CauseLogout {
		t.errorf("ended at %s as %q", first.Lease.EndedAt, first.Lease.EndReason)
	}
	if n := len(w.gapless()) - before; n != 1 {
		t.errorf("%d events of one end", n)
	}
	if _, _, live, err := a.Account(t.ctx, first.Account.ID); err != nil || len(live) != 0 {
		t.errorf("%d live leases, error %v", len(live), err)
	}
}

// endsInTurn: of an account's two leases, the second to end sees that it is the last.
func endsInTurn(t *probe, a, _ Store) {
	w := newWorld(t, a)
	ada, one := w.person("ada", "ada@acme.example")
	two := w.lease(ada)
	w.write(provision.Change{Leases: []provision.Lease{two}})
	var left []int
	t.ok("end", a.End(t.ctx, []provision.LeaseID{one.ID, two.ID}, func(id provision.LeaseID, s provision.State) provision.Change {
		if s.Former.Lease.ID != id || s.Former.Account.ID != ada.ID || s.Former.Tenant.ID != acme || len(s.FormerLinks) != 1 {
			t.errorf("the state of %s has lease %q, account %q, tenant %q, %d links", id, s.Former.Lease.ID, s.Former.Account.ID, s.Former.Tenant.ID, len(s.FormerLinks))
		}
		left = append(left, len(s.FormerLeases))
		return w.ended(s.Former.Lease)
	}))
	if len(left) != 2 || left[0] != 2 || left[1] != 1 {
		t.errorf("live leases seen: %v, want 2 and then 1", left)
	}
}

func endsTogether(t *probe, a, _ Store) {
	w := newWorld(t, a)
	ada, one := w.person("ada", "ada@acme.example")
	two := w.lease(ada)
	w.write(provision.Change{Leases: []provision.Lease{two}})
	before := len(w.gapless())
	err := a.End(t.ctx, []provision.LeaseID{one.ID, two.ID}, func(id provision.LeaseID, s provision.State) provision.Change {
		c := w.ended(s.Former.Lease)
		if id == two.ID {
			c.Links = []provision.Link{link(okta, "ada", ada)} // is there already
		}
		return c
	})
	if !errors.Is(err, provision.ErrConflict) {
		t.errorf("error %v, want a conflict", err)
	}
	if s := w.read(provision.Target{Account: ada.ID}); len(s.Leases) != 2 || len(w.gapless()) != before {
		t.errorf("%d live leases, %d events, want 2 and %d", len(s.Leases), len(w.gapless()), before)
	}
}

func standing(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, parent := w.person("ada", "ada@acme.example")
	child, grandchild := w.lease(ada), w.lease(ada)
	child.Parent, grandchild.Parent = parent.ID, child.ID
	w.write(provision.Change{Leases: []provision.Lease{child, grandchild}, Entries: []provision.Entry{{Lease: grandchild.ID, App: wiki, At: start.Add(time.Second)}}})
	w.write(provision.Change{Entries: []provision.Entry{{Lease: grandchild.ID, App: wiki, At: start.Add(time.Minute)}}})
	st, err := b.Lease(t.ctx, grandchild.ID)
	t.ok("lease", err)
	if st.Lease.ID != grandchild.ID || st.Account.ID != ada.ID || st.Tenant.ID != acme || st.Connection.ID != okta || st.Claim.Domain != domain("acme.example") || st.Installation != 1 {
		t.errorf("the standing lacks a part: %+v", st)
	}
	if len(st.Ancestors) != 2 || st.Ancestors[0].ID != child.ID || st.Ancestors[1].ID != parent.ID {
		t.errorf("ancestors %v, want parent first", st.Ancestors)
	}
	if at := st.Entered(wiki); !at.Equal(start.Add(time.Second)) {
		t.errorf("entered at %s, want the first time", at)
	}
	if reason := st.Refuses(start.Add(time.Minute)); reason != "" {
		t.errorf("a live lease refuses: %s", reason)
	}
	if _, err := b.Lease(t.ctx, "acme.unknown"); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("a lease that is not there: error %v", err)
	}
	orphan := w.lease(ada)
	orphan.Parent = orphan.ID // a chain without an end
	w.write(provision.Change{Leases: []provision.Lease{orphan}})
	if st, err := b.Lease(t.ctx, orphan.ID); err != nil || st.Refuses(start) == "" {
		t.errorf("a lease below itself does not refuse, error %v", err)
	}
}
