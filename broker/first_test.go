package broker_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// inviting makes acme the operators' tenant.
func inviting(h *house) { h.operators = "acme" }

func TestTheFirstOperatorIsMadeByALinkOnceAndByNobodyElse(t *testing.T) {
	h := newHouse(t, inviting)
	ctx := t.Context()
	token, err := h.InviteOperator(ctx)
	if err != nil || token == "" {
		t.Fatalf("%q, %v", token, err)
	}
	kept, err := h.store.Key(ctx, "link/first-operator")
	if err != nil || strings.Contains(string(kept), token) {
		t.Errorf("the link is kept as it is: %v", err)
	}
	lease := h.login(ada())
	if _, _, err := h.Administrator(ctx, h.sso(lease), provision.Requester{}); err == nil {
		t.Fatal("she is an administrator before")
	}
	for _, wrong := range []string{"", token + "x", strings.ToUpper(token)} {
		if err := h.BecomeOperator(ctx, wrong, h.sso(lease), provision.Requester{}); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("with %q: %v", wrong, err)
		}
	}
	var denied *provision.DeniedError
	if err := h.BecomeOperator(ctx, token, "", provision.Requester{}); !errors.As(err, &denied) || denied.Reason != provision.SessionMissing {
		t.Errorf("without a session: %v", err)
	}
	if err := h.BecomeOperator(ctx, token, h.sso(lease), provision.Requester{IP: "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
	_, m, err := h.Administrator(ctx, h.sso(lease), provision.Requester{})
	if err != nil || !m.Everywhere {
		t.Errorf("afterwards: %+v, %v", m, err)
	}
	events := h.events(provision.EventAccountOffice)
	if len(events) != 1 || events[0].Actor.ID != string(lease.Account) || events[0].Outcome != "appointed" {
		t.Errorf("events %+v", events)
	}
	bob := h.login(somebody(1))
	if err := h.BecomeOperator(ctx, token, h.sso(bob), provision.Requester{}); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("a second time: %v", err)
	}
	if again, err := h.InviteOperator(ctx); again != "" || err != nil {
		t.Errorf("a link although there is an operator: %q, %v", again, err)
	}
}

func TestTheFirstOperatorsLinkRunsOutAndIsReplaced(t *testing.T) {
	h := newHouse(t, inviting)
	ctx := t.Context()
	old, err := h.InviteOperator(ctx)
	must(t, err)
	token, err := h.InviteOperator(ctx)
	must(t, err)
	lease := h.login(ada())
	if _, err := h.Invited(ctx, old, h.sso(lease)); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("the former link: %v", err)
	}
	if s, err := h.Invited(ctx, token, h.sso(lease)); err != nil || s.Account.ID != lease.Account {
		t.Errorf("the link: %v", err)
	}
	h.clock.pass(broker.FirstLinkLife)
	lease = h.login(ada())
	if err := h.BecomeOperator(ctx, token, h.sso(lease), provision.Requester{}); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("an hour later: %v", err)
	}
}

func TestNobodyOfAnotherTenantBecomesOperator(t *testing.T) {
	h := newHouse(t, func(h *house) { h.operators = "rival" })
	token, err := h.InviteOperator(t.Context())
	must(t, err)
	lease := h.login(ada())
	var denied *provision.DeniedError
	if err := h.BecomeOperator(t.Context(), token, h.sso(lease), provision.Requester{}); !errors.As(err, &denied) || denied.Reason != provision.OfficeMissing {
		t.Errorf("somebody of acme: %v", err)
	}
	nobody := newHouse(t)
	if token, err := nobody.InviteOperator(t.Context()); token != "" || err != nil {
		t.Errorf("where nobody may be operator: %q, %v", token, err)
	}
}

func TestOfManyWhoHaveTheLinkOneBecomesOperator(t *testing.T) {
	h := newHouse(t, inviting)
	token, err := h.InviteOperator(t.Context())
	must(t, err)
	var all sync.WaitGroup
	for n := range 8 {
		lease := h.login(somebody(n))
		all.Go(func() {
			if err := h.BecomeOperator(t.Context(), token, h.sso(lease), provision.Requester{}); err != nil && !errors.Is(err, provision.ErrNotFound) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(h.events(provision.EventAccountOffice)); n != 1 {
		t.Errorf("%d became operator", n)
	}
}

func TestWhatAnAdministratorDoesKeepsTheSessionInUse(t *testing.T) {
	h := newHouse(t, inviting)
	token, err := h.InviteOperator(t.Context())
	must(t, err)
	lease := h.login(ada())
	must(t, h.BecomeOperator(t.Context(), token, h.sso(lease), provision.Requester{}))
	for range 5 {
		h.clock.pass(20 * time.Minute)
		if _, _, err := h.Administrator(t.Context(), h.sso(lease), provision.Requester{}); err != nil {
			t.Fatal(err)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
