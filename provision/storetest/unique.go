package storetest

import (
	"errors"
	"time"

	"leasehold/provision"
)

func unique() []check {
	return []check{
		{"a second link of one subject is a conflict", secondLink},
		{"a second living account with one address is a conflict", secondHolder},
		{"an address is free again when its holder is deleted, and in another tenant", freedAddress},
		{"a second owner of one domain is a conflict", secondOwner},
		{"a second app at one origin is a conflict", secondApp},
		{"what is spent stays spent", spentStays},
		{"a link that is gone may be made again", relinked},
	}
}

// conflict notes a change that broke a unique index and was accepted, and what a refused one left behind.
func (w world) conflict(c provision.Change) {
	before := len(w.gapless())
	c.Events = []provision.Event{w.event(provision.EventAdmin)}
	_, err := w.change(c)
	if !errors.Is(err, provision.ErrConflict) {
		w.t.errorf("error %v, want a conflict", err)
	}
	if n := len(w.gapless()) - before; n != 0 {
		w.t.errorf("a change that was refused left %d events", n)
	}
}

func secondLink(t *probe, a, b Store) {
	w := newWorld(t, a)
	w.person("ada", "ada@acme.example")
	eve := w.account("eve@acme.example", provision.Active)
	w.conflict(provision.Change{Accounts: []provision.Account{eve}, Links: []provision.Link{link(okta, "ada", eve)}})
	if _, _, _, err := b.Account(t.ctx, eve.ID); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("the account of the refused change: error %v", err)
	}
}

func secondHolder(t *probe, a, _ Store) {
	w := newWorld(t, a)
	w.person("ada", "ada@acme.example")
	for _, state := range []provision.AccountState{provision.Pending, provision.Active, provision.Dormant, provision.Suspended, provision.Revoked} {
		w.conflict(provision.Change{Accounts: []provision.Account{w.account("Ada@acme.example", state)}})
	}
}

func freedAddress(t *probe, a, _ Store) {
	w := newWorld(t, a)
	ada, _ := w.person("ada", "ada@acme.example")
	abroad := w.account("ada@acme.example", provision.Active)
	abroad.Tenant = rival
	w.write(provision.Change{Accounts: []provision.Account{abroad}})
	ada.State, ada.Email = provision.Deleted, provision.Email{}
	again := w.account("ada@acme.example", provision.Active)
	w.write(provision.Change{Accounts: []provision.Account{ada, again}})
	for range 2 { // who has no address holds none
		w.write(provision.Change{Accounts: []provision.Account{w.account("", provision.Pending)}})
	}
	if s := w.read(provision.Target{Tenant: acme, Email: email("ada@acme.example")}); s.EmailHolder.ID != again.ID {
		t.errorf("the address is held by %q, want %s", s.EmailHolder.ID, again.ID)
	}
}

func secondOwner(t *probe, a, _ Store) {
	w := newWorld(t, a)
	for _, state := range []provision.ClaimState{provision.ClaimVerified, provision.ClaimFailing, provision.ClaimLapsed} {
		w.conflict(provision.Change{Claims: []provision.Claim{claim(rival, "acme.example", state)}})
	}
	w.write(provision.Change{Claims: []provision.Claim{claim(rival, "acme.example", provision.ClaimPending)}})
	former, next := claim(acme, "acme.example", provision.ClaimPending), claim(rival, "acme.example", provision.ClaimVerified)
	former.Revision, next.Revision = 2, 2
	w.write(provision.Change{Claims: []provision.Claim{former, next}})
	if s := w.read(provision.Target{Tenant: acme, Domain: domain("acme.example")}); s.Claim.Tenant != rival || s.OwnClaim.State != provision.ClaimPending {
		t.errorf("owner %q, own claim %q", s.Claim.Tenant, s.OwnClaim.State)
	}
}

func secondApp(t *probe, a, _ Store) {
	w := newWorld(t, a)
	w.conflict(provision.Change{Apps: []provision.App{{ID: "chat", Origins: []provision.Origin{origin("https://wiki.example")}}}})
	w.write(provision.Change{Apps: []provision.App{{ID: wiki, Origins: []provision.Origin{origin("https://new.example")}, Revision: 2}}})
	w.write(provision.Change{Apps: []provision.App{{ID: "chat", Origins: []provision.Origin{origin("https://wiki.example")}, Revision: 1}}})
	w.write(provision.Change{Apps: []provision.App{ // they change places, in one change
		{ID: wiki, Origins: []provision.Origin{origin("https://wiki.example")}, Revision: 3}, {ID: "chat", Origins: []provision.Origin{origin("https://new.example")}, Revision: 2},
	}})
	for at, want := range map[string]provision.AppID{"https://wiki.example": wiki, "https://new.example": "chat"} {
		if app, err := a.AppByOrigin(t.ctx, origin(at)); err != nil || app.ID != want {
			t.errorf("app at %s is %q, error %v, want %s", at, app.ID, err, want)
		}
	}
}

func spentStays(t *probe, a, b Store) {
	w := newWorld(t, a)
	spent := provision.Spent{Kind: "assertion", Scope: string(okta), ID: "_1", Until: start.Add(time.Hour)}
	if d, err := w.login(request("ada", "ada@acme.example", spent), nil); err != nil || !d.Allowed() {
		t.fatalf("first use: %s, error %v", d.Reason, err)
	}
	if d, err := w.on(b).login(request("eve", "eve@acme.example", spent), nil); err != nil || d.Reason != provision.Replayed {
		t.errorf("second use: %s %s, error %v", d.Outcome, d.Reason, err)
	}
	w.conflict(provision.Change{Spent: []provision.Spent{spent}})
	fresh := []provision.Spent{
		{Kind: "assertion", Scope: string(entra), ID: "_1", Until: spent.Until}, {Kind: "attempt", Scope: string(okta), ID: "_1", Until: spent.Until},
		{Kind: "assertion", Scope: string(okta), ID: "_2", Until: spent.Until},
	}
	s := w.read(provision.Target{Spend: append(fresh, spent)})
	if len(s.Spent) != 1 || s.Spent[0].ID != spent.ID || s.Spent[0].Scope != spent.Scope || s.Spent[0].Kind != spent.Kind {
		t.errorf("spent: %v", s.Spent)
	}
	if d, err := w.login(request("bob", "taken@acme.example", fresh...), nil); err != nil || !d.Allowed() {
		t.errorf("other things: %s, error %v", d.Reason, err)
	}
	denied := provision.Spent{Kind: "assertion", Scope: string(okta), ID: "_3", Until: spent.Until}
	if d, err := w.login(request("mallory", "ada@acme.example", denied), nil); err != nil || d.Reason != provision.EmailTaken {
		t.errorf("taken address: %s, error %v", d.Reason, err)
	}
	if s := w.read(provision.Target{Spend: []provision.Spent{denied}}); len(s.Spent) != 1 {
		t.errorf("a refusal did not use up its message")
	}
}

func relinked(t *probe, a, _ Store) {
	w := newWorld(t, a)
	ada, _ := w.person("ada", "ada@acme.example")
	l := link(okta, "ada", ada)
	w.write(provision.Change{Unlinks: []provision.LinkKey{l.LinkKey}, Links: []provision.Link{{LinkKey: provision.LinkKey{Connection: okta}, Pseudonym: l.Pseudonym, Account: ada.ID, Created: start}}})
	if s := w.read(provision.Target{Link: l.LinkKey}); s.Link.Account != "" || s.Account.ID != "" {
		t.errorf("a link that is gone finds %q", s.Account.ID)
	}
	if s := w.read(provision.Target{Link: l.LinkKey, Pseudonym: l.Pseudonym}); s.Account.ID != ada.ID || len(s.Links) != 1 || s.Links[0].Subject != "" {
		t.errorf("the tombstone finds %q with links %v", s.Account.ID, s.Links)
	}
	eve := w.account("eve@acme.example", provision.Active)
	w.write(provision.Change{Accounts: []provision.Account{eve}, Links: []provision.Link{link(okta, "ada", eve)}})
	if s := w.read(provision.Target{Link: l.LinkKey, Pseudonym: l.Pseudonym}); s.Account.ID != eve.ID {
		t.errorf("the new link finds %q, want %s", s.Account.ID, eve.ID)
	}
}
