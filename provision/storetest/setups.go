package storetest

import (
	"context"
	"errors"
	"time"

	"leasehold/provision"
)

// Setups is how setups are found; the port is its consumer's.
type Setups interface {
	Setup(ctx context.Context, id provision.SetupID) (provision.Setup, error)
	Setups(ctx context.Context, p provision.Page) ([]provision.Setup, error)
}

func setups() []check {
	return []check{
		{"a setup is found by its name, and read with the state that names it", setupRead},
		{"of two who change one setup, the second is a lost race", setupRaced},
		{"setups are listed by tenant, and those that are over when they are asked for", setupList},
	}
}

func setupAt(name string) provision.Setup {
	return provision.Setup{
		ID: provision.SetupID("setup_" + name), Tenant: acme, Connection: "acme-new", State: provision.SetupOpen, Created: start, Expires: start.Add(72 * time.Hour),
		Domain: domain("acme.example"), By: provision.Actor{Kind: provision.Operator, ID: "uid:0"}, Revision: 1,
	}
}

func setupRead(t *probe, a, b Store) {
	w := newWorld(t, a)
	x := setupAt("one")
	if _, err := b.Setup(t.ctx, x.ID); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("one that there is not: %v", err)
	}
	w.write(provision.Change{Setups: []provision.Setup{x}, Events: []provision.Event{w.event(provision.EventSetup)}})
	x.Browser, x.Revision = "b", 2
	w.write(provision.Change{Setups: []provision.Setup{x}, Events: []provision.Event{w.event(provision.EventSetup)}})
	got, err := b.Setup(t.ctx, x.ID)
	t.ok("setup", err)
	same(t, "the setup", got, x)
	same(t, "the state's", w.on(b).read(provision.Target{Tenant: acme, Setup: x.ID}).Setup, x)
	if s := w.read(provision.Target{Tenant: acme}); s.Setup.ID != "" {
		t.errorf("a target that names no setup has %s", s.Setup.ID)
	}
	if s := w.read(request("ada", "ada@acme.example").Target()); s.Setup.ID != "" {
		t.errorf("a login that carries none has %s", s.Setup.ID)
	}
}

// setupRaced has a second writer who read before the first wrote.
func setupRaced(t *probe, a, b Store) {
	w := newWorld(t, a)
	x := setupAt("one")
	w.write(provision.Change{Setups: []provision.Setup{x}})
	x.Account, x.Revision = "acc_1", 2
	w.write(provision.Change{Setups: []provision.Setup{x}})
	x.Account = "acc_2"
	w.on(b).conflict(provision.Change{Setups: []provision.Setup{x}})
	got, err := b.Setup(t.ctx, x.ID)
	if t.ok("setup", err); got.Account != "acc_1" {
		t.errorf("the setup is %s's, who came second", got.Account)
	}
}

func setupList(t *probe, a, b Store) {
	w := newWorld(t, a)
	one, done, abroad := setupAt("one"), setupAt("two"), setupAt("three")
	done.State, abroad.Tenant = provision.SetupDone, rival
	w.write(provision.Change{Setups: []provision.Setup{one, done, abroad}})
	for _, x := range []struct {
		page provision.Page
		want int
	}{{provision.Page{}, 2}, {provision.Page{Tenant: acme}, 1}, {provision.Page{Tenant: acme, Ended: true}, 2}, {provision.Page{Ended: true, After: string(one.ID), Limit: 1}, 1}} {
		if got, err := b.Setups(t.ctx, x.page); err != nil || len(got) != x.want {
			t.errorf("%+v lists %d setups, error %v; want %d", x.page, len(got), err, x.want)
		}
	}
}
