package broker_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/idp"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// post plays the browser at the SAML provider, up to where it comes back without its cookie.
func (h *house) post(browser string, who samltest.Person, w broker.Wish) (url.Values, idp.AttemptID, error) {
	h.t.Helper()
	w.Browser, w.Connection = browser, "acme-saml"
	going, err := h.Begin(context.Background(), w)
	if err != nil {
		h.t.Fatal(err)
	}
	form := h.saml.Answer(h.t, going.URL, who)
	id, err := h.Receive(context.Background(), "acme-saml", form, provision.Requester{})
	return form, id, err
}

func (h *house) loginBySAML(browser string, who samltest.Person) (provision.Lease, error) {
	h.t.Helper()
	_, id, err := h.post(browser, who, broker.Wish{})
	if err != nil {
		return provision.Lease{}, err
	}
	return h.resume(browser, id)
}

func (h *house) resume(browser string, id idp.AttemptID) (provision.Lease, error) {
	return h.Login(context.Background(), broker.Return{Connection: "acme-saml", Attempt: id, Browser: browser})
}

func (h *house) loginByOIDC(browser string, w broker.Wish) (provision.Lease, error) {
	h.t.Helper()
	w.Browser, w.Connection = browser, "acme-oidc"
	going, err := h.Begin(context.Background(), w)
	if err != nil {
		return provision.Lease{}, err
	}
	answer := h.oidc.Login(h.t, going.URL)
	return h.Login(context.Background(), broker.Return{Connection: "acme-oidc", Attempt: idp.AttemptID(answer.Get("state")), Browser: browser, Answer: answer, Session: w.Session})
}

func adaBySAML() samltest.Person {
	return samltest.Person{Subject: "ada-1", Email: "Ada@ACME.test", Name: "Ada Lovelace", Groups: []string{"engineering"}}
}

func TestALoginBySAMLIsTwoRequestsAndOneLease(t *testing.T) {
	h := newHouse(t)
	going, err := h.Begin(context.Background(), broker.Wish{Browser: "b", Email: "whoever@acme.test", Connection: "acme-saml", Origin: originOf(wikiURL), Path: "/page?a=1&b=2", Start: "s"})
	if err != nil || going.Tenant != "The acme" {
		t.Fatal(going, err)
	}
	id, err := h.Receive(context.Background(), "acme-saml", h.saml.Answer(t, going.URL, adaBySAML()), provision.Requester{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(h.accounts()); n != 0 {
		t.Fatalf("%d accounts before the browser is back", n)
	}
	l, err := h.resume("b", id)
	if err != nil {
		t.Fatal(err)
	}
	a := h.account(l.Account)
	if a.State != provision.Active || a.Email.String() != "ada@acme.test" || a.Tenant != "acme" || l.ID.Tenant() != "acme" {
		t.Errorf("account %+v, lease %+v", a, l)
	}
	landing, err := h.Landing(context.Background(), id, "b")
	if err != nil || landing.Lease != l.ID || landing.App != "wiki" || landing.Path != "/page?a=1&b=2" || landing.Start != "s" {
		t.Errorf("landing %+v, %v", landing, err)
	}
	if _, err := h.Landing(context.Background(), id, "another"); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("another browser's landing: %v", err)
	}
	if h.count(provision.EventLogin, "created") != 1 {
		t.Error("no login event")
	}
	l2, err := h.loginBySAML("b", adaBySAML())
	if err != nil || l2.Account != l.Account || l2.ID == l.ID || h.count(provision.EventLogin, "resumed") != 1 {
		t.Errorf("the second login: %+v, %v", l2, err)
	}
}

func TestALoginByOIDCIsOneLease(t *testing.T) {
	h := newHouse(t, withOIDC)
	l, err := h.loginByOIDC("b", broker.Wish{})
	if err != nil {
		t.Fatal(err)
	}
	if a := h.account(l.Account); a.State != provision.Active || a.Email.String() != "ada@acme.test" || a.Name != "Ada" {
		t.Errorf("account %+v", a)
	}
	h.wantAllow(h.entered(l))
}

func TestAHundredParallelFirstLoginsMakeOneAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var logins sync.WaitGroup
	leases := make(chan provision.Lease, 100)
	for range 100 {
		logins.Go(func() {
			l, err := h.loginIn("b-"+string(h.begin(broker.Wish{Browser: "x", Connection: "acme"})), ada(), "")
			if err == nil {
				leases <- l
			} else if !errors.Is(err, provision.ErrDenied) {
				t.Error(err)
			}
		})
	}
	logins.Wait()
	close(leases)
	seen := map[provision.LeaseID]bool{}
	for l := range leases {
		seen[l.ID] = true
		h.wantAllow(h.entered(l))
	}
	if n := len(h.accounts()); n != 1 || len(seen) != 100 {
		t.Errorf("%d accounts, %d leases; want 1 and 100", n, len(seen))
	}
	if created, resumed := h.count(provision.EventLogin, "created"), h.count(provision.EventLogin, "resumed"); created != 1 || resumed != 99 {
		t.Errorf("%d created, %d resumed", created, resumed)
	}
}

func TestTwoSubjectsWithOneAddressRaceAndOneIsRefused(t *testing.T) {
	t.Parallel()
	for range 10 {
		h := newHouse(t)
		var logins sync.WaitGroup
		errs := make([]error, 2)
		for i, sub := range []string{"ada-1", "ada-2"} {
			logins.Go(func() { _, errs[i] = h.loginIn("b-"+sub, with(ada(), "sub", sub), "") })
		}
		logins.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("%v, %v", errs[0], errs[1])
		}
		wantDenied(t, provision.EmailTaken, provision.Lease{}, errors.Join(errs...))
		if n := len(h.accounts()); n != 1 || h.count(provision.EventLogin, "email_taken") != 1 {
			t.Errorf("%d accounts", n)
		}
	}
}

func TestAnAssertionIsUsedOnce(t *testing.T) {
	h := newHouse(t)
	h.login(with(ada(), "assertion", "a1"))
	h.refused(with(ada(), "assertion", "a1"), provision.Replayed)
	h.refused(with(somebody(2), "assertion", "a1"), provision.Replayed)
	if n := len(h.accounts()); n != 1 {
		t.Errorf("%d accounts", n)
	}
	h.login(with(ada(), "assertion", "a2"))
}

func TestAnAttemptIsUsedOnce(t *testing.T) {
	h := newHouse(t)
	id := h.begin(broker.Wish{Browser: "b", Connection: "acme"})
	back := broker.Return{Connection: "acme", Attempt: id, Browser: "b", Answer: ada()}
	if _, err := h.Login(context.Background(), back); err != nil {
		t.Fatal(err)
	}
	l, err := h.Login(context.Background(), back)
	wantDenied(t, provision.AttemptUnknown, l, err)
}

func TestAnAttemptIsOneBrowsersAndAnotherDoesNotSpendIt(t *testing.T) {
	h := newHouse(t)
	id := h.begin(broker.Wish{Browser: "b", Connection: "acme"})
	for _, other := range []string{"c", ""} {
		l, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: id, Browser: other, Answer: ada()})
		wantDenied(t, provision.AttemptOtherBrowser, l, err)
	}
	l, err := h.Login(context.Background(), broker.Return{Connection: "rival", Attempt: id, Browser: "b", Answer: ada()})
	wantDenied(t, provision.AttemptUnknown, l, err)
	if _, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: id, Browser: "b", Answer: ada()}); err != nil {
		t.Errorf("its own browser: %v", err)
	}
}

func TestAnAttemptEndsAfterTenMinutes(t *testing.T) {
	h := newHouse(t)
	id := h.begin(broker.Wish{Browser: "b", Connection: "acme"})
	h.clock.pass(10 * time.Minute)
	l, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: id, Browser: "b", Answer: ada()})
	wantDenied(t, provision.AttemptUnknown, l, err)
}

// bad is a message that is refused, for an attempt.
func bad(id idp.AttemptID) url.Values {
	return url.Values{"RelayState": {string(id)}, "email": {"mallory@acme.test"}}
}

func TestFiveRefusedMessagesEndAnAttempt(t *testing.T) {
	for name, atOnce := range map[string]bool{"one after the other": false, "all at once": true} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			id := h.begin(broker.Wish{Browser: "b", Connection: "acme"})
			var posts sync.WaitGroup
			for range 4 {
				post := func() {
					_, err := h.Receive(context.Background(), "acme", bad(id), provision.Requester{})
					wantDenied(t, provision.DocumentMalformed, provision.Lease{}, err)
				}
				if posts.Go(post); !atOnce {
					posts.Wait()
				}
			}
			posts.Wait()
			_, err := h.Receive(context.Background(), "acme", bad(id), provision.Requester{})
			wantDenied(t, provision.DocumentMalformed, provision.Lease{}, err)
			good := ada()
			good.Set("RelayState", string(id))
			_, err = h.Receive(context.Background(), "acme", good, provision.Requester{})
			wantDenied(t, provision.AttemptUnknown, provision.Lease{}, err)
			if n := h.count(provision.EventLogin, string(provision.DocumentMalformed)); n != 5 {
				t.Errorf("%d events of 5 refused messages", n)
			}
		})
	}
}

func TestAnOutageKillsNoAttempt(t *testing.T) {
	h := newHouse(t)
	id := h.begin(broker.Wish{Browser: "b", Connection: "acme"})
	h.ledger.down.Store(true)
	for range 6 {
		if _, err := h.Receive(context.Background(), "acme", bad(id), provision.Requester{}); !errors.Is(err, provision.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	h.ledger.down.Store(false)
	if _, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: id, Browser: "b", Answer: ada()}); err != nil {
		t.Error(err)
	}
}

func TestTheFirstParkedAssertionWins(t *testing.T) {
	h := newHouse(t)
	id := h.begin(broker.Wish{Browser: "b", Connection: "acme"})
	var first idp.AttemptID
	for _, who := range []url.Values{ada(), ada(), somebody(2)} {
		who.Set("RelayState", string(id))
		got, err := h.Receive(context.Background(), "acme", who, provision.Requester{})
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = got
		}
		if same := who.Get("email") == "ada@acme.test"; same != (got == first) {
			t.Errorf("the way back of %v: %s, the first's %s", who, got, first)
		}
	}
	if _, err := h.Receive(context.Background(), "acme", bad(id), provision.Requester{}); err != nil {
		t.Errorf("a third message: %v", err)
	}
	l, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: first, Browser: "b"})
	if err != nil || h.account(l.Account).Email.String() != "ada@acme.test" {
		t.Errorf("%+v, %v", l, err)
	}
}

// Somebody begins a login, and has another person's browser bring the response for it.
func TestWhoBeganALoginDoesNotComeBackWithAResponseThatAnotherBrowserBrought(t *testing.T) {
	h := newHouse(t)
	id := h.begin(broker.Wish{Browser: "mallory", Connection: "acme"})
	brought := ada()
	brought.Set("RelayState", string(id))
	hers, err := h.Receive(context.Background(), "acme", brought, provision.Requester{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: hers, Browser: "ada"})
	wantDenied(t, provision.AttemptOtherBrowser, l, err)
	for _, name := range []idp.AttemptID{id, id + "-", id + "-AAAAAAAAAAAAAAAAAAAAAA"} {
		l, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: name, Browser: "mallory"})
		if err == nil || l.ID != "" {
			t.Errorf("by %q: %+v, %v", name, l, err)
		}
	}
	if accounts, err := h.store.Accounts(context.Background(), provision.Page{}); err != nil || len(accounts) != 0 {
		t.Errorf("%+v, %v", accounts, err)
	}
}

func TestAGoodMessageAmongBadOnesIsParked(t *testing.T) {
	t.Parallel()
	for range 10 {
		h := newHouse(t)
		id := h.begin(broker.Wish{Browser: "b", Connection: "acme"})
		good := ada()
		good.Set("RelayState", string(id))
		var posts sync.WaitGroup
		var back idp.AttemptID
		for _, form := range []url.Values{bad(id), bad(id), good, bad(id), bad(id)} {
			posts.Go(func() {
				if got, err := h.Receive(context.Background(), "acme", form, provision.Requester{}); err == nil && form.Get("email") == good.Get("email") {
					back = got
				}
			})
		}
		posts.Wait()
		if _, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: back, Browser: "b"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestABrowserHasTwentyAttempts(t *testing.T) {
	h := newHouse(t)
	var ids []idp.AttemptID
	for range 21 {
		ids = append(ids, h.begin(broker.Wish{Browser: "b", Connection: "acme"}))
	}
	for i, id := range ids {
		l, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: id, Browser: "b", Answer: ada()})
		if i == 0 {
			wantDenied(t, provision.AttemptUnknown, l, err)
		} else if err != nil {
			t.Errorf("attempt %d: %v", i, err)
		}
	}
}

func TestWhoeverAsksLearnsNothingOfADomain(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	if _, err := h.SuspendTenant(ctx, operator(), "rival"); err != nil {
		t.Fatal(err)
	}
	for _, w := range []broker.Wish{{Email: "a@unknown.test"}, {Email: "nonsense"}, {Email: "a@rival.test"}, {Connection: "rival"}, {Connection: "nothing"}, {}} {
		w.Browser = "b"
		_, err := h.Begin(ctx, w)
		if d := wantDenied(t, provision.DomainUnknown, provision.Lease{}, err); *d != (provision.DeniedError{Reason: provision.DomainUnknown}) {
			t.Errorf("%+v tells %+v", w, d)
		}
	}
	if _, err := h.Begin(ctx, broker.Wish{Browser: "b", Email: "anybody@acme.test"}); err != nil {
		t.Error(err)
	}
}

func TestARefusalIsAnEventAndNothingElse(t *testing.T) {
	h := newHouse(t)
	d := h.refused(with(ada(), "email", "ada@rival.test"), provision.DomainForeign)
	if d.Contact != "it@acme.test" || d.Tenant != "acme" || !strings.HasPrefix(d.Ref, "dec_") {
		t.Errorf("%+v", d)
	}
	leases, _ := h.store.Leases(context.Background(), provision.Page{})
	if n := len(h.accounts()); n != 0 || len(leases) != 0 || h.count(provision.EventLogin, "domain_foreign") != 1 {
		t.Errorf("%d accounts, %d leases", n, len(leases))
	}
}

func TestAnotherLoginInTheBrowserReplacesItsSession(t *testing.T) {
	h := newHouse(t)
	first := h.login(ada())
	token := h.entered(first)
	h.wantAllow(token)
	second, err := h.loginIn("b", ada(), h.sso(first))
	if err != nil {
		t.Fatal(err)
	}
	h.wantReason(token, provision.LeaseEnded)
	if l := h.lease(first.ID); l.EndReason != provision.CauseReplaced {
		t.Errorf("ended as %q", l.EndReason)
	}
	other, err := h.loginIn("b", somebody(2), h.sso(second))
	if err != nil {
		t.Fatal(err)
	}
	if a := h.account(first.Account); a.State != provision.Dormant {
		t.Errorf("the former account is %s", a.State)
	}
	if a := h.account(other.Account); a.State != provision.Active {
		t.Errorf("the new account is %s", a.State)
	}
}

// forgetful loses what a finished login leaves behind.
type forgetful struct{ broker.Attempts }

func (f forgetful) Put(ctx context.Context, p broker.Pending) error {
	if strings.HasPrefix(p.ID, "landing/") {
		return provision.ErrUnavailable
	}
	return f.Attempts.Put(ctx, p)
}

func TestALoginWhoseLandingIsLostIsALogin(t *testing.T) {
	h := newHouse(t)
	h.ports.Attempts = forgetful{h.attempts}
	h.start()
	l, err := h.loginIn("b", ada(), "")
	if err != nil || l.ID == "" {
		t.Fatalf("lease %q, %v", l.ID, err)
	}
	h.wantAllow(h.entered(l))
}

// unreachable is a registry that cannot say what a connection is, from the n-th question on.
type unreachable struct {
	provision.Registry
	left int
}

func (u *unreachable) Connection(ctx context.Context, id provision.ConnectionID) (provision.Connection, error) {
	if u.left--; u.left < 0 {
		return provision.Connection{}, provision.ErrUnavailable
	}
	return u.Registry.Connection(ctx, id)
}

func TestALoginIsNotFinishedOnHalfOfTheFacts(t *testing.T) {
	h := newHouse(t)
	for left := range 4 {
		h.ports.Registry = h.store
		h.start()
		id := h.begin(broker.Wish{Browser: "b", Connection: "acme"})
		h.ports.Registry = &unreachable{h.store, left}
		h.start()
		l, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: id, Browser: "b", Answer: ada()})
		if err == nil {
			if left < 2 {
				t.Errorf("a login on %d answers", left)
			}
			_, links, _, err := h.store.Account(context.Background(), l.Account)
			want, _ := h.keys.Pseudonym(context.Background(), "acme", provision.LinkKey{Connection: "acme", Subject: "ada-1"})
			if err != nil || links[0].Pseudonym != want {
				t.Errorf("the pseudonym is another tenant's: %v", err)
			}
			return
		}
		if !errors.Is(err, provision.ErrUnavailable) {
			t.Errorf("after %d answers: %v", left, err)
		}
	}
	t.Error("no login at all")
}
