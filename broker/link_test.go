package broker_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

func TestOnePersonAtTwoProvidersIsOneAccount(t *testing.T) {
	h := newHouse(t, withOIDC)
	elsewhere, err := h.loginBySAML("another browser", adaBySAML())
	if err != nil {
		t.Fatal(err)
	}
	first, err := h.loginBySAML("b", adaBySAML())
	if err != nil {
		t.Fatal(err)
	}
	l, err := h.loginByOIDC("b", broker.Wish{})
	wantDenied(t, provision.EmailTaken, l, err)

	l, err = h.loginByOIDC("b", broker.Wish{AddSignIn: true, Session: h.sso(first)})
	if err != nil {
		t.Fatal(err)
	}
	if l.Account != first.Account || len(h.accounts()) != 1 {
		t.Errorf("account %s, want %s; %d accounts", l.Account, first.Account, len(h.accounts()))
	}
	for _, old := range []provision.LeaseID{first.ID, elsewhere.ID} {
		if ended := h.lease(old); ended.EndReason != provision.CauseLinked {
			t.Errorf("lease %s ended as %q", old, ended.EndReason)
		}
	}
	if h.count(provision.EventLogin, "linked") != 1 || len(h.events(provision.EventAccountLinked)) != 1 || h.count(provision.EventLeaseEnded, "linked") != 2 {
		t.Error("events are missing")
	}
	for _, told := range []bool{true, false} { // the next login shows it, the one after that does not
		_, id, err := h.post("c", adaBySAML(), broker.Wish{})
		if err != nil {
			t.Fatal(err)
		}
		if l, err = h.resume("c", id); err != nil || l.Account != first.Account {
			t.Fatalf("%+v, %v", l, err)
		}
		if landing, err := h.Landing(context.Background(), id, "c"); err != nil || (landing.Notice != "") != told {
			t.Errorf("notice %q, %v", landing.Notice, err)
		}
	}
}

func TestTheNoticeOfALinkIsShownOnce(t *testing.T) {
	h := newHouse(t, withOIDC)
	l := h.login(ada())
	if _, err := h.LinkAccount(context.Background(), operator(), l.Account, provision.LinkKey{Connection: "acme-oidc", Subject: "248289761001"}); err != nil {
		t.Fatal(err)
	}
	if h.lease(l.ID).EndReason != provision.CauseLinked {
		t.Errorf("the lease goes on")
	}
	for _, want := range []bool{true, false} {
		id := h.begin(broker.Wish{Browser: "b", Connection: "acme"})
		if _, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: id, Browser: "b", Answer: ada()}); err != nil {
			t.Fatal(err)
		}
		if landing, err := h.Landing(context.Background(), id, "b"); err != nil || (landing.Notice != "") != want {
			t.Errorf("notice %q, %v", landing.Notice, err)
		}
	}
	if l, err := h.loginByOIDC("c", broker.Wish{}); err != nil || l.Account != h.accounts()[0].ID {
		t.Errorf("by the linked sign-in: %+v, %v", l, err)
	}
}

func TestASignInIsAddedInAFreshSessionOnly(t *testing.T) {
	h := newHouse(t, withOIDC)
	l := h.login(ada())
	wish := broker.Wish{AddSignIn: true, Session: h.sso(l)}
	h.clock.pass(provision.LinkAuthAge + time.Second)
	_, err := h.loginByOIDC("b", wish)
	wantDenied(t, provision.AuthTooOld, provision.Lease{}, err)

	for name, session := range map[string]string{"no session": "", "another origin's": h.Token(l.ID, originOf(wikiURL)), "nonsense": "x"} {
		_, err := h.loginByOIDC("b", broker.Wish{AddSignIn: true, Session: session})
		if !errors.Is(err, provision.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if links := h.links(l.Account); len(links) != 1 {
		t.Errorf("%d links", len(links))
	}
}

func TestASignInIsAddedWhileTheSessionLives(t *testing.T) {
	h := newHouse(t, withOIDC)
	l := h.login(ada())
	ctx := context.Background()
	going, err := h.Begin(ctx, broker.Wish{Browser: "b", Connection: "acme-oidc", AddSignIn: true, Session: h.sso(l)})
	if err != nil {
		t.Fatal(err)
	}
	answer := h.oidc.Login(t, going.URL)
	if err := h.Logout(ctx, h.sso(l), originOf(ssoURL), provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	back := broker.Return{Connection: "acme-oidc", Attempt: broker.AttemptID(answer.Get("state")), Browser: "b", Answer: answer}
	got, err := h.Login(ctx, back)
	wantDenied(t, provision.LinkRefused, got, err)
	if links := h.links(l.Account); len(links) != 1 {
		t.Errorf("%d links", len(links))
	}
}

func TestASignInOfAnotherTenantIsNotAdded(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	_, err := h.Begin(context.Background(), broker.Wish{Browser: "b", Connection: "rival", AddSignIn: true, Session: h.sso(l)})
	wantDenied(t, provision.LinkRefused, provision.Lease{}, err)
}

func TestASignInIsTakenAway(t *testing.T) {
	h := newHouse(t, withOIDC)
	ctx := context.Background()
	l := h.login(ada())
	own := provision.LinkKey{Connection: "acme", Subject: "ada-1"}
	if _, err := h.UnlinkAccount(ctx, operator(), l.Account, own); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("the last sign-in: %v", err)
	}
	if _, err := h.LinkAccount(ctx, operator(), l.Account, provision.LinkKey{Connection: "acme-oidc", Subject: "248289761001"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.UnlinkAccount(ctx, operator(), l.Account, own); err != nil {
		t.Fatal(err)
	}
	h.refused(ada(), provision.EmailTaken)
	if links := h.links(l.Account); len(links) != 1 || links[0].Connection != "acme-oidc" {
		t.Errorf("links %+v", links)
	}
}

func TestWhatIsSaidOfAnAccountThatIsNotThere(t *testing.T) {
	h := newHouse(t)
	for name, verb := range map[string]broker.AccountVerb{"suspend": provision.SuspendAccount, "approve": provision.ApproveAccount} {
		if _, err := h.Account(context.Background(), operator(), provision.AccountID("acc_"+rand.Text()), verb); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (h *house) links(id provision.AccountID) []provision.Link {
	h.t.Helper()
	_, links, _, err := h.store.Account(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return links
}
