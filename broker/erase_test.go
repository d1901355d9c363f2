package broker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
)

const day = 24 * time.Hour

func (h *house) erase() {
	h.t.Helper()
	if err := h.Erase(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

func TestWhatIsOlderThanTheRetentionIsErased(t *testing.T) {
	h := newHouse(t, func(h *house) { h.wanted.Tenants[0].Tenant.Retention = 30 * day })
	gone, suspended := h.login(ada()), h.login(somebody(2))
	h.refused(with(somebody(3), "email", "grace@rival.test"), provision.DomainForeign)
	if _, err := h.Account(context.Background(), operator(), suspended.Account, provision.SuspendAccount); err != nil {
		t.Fatal(err)
	}
	h.entered(gone)
	h.clock.pass(20 * day)
	h.reap()
	kept := h.login(somebody(4))
	h.clock.pass(10*day + 7*time.Hour)
	h.reap()
	h.erase()
	if a := h.account(gone.Account); a.State != provision.Dormant {
		t.Fatalf("too early: %s", a.State)
	}
	h.clock.pass(2 * time.Hour)
	h.erase()
	for id, state := range map[provision.AccountID]provision.AccountState{gone.Account: provision.Deleted, suspended.Account: provision.Deleted, kept.Account: provision.Dormant} {
		if a := h.account(id); a.State != state {
			t.Errorf("account %s is %s, want %s", id, a.State, state)
		}
	}
	h.clock.pass(day)
	h.erase()
	if _, err := h.store.Lease(context.Background(), gone.ID); err == nil {
		t.Error("the ended lease is still there")
	}
	if h.lease(kept.ID).ID == "" {
		t.Error("a later lease is gone")
	}
	for _, e := range h.events(provision.EventLogin) {
		if e.Personal.Email != "" && e.Personal.Email != "p4@acme.test" {
			t.Errorf("an operator still reads of %s", e.Personal.Email)
		}
	}
	if n := strings.Count(h.column("SELECT id FROM decisions"), "dec_"); n != 1 {
		t.Errorf("%d decisions are left", n)
	}
	if n := len(h.column("SELECT app FROM entries")); n != 0 {
		t.Error("entries are left")
	}
	h.refused(somebody(2), provision.AccountSuspended) // by its tombstone
	if again := h.login(ada()); again.Account == gone.Account {
		t.Error("the tombstone came to life")
	}
}

func TestARetentionThatErasesNothingSaysSoOnceADay(t *testing.T) {
	h := newHouse(t, func(h *house) { h.wanted.Tenants[0].Tenant.Retention = 30 * day })
	noted := func(want ...string) {
		t.Helper()
		var got []string
		for _, e := range h.events(provision.EventRetention) {
			if e.Tenant != "acme" || e.Actor.Via != "retention" {
				t.Errorf("noted: %+v", e)
			}
			got = append(got, strings.Join(append([]string{e.Outcome}, e.Changes...), ", "))
		}
		if strings.Join(got, "; ") != strings.Join(want, "; ") {
			t.Errorf("noted is %q, want %q", got, want)
		}
	}
	h.erase()
	h.erase()
	noted("nothing")
	h.clock.pass(day)
	h.erase()
	h.erase()
	noted("nothing", "nothing")
	h.end(h.login(ada()))
	h.clock.pass(31 * day)
	h.erase()
	h.erase() // what is over goes with what it hung on
	if all := h.events(provision.EventRetention); len(all) < 3 || all[2].Outcome != "erased" || all[2].Changes[0] != "accounts: 1" {
		t.Errorf("noted is %+v", all)
	}
}

func TestWithoutARetentionEverythingIsKept(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	h.clock.pass(1000 * day)
	h.reap()
	h.erase()
	if a := h.account(l.Account); a.State != provision.Dormant || h.lease(l.ID).ID == "" || h.column("SELECT id FROM decisions") == "" {
		t.Errorf("account is %s", a.State)
	}
	for _, e := range h.events(provision.EventLogin) {
		if e.Personal.Email == "" {
			t.Errorf("%+v", e)
		}
	}
}

func TestWhoeverHasALeaseIsNotErased(t *testing.T) {
	h := newHouse(t, func(h *house) {
		h.wanted.Tenants[0].Tenant.Retention = day
		h.wanted.Tenants[0].Tenant.Policy.MaxSession, h.wanted.Tenants[0].Tenant.Policy.Idle = 30*day, 30*day
	})
	token := h.entered(h.login(ada()))
	h.clock.pass(20 * day)
	h.erase()
	h.wantAllow(token)
}

func TestUsedUpThingsAreForgottenOnceTheyAreWorthless(t *testing.T) {
	h := newHouse(t)
	h.login(with(ada(), "assertion", "a1"))
	h.clock.pass(day)
	h.erase()
	h.refused(with(ada(), "assertion", "a1"), provision.Replayed)
	h.clock.pass(day + time.Hour)
	h.erase()
	if left := h.column("SELECT id FROM spent"); left != "" {
		t.Errorf("left: %s", left)
	}
}
