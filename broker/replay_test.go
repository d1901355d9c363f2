package broker_test

import (
	"context"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

func TestAnAssertionIsUsedOnceAlsoAcrossARestart(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	going, err := h.Begin(ctx, broker.Wish{Browser: "b", Connection: "acme-saml"})
	if err != nil {
		t.Fatal(err)
	}
	form := h.saml.Answer(t, going.URL, adaBySAML())
	id, err := h.Receive(ctx, "acme-saml", form, provision.Requester{})
	if err != nil {
		t.Fatal(err)
	}
	back := broker.Return{Connection: "acme-saml", Attempt: id, Browser: "b"}
	if _, err := h.Login(ctx, back); err != nil {
		t.Fatal(err)
	}
	h.login(with(somebody(1), "assertion", "a1"))

	h.restart()
	if _, err := h.Receive(ctx, "acme-saml", form, provision.Requester{}); err == nil {
		t.Error("the response is taken a second time")
	}
	l, err := h.Login(ctx, back)
	wantDenied(t, provision.AttemptUnknown, l, err)

	// Nor in a login of somebody else's, whose name it is posted under.
	going, err = h.Begin(ctx, broker.Wish{Browser: "thief", Connection: "acme-saml"})
	if err != nil {
		t.Fatal(err)
	}
	stolen := h.saml.Answer(t, going.URL, adaBySAML())
	form.Set("RelayState", stolen.Get("RelayState"))
	_, err = h.Receive(ctx, "acme-saml", form, provision.Requester{})
	wantDenied(t, provision.InResponseToMismatch, provision.Lease{}, err)

	// And where a protocol has nothing of the sort, the ledger remembers.
	h.refused(with(somebody(1), "assertion", "a1"), provision.Replayed)
	h.login(with(somebody(1), "assertion", "a2"))

	// The honest login beside all that gets in.
	if id, err = h.Receive(ctx, "acme-saml", stolen, provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Login(ctx, broker.Return{Connection: "acme-saml", Attempt: id, Browser: "thief"}); err != nil {
		t.Error(err)
	}
}
