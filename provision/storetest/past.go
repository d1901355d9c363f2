package storetest

import (
	"slices"
	"strings"
	"time"

	"leasehold/provision"
)

func past() []check {
	return []check{
		{"accounts that nobody has used for long are listed, and no others", unused},
		{"accounts with a sign-in at a connection are listed, each once, and no others", linked},
		{"what is past is deleted in batches, and nothing else is", deletedPast},
		{"what is spent is forgotten after its time, and not before", deletedSpent},
		{"names of keys are listed in order, from one on and below another", keyNames},
	}
}

func unused(t *probe, a, b Store) {
	w := newWorld(t, a)
	made := func(address string, state provision.AccountState, created, login time.Time) provision.AccountID {
		account := w.account(address, state)
		account.Created, account.LastLogin = created, login
		w.write(provision.Change{Accounts: []provision.Account{account}})
		return account.ID
	}
	old, young := start.Add(-48*time.Hour), start.Add(-time.Hour)
	want := []provision.AccountID{
		made("one@acme.example", provision.Dormant, old, old),
		made("two@acme.example", provision.Pending, old, time.Time{}),
		made("three@acme.example", provision.Revoked, old, old),
	}
	made("active@acme.example", provision.Active, old, old)
	made("back@acme.example", provision.Dormant, old, young)
	made("new@acme.example", provision.Pending, young, time.Time{})
	made("", provision.Deleted, old, old)
	made("bob@rival.example", provision.Dormant, old, old)
	got, err := b.Unused(t.ctx, acme, start.Add(-24*time.Hour), 10)
	t.ok("unused", err)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.errorf("unused are %v, want %v", got, want)
	}
	if got, err := b.Unused(t.ctx, acme, start.Add(-24*time.Hour), 2); err != nil || len(got) != 2 {
		t.errorf("%d unused of two at most, error %v", len(got), err)
	}
}

func linked(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, eve, bob, gone := w.account("ada@acme.example", provision.Dormant), w.account("eve@acme.example", provision.Dormant), w.account("bob@rival.example", provision.Dormant), w.account("gone@acme.example", provision.Dormant)
	tomb := link(okta, "", gone)
	w.write(provision.Change{Accounts: []provision.Account{ada, eve, bob, gone}, Links: []provision.Link{
		link(okta, "ada", ada), link(okta, "ada too", ada), link(okta, "eve", eve), link(entra, "eve", eve), link(entra, "gone", gone), tomb, link(other, "bob", bob),
	}})
	want := []provision.AccountID{ada.ID, eve.ID}
	got, err := b.Linked(t.ctx, okta, 10)
	t.ok("linked", err)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.errorf("linked are %v, want %v", got, want)
	}
	if got, err := b.Linked(t.ctx, okta, 1); err != nil || len(got) != 1 {
		t.errorf("%d linked of one at most, error %v", len(got), err)
	}
	w.write(provision.Change{Unlinks: []provision.LinkKey{{Connection: okta, Subject: "ada"}, {Connection: okta, Subject: "ada too"}, {Connection: okta, Subject: "eve"}}})
	if got, err := b.Linked(t.ctx, okta, 10); err != nil || len(got) != 0 {
		t.errorf("linked are still %v, error %v", got, err)
	}
}

func deletedPast(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, live := w.person("ada", "ada@acme.example")
	_, abroad := w.person("bob", "bob@rival.example")
	var gone []provision.Lease
	for range 3 {
		l := w.lease(ada)
		l.EndedAt = start
		gone = append(gone, l)
	}
	late := w.lease(ada)
	late.End, late.Idle, late.EndedAt = start.Add(100*time.Hour), 0, start
	w.write(provision.Change{
		Leases: append(gone, late), Entries: []provision.Entry{{Lease: gone[0].ID, App: wiki, At: start}},
		Decisions: []provision.DecisionRow{{ID: "dec_old", Tenant: acme, At: start}, {ID: "dec_new", Tenant: acme, At: start.Add(50 * time.Hour)}, {ID: "dec_abroad", Tenant: rival, At: start}},
	})
	t.ok("end", w.end(abroad.ID))
	events := len(w.gapless())
	for _, want := range []int{2, 1, 0} {
		if n, err := b.DeletePast(t.ctx, acme, start.Add(49*time.Hour), 2); err != nil || n != want {
			t.errorf("deleted %d, error %v, want %d", n, err, want)
		}
	}
	leases, err := a.Leases(t.ctx, provision.Page{Ended: true})
	t.ok("leases", err)
	var left []provision.LeaseID
	for _, l := range leases {
		left = append(left, l.ID)
	}
	want := []provision.LeaseID{live.ID, abroad.ID, late.ID}
	if slices.Sort(want); !slices.Equal(left, want) {
		t.errorf("leases left are %v, want %v", left, want)
	}
	if n := len(w.gapless()); n != events {
		t.errorf("%d events are left of %d: the audit is kept", n, events)
	}
	w.write(provision.Change{Decisions: []provision.DecisionRow{{ID: "dec_old", Tenant: acme, At: start}}})
	for _, kept := range []provision.DecisionID{"dec_new", "dec_abroad"} {
		if _, err := w.change(provision.Change{Decisions: []provision.DecisionRow{{ID: kept, Tenant: acme, At: start}}}); err == nil {
			t.errorf("%s was deleted", kept)
		}
	}
}

func deletedSpent(t *probe, a, b Store) {
	w := newWorld(t, a)
	var spent []provision.Spent
	for n, id := range strings.Split("abcd", "") {
		spent = append(spent, provision.Spent{Kind: "assertion", Scope: string(okta), ID: id, Until: start.Add(time.Duration(n) * time.Hour)})
	}
	w.write(provision.Change{Spent: spent})
	for _, want := range []int{2, 1, 0} {
		if n, err := b.DeleteSpent(t.ctx, start.Add(2*time.Hour+1), 2); err != nil || n != want {
			t.errorf("deleted %d, error %v, want %d", n, err, want)
		}
	}
	if left := w.read(provision.Target{Spend: spent}).Spent; len(left) != 1 || left[0].ID != "d" {
		t.errorf("spent are %v, want what may still be accepted", left)
	}
}

func keyNames(t *probe, a, b Store) {
	for _, name := range []string{"day/acme/3", "day/acme/1", "day/acme/2", "day/b/1", "session"} {
		_, err := a.AddKey(t.ctx, name, []byte("x"))
		t.ok("add", err)
	}
	for limit, want := range map[int][]string{10: {"day/acme/1", "day/acme/2"}, 1: {"day/acme/1"}} {
		if got, err := b.KeyNames(t.ctx, "day/acme/", "day/acme/3", limit); err != nil || !slices.Equal(got, want) {
			t.errorf("names are %v, error %v, want %v", got, err, want)
		}
	}
}
