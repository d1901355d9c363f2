package broker_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// when changes the condition of acme's policy.
func (h *house) when(condition string) {
	h.t.Helper()
	h.wanted.Tenants = slices.Clone(h.wanted.Tenants)
	h.wanted.Tenants[0].Tenant.Policy.When = condition
	h.register(h.wanted)
}

// until is a condition that ceases to hold so much later.
func (h *house) until(d time.Duration) string {
	return fmt.Sprintf("request.time < timestamp(%q)", h.clock.Now().Add(d).UTC().Format(time.RFC3339))
}

func TestAConditionIsAskedAtLogin(t *testing.T) {
	h := newHouse(t, policy(func(p *provision.Policy) {
		p.When = `"engineering" in account.groups && account.domain == "acme.test" && login.connection == "acme"`
	}))
	h.login(ada())
	denied := h.refused(somebody(1), provision.ConditionFalse)
	events, err := h.Events(context.Background(), provision.EventFilter{Ref: denied.Ref})
	if err != nil || len(events) != 1 || !strings.Contains(events[0].Personal.Detail, "was false") {
		t.Errorf("%+v, %v", events, err)
	}
}

func TestAConditionThatCannotBeEvaluatedRefuses(t *testing.T) { // I14
	h := newHouse(t, policy(func(p *provision.Policy) { p.When = `account.groups[5] == "x"` }))
	h.refused(ada(), provision.ConditionFalse)
}

func TestAPolicyWithAFaultyConditionIsNotRegistered(t *testing.T) {
	h := newHouse(t)
	wanted := h.wanted
	wanted.Tenants = slices.Clone(wanted.Tenants)
	wanted.Tenants[0].Tenant.Policy.When = "request.tme"
	_, err := h.Register(context.Background(), operator(), wanted, broker.Plan{Owner: provision.ByManifest})
	if err == nil || !strings.Contains(err.Error(), "tenant acme: policy.when: ") {
		t.Errorf("%v", err)
	}
	h.login(ada())
}

func TestWhereNobodyEvaluatesConditionsNobodyGetsInByOne(t *testing.T) { // I14
	h := newHouse(t, policy(func(p *provision.Policy) { p.When = "true" }))
	h.login(ada())
	h.ports.Conditions = nil
	h.start()
	h.refused(ada(), provision.ConditionFalse)
	if _, err := h.Register(context.Background(), operator(), h.wanted, broker.Plan{Owner: provision.ByManifest}); err == nil {
		t.Error("a condition that nobody can judge was registered")
	}
}

func TestAConditionThatCeasesToHoldEndsSessionsWithinAMinute(t *testing.T) { // I12, I16
	h := newHouse(t)
	h.when(h.until(time.Hour))
	l := h.login(ada())
	if err := h.Regate(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.regateAfter(time.Hour - time.Second)
	if at := h.lease(l.ID).EndedAt; !at.IsZero() {
		t.Fatalf("ended at %s, while the condition holds", at)
	}
	for range 60 { // as Run does, each second
		h.regateAfter(time.Second)
	}
	if l := h.lease(l.ID); l.EndReason != provision.CausePolicyTightened {
		t.Errorf("after a minute: %+v", l)
	}
}

// regateAfter is what Run does, so much later.
func (h *house) regateAfter(d time.Duration) {
	h.t.Helper()
	h.clock.pass(d)
	if err := h.Regate(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

// loginFrom is a login of somebody who comes from there.
func (h *house) loginFrom(from provision.Requester, answer url.Values) provision.Lease {
	h.t.Helper()
	id := h.begin(broker.Wish{Browser: "browser", Connection: "acme"})
	l, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: id, Browser: "browser", Answer: answer, Requester: from})
	if err != nil {
		h.t.Fatal(err)
	}
	return l
}

func TestASessionIsHeldToItsConditionByWhereItBegan(t *testing.T) {
	h := newHouse(t)
	l := h.loginFrom(provision.Requester{IP: "192.0.2.7", UserAgent: "Mozilla/5.0"}, ada())
	other := h.loginFrom(provision.Requester{IP: "198.51.100.1"}, somebody(1))
	unknown := h.loginFrom(provision.Requester{}, somebody(2))
	h.when(`cidr("192.0.2.0/24").containsIP(request.ip)`)
	if err := h.Regate(context.Background()); err != nil {
		t.Fatal(err)
	}
	if at := h.lease(l.ID).EndedAt; !at.IsZero() {
		t.Error("a session from the network ended")
	}
	for _, x := range []provision.Lease{other, unknown} {
		if cause := h.lease(x.ID).EndReason; cause != provision.CausePolicyTightened {
			t.Errorf("a session from elsewhere: %q", cause)
		}
	}
}

func TestWhereASessionBeganIsSealedAndGoesWithIt(t *testing.T) {
	h := newHouse(t)
	l := h.loginFrom(provision.Requester{IP: "192.0.2.7", UserAgent: "Mozilla/5.0", RequestID: "req_1"}, ada())
	u, err := h.store.Upstream(context.Background(), l.ID)
	if err != nil || strings.Contains(string(u.Sealed), "192.0.2") || len(u.Sealed) == 0 {
		t.Fatalf("%q, %v", u.Sealed, err)
	}
	me, err := h.Me(context.Background(), h.sso(l), originOf(ssoURL))
	if err != nil || me.Began[l.ID] != (provision.Whence{IP: "192.0.2.7", UserAgent: "Mozilla/5.0"}) {
		t.Errorf("the person sees %+v, %v", me.Began, err)
	}
	if err := h.RevokeLease(context.Background(), operator(), l.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.store.Upstream(context.Background(), l.ID); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("after its end: %v", err)
	}
}

func TestWhereASessionBeganIsStillKnownAfterItsProviderWasAsked(t *testing.T) {
	h := newHouse(t, withOIDC, lively)
	going, err := h.Begin(context.Background(), broker.Wish{Browser: "b", Connection: "acme-oidc"})
	if err != nil {
		t.Fatal(err)
	}
	answer := h.oidc.Login(t, going.URL)
	l, err := h.Login(context.Background(), broker.Return{
		Connection: "acme-oidc", Attempt: broker.AttemptID(answer.Get("state")), Browser: "b", Answer: answer, Requester: provision.Requester{UserAgent: "Mozilla/5.0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	before, err := h.Me(context.Background(), h.sso(l), originOf(ssoURL))
	if err != nil || before.Began[l.ID].UserAgent == "" {
		t.Fatalf("%+v, %v", before.Began, err)
	}
	h.asks(soon) // with another token each time, which is sealed anew
	after, err := h.Me(context.Background(), h.sso(l), originOf(ssoURL))
	if err != nil || after.Began[l.ID] != before.Began[l.ID] {
		t.Errorf("%+v, before %+v, %v", after.Began, before.Began, err)
	}
}

func TestARoleForAWhileIsHeldToTheConditionAsItsSessionIs(t *testing.T) { // I16
	h := newHouse(t, policy(privileged), policy(func(p *provision.Policy) { p.When = `cidr("192.0.2.0/24").containsIP(request.ip)` }))
	l := h.login(ada())
	e, err := h.wants(l, wanting("auditor"))
	if err != nil || e.Lease == "" {
		t.Fatalf("%+v, %v", e, err)
	}
	if err := h.Regate(context.Background()); err != nil {
		t.Fatal(err)
	}
	if at := h.lease(e.Lease).EndedAt; !at.IsZero() {
		t.Error("the role ended, whose session began in the network")
	}
	h.when(`cidr("198.51.100.0/24").containsIP(request.ip)`)
	_, err = h.wants(l, wanting("auditor")) // before anybody has ended the session
	h.wantUngiven("out of the network", err, provision.LeaseEnded)
	if err := h.Regate(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []provision.LeaseID{l.ID, e.Lease} {
		if h.lease(id).EndedAt.IsZero() {
			t.Errorf("%s goes on", id)
		}
	}
}
