package storetest

import (
	"context"
	"errors"
	"slices"

	"leasehold/provision"
)

func lists() []check {
	return []check{
		{"a list walked by its cursor has everything once, in order", walks},
		{"lists are of one tenant when they are asked to be", listsOfTenant},
		{"what is over is listed when it is asked for", listsOver},
		{"live leases are listed by their task", listsOfTask},
	}
}

func registered() []check {
	return []check{
		{"what was registered is read as it was written", asWritten},
		{"what is not there is not found", notFound},
		{"a policy is kept in every version", policies},
		{"a domain leads to the connections that may assert it, the default first", connectionsFor},
	}
}

// walk reads a list to its end, two at a time.
func walk[T any](t *probe, list func(context.Context, provision.Page) ([]T, error), p provision.Page, id func(T) string) []string {
	var ids []string
	for p.Limit = 2; ; {
		part, err := list(t.ctx, p)
		t.ok("list", err)
		for _, item := range part {
			ids = append(ids, id(item))
		}
		if len(part) < p.Limit || len(ids) > 100 {
			return ids
		}
		p.After = ids[len(ids)-1]
	}
}

// every walks each list there is.
func (w world) every(p provision.Page) map[string][]string {
	return map[string][]string{
		"tenants":     walk(w.t, w.store.Tenants, p, func(x provision.Tenant) string { return string(x.ID) }),
		"connections": walk(w.t, w.store.Connections, p, func(x provision.Connection) string { return string(x.ID) }),
		"apps":        walk(w.t, w.store.Apps, p, func(x provision.App) string { return string(x.ID) }),
		"claims":      walk(w.t, w.store.Claims, p, func(x provision.Claim) string { return x.Domain.String() + "/" + string(x.Tenant) }),
		"accounts":    walk(w.t, w.store.Accounts, p, func(x provision.Account) string { return string(x.ID) }),
		"leases":      walk(w.t, w.store.Leases, p, func(x provision.Lease) string { return string(x.ID) }),
		"revocations": walk(w.t, w.store.Revocations, p, func(x provision.Revocation) string { return string(x.ID) }),
	}
}

// populated is a world with a few of everything.
func populated(t *probe, s Store) world {
	w := newWorld(t, s)
	w.person("ada", "ada@acme.example")
	w.person("bob", "bob@rival.example")
	w.person("eve", "eve@acme.example")
	w.write(provision.Change{
		Tenants: []provision.Tenant{tenant("beta")},
		Apps:    []provision.App{{ID: "chat", Tenants: []provision.TenantID{rival}}, {ID: "cal", Tenants: []provision.TenantID{acme, rival}}},
		Claims: []provision.Claim{
			claim(rival, "acme.example", provision.ClaimPending), claim(acme, "acme-two.example", provision.ClaimPending), claim(acme, "sub.acme.example", provision.ClaimPending),
		},
		Revocations: []provision.Revocation{{ID: "rev_1", Requested: start}, {ID: "rev_2", Requested: start}, {ID: "rev_3", Requested: start}},
	})
	return w
}

func walks(t *probe, a, b Store) {
	w := populated(t, a).on(b)
	for list, ids := range w.every(provision.Page{}) {
		want := 3
		if list == "claims" {
			want = 5
		}
		unique := slices.Compact(slices.Sorted(slices.Values(ids)))
		if len(ids) != want || len(unique) != want {
			t.errorf("%s: %v, want %d, each once", list, ids, want)
		}
		if list != "claims" && !slices.IsSorted(ids) { // those are in the order of domain and tenant
			t.errorf("%s are not in the order of their ids: %v", list, ids)
		}
	}
	claims, err := b.Claims(t.ctx, provision.Page{After: "acme.example/", Limit: 2})
	if err != nil || len(claims) != 2 || claims[0].Domain != domain("acme.example") || claims[1].Domain != domain("acme.example") {
		t.errorf("claims from %q on are %v, error %v", "acme.example/", claims, err)
	}
}

func listsOfTenant(t *probe, a, _ Store) {
	w := populated(t, a)
	for list, ids := range w.every(provision.Page{Tenant: rival}) {
		want := map[string]int{"tenants": 1, "connections": 1, "apps": 2, "claims": 2, "accounts": 1, "leases": 1, "revocations": 3}[list]
		if len(ids) != want {
			t.errorf("%s of one tenant: %v, want %d", list, ids, want)
		}
	}
}

func listsOver(t *probe, a, _ Store) {
	w := populated(t, a)
	leases := w.every(provision.Page{})["leases"]
	t.ok("end", w.end(provision.LeaseID(leases[1])))
	w.write(provision.Change{Revocations: []provision.Revocation{{ID: "rev_2", Requested: start, Settled: start}}})
	for id, settled := range map[provision.RevocationID]bool{"rev_1": false, "rev_2": true} {
		if r, err := a.Revocation(t.ctx, id); err != nil || r.ID != id || r.Settled.IsZero() == settled {
			t.errorf("%s by its name: %+v, %v", id, r, err)
		}
	}
	if _, err := a.Revocation(t.ctx, "rev_none"); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("one that there is not: %v", err)
	}
	now, all := w.every(provision.Page{}), w.every(provision.Page{Ended: true})
	if len(now["leases"]) != 2 || len(all["leases"]) != 3 {
		t.errorf("%d leases, %d with those that ended", len(now["leases"]), len(all["leases"]))
	}
	if len(now["revocations"]) != 2 || len(all["revocations"]) != 3 {
		t.errorf("%d revocations, %d with those that are settled", len(now["revocations"]), len(all["revocations"]))
	}
}

func listsOfTask(t *probe, a, b Store) {
	w := newWorld(t, a)
	holder, _ := w.person("ada", "ada@acme.example")
	stranger, _ := w.person("bob", "bob@rival.example")
	var mine []string
	for _, of := range []provision.Account{holder, holder, holder, holder, stranger} {
		l := w.lease(of)
		if l.Kind, l.Grant.Task = provision.WorkloadLease, "4242"; len(mine) == 3 && of.Tenant == acme {
			l.Grant.Task = "4243"
		} else if of.Tenant == acme {
			mine = append(mine, string(l.ID))
		}
		w.write(provision.Change{Leases: []provision.Lease{l}})
	}
	slices.Sort(mine)
	w = w.on(b)
	list := func(p provision.Page) []string {
		return walk(t, b.Leases, p, func(l provision.Lease) string { return string(l.ID) })
	}
	if got := list(provision.Page{Tenant: acme, Task: "4242"}); !slices.Equal(got, mine) {
		t.errorf("of the task are %v, want %v", got, mine)
	}
	other := w.account("eve@acme.example", provision.Active)
	l := w.lease(other)
	l.Kind, l.Grant.Task = provision.WorkloadLease, "4242"
	w.on(a).write(provision.Change{Accounts: []provision.Account{other}, Leases: []provision.Lease{l}})
	if got := list(provision.Page{Tenant: acme, Task: "4242", Account: other.ID}); !slices.Equal(got, []string{string(l.ID)}) {
		t.errorf("of the task and one account are %v", got)
	}
	if got := list(provision.Page{Tenant: acme, Task: "4242", Account: holder.ID}); !slices.Equal(got, mine) {
		t.errorf("of the task and its account are %v, want %v", got, mine)
	}
	t.ok("end", w.end(l.ID))
	t.ok("end", w.end(provision.LeaseID(mine[0])))
	if got := list(provision.Page{Tenant: acme, Task: "4242", Account: holder.ID}); !slices.Equal(got, mine[1:]) {
		t.errorf("after an end they are %v, want %v", got, mine[1:])
	}
	if got := list(provision.Page{Tenant: acme, Task: "4242", Account: holder.ID, Ended: true}); !slices.Equal(got, mine) {
		t.errorf("with those that ended they are %v, want %v", got, mine)
	}
}

func asWritten(t *probe, a, b Store) {
	w := newWorld(t, a)
	c := connection("full", acme, "acme.example", "xn--bcher-kva.example")
	c.Attributes, c.Metadata, c.Default = map[string]string{"email": "mail"}, []byte("<x/>"), true
	app := provision.App{
		ID: "full", Origins: []provision.Origin{origin("https://a.example"), origin("http://b.localhost:8080")}, Tenants: []provision.TenantID{acme},
		Roles: []string{"reader"}, Public: []string{"/public/*"}, MaxSession: 3600e9, Owner: provision.ByManifest, Revision: 7,
	}
	grown := tenant("full")
	grown.ContractEnd, grown.Contact, grown.Suspended = start.Add(1), "help@acme.example", true
	own := claim(acme, "xn--bcher-kva.example", provision.ClaimFailing)
	own.FirstFail, own.Answer = start, provision.Absent
	w.write(provision.Change{Tenants: []provision.Tenant{grown}, Connections: []provision.Connection{c}, Apps: []provision.App{app}, Claims: []provision.Claim{own}})
	gotTenant, err := b.Tenant(t.ctx, "full")
	t.ok("tenant", err)
	same(t, "tenant", gotTenant, grown)
	gotConnection, err := b.Connection(t.ctx, "full")
	t.ok("connection", err)
	same(t, "connection", gotConnection, c)
	gotApp, err := b.App(t.ctx, "full")
	t.ok("app", err)
	same(t, "app", gotApp, app)
	byOrigin, err := b.AppByOrigin(t.ctx, origin("http://b.localhost:8080"))
	t.ok("app by origin", err)
	same(t, "app by origin", byOrigin, app)
	same(t, "claim", w.read(provision.Target{Domain: own.Domain}).Claim, own)
	same(t, "apps of the target", w.read(provision.Target{Apps: []provision.AppID{"full", "none"}}).Apps, []provision.App{app})
}

func notFound(t *probe, a, _ Store) {
	newWorld(t, a)
	_, tenantErr := a.Tenant(t.ctx, "none")
	_, connectionErr := a.Connection(t.ctx, "none")
	_, appErr := a.App(t.ctx, "none")
	_, originErr := a.AppByOrigin(t.ctx, origin("https://none.example"))
	_, _, _, accountErr := a.Account(t.ctx, "none")
	_, policyErr := a.Policy(t.ctx, acme, 99)
	for what, err := range map[string]error{
		"tenant": tenantErr, "connection": connectionErr, "app": appErr, "app by origin": originErr, "account": accountErr, "policy": policyErr,
	} {
		if !errors.Is(err, provision.ErrNotFound) {
			t.errorf("%s: error %v, want not found", what, err)
		}
	}
}

func policies(t *probe, a, b Store) {
	w := newWorld(t, a)
	second := tenant(acme)
	second.Revision, second.Policy.Version, second.Policy.Create = 2, 2, provision.CreateDeny
	w.write(provision.Change{Tenants: []provision.Tenant{second}})
	for version, want := range map[int64]provision.CreateRule{1: provision.CreateAllow, 2: provision.CreateDeny} {
		if p, err := b.Policy(t.ctx, acme, version); err != nil || p.Create != want || p.Version != version {
			t.errorf("version %d: %+v, error %v", version, p, err)
		}
	}
}

func connectionsFor(t *probe, a, b Store) {
	w := newWorld(t, a)
	first := connection("z-default", acme, "acme.example")
	first.Default = true
	foreign := connection(other, rival, "rival.example", "acme.example")
	foreign.Revision = 2
	w.write(provision.Change{
		Connections: []provision.Connection{first, foreign, connection("pending", rival, "new.example"), connection("lapsed", acme, "old.example")},
		Claims:      []provision.Claim{claim(rival, "new.example", provision.ClaimPending), claim(acme, "old.example", provision.ClaimLapsed)},
	})
	ids := func(d string) (ids []provision.ConnectionID) {
		found, err := b.ConnectionsFor(t.ctx, domain(d))
		if err != nil && !errors.Is(err, provision.ErrNotFound) {
			t.errorf("connections for %s: %v", d, err)
		}
		for _, c := range found {
			ids = append(ids, c.ID)
		}
		return ids
	}
	if got := ids("acme.example"); !slices.Equal(got, []provision.ConnectionID{"z-default", entra, okta}) {
		t.errorf("connections are %v", got)
	}
	bare := connection("z-default", acme)
	bare.Revision = 2
	w.write(provision.Change{Connections: []provision.Connection{bare}})
	if got := ids("acme.example"); !slices.Equal(got, []provision.ConnectionID{entra, okta}) {
		t.errorf("without its domain: connections are %v", got)
	}
	for _, d := range []string{"new.example", "old.example", "none.example"} {
		if got := ids(d); len(got) != 0 {
			t.errorf("%s, which nobody owns any more or yet, leads to %v", d, got)
		}
	}
}
