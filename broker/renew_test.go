package broker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// withRenewals lets leases for deploying be renewed twice.
func withRenewals(h *house) { h.wanted.Tenants[0].Tenant.Policy.Grants[0].Renewals = 2 }

// renewed has a lease go on, for a fresh token unless said otherwise.
func (h *house) renewed(handle string, change ...func(*broker.Trade)) (broker.Traded, error) {
	x := broker.Trade{Tenant: "acme", Token: h.job(nil), Renew: handle, Requester: provision.Requester{IP: "192.0.2.9"}}
	for _, c := range change {
		c(&x)
	}
	return h.Exchange(context.Background(), x)
}

func TestAHandleGoesOnForAFreshTokenAndDiesWithItsTaskAllTheSame(t *testing.T) {
	t.Parallel()
	h := newWorkloadHouse(t, withRenewals)
	got := h.exchanged()
	h.clock.pass(4 * time.Minute)
	h.wantReach(h.reach(got.Token, deployURL, "/"), "") // it is in memory
	again, err := h.renewed(got.Token)
	if err != nil || again.Token != got.Token || again.Lease.ID != got.Lease.ID || again.Left != 5*time.Minute {
		t.Fatalf("%+v, %v", again, err)
	}
	h.clock.pass(4 * time.Minute)
	h.wantReach(h.reach(got.Token, deployURL, "/"), "") // beyond its first term
	if _, err := h.Reap(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := h.Regate(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.wantReach(h.reach(got.Token, deployURL, "/"), "")
	if n := h.count(provision.EventExchange, "renewed"); n != 1 {
		t.Errorf("%d events of a renewal", n)
	}
	h.clock.pass(time.Minute)
	h.wantReach(h.reach(got.Token, deployURL, "/"), provision.LeaseEnded)
	if _, err := h.Reap(context.Background()); err != nil {
		t.Fatal(err)
	}
	if l := h.lease(got.Lease.ID); l.EndReason != provision.CauseCeiling {
		t.Errorf("it ended for %q", l.EndReason)
	}
	_, err = h.renewed(got.Token)
	h.wantDenied("when it is over", err, provision.LeaseEnded)

	next := h.exchanged()
	if _, err := h.renewed(next.Token); err == nil { // at once, nothing is gained
		t.Error("renewed at once")
	}
	if ended, err := h.EndTask(context.Background(), "acme", "4242", next.Token, provision.Requester{}); err != nil || ended != 1 {
		t.Fatalf("%d ended, %v", ended, err)
	}
	_, err = h.renewed(next.Token)
	h.wantDenied("of a task that ended", err, provision.LeaseEnded)
}

func (h *house) wantDenied(what string, err error, want provision.Reason) {
	h.t.Helper()
	var no *provision.DeniedError
	if !errors.As(err, &no) || no.Reason != want {
		h.t.Errorf("%s: %v, want %s", what, err, want)
	}
}

func TestALeaseIsRenewedByItsOwnWorkloadWithAGoodTokenAndItsHandleAlone(t *testing.T) {
	t.Parallel()
	h := newWorkloadHouse(t, withRenewals)
	got := h.exchanged()
	ended := h.exchanged(func(x *broker.Trade) { x.Task = "other" })
	if err := h.GiveBack(context.Background(), "acme", ended.Token, provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	h.clock.pass(time.Minute)
	used := h.job(nil)
	if _, err := h.renewed(got.Token, func(x *broker.Trade) { x.Token = used }); err != nil {
		t.Fatal(err)
	}
	h.clock.pass(time.Minute)
	session := h.entered(h.login(ada()))
	for what, x := range map[string]struct {
		change func(*broker.Trade)
		want   provision.Reason
	}{
		"a token that was used":        {func(x *broker.Trade) { x.Token = used }, provision.Replayed},
		"another job of the rule":      {func(x *broker.Trade) { x.Token = h.job(map[string]any{"workflow": "other"}) }, provision.RenewalRefused},
		"another branch":               {func(x *broker.Trade) { x.Token = h.job(map[string]any{"ref": "refs/heads/evil"}) }, provision.ClaimMismatch},
		"a forged token":               {func(x *broker.Trade) { x.Token = x.Token[:len(x.Token)-6] + "AAAAAA" }, provision.SignatureInvalid},
		"a lease's id":                 {func(x *broker.Trade) { x.Renew = string(got.Lease.ID) }, provision.SessionMissing},
		"a lease's id as a handle":     {func(x *broker.Trade) { x.Renew = "lh_" + string(got.Lease.ID) }, provision.SessionMissing},
		"a forged handle":              {func(x *broker.Trade) { x.Renew += "A" }, provision.SessionMissing},
		"a session's cookie":           {func(x *broker.Trade) { x.Renew = "lh_" + session }, provision.SessionMissing},
		"a handle of one that ended":   {func(x *broker.Trade) { x.Renew = ended.Token }, provision.LeaseEnded},
		"at another tenant":            {func(x *broker.Trade) { x.Tenant = "rival" }, provision.SessionMissing},
		"for an app that takes tokens": {func(x *broker.Trade) { x.Signed = true }, provision.RenewalRefused},
	} {
		before := h.lease(got.Lease.ID).Term
		again, err := h.renewed(got.Token, x.change)
		h.wantDenied(what, err, x.want)
		if again.Token != "" || h.lease(got.Lease.ID).Term != before {
			t.Errorf("%s: it was renewed", what)
		}
	}
	if _, err := h.renewed(got.Token); err != nil {
		t.Errorf("the second time: %v", err)
	}
	h.clock.pass(time.Minute)
	_, err := h.renewed(got.Token)
	h.wantDenied("a third time", err, provision.RenewalRefused)
}

func TestALeaseOfAGrantWithoutRenewalsIsNotRenewed(t *testing.T) {
	t.Parallel()
	h := newWorkloadHouse(t)
	got := h.exchanged()
	h.clock.pass(time.Minute)
	_, err := h.renewed(got.Token)
	h.wantDenied("without renewals", err, provision.RenewalRefused)
}
