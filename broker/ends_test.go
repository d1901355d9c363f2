package broker_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// wantEnded wants a lease over for a cause, its account in a state, and one event of each.
func (h *house) wantEnded(l provision.Lease, cause provision.Cause, state provision.AccountState) {
	h.t.Helper()
	if got := h.lease(l.ID); got.EndedAt.IsZero() || got.EndReason != cause {
		h.t.Errorf("lease ended at %s as %q, want %q", got.EndedAt, got.EndReason, cause)
	}
	if got := h.account(l.Account).State; got != state {
		h.t.Errorf("account is %s, want %s", got, state)
	}
	var ends, states []provision.Event
	for _, e := range slices.Concat(h.events(provision.EventLeaseEnded), h.events(provision.EventAccountState)) {
		switch {
		case e.Lease.ID == l.ID && e.Kind == provision.EventLeaseEnded:
			ends = append(ends, e)
		case e.Account == l.Account && e.Kind == provision.EventAccountState:
			states = append(states, e)
		}
	}
	if len(ends) != 1 || ends[0].Reason != string(cause) || len(states) != 1 || states[0].Outcome != string(state) {
		h.t.Errorf("events %+v, %+v", ends, states)
	}
}

func TestALeaseEndsWhenTheAssertionSaysWithoutAnybodyAsking(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	defer running.Wait()
	defer cancel()
	who := adaBySAML()
	who.SessionEnd = h.clock.Now().Add(5 * time.Second)
	l, err := h.loginBySAML("b", who)
	if err != nil {
		t.Fatal(err)
	}
	token := h.entered(l)
	h.clock.pass(5*time.Second - time.Millisecond)
	h.wantAllow(token)
	h.clock.pass(time.Millisecond)
	h.wantReason(token, provision.LeaseEnded)
	for deadline := time.Now().Add(5 * time.Second); h.lease(l.ID).EndedAt.IsZero() && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	h.wantEnded(l, provision.CauseCeiling, provision.Dormant)
	h.refused(with(ada(), "end", "0s"), provision.SessionOver)
}

func TestALeaseEndsAtItsTime(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*provision.Tenant, time.Time)
		after  time.Duration
		reason provision.Reason
		cause  provision.Cause
	}{
		"the policy's ceiling": {func(t *provision.Tenant, _ time.Time) { t.Policy.MaxSession = time.Hour; t.Policy.Idle = 2 * time.Hour }, time.Hour, provision.LeaseEnded, provision.CauseCeiling},
		"the contract":         {func(t *provision.Tenant, now time.Time) { t.ContractEnd = now.Add(20 * time.Minute) }, 20 * time.Minute, provision.LeaseEnded, provision.CauseContractEnded},
		"idleness":             {func(t *provision.Tenant, _ time.Time) { t.Policy.Idle = 5 * time.Minute }, 5*time.Minute + provision.IdleSlack, provision.LeaseIdle, provision.CauseIdle},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(h *house) { c.change(&h.wanted.Tenants[0].Tenant, h.clock.Now()) })
			l := h.login(ada())
			token := h.Token(l.ID, originOf(wikiURL))
			h.clock.pass(c.after - time.Nanosecond)
			if n := h.reap(); n != 0 {
				t.Fatalf("%d ended a moment before", n)
			}
			h.clock.pass(time.Nanosecond)
			h.wantReason(token, c.reason)
			if n := h.reap(); n != 1 {
				t.Fatalf("%d ended", n)
			}
			h.wantEnded(l, c.cause, provision.Dormant)
			if n := h.reap(); n != 0 {
				t.Errorf("%d ended twice", n)
			}
		})
	}
}

func TestAUseThatIsNotWrittenYetCounts(t *testing.T) {
	h := newHouse(t, policy(func(p *provision.Policy) { p.Idle = 5 * time.Minute }))
	l := h.login(ada())
	token := h.entered(l)
	for range 4 {
		h.clock.pass(5 * time.Minute)
		h.wantAllow(token)
		h.login(ada()) // touches all leases of hers: memory forgets them, but not the use
		if n := h.reap(); n > 1 {
			t.Errorf("%d ended", n)
		}
		if _, err := h.Session(context.Background(), h.sso(l), originOf(ssoURL)); err != nil {
			t.Fatalf("the session: %v", err)
		}
	}
	h.clock.pass(6 * time.Minute)
	h.wantReason(token, provision.LeaseIdle)
	h.reap()
	if got := h.lease(l.ID); got.EndReason != provision.CauseIdle {
		t.Errorf("ended as %q", got.EndReason)
	}
}

func TestAUseThatCouldNotBeWrittenIsWrittenLater(t *testing.T) {
	h := newHouse(t, policy(func(p *provision.Policy) { p.Idle = 5 * time.Minute }))
	l, other := h.login(ada()), h.login(somebody(2))
	token := h.entered(l)
	h.clock.pass(5 * time.Minute)
	h.wantAllow(token)
	h.clock.pass(time.Minute) // the other one is due now
	h.ledger.down.Store(true)
	if _, err := h.Reap(context.Background()); err == nil {
		t.Fatal("no error")
	}
	h.ledger.down.Store(false)
	if n := h.reap(); n != 1 || h.lease(other.ID).EndedAt.IsZero() {
		t.Errorf("%d ended", n)
	}
	if got := h.lease(l.ID); !got.EndedAt.IsZero() || !got.Seen.Equal(got.Start.Add(5*time.Minute)) {
		t.Errorf("ended at %s, seen %s", got.EndedAt, got.Seen)
	}
}

func TestARevocationSettlesInBatchesAndIsResumed(t *testing.T) {
	t.Parallel()
	const people = 620
	h := newHouse(t)
	var leases []provision.Lease
	for n := range people {
		leases = append(leases, h.login(somebody(n)))
	}
	ctx := context.Background()
	id, err := h.SuspendTenant(ctx, operator(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	h.wantReason(h.Token(leases[0].ID, originOf(wikiURL)), provision.LeaseEnded)
	h.refused(somebody(0), provision.DomainUnknown)
	if settled, err := h.Settled(ctx, id); settled || err != nil {
		t.Errorf("settled before the first batch: %v", err)
	}
	h.ledger.ends = func(batch int) bool { return batch == 0 } // a crash after the first batch
	if n, err := h.Reap(ctx); err == nil || n != 500 {
		t.Errorf("%d ended, %v", n, err)
	}
	h.restart()
	if settled, err := h.Settled(ctx, id); settled || err != nil {
		t.Errorf("settled after the first batch: %v", err)
	}
	if n := h.reap(); n != people-500 {
		t.Errorf("%d ended after the restart", n)
	}
	if settled, err := h.Settled(ctx, id); !settled || err != nil {
		t.Errorf("not settled: %v", err)
	}
	ends := h.events(provision.EventLeaseEnded)
	for _, e := range ends {
		if e.Revocation.ID != id || e.Reason != string(provision.CauseTenantSuspended) {
			t.Fatalf("event %+v", e)
		}
	}
	if len(ends) != people || len(h.events(provision.EventAccountState)) != people || len(h.events(provision.EventRevocation)) != 1 {
		t.Errorf("%d ends, %d states", len(ends), len(h.events(provision.EventAccountState)))
	}
	if err := h.ResumeTenant(ctx, operator(), "acme"); err != nil {
		t.Fatal(err)
	}
	h.wantAllow(h.entered(h.login(somebody(0))))
	h.wantReason(h.Token(leases[0].ID, originOf(wikiURL)), provision.LeaseEnded)
}

func TestWhatBeganAfterARevocationDoesNotKeepItOpen(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	old := h.login(ada())
	id, err := h.Revoke(ctx, operator(), provision.Scope{Connection: "acme"}, provision.CauseAdmin)
	if err != nil {
		t.Fatal(err)
	}
	fresh := h.login(somebody(2)) // at the same moment, by the clock
	if n := h.reap(); n != 1 || h.lease(old.ID).EndedAt.IsZero() || !h.lease(fresh.ID).EndedAt.IsZero() {
		t.Errorf("%d ended", n)
	}
	if settled, err := h.Settled(ctx, id); !settled || err != nil {
		t.Errorf("not settled: %v", err)
	}
	h.wantAllow(h.entered(fresh))
}

// TestALoginDuringARevocationIsSettled is about a lease that began, by its clock, after the revocation asked for the
// time, and was committed before it.
func TestALoginDuringARevocationIsSettled(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	var l provision.Lease
	h.ledger.before = func() { // between the revocation's clock and its commit
		h.clock.pass(time.Second)
		l = h.login(ada())
	}
	id, err := h.Revoke(ctx, operator(), provision.Scope{Domain: domain("acme.test")}, provision.CauseAdmin)
	if err != nil || l.ID == "" {
		t.Fatal(l, err)
	}
	h.wantReason(h.Token(l.ID, originOf(wikiURL)), provision.LeaseEnded)
	if n := h.reap(); n != 1 {
		t.Errorf("%d ended", n)
	}
	if settled, err := h.Settled(ctx, id); !settled || err != nil {
		t.Errorf("not settled: %v", err)
	}
}

// TestARevocationThatComesWhileReapingIsNotSettledUnseen lets a revocation commit after the reaper has found nothing.
func TestARevocationThatComesWhileReapingIsNotSettledUnseen(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	l := h.login(ada())
	var id provision.RevocationID
	h.ledger.afterDue = func() {
		if h.ledger.dues++; h.ledger.dues != 2 { // the first looks for the idle
			return
		}
		var err error
		if id, err = h.Revoke(ctx, operator(), provision.Scope{Tenant: "acme"}, provision.CauseAdmin); err != nil {
			t.Error(err)
		}
	}
	h.reap()
	if settled, err := h.Settled(ctx, id); settled || err != nil {
		t.Errorf("settled with a live row: %v", err)
	}
	h.reap()
	h.wantEnded(l, provision.CauseAdmin, provision.Dormant)
}

func TestALapsedDomainEndsItsLeases(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	token := h.entered(l)
	h.wantAllow(token)
	ctx := context.Background()
	silent := broker.NewProver(h.Broker, resolverFunc(func(context.Context, string) ([]string, error) { return nil, nil }), time.Hour, 2*time.Hour)
	if _, err := silent.Claim(ctx, operator(), "acme", domain("acme.test")); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if _, err := silent.Check(ctx, operator(), "acme", domain("acme.test")); err != nil {
			t.Fatal(err)
		}
		h.clock.pass(time.Hour)
		h.check(token)
	}
	h.wantReason(token, provision.LeaseEnded)
	h.reap()
	h.wantEnded(l, provision.CauseDomainLapsed, provision.Dormant)
	_, err := h.Begin(ctx, broker.Wish{Browser: "b", Email: "ada@acme.test"})
	wantDenied(t, provision.DomainUnknown, provision.Lease{}, err)
	h.refused(ada(), provision.DomainLapsed)
}

func TestAStateThatWasSaidKeepsPeopleOut(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	l := h.login(ada())
	say := func(why string, verb broker.AccountVerb) error {
		d := operator()
		d.Why = why
		_, err := h.Account(ctx, d, l.Account, verb)
		return err
	}
	for _, step := range []struct {
		verb   broker.AccountVerb
		state  provision.AccountState
		reason provision.Reason
	}{
		{provision.SuspendAccount, provision.Suspended, provision.AccountSuspended}, {provision.RevokeAccount, provision.Revoked, provision.AccountRevoked},
	} {
		if err := say("because", step.verb); err != nil {
			t.Fatal(err)
		}
		h.wantReason(h.Token(l.ID, originOf(wikiURL)), provision.LeaseEnded)
		h.refused(ada(), step.reason)
		if got := h.account(l.Account).State; got != step.state {
			t.Errorf("account is %s", got)
		}
	}
	if err := say("", provision.RestoreAccount); err == nil {
		t.Error("restored without a reason")
	}
	if err := say("a mistake", provision.RestoreAccount); err != nil {
		t.Fatal(err)
	}
	h.wantReason(h.Token(l.ID, originOf(wikiURL)), provision.LeaseEnded)
	if again := h.login(ada()); again.Account != l.Account {
		t.Errorf("another account: %s", again.Account)
	}
}

func TestAnAccountWaitsForApproval(t *testing.T) {
	h := newHouse(t, policy(func(p *provision.Policy) { p.Create = provision.CreateApprove }))
	for range 2 {
		h.refused(ada(), provision.ApprovalPending)
	}
	accounts := h.accounts()
	if len(accounts) != 1 || accounts[0].State != provision.Pending {
		t.Fatalf("%+v", accounts)
	}
	a, err := h.Account(context.Background(), operator(), accounts[0].ID, provision.ApproveAccount)
	if err != nil || a.State != provision.Dormant {
		t.Fatalf("%+v, %v", a, err)
	}
	h.wantAllow(h.entered(h.login(ada())))
}

func TestAProvisionedTenantAdmitsWhomItKnows(t *testing.T) {
	h := newHouse(t, policy(func(p *provision.Policy) { p.Mode = provision.Provisioned }))
	h.refused(ada(), provision.CreationDisabled)
	email, err := provision.ParseEmail("ada@acme.test")
	if err != nil {
		t.Fatal(err)
	}
	a, err := h.CreateAccount(context.Background(), operator(), broker.NewAccount{Tenant: "acme", Email: email, Name: "Ada", Link: provision.LinkKey{Connection: "acme", Subject: "ada-1"}})
	if err != nil {
		t.Fatal(err)
	}
	if l := h.login(ada()); l.Account != a.ID {
		t.Errorf("account %s, want %s", l.Account, a.ID)
	}
	h.refused(with(ada(), "sub", "ada-2"), provision.EmailTaken)
}

func TestRulesThatChangeReachLeasesThatLive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*provision.Tenant, time.Time)
		ends   provision.Cause
		end    time.Duration // from the start; 0: ended
	}{
		"nothing that matters":  {func(t *provision.Tenant, _ time.Time) { t.Name = "Acme!" }, "", provision.DefaultMaxSession},
		"a shorter session":     {func(t *provision.Tenant, _ time.Time) { t.Policy.MaxSession = time.Hour }, "", time.Hour},
		"a longer session":      {func(t *provision.Tenant, _ time.Time) { t.Policy.MaxSession = 24 * time.Hour }, "", provision.DefaultMaxSession},
		"a contract's end":      {func(t *provision.Tenant, now time.Time) { t.ContractEnd = now.Add(2 * time.Hour) }, "", 2 * time.Hour},
		"a contract that ended": {func(t *provision.Tenant, now time.Time) { t.ContractEnd = now.Add(-time.Hour) }, provision.CauseContractEnded, 0},
		"a forbidden group":     {func(t *provision.Tenant, _ time.Time) { t.Policy.Groups.None = []string{"eng*"} }, provision.CausePolicyTightened, 0},
		"a wanted group":        {func(t *provision.Tenant, _ time.Time) { t.Policy.Groups.All = []string{"board"} }, provision.CausePolicyTightened, 0},
		"an authentication":     {func(t *provision.Tenant, _ time.Time) { t.Policy.ACR = []string{"mfa"} }, provision.CausePolicyTightened, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			l := h.login(ada())
			c.change(&h.wanted.Tenants[0].Tenant, h.clock.Now())
			h.register(h.wanted)
			if err := h.Regate(context.Background()); err != nil {
				t.Fatal(err)
			}
			if c.ends != "" {
				h.wantEnded(l, c.ends, provision.Dormant)
				return
			}
			if got := h.lease(l.ID); !got.End.Equal(l.Start.Add(c.end)) || !got.EndedAt.IsZero() {
				t.Errorf("ends %s after its start, ended as %q", got.End.Sub(l.Start), got.EndReason)
			}
			h.wantAllow(h.entered(l))
		})
	}
}

func TestATenantWhoseLeasesCannotBeJudgedIsTriedAgain(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	for i := range h.wanted.Tenants {
		h.wanted.Tenants[i].Tenant.Policy.Groups.All = []string{"board"}
	}
	h.register(h.wanted)
	h.ledger.ends = func(int) bool { return false }
	if err := h.Regate(context.Background()); err == nil {
		t.Fatal("no error")
	}
	h.ledger.ends = nil
	if err := h.Regate(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.wantEnded(l, provision.CausePolicyTightened, provision.Dormant)
}

func TestAClockThatGoesBackRevivesNothing(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	token := h.entered(l)
	h.clock.pass(provision.DefaultMaxSession)
	h.wantReason(token, provision.LeaseEnded)
	h.reap()
	h.clock.setBack(provision.DefaultMaxSession)
	h.wantReason(token, provision.LeaseEnded)
	h.restart()
	h.wantReason(token, provision.LeaseEnded)
}

func TestAClockThatRanAheadIsReset(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	before := h.clock.Now()
	h.clock.pass(365 * 24 * time.Hour)
	l := h.login(ada())
	token := h.entered(l)
	h.clock.setBack(365 * 24 * time.Hour)
	if got := h.store.Now(); got.Before(before.Add(time.Hour)) {
		t.Fatalf("ledger time went back to %s", got)
	}
	id, err := h.ResetClock(ctx, operator())
	if err != nil {
		t.Fatal(err)
	}
	h.wantReason(token, provision.LeaseEnded)
	if got := h.store.Now(); !got.Equal(before) {
		t.Errorf("ledger time is %s, want %s", got, before)
	}
	h.reap()
	if h.lease(l.ID).EndedAt.IsZero() {
		t.Error("the lease is live")
	}
	if settled, err := h.Settled(ctx, id); !settled || err != nil {
		t.Errorf("not settled: %v", err)
	}
	fresh := h.login(ada())
	h.wantAllow(h.entered(fresh))
	h.restart()
	if got := h.store.Now(); !got.Equal(before) {
		t.Errorf("after a restart, ledger time is %s", got)
	}
	h.wantAllow(h.Token(fresh.ID, originOf(wikiURL)))
	h.wantReason(token, provision.LeaseEnded)
}
