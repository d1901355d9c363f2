package broker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// full bounds the ledger and fills it until nothing that can wait is written any more.
func (h *house) full() {
	h.t.Helper()
	ctx := context.Background()
	if err := h.store.Bound(ctx, 800); err != nil {
		h.t.Fatal(err)
	}
	size := 20_000
	for n := range 10_000 {
		_, err := h.store.Amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) {
			return provision.Change{Events: []provision.Event{{ID: provision.EventID(fmt.Sprint("evt_ballast_", n)), Kind: provision.EventAdmin, Sealed: make([]byte, size)}}}, nil
		})
		if err != nil {
			if !errors.Is(err, provision.ErrUnavailable) {
				h.t.Fatal(err)
			}
			if size < 10 {
				return
			}
			size /= 2
		}
	}
	h.t.Fatal("it is never full")
}

func TestALogoutFromUpstreamEndsAlsoWhereALedgerHasNoRoomLeft(t *testing.T) {
	h := newHouse(t, withSLO)
	first, one := h.comes(by("ada", "s1"))
	_, two := h.comes(by("bob", "s1"))
	h.full()
	if _, err := h.soap(samltest.Logout{Subject: "ada", Sessions: []string{"s1"}}); err != nil {
		t.Fatal(err)
	}
	h.wantReason(one, provision.LeaseEnded)
	if l := h.lease(first.ID); l.EndReason != provision.CauseUpstreamLogout {
		t.Errorf("ended as %+v", l)
	}
	if _, err := h.soap(samltest.Logout{Subject: "bob"}); err != nil {
		t.Fatal(err)
	}
	h.wantReason(two, provision.LeaseEnded)
}
