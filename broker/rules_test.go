package broker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// ruled is a house whose tenants are the API's.
func ruled(t *testing.T) *house {
	h := newHouse(t)
	if _, err := h.Register(context.Background(), operator(), h.wanted, broker.Plan{Owner: provision.ByAPI, Adopt: true}); err != nil {
		t.Fatal(err)
	}
	return h
}

// everywhere is an operator's mandate on the admin socket.
func everywhere() broker.Mandate {
	return broker.Mandate{Actor: provision.Actor{Kind: provision.Operator, ID: "uid:0", Via: "admin.sock"}, Everywhere: true, Write: true}
}

// adminOf is the mandate of a tenant's administrator in a session of hers.
func adminOf(l provision.Lease) broker.Mandate {
	return broker.Mandate{Actor: provision.Actor{Kind: provision.TenantAdmin, ID: string(l.Account), Via: "console"}, Tenant: l.Tenant, Write: true, Lease: l.ID}
}

func (h *house) policyNow() provision.Policy {
	h.t.Helper()
	t, err := h.store.Tenant(context.Background(), "acme")
	if err != nil {
		h.t.Fatal(err)
	}
	return t.Policy
}

func TestASavedPolicyIsTheNextVersionAndAFormerOneCanBePutBack(t *testing.T) {
	h, ctx := ruled(t), context.Background()
	rules := h.Rules(everywhere(), "acme")
	first := h.policyNow()
	next := first
	next.Seats, next.When = 7, "account.domain == 'acme.test'"
	saved, err := rules.Save(ctx, next, first.Version, "a cap")
	if err != nil || !saved.Current || saved.Policy.Version != first.Version+1 || saved.Policy.Seats != 7 || saved.Why != "a cap" || saved.By.ID != "uid:0" || saved.At.IsZero() {
		t.Fatalf("%+v, %v", saved, err)
	}
	want := []string{"seats: (none) → 7", "when: (none) → account.domain == 'acme.test'"}
	if !slices.Equal(saved.Changes, want) || !slices.Equal(broker.Differences(first, next), want) {
		t.Errorf("changes %q", saved.Changes)
	}
	if again, err := rules.Save(ctx, next, saved.Policy.Version, ""); err != nil || again.Policy.Version != saved.Policy.Version {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	restored, err := rules.Restore(ctx, first.Version, saved.Policy.Version, "back")
	if err != nil || restored.Policy.Version != first.Version+2 || restored.Policy.Seats != 0 || restored.Policy.When != "" {
		t.Errorf("%+v, %v", restored, err)
	}
	versions, err := rules.Versions(ctx, 0, 10)
	if err != nil || len(versions) != int(restored.Policy.Version) || !versions[0].Current || versions[1].Current || versions[1].Policy.Seats != 7 || versions[1].Why != "a cap" {
		t.Errorf("%+v, %v", versions, err)
	}
	if part, err := rules.Versions(ctx, restored.Policy.Version, 1); err != nil || len(part) != 1 || part[0].Policy.Version != saved.Policy.Version {
		t.Errorf("a part: %+v, %v", part, err)
	}
}

func TestAPolicyIsNotSavedOverAnothersOrAManifestsOrWithFaults(t *testing.T) {
	h, ctx := ruled(t), context.Background()
	p := h.policyNow()
	seats := func(n int) provision.Policy { q := p; q.Seats = n; return q }
	rules := h.Rules(everywhere(), "acme")
	if _, err := rules.Save(ctx, seats(1), p.Version+1, ""); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("over another's: %v", err)
	}
	var faulty *broker.PolicyError
	if _, err := rules.Save(ctx, seats(-1), p.Version, ""); !errors.As(err, &faulty) || !strings.HasPrefix(faulty.Faults[0], "seats: ") {
		t.Errorf("faulty: %v", err)
	}
	wrong := p
	wrong.When = "request.tme"
	if _, err := rules.Save(ctx, wrong, p.Version, ""); !errors.As(err, &faulty) || !strings.HasPrefix(faulty.Faults[0], "when: ") {
		t.Errorf("a faulty condition: %v", err)
	}
	if _, err := rules.Try(ctx, wrong, ""); !errors.As(err, &faulty) {
		t.Errorf("tried: %v", err)
	}
	looking := everywhere()
	looking.Write = false
	if _, err := h.Rules(looking, "acme").Save(ctx, seats(1), p.Version, ""); !errors.Is(err, provision.ErrDenied) {
		t.Errorf("by whoever may only look: %v", err)
	}
	foreign := broker.Mandate{Tenant: "rival", Write: true}
	for name, try := range map[string]func(broker.Rules) error{
		"save":     func(r broker.Rules) error { _, err := r.Save(ctx, seats(1), p.Version, ""); return err },
		"try":      func(r broker.Rules) error { _, err := r.Try(ctx, seats(1), ""); return err },
		"versions": func(r broker.Rules) error { _, err := r.Versions(ctx, 0, 10); return err },
		"version":  func(r broker.Rules) error { _, err := r.Version(ctx, 1); return err },
		"restore":  func(r broker.Rules) error { _, err := r.Restore(ctx, 1, p.Version, ""); return err },
	} {
		if err := try(h.Rules(foreign, "acme")); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("another tenant's: %s: %v", name, err)
		}
	}
	if _, err := h.Register(ctx, operator(), h.wanted, broker.Plan{Owner: provision.ByManifest, Adopt: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := rules.Save(ctx, seats(1), p.Version, ""); !errors.Is(err, provision.ErrConflict) || !strings.Contains(err.Error(), "managed_by_manifest") {
		t.Errorf("a manifest's: %v", err)
	}
	if now := h.policyNow(); now.Seats != 0 || now.Version != p.Version {
		t.Errorf("something was saved: %+v", now)
	}
}

func TestWhatAPolicyWouldEndIsToldBeforeAndIsWhatItEnds(t *testing.T) {
	h, ctx := ruled(t), context.Background()
	engineer, clerk, roaming := h.login(ada()), h.login(somebody(1)), h.loginFrom(provision.Requester{IP: "198.51.100.1"}, with(somebody(2), "groups", "engineering"))
	rules, p := h.Rules(everywhere(), "acme"), h.policyNow()
	p.When = `cidr("192.0.2.0/24").containsIP(request.ip)`
	p.Groups.Any = []string{"engineering"}
	impact, err := rules.Try(ctx, p, "")
	if err != nil || impact.Judged != 3 || impact.Ended != 2 || impact.Accounts != 2 || impact.Next != "" || impact.Against != h.policyNow().Version {
		t.Fatalf("%+v, %v", impact, err)
	}
	for _, a := range impact.Affected {
		if a.Account != clerk.Account && a.Account != roaming.Account || a.Ended != 1 || !slices.Equal(a.Causes, []provision.Cause{provision.CausePolicyTightened}) {
			t.Errorf("%+v", a)
		}
	}
	for _, l := range []provision.Lease{engineer, clerk, roaming} {
		if !h.lease(l.ID).EndedAt.IsZero() {
			t.Errorf("trying ended %s", l.ID)
		}
	}
	if _, err := rules.Save(ctx, p, h.policyNow().Version, ""); err != nil {
		t.Fatal(err)
	}
	if err := h.Regate(ctx); err != nil {
		t.Fatal(err)
	}
	if !h.lease(engineer.ID).EndedAt.IsZero() || h.lease(clerk.ID).EndReason != provision.CausePolicyTightened || h.lease(roaming.ID).EndReason != provision.CausePolicyTightened {
		t.Error("what ended is not what was told")
	}
}

func TestRolesThatAPolicyWouldTakeAndSessionsThatItWouldShortenAreTold(t *testing.T) {
	h, ctx := ruled(t), context.Background()
	h.login(ada())
	h.login(somebody(1))
	p := h.policyNow()
	p.Roles, p.MaxSession = provision.RoleRule{Default: []string{"reader"}}, time.Hour
	impact, err := h.Rules(everywhere(), "acme").Try(ctx, p, "")
	if err != nil || impact.Judged != 2 || impact.Ended != 0 || impact.Reduced != 1 || impact.Sooner != 2 || impact.Accounts != 2 || !slices.Equal(impact.Affected[0].Roles, []string{"engineer"}) {
		t.Errorf("%+v, %v", impact, err)
	}
	if impact, err := h.Rules(everywhere(), "acme").Try(ctx, h.policyNow(), ""); err != nil || impact.Accounts != 0 || impact.Judged != 2 {
		t.Errorf("the policy in force: %+v, %v", impact, err)
	}
}

func TestNobodySavesAPolicyThatShutsHerselfOut(t *testing.T) {
	h, ctx := ruled(t), context.Background()
	l := h.login(ada())
	appointed := provision.Appoint(provision.TenantAdminOffice)
	if _, err := h.Account(ctx, operator(), l.Account, appointed); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*provision.Policy){
		"a group of hers kept out":  func(p *provision.Policy) { p.Groups.None = []string{"engineering"} },
		"a condition that is false": func(p *provision.Policy) { p.When = "false" },
		"a session that is past":    func(p *provision.Policy) { p.MaxSession = time.Second },
		"an account that is erased": func(p *provision.Policy) { p.Mode = provision.Ephemeral },
	} {
		h.clock.pass(2 * time.Second)
		p := h.policyNow()
		change(&p)
		var lockout *broker.LockoutError
		if _, err := h.Rules(adminOf(l), "acme").Save(ctx, p, h.policyNow().Version, ""); !errors.As(err, &lockout) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := h.policyNow()
	p.Groups.None = []string{"sales"}
	if _, err := h.Rules(adminOf(l), "acme").Save(ctx, p, p.Version, ""); err != nil {
		t.Errorf("one that lets her in: %v", err)
	}
	p.Groups.None = []string{"engineering"}
	if _, err := h.Rules(everywhere(), "acme").Save(ctx, p, h.policyNow().Version, ""); err != nil {
		t.Errorf("an operator at the socket: %v", err)
	}
}

func TestTryingAPolicyOnManyTakesSecondsAtMostAndSaysWhereItStopped(t *testing.T) {
	h, ctx := ruled(t), context.Background()
	const many = 510
	for n := range many {
		h.login(somebody(n))
	}
	p := h.policyNow()
	p.Groups.Any = []string{"engineering"}
	rules := h.Rules(everywhere(), "acme")
	all, err := rules.Try(ctx, p, "")
	if err != nil || all.Judged != many || all.Ended != many || all.Accounts != many || len(all.Affected) != broker.MaxAffected || all.Next != "" {
		t.Errorf("judged %d, ended %d, accounts %d, named %d, next %q, %v", all.Judged, all.Ended, all.Accounts, len(all.Affected), all.Next, err)
	}
	first, err := rules.Patient(0).Try(ctx, p, "")
	if err != nil || first.Judged == 0 || first.Judged >= many || first.Next == "" {
		t.Fatalf("without time: judged %d, next %q, %v", first.Judged, first.Next, err)
	}
	rest, err := rules.Try(ctx, p, first.Next)
	if err != nil || first.Judged+rest.Judged != many || rest.Next != "" {
		t.Errorf("the rest: judged %d of %d, next %q, %v", rest.Judged, many-first.Judged, rest.Next, err)
	}
}
