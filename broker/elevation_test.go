package broker_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"leasehold/broker"
	"leasehold/provision"
)

// privileged are rules: on-call people may have admin for ten minutes when a lead says so, and auditor by themselves.
func privileged(p *provision.Policy) {
	p.Elevate = []provision.ElevationRule{
		{Role: "admin", Who: provision.Circle{Groups: []string{"engineering"}}, Max: 10 * time.Minute, Approve: provision.ByApprover, Approvers: provision.Circle{Groups: []string{"leads", "engineering"}}, Ticket: true},
		{Role: "auditor", Who: provision.Circle{Roles: []string{"engineer"}}, Max: 10 * time.Minute, Approve: provision.ByPolicy},
	}
}

func lead() url.Values {
	return url.Values{"sub": {"lea-1"}, "email": {"lea@acme.test"}, "name": {"Lea"}, "groups": {"leads"}}
}

func stranger() url.Values {
	return url.Values{"sub": {"sam-1"}, "email": {"sam@acme.test"}, "groups": {"sales"}}
}

// wanting is what somebody asks for, as it should be asked for.
func wanting(role string) broker.Wanting {
	return broker.Wanting{Role: role, For: 10 * time.Minute, Said: provision.Said{Reason: "the disk of db1 is full", Ticket: "OPS-7"}}
}

func (h *house) wants(l provision.Lease, w broker.Wanting) (provision.Elevation, error) {
	return h.AskElevation(context.Background(), h.sso(l), originOf(ssoURL), w, provision.Requester{IP: "192.0.2.7"})
}

func (h *house) judges(l provision.Lease, id provision.ElevationID, yes bool) (provision.Elevation, error) {
	return h.JudgeElevation(context.Background(), h.sso(l), originOf(ssoURL), broker.Judgement{ID: id, Yes: yes})
}

// wantUngiven wants an elevation refused, and the audit to say so.
func (h *house) wantUngiven(what string, err error, reason provision.Reason) {
	h.t.Helper()
	var denied *provision.DeniedError
	if !errors.As(err, &denied) || denied.Reason != reason {
		h.t.Fatalf("%s: got %v, want a refusal as %s", what, err, reason)
	}
	for _, e := range h.events(provision.EventElevation) {
		if e.Ref() == denied.Ref && e.Outcome == "refused" && e.Reason == string(reason) {
			return
		}
	}
	h.t.Errorf("%s: no event tells of the refusal %+v", what, denied)
}

// wantRoles wants a check to tell the app exactly these roles, in the header and in the assertion.
func (h *house) wantRoles(token string, roles ...string) {
	h.t.Helper()
	v := h.check(token)
	if !v.Allow {
		h.t.Fatalf("check is refused as %q", v.Reason)
	}
	if got := v.Header["X-Leasehold-Roles"]; !slices.Equal(got, roles) {
		h.t.Fatalf("the app is told %v, want %v", got, roles)
	}
	if said := h.assertion(v); !slices.Equal(said.Roles, roles) {
		h.t.Fatalf("the assertion says %v, want %v", said.Roles, roles)
	}
}

type saidOf struct {
	Expiry *jwt.NumericDate `json:"exp"`
	Roles  []string         `json:"roles"`
}

func (h *house) assertion(v broker.Verdict) (said saidOf) {
	h.t.Helper()
	token, err := jwt.ParseSigned(v.Header["X-Leasehold-Assertion"][0], []jose.SignatureAlgorithm{jose.ES256})
	if err == nil {
		err = token.UnsafeClaimsWithoutVerification(&said)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return said
}

func TestARoleForAWhileIsThereFromTheApprovalToItsEndAndNotLonger(t *testing.T) {
	h := newHouse(t, policy(privileged))
	ada, lea := h.login(ada()), h.login(lead())
	token := h.entered(ada)
	h.wantRoles(token, "engineer")
	e, err := h.wants(ada, wanting("admin"))
	if err != nil || e.State != provision.ElevationWaiting {
		t.Fatalf("asked: %+v, %v", e, err)
	}
	h.wantRoles(token, "engineer")
	h.clock.pass(2 * time.Minute)
	if e, err = h.judges(lea, e.ID, true); err != nil || e.State != provision.ElevationApproved {
		t.Fatalf("approved: %+v, %v", e, err)
	}
	h.wantRoles(token, "admin", "engineer")
	h.clock.pass(10*time.Minute - 20*time.Second)
	v := h.check(token)
	if end := h.lease(e.Lease).End; h.assertion(v).Expiry.Time().After(end) {
		t.Errorf("an assertion until %s, beyond the role's end at %s", h.assertion(v).Expiry.Time(), end)
	}
	h.clock.pass(20*time.Second - time.Millisecond)
	h.wantRoles(token, "admin", "engineer")
	h.clock.pass(time.Millisecond)
	h.wantRoles(token, "engineer")
	if s, err := h.Session(context.Background(), h.sso(ada), originOf(ssoURL)); err != nil || !slices.Equal(s.Effective(h.clock.Now()), []string{"engineer"}) {
		t.Errorf("her page shows %v, %v", s.Effective(h.clock.Now()), err)
	}
	if h.reap() != 1 || h.lease(e.Lease).EndReason != provision.CauseCeiling || !h.lease(ada.ID).EndedAt.IsZero() {
		t.Errorf("the role's lease is %+v, her session %+v", h.lease(e.Lease), h.lease(ada.ID))
	}
	h.wantRoles(token, "engineer")
	if asked, approved := h.count(provision.EventElevation, "asked"), h.count(provision.EventElevation, "approved"); asked != 1 || approved != 1 {
		t.Errorf("%d events of asking, %d of an approval", asked, approved)
	}
}

func TestNobodyApprovesForHerselfAndNobodyWhoIsNoApprover(t *testing.T) {
	h := newHouse(t, policy(privileged))
	ada, sam := h.login(ada()), h.login(stranger())
	again := h.login(url.Values{"sub": {"ada-1"}, "email": {"ada@acme.test"}, "groups": {"engineering"}})
	token := h.entered(ada)
	e, err := h.wants(ada, wanting("admin"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.judges(ada, e.ID, true)
	h.wantUngiven("by herself", err, provision.ApproverRefused)
	_, err = h.judges(again, e.ID, true)
	h.wantUngiven("by herself in another session", err, provision.ApproverRefused)
	_, err = h.judges(sam, e.ID, true)
	h.wantUngiven("by somebody", err, provision.ApproverRefused)
	_, err = h.judges(sam, e.ID, false)
	h.wantUngiven("by somebody who says no", err, provision.ApproverRefused)
	herself := broker.Deed{Actor: provision.Actor{Kind: provision.TenantAdmin, ID: string(ada.Account)}}
	_, err = h.RuleElevation(context.Background(), herself, e.ID, true)
	h.wantUngiven("by herself as an administrator", err, provision.ApproverRefused)
	_, err = h.RuleElevation(context.Background(), broker.Deed{Actor: provision.Actor{Kind: provision.Person, ID: "acc_lead"}}, e.ID, true)
	h.wantUngiven("by a person without a session", err, provision.ApproverRefused)
	_, err = h.RuleElevation(context.Background(), broker.Deed{}, e.ID, true)
	h.wantUngiven("by nobody", err, provision.ApproverRefused)
	h.wantRoles(token, "engineer")
	if e, err = h.judges(again, e.ID, false); err != nil || e.State != provision.ElevationWithdrawn {
		t.Fatalf("withdrawn: %+v, %v", e, err)
	}
	if e, err = h.wants(ada, wanting("admin")); err != nil {
		t.Fatal(err)
	}
	if e, err = h.RuleElevation(context.Background(), operator(), e.ID, true); err != nil || e.State != provision.ElevationApproved {
		t.Fatalf("by an operator: %+v, %v", e, err)
	}
	h.wantRoles(token, "admin", "engineer")
}

func TestALateOrDecidedRequestGivesNothing(t *testing.T) {
	h := newHouse(t, policy(privileged))
	ada, lea := h.login(ada()), h.login(lead())
	token := h.entered(ada)
	late, err := h.wants(ada, wanting("admin"))
	if err != nil {
		t.Fatal(err)
	}
	h.clock.pass(provision.ElevationWait)
	_, err = h.judges(lea, late.ID, true)
	h.wantUngiven("late", err, provision.ElevationOver)
	h.wantRoles(token, "engineer")
	if err := h.ExpireElevations(context.Background()); err != nil || h.count(provision.EventElevation, "expired") != 1 {
		t.Errorf("%d events of expiry, %v", h.count(provision.EventElevation, "expired"), err)
	}
	if h.ExpireElevations(context.Background()); h.count(provision.EventElevation, "expired") != 1 {
		t.Error("it expired twice")
	}
	ada = h.login(url.Values{"sub": {"ada-1"}, "email": {"ada@acme.test"}, "groups": {"engineering"}})
	token = h.entered(ada)
	refused, err := h.wants(ada, wanting("admin"))
	if err != nil {
		t.Fatal(err)
	}
	if e, err := h.judges(lea, refused.ID, false); err != nil || e.State != provision.ElevationDenied {
		t.Fatalf("denied: %+v, %v", e, err)
	}
	_, err = h.judges(lea, refused.ID, true)
	h.wantUngiven("after a no", err, provision.ElevationOver)
	over, err := h.wants(ada, wanting("admin"))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Logout(context.Background(), h.sso(ada), originOf(ssoURL), provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	_, err = h.judges(lea, over.ID, true)
	h.wantUngiven("after the session's end", err, provision.LeaseEnded)
	if h.check(token).Allow {
		t.Error("a session that was logged out works")
	}
}

func TestWhatIsAskedForHasToBeAllowedExplainedAndFresh(t *testing.T) {
	h := newHouse(t, policy(privileged))
	ada, sam := h.login(ada()), h.login(stranger())
	refused := func(what string, l provision.Lease, reason provision.Reason, change func(*broker.Wanting)) {
		t.Helper()
		w := wanting("admin")
		change(&w)
		e, err := h.wants(l, w)
		h.wantUngiven(what, err, reason)
		if e.Lease != "" {
			t.Errorf("%s: a refusal with lease %s", what, e.Lease)
		}
	}
	same := func(*broker.Wanting) {}
	refused("a role of nobody", ada, provision.ElevationRefused, func(w *broker.Wanting) { w.Role = "root" })
	refused("no role", ada, provision.ElevationRefused, func(w *broker.Wanting) { w.Role = "" })
	refused("of somebody else's circle", sam, provision.ElevationRefused, same)
	refused("longer than the rule", ada, provision.ElevationTooLong, func(w *broker.Wanting) { w.For += time.Second })
	refused("no time", ada, provision.ElevationTooLong, func(w *broker.Wanting) { w.For = 0 })
	refused("no reason", ada, provision.ElevationUnexplained, func(w *broker.Wanting) { w.Said.Reason = " " })
	refused("a novel", ada, provision.ElevationUnexplained, func(w *broker.Wanting) { w.Said.Reason = strings.Repeat("x", 501) })
	refused("no ticket", ada, provision.TicketMissing, func(w *broker.Wanting) { w.Said.Ticket = "" })
	h.clock.pass(provision.ElevationAuthAge + time.Second)
	refused("an old authentication", ada, provision.AuthTooOld, same)
	ada = h.login(url.Values{"sub": {"ada-1"}, "email": {"ada@acme.test"}, "groups": {"engineering"}})
	if _, err := h.wants(ada, wanting("admin")); err != nil {
		t.Fatal(err)
	}
	refused("the same again", ada, provision.ElevationAsked, same)
}

func TestARoleForAWhileEndsEarlyWithItsSessionAndWithItsRule(t *testing.T) {
	began := func(h *house) (ada provision.Lease, token string, e provision.Elevation) {
		h.t.Helper()
		ada = h.login(url.Values{"sub": {"ada-1"}, "email": {"ada@acme.test"}, "groups": {"engineering"}})
		token = h.entered(ada)
		e, err := h.wants(ada, wanting("auditor"))
		if err != nil || e.State != provision.ElevationApproved || e.By.Kind != provision.System {
			h.t.Fatalf("by policy: %+v, %v", e, err)
		}
		h.wantRoles(token, "auditor", "engineer")
		return ada, token, e
	}
	ended := func(h *house, e provision.Elevation, cause provision.Cause) {
		h.t.Helper()
		if l := h.lease(e.Lease); l.EndReason != cause {
			h.t.Errorf("the role ended as %q, want %q", l.EndReason, cause)
		}
	}
	t.Run("early", func(t *testing.T) {
		h := newHouse(t, policy(privileged))
		ada, token, e := began(h)
		if err := h.EndLease(context.Background(), h.sso(ada), originOf(ssoURL), e.Lease, provision.Requester{}); err != nil {
			t.Fatal(err)
		}
		h.wantRoles(token, "engineer")
		ended(h, e, provision.CauseLogout)
	})
	t.Run("by an operator", func(t *testing.T) {
		h := newHouse(t, policy(privileged))
		_, token, e := began(h)
		if _, err := h.EndElevation(context.Background(), operator(), e.ID); err != nil {
			t.Fatal(err)
		}
		h.wantRoles(token, "engineer")
		ended(h, e, provision.CauseAdmin)
	})
	t.Run("anew", func(t *testing.T) {
		h := newHouse(t, policy(privileged))
		ada, token, e := began(h)
		h.clock.pass(4 * time.Minute)
		longer, err := h.wants(ada, wanting("auditor"))
		if err != nil {
			t.Fatal(err)
		}
		ended(h, e, provision.CauseReplaced)
		h.clock.pass(9 * time.Minute)
		h.wantRoles(token, "auditor", "engineer")
		h.clock.pass(time.Minute)
		h.wantRoles(token, "engineer")
		h.reap()
		ended(h, longer, provision.CauseCeiling)
	})
	t.Run("with the session", func(t *testing.T) {
		h := newHouse(t, policy(privileged))
		ada, token, e := began(h)
		if err := h.Logout(context.Background(), h.sso(ada), originOf(ssoURL), provision.Requester{}); err != nil {
			t.Fatal(err)
		}
		h.wantReason(token, provision.LeaseEnded)
		ended(h, e, provision.CauseParentEnded)
	})
	t.Run("never beyond the session", func(t *testing.T) {
		h := newHouse(t, policy(privileged))
		ada := h.login(with(url.Values{"sub": {"ada-1"}, "email": {"ada@acme.test"}, "groups": {"engineering"}}, "end", "3m"))
		e, err := h.wants(ada, wanting("auditor"))
		if err != nil || !h.lease(e.Lease).End.Equal(ada.End) {
			t.Fatalf("the role's lease is %+v, the session ends %s: %v", h.lease(e.Lease), ada.End, err)
		}
		h.clock.pass(3 * time.Minute)
		h.reap()
		ended(h, e, provision.CauseParentEnded)
	})
	t.Run("with the rule", func(t *testing.T) {
		h := newHouse(t, policy(privileged))
		_, token, e := began(h)
		h.wanted.Tenants[0].Tenant.Policy.Elevate = nil
		h.register(h.wanted)
		h.wantRoles(token, "engineer")
		if err := h.Regate(context.Background()); err != nil {
			t.Fatal(err)
		}
		ended(h, e, provision.CausePolicyTightened)
	})
	t.Run("with a shorter rule", func(t *testing.T) {
		h := newHouse(t, policy(privileged))
		_, token, e := began(h)
		h.clock.pass(3 * time.Minute)
		h.wanted.Tenants[0].Tenant.Policy.Elevate[1].Max = 2 * time.Minute
		h.register(h.wanted)
		h.wantRoles(token, "engineer")
		if err := h.Regate(context.Background()); err != nil {
			t.Fatal(err)
		}
		ended(h, e, provision.CauseCeiling)
	})
	t.Run("with the role that let her ask", func(t *testing.T) {
		h := newHouse(t, policy(privileged))
		_, token, e := began(h)
		h.wanted.Tenants[0].Tenant.Policy.Roles.Ceiling = []string{"reader"}
		h.wanted.Tenants[0].Tenant.Policy.Roles.Map = nil
		h.register(h.wanted)
		h.wantRoles(token)
		if err := h.Regate(context.Background()); err != nil {
			t.Fatal(err)
		}
		ended(h, e, provision.CausePolicyTightened)
	})
	t.Run("with her group", func(t *testing.T) {
		h := newHouse(t, policy(privileged), policy(func(p *provision.Policy) { p.Elevate[1].Who = provision.Circle{Groups: []string{"on-call"}} }))
		ada := h.login(url.Values{"sub": {"ada-1"}, "email": {"ada@acme.test"}, "groups": {"engineering", "on-call"}})
		token := h.entered(ada)
		if _, err := h.wants(ada, wanting("auditor")); err != nil {
			t.Fatal(err)
		}
		h.wantRoles(token, "auditor", "engineer")
		h.login(url.Values{"sub": {"ada-1"}, "email": {"ada@acme.test"}, "groups": {"engineering"}})
		h.wantRoles(token, "engineer")
	})
}

func TestWhatWasSaidIsSealedAndItsApproverReadsIt(t *testing.T) {
	h := newHouse(t, policy(privileged))
	ada, lea := h.login(ada()), h.login(lead())
	if _, err := h.wants(ada, wanting("admin")); err != nil {
		t.Fatal(err)
	}
	rows, err := h.store.Elevations(context.Background(), provision.ElevationFilter{})
	if err != nil || len(rows) != 1 || rows[0].Said != (provision.Said{}) || len(rows[0].Sealed) == 0 {
		t.Fatalf("the ledger holds %+v, %v", rows, err)
	}
	desk, err := h.Privileges(context.Background(), h.sso(lea), originOf(ssoURL))
	if err != nil || len(desk.ForMe) != 1 || desk.ForMe[0].Said.Ticket != "OPS-7" || desk.ForMe[0].Asker.Email.String() != "ada@acme.test" {
		t.Fatalf("the approver sees %+v, %v", desk, err)
	}
	hers, err := h.Privileges(context.Background(), h.sso(ada), originOf(ssoURL))
	if err != nil || len(hers.Mine) != 1 || len(hers.ForMe) != 0 || len(hers.Rules) != 2 {
		t.Errorf("the asker sees %+v, %v", hers, err)
	}
	if _, err := h.Account(context.Background(), operator(), ada.Account, provision.DeleteAccount); err != nil {
		t.Fatal(err)
	}
	if left, err := h.Petitions(context.Background(), provision.ElevationFilter{}); err != nil || len(left) != 1 || left[0].Said != (provision.Said{}) {
		t.Errorf("after the deletion of the account: %+v, %v", left, err)
	}
}

func TestARoleForAWhileIsTheSameOnEveryReplicaAtOnce(t *testing.T) {
	w := newTown(t, 3, policy(privileged))
	a, b, c := w.houses[0], w.houses[1], w.houses[2]
	ada, lea := a.login(ada()), b.login(lead())
	token := a.entered(ada)
	all := func(roles ...string) {
		t.Helper()
		for _, h := range w.houses {
			h.wantRoles(token, roles...)
		}
	}
	all("engineer")
	e, err := a.wants(ada, wanting("admin"))
	if err != nil {
		t.Fatal(err)
	}
	if e, err = b.judges(lea, e.ID, true); err != nil {
		t.Fatal(err)
	}
	all("admin", "engineer")
	reads := c.ledger.reads.Load()
	for range 50 {
		c.wantRoles(token, "admin", "engineer")
	}
	if n := c.ledger.reads.Load() - reads; n > 5 {
		t.Errorf("%d reads of the ledger for 50 checks: memory is of no use", n)
	}
	if err := c.EndLease(context.Background(), c.sso(ada), originOf(ssoURL), e.Lease, provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	all("engineer")
	again, err := c.wants(ada, wanting("auditor"))
	if err != nil {
		t.Fatal(err)
	}
	all("auditor", "engineer")
	for _, m := range w.members { // nobody ends anything: time alone does
		m.leads.Store(false)
	}
	eventually(t, "nobody leads", func() bool { return !a.Leads() && !b.Leads() && !c.Leads() })
	a.clock.pass(10 * time.Minute)
	all("engineer")
	if l := a.lease(again.Lease); !l.EndedAt.IsZero() {
		t.Errorf("the lease was ended: %+v", l)
	}
}

func TestAWallClockThatIsPutBackMakesNoRoleLonger(t *testing.T) {
	h := newHouse(t, policy(privileged))
	ada := h.login(ada())
	token := h.entered(ada)
	if _, err := h.wants(ada, wanting("auditor")); err != nil {
		t.Fatal(err)
	}
	h.clock.pass(10*time.Minute - 10*time.Second)
	h.wantRoles(token, "auditor", "engineer") // rendered, and good for some seconds of the wall clock
	h.clock.setBack(20 * time.Second)
	h.clock.pass(10 * time.Second)
	h.wantRoles(token, "engineer")
}

func TestARequestOfAnotherTenantIsNotThere(t *testing.T) { // I11
	h := newHouse(t, policy(privileged), func(h *house) { privileged(&h.wanted.Tenants[1].Tenant.Policy) })
	e, err := h.wants(h.login(ada()), wanting("admin"))
	if err != nil {
		t.Fatal(err)
	}
	going, err := h.Begin(context.Background(), broker.Wish{Browser: "abroad", Connection: "rival"})
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(going.URL)
	mallory, err := h.Login(context.Background(), broker.Return{
		Connection: "rival", Attempt: broker.AttemptID(u.Query().Get("state")), Browser: "abroad",
		Answer: url.Values{"sub": {"ada-1"}, "email": {"mallory@rival.test"}, "groups": {"leads", "engineering"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.judges(mallory, e.ID, true); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("an approver of another tenant: %v", err)
	}
	desk, err := h.Privileges(context.Background(), h.sso(mallory), originOf(ssoURL))
	if err != nil || len(desk.ForMe)+len(desk.Mine) != 0 {
		t.Errorf("she sees %+v, %v", desk, err)
	}
}
