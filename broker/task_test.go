package broker_test

import (
	"context"
	"errors"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

// ofWorkflow is an exchange of another workflow of the same repository: another account, by the same rule.
func (h *house) ofWorkflow(name string) func(*broker.Trade) {
	return func(x *broker.Trade) { x.Token = h.job(map[string]any{"workflow": name}) }
}

func TestATaskIsOfOneAccountAndNobodyElseEndsOrClosesIt(t *testing.T) {
	h, ctx := newWorkloadHouse(t), context.Background()
	mine, theirs := h.exchanged(), h.exchanged(h.ofWorkflow("nightly"))
	if mine.Lease.Account == theirs.Lease.Account {
		t.Fatal("they are one account")
	}
	if ended, err := h.EndTask(ctx, "acme", "4242", theirs.Token, provision.Requester{}); ended != 1 || err != nil {
		t.Fatalf("%d ended, %v", ended, err)
	}
	h.wantReach(h.reach(mine.Token, deployURL, "/"), "")
	h.wantReach(h.reach(theirs.Token, deployURL, "/"), provision.LeaseEnded)
	mine = h.exchanged() // in a task of that name one may still begin
	h.declined(h.trade(h.ofWorkflow("nightly")), provision.TaskEnded, "task goes on")
	if ended, err := h.EndTask(ctx, "acme", "4242", mine.Token, provision.Requester{}); ended != 2 || err != nil {
		t.Errorf("of my own, %d ended, %v", ended, err)
	}
	h.declined(h.trade(), provision.TaskEnded, "task goes on")
}

func TestALeaseOfARevokedAccountEndsNoTask(t *testing.T) {
	h, ctx := newWorkloadHouse(t), context.Background()
	got := h.exchanged()
	if _, err := h.Account(ctx, operator(), got.Lease.Account, provision.RevokeAccount); err != nil {
		t.Fatal(err)
	}
	for _, bearer := range []string{got.Token, string(got.Lease.ID)} {
		ended, err := h.EndTask(ctx, "acme", "4242", bearer, provision.Requester{})
		denied := new(provision.DeniedError)
		if !errors.As(err, &denied) || denied.Reason != provision.SessionMissing || ended != 0 {
			t.Errorf("%d ended, %v", ended, err)
		}
	}
}
