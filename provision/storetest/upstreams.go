package storetest

import (
	"errors"
	"slices"
	"time"

	"leasehold/provision"
)

func upstreams() []check {
	return []check{
		{"what a lease remembers of its identity provider is kept sealed, replaced whole, and gone with its end", remembered},
		{"leases are found by a handle, and no others", handled},
		{"leases are asked about when their time has come, the longest due first, by connection", asked},
	}
}

// upstream is what a lease remembers, with its secrets in the clear beside.
func upstream(l provision.Lease, sealed string, handles ...string) provision.Upstream {
	return provision.Upstream{Lease: l.ID, Account: l.Account, Handles: handles, Sealed: []byte(sealed), Session: provision.UpstreamSession{Name: "in the clear", Refresh: "secret"}}
}

func remembered(t *probe, a, b Store) {
	w := newWorld(t, a)
	_, l := w.person("ada", "ada@acme.example")
	_, bob := w.person("bob", "bob@rival.example")
	if _, err := b.Upstream(t.ctx, l.ID); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("nothing remembered: error %v", err)
	}
	w.write(provision.Change{Upstreams: []provision.Upstream{upstream(l, "one", "a", "b"), upstream(bob, "bob's", "a")}})
	w.wantUpstream(b, l, "one", "a", "b")
	w.write(provision.Change{Upstreams: []provision.Upstream{upstream(l, "two", "b", "c", "c")}})
	w.wantUpstream(b, l, "two", "b", "c")
	gone := w.ended(l)
	gone.Upstreams = []provision.Upstream{{Lease: l.ID}}
	w.write(gone)
	if u, err := b.Upstream(t.ctx, l.ID); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("after the end %+v is remembered, error %v", u, err)
	}
	w.wantHandled(b, "b", 10)
	w.wantUpstream(b, bob, "bob's", "a")
	failing := provision.Change{Upstreams: []provision.Upstream{upstream(bob, "torn", "z")}, Links: []provision.Link{link(other, "bob", provision.Account{ID: bob.Account})}}
	if _, err := w.change(failing); !errors.Is(err, provision.ErrConflict) {
		t.errorf("error %v, want a conflict", err)
	}
	w.wantUpstream(b, bob, "bob's", "a")
}

func (w world) wantUpstream(from Store, l provision.Lease, sealed string, handles ...string) {
	u, err := from.Upstream(w.t.ctx, l.ID)
	w.t.ok("upstream", err)
	slices.Sort(u.Handles)
	u.Handles = slices.Compact(u.Handles)
	if u.Lease != l.ID || u.Account != l.Account || string(u.Sealed) != sealed || !slices.Equal(u.Handles, handles) || !u.Session.IsZero() || u.Session.Refresh != "" {
		w.t.errorf("remembered is %+v, want %q under %v and nothing in the clear", u, sealed, handles)
	}
}

func (w world) wantHandled(from Store, handle string, limit int, want ...provision.LeaseID) {
	got, err := from.Handled(w.t.ctx, handle, limit)
	w.t.ok("handled", err)
	if slices.Sort(got); !slices.Equal(got, want) {
		w.t.errorf("of handle %q are %v, want %v", handle, got, want)
	}
}

func handled(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, one := w.person("ada", "ada@acme.example")
	two := w.lease(ada)
	_, bob := w.person("bob", "bob@rival.example")
	w.write(provision.Change{Leases: []provision.Lease{two}, Upstreams: []provision.Upstream{
		upstream(one, "1", "ada", "session 1"), upstream(two, "2", "ada", "session 2"), upstream(bob, "3", "bob"),
	}})
	want := []provision.LeaseID{one.ID, two.ID}
	slices.Sort(want)
	w.wantHandled(b, "ada", 10, want...)
	w.wantHandled(b, "session 1", 10, one.ID)
	w.wantHandled(b, "Session 1", 10)
	w.wantHandled(b, "", 10)
	if got, err := b.Handled(t.ctx, "ada", 1); err != nil || len(got) != 1 {
		t.errorf("%d of one at most, error %v", len(got), err)
	}
}

func asked(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, never := w.person("ada", "ada@acme.example")
	first, second, later, gone, abroad := w.lease(ada), w.lease(ada), w.lease(ada), w.lease(ada), w.lease(ada)
	first.Asks, second.Asks, later.Asks, gone.Asks, abroad.Asks = start.Add(time.Minute), start.Add(2*time.Minute), start.Add(time.Hour), start, start
	first.Vouched = start
	gone.EndedAt, abroad.Connection = start, entra
	w.write(provision.Change{Leases: []provision.Lease{second, first, later, gone, abroad}})
	want := func(what string, c provision.ConnectionID, at time.Time, limit int, want ...provision.LeaseID) {
		leases, err := b.Asked(t.ctx, c, at, limit)
		t.ok("asked", err)
		var got []provision.LeaseID
		for _, l := range leases {
			got = append(got, l.ID)
		}
		if !slices.Equal(got, want) {
			t.errorf("%s: asked about are %v, want %v", what, got, want)
		}
	}
	want("before", okta, start.Add(59*time.Second), 10)
	want("the first", okta, first.Asks, 10, first.ID)
	want("both", okta, second.Asks, 10, first.ID, second.ID)
	want("one at most", okta, second.Asks, 1, first.ID)
	want("another connection", entra, start, 10, abroad.ID)
	if leases, err := b.Asked(t.ctx, okta, first.Asks, 1); err != nil || len(leases) != 1 || !leases[0].Vouched.Equal(start) {
		t.errorf("asked about is %+v, error %v", leases, err)
	}
	first.Asks = later.Asks
	w.write(provision.Change{Leases: []provision.Lease{first}})
	want("moved on", okta, second.Asks, 10, second.ID)
	second.Asks = time.Time{}
	w.write(provision.Change{Leases: []provision.Lease{second}})
	want("never again", okta, start.Add(time.Minute*59), 10)
	if never.Asks != (time.Time{}) {
		t.errorf("a lease that nobody asks about is due at %s", never.Asks)
	}
}
