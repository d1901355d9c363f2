package broker_test

import (
	"errors"
	"testing"

	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// full starts anew where no disk has as much room as the ledger wants to keep: nothing that can wait is written.
func (h *house) full() {
	h.t.Helper()
	h.reserve = 1 << 60
	h.restart()
	if _, err := h.loginIn("b", somebody(99), ""); !errors.Is(err, provision.ErrUnavailable) {
		h.t.Fatalf("a login without room: %v", err)
	}
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

func TestProvidersAreAskedAlsoWhereALedgerHasNoRoomLeft(t *testing.T) {
	h := newHouse(t, withOIDC, lively)
	id, token := h.livelyLogin()
	h.full()
	h.asks(soon)
	h.wantAllow(token)
	h.oidc.Revoke()
	h.asks(soon)
	h.wantReason(token, provision.LeaseEnded)
	if l := h.lease(id); l.EndReason != provision.CauseUpstreamRefused {
		t.Errorf("ended as %+v", l)
	}
}
