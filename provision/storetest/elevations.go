package storetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"leasehold/provision"
)

// Elevations is what people ask for; the port is its consumer's.
type Elevations interface {
	Elevations(ctx context.Context, f provision.ElevationFilter) ([]provision.Elevation, error)
}

func elevations() []check {
	return []check{
		{"a request for a role is kept sealed, found by what it is about, and decided once", elevationRows},
		{"a session stands with its own elevations, and with no others", elevationLeases},
		{"two requests of one account that meet see each other", elevationsMeet},
		{"requests that are past are deleted, and those that wait are not", elevationsPast},
	}
}

func (w world) elevation(l provision.Lease, role string) provision.Elevation {
	return provision.Elevation{
		ID: provision.ElevationID(w.draw("elv_")), Tenant: l.Tenant, Account: l.Account, Session: l.ID, Role: role, For: time.Minute, State: provision.ElevationWaiting,
		Asked: start, Expires: start.Add(15 * time.Minute), Said: provision.Said{Reason: "in the clear"}, Sealed: []byte{1, 0, 2},
	}
}

func (w world) elevations(f provision.ElevationFilter) (ids []provision.ElevationID) {
	found, err := w.store.Elevations(w.t.ctx, f)
	w.t.ok("elevations", err)
	for _, e := range found {
		if e.Said != (provision.Said{}) || string(e.Sealed) != "\x01\x00\x02" || !e.Asked.Equal(start) || e.For != time.Minute {
			w.t.errorf("kept is %+v, want it whole with nothing in the clear", e)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

func elevationRows(t *probe, a, b Store) {
	w := newWorld(t, a)
	_, hers := w.person("ada", "ada@acme.example")
	_, his := w.person("bob", "bob@rival.example")
	one, two, three := w.elevation(hers, "admin"), w.elevation(hers, "auditor"), w.elevation(his, "admin")
	two.Expires = start.Add(time.Hour)
	w.write(provision.Change{Elevations: []provision.Elevation{one, two, three}})
	want := func(what string, f provision.ElevationFilter, want ...provision.ElevationID) {
		if got := w.on(b).elevations(f); !slices.Equal(got, want) {
			t.errorf("%s: %v, want %v", what, got, want)
		}
	}
	late := start.Add(15 * time.Minute)
	want("all", provision.ElevationFilter{}, one.ID, two.ID, three.ID)
	want("one by its id", provision.ElevationFilter{ID: two.ID}, two.ID)
	want("of a tenant", provision.ElevationFilter{Tenant: rival}, three.ID)
	want("of an account", provision.ElevationFilter{Account: hers.Account, Waiting: true}, one.ID, two.ID)
	want("late", provision.ElevationFilter{Late: late}, one.ID, three.ID)
	want("not yet late", provision.ElevationFilter{Late: late.Add(-1)})
	want("a page", provision.ElevationFilter{After: one.ID, Limit: 1}, two.ID)
	target := provision.Target{Lease: hers.ID, Elevations: true}
	if got := w.read(target).Waiting; len(got) != 2 || got[0].ID != one.ID || got[1].ID != two.ID {
		t.errorf("the state holds %+v", got)
	}
	if got := w.read(provision.Target{Lease: hers.ID}).Waiting; len(got) != 0 {
		t.errorf("nobody asked for %+v", got)
	}
	one.State, one.Lease = provision.ElevationApproved, "acme.child"
	w.write(provision.Change{Elevations: []provision.Elevation{one}})
	want("those that wait", provision.ElevationFilter{Waiting: true}, two.ID, three.ID)
	want("late, and waiting", provision.ElevationFilter{Late: late}, three.ID)
	if got := w.read(target).Waiting; len(got) != 1 || got[0].ID != two.ID {
		t.errorf("after one was decided the state holds %+v", got)
	}
	failing := provision.Change{Elevations: []provision.Elevation{{ID: two.ID, Tenant: acme, Account: hers.Account, State: provision.ElevationDenied}}, Links: []provision.Link{link(okta, "ada", provision.Account{ID: hers.Account})}}
	if _, err := w.change(failing); !errors.Is(err, provision.ErrConflict) {
		t.errorf("error %v, want a conflict", err)
	}
	want("after what failed", provision.ElevationFilter{ID: two.ID, Waiting: true}, two.ID)
}

func elevationLeases(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, hers := w.person("ada", "ada@acme.example")
	second := w.lease(ada)
	below := func(parent provision.LeaseID, kind provision.LeaseKind) provision.Lease {
		l := w.lease(ada)
		l.Kind, l.Parent, l.Grant.Roles = kind, parent, []string{"admin"}
		return l
	}
	one, two, sibling, stranger, over := below(hers.ID, provision.ElevationLease), below(hers.ID, provision.ElevationLease), below(second.ID, provision.ElevationLease), below(hers.ID, "agent"), below(hers.ID, provision.ElevationLease)
	over.EndedAt = start
	w.write(provision.Change{Leases: []provision.Lease{second, two, one, sibling, stranger, over}})
	want := func(what string, s provision.Standing, want ...provision.LeaseID) {
		var got []provision.LeaseID
		for _, l := range s.Elevations {
			got = append(got, l.ID)
			if !slices.Equal(l.Grant.Roles, []string{"admin"}) || !l.End.Equal(one.End) {
				t.errorf("%s: %+v is not whole", what, l)
			}
		}
		if !slices.Equal(got, want) {
			t.errorf("%s: elevations %v, want %v", what, got, want)
		}
	}
	read := func(id provision.LeaseID) provision.Standing {
		s, err := b.Lease(t.ctx, id)
		t.ok("lease", err)
		return s
	}
	want("her session", read(hers.ID), one.ID, two.ID)
	want("in a state", w.read(provision.Target{Lease: hers.ID}).Former, one.ID, two.ID)
	want("in an intent", w.read(provision.Target{Intent: provision.Intent{Lease: second.ID}}).Intended, sibling.ID)
	want("an elevation itself", read(one.ID))
	if s := read(one.ID); len(s.Ancestors) != 1 || s.Ancestors[0].ID != hers.ID {
		t.errorf("above an elevation is %+v", s.Ancestors)
	}
	w.write(w.ended(one))
	want("after an end", read(hers.ID), two.ID)
	err := a.End(t.ctx, []provision.LeaseID{two.ID, hers.ID}, func(id provision.LeaseID, s provision.State) provision.Change {
		if id == hers.ID {
			want("once the other has ended", s.Former)
		}
		return w.ended(s.Former.Lease)
	})
	t.ok("end", err)
}

// elevationsMeet has many ask at once: each asks unless a request waits.
func elevationsMeet(t *probe, a, b Store) {
	w := newWorld(t, a)
	_, hers := w.person("ada", "ada@acme.example")
	done := make(chan error)
	const crowd = 8
	for n := range crowd {
		on := w.on([]Store{a, b}[n%2])
		e := w.elevation(hers, "admin")
		go func() {
			_, err := on.store.Amend(t.ctx, provision.Target{Lease: hers.ID, Elevations: true}, func(s provision.State) (provision.Change, error) {
				if len(s.Waiting) > 0 {
					return provision.Change{}, nil
				}
				return provision.Change{Elevations: []provision.Elevation{e}}, nil
			})
			done <- err
		}()
	}
	for range crowd {
		if err := <-done; err != nil {
			t.errorf("ask: %v", err)
		}
	}
	if got := w.elevations(provision.ElevationFilter{}); len(got) != 1 {
		t.errorf("%d requests of those that met, want 1", len(got))
	}
}

func elevationsPast(t *probe, a, b Store) {
	w := newWorld(t, a)
	_, hers := w.person("ada", "ada@acme.example")
	_, his := w.person("bob", "bob@rival.example")
	gone, waits, abroad, young := w.elevation(hers, "admin"), w.elevation(hers, "auditor"), w.elevation(his, "admin"), w.elevation(hers, "root")
	gone.State, abroad.State, young.State = provision.ElevationDenied, provision.ElevationDenied, provision.ElevationExpired
	young.Expires = start.Add(time.Hour)
	w.write(provision.Change{Elevations: []provision.Elevation{gone, waits, abroad, young}})
	for _, want := range []int{1, 0} {
		if n, err := b.DeletePast(t.ctx, acme, start.Add(30*time.Minute), 10); err != nil || n != want {
			t.errorf("deleted %d, error %v, want %d", n, err, want)
		}
	}
	if got := w.elevations(provision.ElevationFilter{}); !slices.Equal(got, []provision.ElevationID{waits.ID, abroad.ID, young.ID}) {
		t.errorf("left are %v", got)
	}
}
