package broker_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

func TestOnlyTheHolderOfALiveLeaseIsLetIn(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	token := h.entered(l)
	ask := func(origin, token string) broker.Ask {
		return broker.Ask{Origin: origin, Path: "/", Method: http.MethodGet, Token: token}
	}
	ctx := context.Background()
	v := h.Check(ctx, ask(wikiURL, token))
	if !v.Allow || v.App != "wiki" || v.Header["X-Leasehold-User"][0] != string(l.Account) || v.Header["X-Leasehold-Roles"][0] != "engineer" {
		t.Fatalf("%+v", v)
	}
	for name, c := range map[string]struct {
		ask    broker.Ask
		reason provision.Reason
	}{
		"no cookie":            {ask(wikiURL, ""), provision.SessionMissing},
		"no cookie of ours":    {ask(wikiURL, "nonsense"), provision.SessionMalformed},
		"a long one":           {ask(wikiURL, strings.Repeat("A", 5000)), provision.SessionMalformed},
		"the SSO host's":       {ask(wikiURL, h.sso(l)), provision.SessionMalformed},
		"at another app":       {ask(vaultURL, token), provision.SessionMalformed},
		"of a lease not there": {ask(wikiURL, h.Token("acme.nothing", originOf(wikiURL))), provision.LeaseEnded},
		"at no app":            {ask("https://nowhere.example.com", token), provision.AppUnknown},
		"at the SSO host":      {ask(ssoURL, h.sso(l)), provision.AppUnknown},
		"in capitals":          {ask(strings.ToUpper(wikiURL), token), provision.AppUnknown},
		"app of other tenants": {ask("https://rivals.example.com", h.Token(l.ID, originOf("https://rivals.example.com"))), provision.TenantNotOfApp},
	} {
		if v := h.Check(ctx, c.ask); v.Allow || v.Reason != c.reason || v.Header != nil {
			t.Errorf("%s: %+v, want %s", name, v, c.reason)
		}
	}
}

func TestForgedTokensCostNoRead(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	good, err := base64.RawURLEncoding.DecodeString(h.Token(l.ID, originOf(wikiURL)))
	if err != nil {
		t.Fatal(err)
	}
	h.ledger.reads.Store(0)
	for i := range good {
		forged := append([]byte(nil), good...)
		forged[i] ^= 1
		h.wantReason(base64.RawURLEncoding.EncodeToString(forged), provision.SessionMalformed)
		h.wantReason(base64.RawURLEncoding.EncodeToString(good[:max(i, 1)]), provision.SessionMalformed)
	}
	h.wantReason(base64.RawURLEncoding.EncodeToString(good)+"=", provision.SessionMalformed)
	h.wantReason(base64.RawURLEncoding.EncodeToString(append(good, 0)), provision.SessionMalformed)
	if n := h.ledger.reads.Load(); n != 0 {
		t.Errorf("%d reads", n)
	}
	h.wantAllow(base64.RawURLEncoding.EncodeToString(good))
}

func TestPublicPathsNeedNobody(t *testing.T) {
	h := newHouse(t, func(h *house) { h.wanted.Apps[0].Public = []string{"/healthz", "/assets/*"} })
	for _, c := range []struct {
		method, path string
		allow        bool
	}{
		{"GET", "/healthz", true}, {"HEAD", "/healthz", true}, {"POST", "/healthz", false}, {"GET", "/healthz/", false}, {"GET", "/", false},
		{"GET", "/assets/x/y", true}, {"GET", "/assets", false}, {"get", "/healthz", false}, {"", "/healthz", false},
	} {
		v := h.Check(context.Background(), broker.Ask{Origin: wikiURL, Path: c.path, Method: c.method})
		if v.Allow != c.allow || (c.allow && v.Header["X-Leasehold-User"][0] != "") {
			t.Errorf("%s %s: %+v", c.method, c.path, v)
		}
	}
}

func TestAnAppThatAsksForALoginOfItsOwn(t *testing.T) {
	h := newHouse(t, func(h *house) { h.wanted.Apps[1].MaxSession = 10 * time.Minute })
	vault := func(token string) broker.Verdict {
		return h.Check(context.Background(), broker.Ask{Origin: vaultURL, Path: "/", Method: "GET", Token: token})
	}
	l := h.login(ada())
	if v := vault(h.Token(l.ID, originOf(vaultURL))); v.Allow || v.Reason != provision.SessionMissing {
		t.Errorf("before it was entered: %+v", v)
	}
	token, err := h.enter(l, vaultURL)
	if err != nil {
		t.Fatal(err)
	}
	wiki := h.entered(l)
	if v := vault(token); !v.Allow {
		t.Fatalf("%+v", v)
	}
	h.clock.pass(5 * time.Minute)
	if _, err := h.enter(l, vaultURL); err != nil {
		t.Fatal(err)
	}
	h.clock.pass(5 * time.Minute)
	if v := vault(token); v.Allow || v.Reason != provision.SessionMissing {
		t.Errorf("after its time: %+v", v)
	}
	h.wantAllow(wiki)
	_, err = h.enter(l, vaultURL)
	wantDenied(t, provision.AuthTooOld, provision.Lease{}, err)
	if token, err = h.enter(h.login(ada()), vaultURL); err != nil || !vault(token).Allow {
		t.Errorf("after a new login: %v", err)
	}
}

func TestAnAppThatWantsARole(t *testing.T) {
	h := newHouse(t, func(h *house) { h.wanted.Apps[0].Roles = []string{"engineer", "auditor"} })
	engineer, other := h.login(ada()), h.login(somebody(2))
	h.wantAllow(h.entered(engineer))
	_, err := h.enter(other, wikiURL)
	wantDenied(t, provision.RoleMissing, provision.Lease{}, err)
	h.wantReason(h.Token(other.ID, originOf(wikiURL)), provision.RoleMissing)
}

func TestARoleThatThePolicyTakesAwayIsGoneAtOnce(t *testing.T) {
	h := newHouse(t, func(h *house) { h.wanted.Apps[0].Roles = []string{"engineer"} })
	token := h.entered(h.login(ada()))
	h.wantAllow(token)
	h.wanted.Tenants[0].Tenant.Policy.Roles = provision.RoleRule{Ceiling: []string{"reader"}}
	h.register(h.wanted)
	h.wantReason(token, provision.RoleMissing)
}

func TestWhatARegistrationTakesAwayIsGoneAtOnce(t *testing.T) {
	h := newHouse(t)
	token := h.entered(h.login(ada()))
	h.wantAllow(token)
	h.wanted.Apps[0].Tenants = []provision.TenantID{"rival"}
	h.register(h.wanted)
	h.wantReason(token, provision.TenantNotOfApp)
}

func TestALedgerThatCannotAnswerLetsNobodyInAndSaysSo(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	token := h.entered(l)
	h.ledger.down.Store(true)
	h.wantReason(token, provision.StoreUnavailable)
	if _, err := h.Session(context.Background(), h.sso(l), originOf(ssoURL)); !errors.Is(err, provision.ErrUnavailable) || errors.Is(err, provision.ErrDenied) {
		t.Errorf("session: %v", err)
	}
	if err := h.Logout(context.Background(), token, originOf(wikiURL), provision.Requester{}); !errors.Is(err, provision.ErrUnavailable) {
		t.Errorf("log-out: %v", err)
	}
	h.ledger.down.Store(false)
	h.wantAllow(token)
	h.ledger.down.Store(true)
	h.wantAllow(token) // from memory
}

// deaf is a registry that, while it is on, lists apps only so many times more.
type deaf struct {
	provision.Registry
	on   atomic.Bool
	left atomic.Int64
}

func (d *deaf) Apps(ctx context.Context, p provision.Page) ([]provision.App, error) {
	if d.on.Load() && d.left.Add(-1) < 0 {
		return nil, provision.ErrUnavailable
	}
	return d.Registry.Apps(ctx, p)
}

func TestAppsThatCannotBeReadAgainLetNobodyIn(t *testing.T) {
	h := newHouse(t)
	registry := &deaf{Registry: h.store}
	h.ports.Registry = registry
	h.start()
	token := h.entered(h.login(ada()))
	h.wantAllow(token)
	registry.on.Store(true)
	registry.left.Store(1) // Register itself may look at them
	h.wanted.Apps[0].Tenants = nil
	if _, err := h.Register(context.Background(), operator(), h.wanted, broker.Plan{Owner: provision.ByManifest}); !errors.Is(err, provision.ErrUnavailable) {
		t.Fatal(err)
	}
	h.wantReason(token, provision.StoreUnavailable)
	registry.on.Store(false)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	defer running.Wait()
	defer cancel()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if v := h.check(token); v.Reason == provision.TenantNotOfApp {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("%+v", v)
		}
	}
}

// ends are the ways in which access is taken.
func ends() map[string]func(*house, provision.Lease) error {
	ctx := context.Background()
	verb := func(v broker.AccountVerb) func(*house, provision.Lease) error {
		return func(h *house, l provision.Lease) error {
			_, err := h.Account(ctx, operator(), l.Account, v)
			return err
		}
	}
	revoke := func(s provision.Scope) func(*house, provision.Lease) error {
		return func(h *house, _ provision.Lease) error {
			_, err := h.Revoke(ctx, operator(), s, provision.CauseAdmin)
			return err
		}
	}
	return map[string]func(*house, provision.Lease) error{
		"log-out": func(h *house, l provision.Lease) error {
			return h.Logout(ctx, h.Token(l.ID, originOf(wikiURL)), originOf(wikiURL), provision.Requester{})
		},
		"end one": func(h *house, l provision.Lease) error {
			return h.EndLease(ctx, h.sso(l), originOf(ssoURL), l.ID, provision.Requester{})
		},
		"end all": func(h *house, l provision.Lease) error {
			return h.EndAll(ctx, h.sso(l), originOf(ssoURL), provision.Requester{})
		},
		"revoke lease":      func(h *house, l provision.Lease) error { return h.RevokeLease(ctx, operator(), l.ID) },
		"end account":       verb(provision.EndAccount),
		"suspend account":   verb(provision.SuspendAccount),
		"revoke account":    verb(provision.RevokeAccount),
		"delete account":    verb(provision.DeleteAccount),
		"revoke tenant":     revoke(provision.Scope{Tenant: "acme"}),
		"revoke connection": revoke(provision.Scope{Connection: "acme"}),
		"revoke domain":     revoke(provision.Scope{Domain: domain("acme.test")}),
		"revoke everything": revoke(provision.Scope{}),
		"suspend tenant": func(h *house, _ provision.Lease) error {
			_, err := h.SuspendTenant(ctx, operator(), "acme")
			return err
		},
		"disable connection": func(h *house, _ provision.Lease) error {
			_, err := h.DisableConnection(ctx, operator(), "acme")
			return err
		},
		"reset clock": func(h *house, _ provision.Lease) error { _, err := h.ResetClock(ctx, operator()); return err },
	}
}

func TestNoCheckThatBeginsAfterAnEndLetsIn(t *testing.T) {
	t.Parallel()
	for name, end := range ends() {
		for _, noCache := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				h := newHouse(t)
				h.ports.NoCache = noCache
				h.start()
				l := h.login(ada())
				token := h.entered(l)
				h.wantAllow(token)
				var ended, stop atomic.Bool
				var late, before atomic.Int64
				var checks sync.WaitGroup
				for range 4 {
					checks.Go(func() {
						for !stop.Load() {
							after := ended.Load()
							v := h.check(token)
							switch {
							case v.Allow && after:
								late.Add(1)
							case v.Allow:
								before.Add(1)
							case !after && !ended.Load() && v.Reason == provision.StoreUnavailable:
								t.Error("unavailable, and nothing was ended")
							}
						}
					})
				}
				for began := time.Now(); before.Load() == 0 && time.Since(began) < 10*time.Second; {
					time.Sleep(time.Millisecond)
				}
				if err := end(h, l); err != nil {
					t.Error(err)
				}
				ended.Store(true)
				time.Sleep(3 * time.Millisecond)
				stop.Store(true)
				checks.Wait()
				if late.Load() > 0 || before.Load() == 0 {
					t.Errorf("%d allowed after the end, %d before", late.Load(), before.Load())
				}
				h.wantReason(token, h.check(token).Reason)
				h.reap()
				if lease := h.lease(l.ID); lease.EndedAt.IsZero() || lease.EndReason == "" {
					t.Errorf("the row is live: %+v", lease)
				}
				if h.account(l.Account).State == provision.Active || len(h.events(provision.EventLeaseEnded)) != 1 || len(h.events(provision.EventAccountState)) != 1 {
					t.Errorf("the account is %s after %d ends and %d states", h.account(l.Account).State, len(h.events(provision.EventLeaseEnded)), len(h.events(provision.EventAccountState)))
				}
			})
		}
	}
}

func TestWhatWasReadBeforeAnEndIsNotRememberedAfterIt(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	token := h.entered(l)
	read, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	h.ledger.pauseReads(func() { once.Do(func() { close(read); <-goOn }) })
	verdict := make(chan broker.Verdict)
	go func() { verdict <- h.check(token) }()
	<-read
	if err := h.RevokeLease(context.Background(), operator(), l.ID); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	if v := <-verdict; v.Allow {
		t.Errorf("the check under way was allowed: %+v", v)
	}
	h.wantReason(token, provision.LeaseEnded)
}

func TestACheckOfALeaseThatIsAlwaysBeingWrittenIsUnavailable(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	token := h.entered(l)
	names := 0
	h.ledger.pauseReads(func() {
		names++
		h.login(with(ada(), "name", fmt.Sprint("Ada the ", names))) // which her other apps are told, too
	})
	h.wantReason(token, provision.StoreUnavailable)
	h.ledger.pauseReads(func() { h.login(with(ada(), "name", fmt.Sprint("Ada the ", names))) }) // a login that changes nothing for them
	h.wantAllow(token)
}

func TestManyChecksOfAColdLeaseAreAllAllowed(t *testing.T) {
	t.Parallel()
	for range 10 {
		h := newHouse(t)
		token := h.entered(h.login(ada()))
		var checks sync.WaitGroup
		for range 50 {
			checks.Go(func() {
				if v := h.check(token); !v.Allow {
					t.Errorf("%+v", v)
				}
			})
		}
		checks.Wait()
	}
}

func TestACodeIsForOneBrowserAtOneAppOnce(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	l := h.login(ada())
	enter := func() string {
		code, err := h.Enter(ctx, h.sso(l), originOf(wikiURL), "/page", "start", provision.Requester{})
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	code := enter()
	for name, c := range map[string]struct{ start, origin string }{
		"another browser": {"other", wikiURL}, "no browser": {"", wikiURL}, "another app": {"start", vaultURL},
	} {
		astray := enter()
		if token, _, err := h.Redeem(ctx, astray, c.start, originOf(c.origin)); token != "" || !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("%s: %q, %v", name, token, err)
		}
		if _, _, err := h.Redeem(ctx, astray, "start", originOf(wikiURL)); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("%s: the code is still good: %v", name, err)
		}
	}
	for _, forged := range []string{code + "x", ""} {
		if _, _, err := h.Redeem(ctx, forged, "start", originOf(wikiURL)); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("%q: %v", forged, err)
		}
	}
	token, path, err := h.Redeem(ctx, code, "start", originOf(wikiURL))
	if err != nil || path != "/page" {
		t.Fatal(path, err)
	}
	h.wantAllow(token)
	if _, _, err := h.Redeem(ctx, code, "start", originOf(wikiURL)); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
	old, _ := h.Enter(ctx, h.sso(l), originOf(wikiURL), "/", "start", provision.Requester{})
	h.clock.pass(time.Minute)
	if _, _, err := h.Redeem(ctx, old, "start", originOf(wikiURL)); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("after a minute: %v", err)
	}
	dead, _ := h.Enter(ctx, h.sso(l), originOf(wikiURL), "/", "start", provision.Requester{})
	if err := h.RevokeLease(ctx, operator(), l.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Redeem(ctx, dead, "start", originOf(wikiURL)); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("after the end: %v", err)
	}
}

func TestASessionIsEndedByItsHolderOnly(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	mine, elsewhere, other := h.login(ada()), h.login(ada()), h.login(somebody(2))
	if err := h.EndLease(ctx, h.sso(mine), originOf(ssoURL), other.ID, provision.Requester{}); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("somebody else's: %v", err)
	}
	if err := h.EndLease(ctx, h.sso(mine), originOf(ssoURL), elsewhere.ID, provision.Requester{}); err != nil {
		t.Error(err)
	}
	if h.lease(elsewhere.ID).EndedAt.IsZero() || !h.lease(mine.ID).EndedAt.IsZero() || !h.lease(other.ID).EndedAt.IsZero() {
		t.Error("not the one that was named")
	}
	for _, token := range []string{"", "nonsense", h.Token(mine.ID, originOf(vaultURL))} {
		if err := h.Logout(ctx, token, originOf(wikiURL), provision.Requester{}); err != nil {
			t.Errorf("log-out with %q: %v", token, err)
		}
	}
	h.login(ada())
	if err := h.EndAll(ctx, h.sso(mine), originOf(ssoURL), provision.Requester{}); err != nil {
		t.Error(err)
	}
	if leases, _ := h.store.Leases(ctx, provision.Page{}); len(leases) != 1 || leases[0].ID != other.ID {
		t.Errorf("%d leases are left", len(leases))
	}
	for _, e := range h.events(provision.EventLeaseEnded) {
		if e.Actor.Kind != provision.Person || e.Actor.ID != string(mine.Account) || e.Reason != string(provision.CauseLogout) {
			t.Errorf("ended by %+v as %s", e.Actor, e.Reason)
		}
	}
}
