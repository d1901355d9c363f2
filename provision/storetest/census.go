package storetest

import (
	"maps"
	"time"

	"leasehold/provision"
)

func census() []check {
	return []check{{"a census counts what lives, what is due first, what is to be settled, and claims by state", counted}}
}

func counted(t *probe, a, b Store) {
	empty, err := b.Census(t.ctx)
	t.ok("census", err)
	if empty.Leases != 0 || !empty.NextDue.IsZero() || empty.Revocations != 0 || len(empty.Claims) != 0 {
		t.errorf("of an empty ledger: %+v", empty)
	}
	w := newWorld(t, a)
	_, first := w.person("ada", "ada@acme.example")
	_, second := w.person("bob", "bob@rival.example")
	_, over := w.person("eve", "eve@acme.example")
	first.End, second.End = start.Add(time.Hour), start.Add(2*time.Hour)
	w.write(provision.Change{Leases: []provision.Lease{first, second}})
	w.write(w.ended(over))
	w.write(provision.Change{
		Claims:      []provision.Claim{claim(rival, "acme.example", provision.ClaimPending), claim(acme, "two.example", provision.ClaimPending)},
		Revocations: []provision.Revocation{{ID: "rev_1", Requested: start}, {ID: "rev_2", Requested: start, Settled: start}},
	})
	got, err := b.Census(t.ctx)
	t.ok("census", err)
	claims, err := b.Claims(t.ctx, provision.Page{Limit: 100})
	t.ok("claims", err)
	want := map[provision.ClaimState]int{}
	for _, c := range claims {
		want[c.State]++
	}
	if got.Leases != 2 || !got.NextDue.Equal(first.Due()) || got.Revocations != 1 || !maps.Equal(got.Claims, want) || want[provision.ClaimPending] != 2 {
		t.errorf("%+v; want 2 leases, the first due at %s, 1 revocation, claims %v", got, first.Due(), want)
	}
	if late := got.Late(first.Due().Add(time.Minute)); late != time.Minute {
		t.errorf("a minute after the first was due it is late by %s", late)
	}
	if late := got.Late(start); late != 0 {
		t.errorf("before any is due one is late by %s", late)
	}
}
