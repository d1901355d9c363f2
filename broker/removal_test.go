package broker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

// deleteConnection switches a connection off and deletes it.
func (h *house) deleteConnection(id provision.ConnectionID) {
	h.t.Helper()
	ctx := context.Background()
	if err := h.DeleteConnection(ctx, because("gone"), id); !errors.Is(err, provision.ErrConflict) {
		h.t.Fatalf("in use, and deleted: %v", err)
	}
	if _, err := h.DisableConnection(ctx, operator(), id); err != nil {
		h.t.Fatal(err)
	}
	if err := h.DeleteConnection(ctx, operator(), id); !errors.Is(err, provision.ErrConflict) {
		h.t.Fatalf("deleted without a reason: %v", err)
	}
	if err := h.DeleteConnection(ctx, because("gone"), id); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) deleteTenant(id provision.TenantID) {
	h.t.Helper()
	ctx := context.Background()
	if err := h.DeleteTenant(ctx, because("gone"), id); !errors.Is(err, provision.ErrConflict) {
		h.t.Fatalf("in use, and deleted: %v", err)
	}
	if _, err := h.SuspendTenant(ctx, operator(), id); err != nil {
		h.t.Fatal(err)
	}
	if err := h.DeleteTenant(ctx, because("gone"), id); err != nil {
		h.t.Fatal(err)
	}
}

func TestAConnectionMadeAgainInheritsNoAccount(t *testing.T) {
	h := newHouse(t, withOIDC)
	ctx := context.Background()
	old, kept, away := h.login(ada()), h.login(somebody(2)), h.login(somebody(3))
	key := provision.LinkKey{Connection: "acme-oidc", Subject: "other"}
	if _, err := h.LinkAccount(ctx, operator(), kept.Account, key); err != nil { // a second sign-in, at a connection that stays
		t.Fatal(err)
	}
	if _, err := h.Account(ctx, operator(), away.Account, provision.RevokeAccount); err != nil {
		t.Fatal(err)
	}
	token, before := h.entered(old), h.connection("acme")
	h.deleteConnection("acme")
	h.wantReason(token, provision.LeaseEnded)
	h.reap()
	for id, want := range map[provision.AccountID]provision.AccountState{old.Account: provision.Pending, kept.Account: provision.Dormant, away.Account: provision.Revoked} {
		if a := h.account(id); a.State != want {
			t.Errorf("account %s is %s, want %s", id, a.State, want)
		}
	}
	if _, links, _, _ := h.store.Account(ctx, kept.Account); len(provision.SignIns(links)) != 1 || provision.SignIns(links)[0].LinkKey != key {
		t.Errorf("links of who has another: %+v", links)
	}
	for _, e := range h.events(provision.EventAccountState) {
		if e.Account == old.Account && e.Outcome == string(provision.Pending) && e.Reason != string(provision.CauseConnectionDisabled) {
			t.Errorf("%+v", e)
		}
	}
	if n := h.count(provision.EventAccountUnlinked, ""); n != 3 {
		t.Errorf("%d sign-ins went with their event", n)
	}
	if n := h.count(provision.EventConnectionChanged, "deleted"); n != 1 {
		t.Errorf("%d events of the deletion", n)
	}
	if err := h.EnableConnection(ctx, operator(), "acme"); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("enabled what is deleted: %v", err)
	}
	if _, err := h.LinkAccount(ctx, operator(), old.Account, provision.LinkKey{Connection: "acme", Subject: "x"}); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("linked at what is deleted: %v", err)
	}
	_, err := h.Begin(ctx, broker.Wish{Browser: "b", Connection: "acme"})
	wantDenied(t, provision.DomainUnknown, provision.Lease{}, err)

	h.register(h.wanted)
	if c := h.connection("acme"); c.Disabled || c.Removal != "" || c.Generation <= before.Generation+1 {
		t.Errorf("made again: %+v", c)
	}
	h.wantReason(token, provision.LeaseEnded)
	h.refused(ada(), provision.EmailTaken)                                                 // the same subject is nobody it knows
	h.refused(with(somebody(3), "email", "elsewhere@acme.test"), provision.AccountRevoked) // but who was removed stays removed
	fresh := h.login(with(ada(), "email", "ada.l@acme.test"))
	if fresh.Account == old.Account {
		t.Error("the former account was inherited")
	}
	if again, err := h.LinkAccount(ctx, operator(), old.Account, provision.LinkKey{Connection: "acme", Subject: "ada-9"}); err != nil || again.State != provision.Dormant {
		t.Errorf("%+v, %v", again, err)
	}
	if l := h.login(with(ada(), "sub", "ada-9")); l.Account != old.Account {
		t.Error("who an administrator linked has another account")
	}
}

func TestADeletionThatWasInterruptedGoesOn(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	for n := range 4 {
		h.login(somebody(n))
	}
	if _, err := h.DisableConnection(ctx, operator(), "acme"); err != nil {
		t.Fatal(err)
	}
	h.reap()
	stopped, stop := context.WithCancel(ctx)
	amends := 0
	var count func()
	count = func() {
		if amends++; amends == 4 {
			stop()
		}
		h.ledger.before = count
	}
	h.ledger.before = count
	if err := h.DeleteConnection(stopped, because("gone"), "acme"); err == nil {
		t.Fatal("it was not interrupted")
	}
	h.ledger.before = nil
	if c := h.connection("acme"); c.Removal != provision.Removing || !c.Disabled {
		t.Errorf("interrupted: %+v", c)
	}
	if done := h.register(h.wanted); !strings.Contains(strings.Join(done.Changes, "\n"), "connection acme: is being deleted") {
		t.Errorf("registered meanwhile: %q", done.Changes)
	}
	h.restart()
	if err := h.DeleteConnection(ctx, because("gone"), "acme"); err != nil {
		t.Fatal(err)
	}
	h.register(h.wanted)
	h.refused(somebody(3), provision.EmailTaken)
	h.login(somebody(9))
}

func TestATenantMadeAgainIsAnother(t *testing.T) {
	h := newHouse(t, withOIDC)
	ctx := context.Background()
	old, away := h.login(ada()), h.login(somebody(3))
	if _, err := h.Account(ctx, operator(), away.Account, provision.RevokeAccount); err != nil {
		t.Fatal(err)
	}
	token, bystander := h.entered(old), h.comesBy("rival", "sub", "p@rival.test")
	before, err := h.store.Tenant(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	h.deleteTenant("acme")
	h.wantReason(token, provision.LeaseEnded)
	for _, id := range []provision.AccountID{old.Account, away.Account} {
		if a := h.account(id); a.State != provision.Deleted || !a.Email.IsZero() || a.Key != nil {
			t.Errorf("account %+v", a)
		}
	}
	if err := h.ResumeTenant(ctx, operator(), "acme"); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("resumed what is deleted: %v", err)
	}
	if err := h.DeleteTenant(ctx, because("twice"), "acme"); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if claims, _ := h.Claims(ctx, domain("acme.test")); len(claims) != 1 || claims[0].Owns() || !claims[0].Withdrawn() {
		t.Errorf("claims %+v", claims)
	}
	if s, err := h.store.Lease(ctx, bystander.ID); err != nil || s.Refuses(h.store.Now()) != "" {
		t.Errorf("another tenant's lease: %v", err)
	}

	h.register(h.wanted)
	if after, err := h.store.Tenant(ctx, "acme"); err != nil || after.Suspended || after.Removal != "" || after.Generation <= before.Generation+1 || after.Policy.Version <= before.Policy.Version {
		t.Errorf("made again: %+v, %v", after, err)
	}
	h.wantReason(token, provision.LeaseEnded)
	l := h.login(ada())
	if l.Account == old.Account || h.count(provision.EventLogin, "created") != 4 {
		t.Error("the former account was inherited")
	}
	if l := h.login(somebody(3)); l.Account == away.Account { // of another tenant, whatever its name
		t.Error("the former account was inherited")
	}
	h.wantAllow(h.entered(l))
	if _, err := h.loginByOIDC("b", broker.Wish{}); !errors.Is(err, provision.ErrDenied) { // "ada" holds the address
		t.Errorf("by OIDC: %v", err)
	}
}

func TestTheDomainOfADeletedTenantIsFree(t *testing.T) {
	h := newHouse(t)
	h.login(ada())
	h.deleteTenant("acme")
	rival := &h.wanted.Tenants[1]
	rival.Claims = append(rival.Claims, broker.WantedClaim{Domain: domain("acme.test"), Proof: provision.ProofOperator})
	rival.Connections[0].Connection.Domains = append(rival.Connections[0].Connection.Domains, domain("acme.test"))
	h.register(broker.Wanted{Apps: h.wanted.Apps, Tenants: h.wanted.Tenants[1:]})
	if l := h.comesBy("rival", "ada-1", "ada@acme.test"); h.account(l.Account).Tenant != "rival" {
		t.Error("another tenant's account")
	}
	h.wanted.Tenants[1] = *rival
	h.wantNothing(h.wanted, broker.Plan{}, "tenant acme: domain acme.test: another tenant owns acme.test")
}

// triesBy is somebody's answer by a connection that believes.
func (h *house) triesBy(id provision.ConnectionID, sub, email string) (provision.Lease, error) {
	h.t.Helper()
	browser := "b-" + sub + email
	attempt := h.begin(broker.Wish{Browser: browser, Connection: id})
	return h.Login(context.Background(), broker.Return{Connection: id, Attempt: attempt, Browser: browser, Answer: with(with(somebody(0), "sub", sub), "email", email)})
}

func (h *house) comesBy(id provision.ConnectionID, sub, email string) provision.Lease {
	h.t.Helper()
	l, err := h.triesBy(id, sub, email)
	if err != nil {
		h.t.Fatalf("login of %s at %s: %v", email, id, err)
	}
	return l
}

func TestWhatIsDeletedIsNotListedAmongSignIns(t *testing.T) {
	h := newHouse(t, withOIDC)
	ctx := context.Background()
	l := h.login(ada())
	if _, err := h.LinkAccount(ctx, operator(), l.Account, provision.LinkKey{Connection: "acme-saml", Subject: "ada-1"}); err != nil {
		t.Fatal(err)
	}
	h.deleteConnection("acme")
	l, err := h.loginBySAML("b", adaBySAML())
	if err != nil {
		t.Fatal(err)
	}
	me, err := h.Me(ctx, h.sso(l), originOf(ssoURL))
	if err != nil || len(me.Links) != 1 || me.Links[0].Connection != "acme-saml" {
		t.Errorf("%+v, %v", me.Links, err)
	}
	if slices.ContainsFunc(me.Connections, func(c provision.Connection) bool { return c.ID == "acme" }) {
		t.Error("a deleted connection is offered")
	}
	if _, err := h.UnlinkAccount(ctx, operator(), l.Account, me.Links[0].LinkKey); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("the last sign-in was taken: %v", err)
	}
}
