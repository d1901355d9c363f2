package broker_test

import (
	"context"
	"testing"

	"leasehold/provision"
)

func TestARevocationWithANameIsMadeOnceAndAnswersTheSame(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	ctx, deed := context.Background(), operator()
	deed.Once = "incident 7"
	first, err := h.Revoke(ctx, deed, provision.Scope{Tenant: "acme"}, provision.CauseAdmin)
	if err != nil {
		t.Fatal(err)
	}
	h.reap()
	again := h.login(ada())
	second, err := h.Revoke(ctx, deed, provision.Scope{Tenant: "acme"}, provision.CauseAdmin)
	if err != nil || second != first {
		t.Errorf("%v: %s and %s", err, first, second)
	}
	h.wantReason(h.Token(l.ID, originOf(wikiURL)), provision.LeaseEnded)
	h.wantAllow(h.entered(again)) // who logged in after the first is not meant by the second
	if other, err := h.Revoke(ctx, deed, provision.Scope{Connection: "acme-saml"}, provision.CauseAdmin); err != nil || other == first {
		t.Errorf("%v: another thing has the same name: %s", err, other)
	}
	if n := len(h.events(provision.EventRevocation)); n != 2 {
		t.Errorf("%d events", n)
	}
	for range 2 {
		a, err := h.Account(ctx, deed, again.Account, provision.RevokeAccount)
		if err != nil || a.State != provision.Revoked {
			t.Errorf("%v: %s", err, a.State)
		}
	}
	if n := h.count(provision.EventAccountState, string(provision.Revoked)); n != 1 {
		t.Errorf("%d events", n)
	}
}
