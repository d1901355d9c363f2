package storetest

import (
	"reflect"

	"leasehold/provision"
)

func states() []check {
	return []check{
		{"a request's state holds all that it names", requestState},
		{"a target that names nothing reads nothing", emptyState},
		{"the tenant is the connection's, else the target's, else the account's, else the lease's", whoseTenant},
		{"the claim is the owner's, else the tenant's own", whoseClaim},
		{"seats are active accounts but the one asked about", seats},
	}
}

// same notes a difference between two values: of a struct, the fields that differ.
func same[T any](t *probe, what string, got, want T) {
	if reflect.DeepEqual(got, want) {
		return
	}
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	if g.Kind() != reflect.Struct {
		t.errorf("%s is %+v, want %+v", what, got, want)
		return
	}
	for i := range g.NumField() {
		if g, w := g.Field(i).Interface(), w.Field(i).Interface(); !reflect.DeepEqual(g, w) {
			t.errorf("%s.%s is %+v (%T), want %+v", what, reflect.TypeFor[T]().Field(i).Name, g, g, w)
		}
	}
}

func requestState(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, l := w.person("ada", "ada@acme.example")
	eve, eves := w.person("eve", "eve@acme.example")
	bob, bobs := w.person("bob", "bob@acme.example")
	r := request("ada", "Eve@acme.example")
	r.Replaces, r.App, r.Intent = bobs.ID, wiki, provision.Intent{Account: eve.ID, Lease: eves.ID}
	var s provision.State
	_, err := b.Provision(t.ctx, r, func(now provision.State) provision.Decision {
		s = now
		return provision.Decision{Outcome: provision.Denied}
	})
	t.ok("provision", err)
	same(t, "tenant", s.Tenant, tenant(acme))
	same(t, "connection", s.Connection, connection(okta, acme, "acme.example"))
	same(t, "claim", s.Claim, claim(acme, "acme.example", provision.ClaimVerified))
	same(t, "account", s.Account, ada)
	same(t, "link", s.Link, link(okta, "ada", ada))
	same(t, "links", s.Links, []provision.Link{link(okta, "ada", ada)})
	same(t, "leases", s.Leases, []provision.Lease{l})
	same(t, "holder of the address", s.EmailHolder, eve)
	same(t, "lease of the former session", s.Former.Lease, bobs)
	same(t, "account of the former session", s.Former.Account, bob)
	same(t, "leases of the former session", s.FormerLeases, []provision.Lease{bobs})
	same(t, "links of the former session", s.FormerLinks, []provision.Link{link(okta, "bob", bob)})
	same(t, "lease of the intent", s.Intended.Lease, eves)
	same(t, "account of the intent", s.Intended.Account, eve)
	same(t, "leases of the intent", s.IntendedLeases, []provision.Lease{eves})
	if s.App.ID != wiki || s.Installation != 1 || len(s.Spent) != 0 {
		t.errorf("app %q, installation %d, spent %v", s.App.ID, s.Installation, s.Spent)
	}
	r.Facts.Email = "no address"
	_, err = b.Provision(t.ctx, r, func(now provision.State) provision.Decision {
		s = now
		return provision.Decision{Outcome: provision.Denied}
	})
	t.ok("provision", err)
	if s.Claim.Tenant != "" || s.EmailHolder.ID != "" || s.Account.ID != ada.ID {
		t.errorf("of no address: claim of %q, holder %q, account %q", s.Claim.Tenant, s.EmailHolder.ID, s.Account.ID)
	}
}

func emptyState(t *probe, a, _ Store) {
	w := newWorld(t, a)
	w.write(provision.Change{Accounts: []provision.Account{w.account("", provision.Pending)}})
	same(t, "state", w.read(provision.Target{}), provision.State{Installation: 1})
	unknown := provision.Target{
		Tenant: "none", Connection: "none", Link: provision.LinkKey{Connection: okta, Subject: "none"}, Pseudonym: "none", Email: email("none@none.example"),
		Account: "none", Lease: "none.none", App: "none", Intent: provision.Intent{Account: "none", Lease: "none.none"}, Spend: []provision.Spent{{Kind: "attempt", ID: "none"}},
	}
	same(t, "state", w.read(unknown), provision.State{Installation: 1})
}

func whoseTenant(t *probe, a, _ Store) {
	w := newWorld(t, a)
	ada, _ := w.person("ada", "ada@acme.example")
	_, bobs := w.person("bob", "bob@rival.example")
	for _, x := range []struct {
		target provision.Target
		want   provision.TenantID
	}{
		{provision.Target{Connection: okta, Tenant: rival, Lease: bobs.ID}, acme},
		{provision.Target{Tenant: rival, Account: ada.ID}, rival},
		{provision.Target{Account: ada.ID, Lease: bobs.ID}, acme},
		{provision.Target{Lease: bobs.ID}, rival},
		{provision.Target{Connection: "none", Tenant: rival}, rival},
	} {
		if got := w.read(x.target).Tenant.ID; got != x.want {
			t.errorf("tenant of %+v is %q, want %q", x.target, got, x.want)
		}
	}
}

func whoseClaim(t *probe, a, _ Store) {
	w := newWorld(t, a)
	w.write(provision.Change{Claims: []provision.Claim{
		claim(rival, "acme.example", provision.ClaimPending), claim(acme, "new.example", provision.ClaimPending), claim(rival, "lapsed.example", provision.ClaimLapsed),
	}})
	for _, x := range []struct {
		target     provision.Target
		owner, own provision.TenantID
	}{
		{provision.Target{Tenant: rival, Domain: domain("acme.example")}, acme, rival},
		{provision.Target{Domain: domain("acme.example")}, acme, ""},
		{provision.Target{Tenant: acme, Email: email("x@new.example")}, acme, acme},
		{provision.Target{Tenant: rival, Email: email("x@new.example")}, "", ""},
		{provision.Target{Tenant: acme, Domain: domain("lapsed.example"), Email: email("x@new.example")}, rival, ""},
	} {
		if s := w.read(x.target); s.Claim.Tenant != x.owner || s.OwnClaim.Tenant != x.own {
			t.errorf("claims on %s%s for %s: %q and %q, want %q and %q", x.target.Domain, x.target.Email, x.target.Tenant, s.Claim.Tenant, s.OwnClaim.Tenant, x.owner, x.own)
		}
	}
}

func seats(t *probe, a, _ Store) {
	w := newWorld(t, a)
	ada, _ := w.person("ada", "ada@acme.example")
	w.person("eve", "eve@acme.example")
	w.person("bob", "bob@rival.example")
	w.write(provision.Change{Accounts: []provision.Account{w.account("old@acme.example", provision.Dormant), w.account("new@acme.example", provision.Pending)}})
	if got := w.read(provision.Target{Tenant: acme}).Seats; got != 2 {
		t.errorf("%d seats, want 2", got)
	}
	if got := w.read(provision.Target{Account: ada.ID}).Seats; got != 1 {
		t.errorf("%d seats beside the account's own, want 1", got)
	}
}
