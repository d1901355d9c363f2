package broker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// ear is every app's end of the wire.
type ear struct {
	mu    sync.Mutex
	fails map[provision.AppID]error
	hangs map[provision.AppID]bool
	tries map[provision.AppID]int
	heard []broker.Message
}

func newEar() *ear {
	return &ear{fails: map[provision.AppID]error{}, hangs: map[provision.AppID]bool{}, tries: map[provision.AppID]int{}}
}

func (e *ear) set(app provision.AppID, fails error, hangs bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fails[app], e.hangs[app] = fails, hangs
}

// Tell implements broker.Messenger.
func (e *ear) Tell(ctx context.Context, m broker.Message) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	app := m.Delivery.App
	e.tries[app]++
	if e.hangs[app] {
		e.mu.Unlock()
		<-ctx.Done()
		e.mu.Lock()
		return ctx.Err()
	}
	if err := e.fails[app]; err != nil {
		return err
	}
	e.heard = append(e.heard, m)
	return nil
}

// of is what an app heard: the kind and what it is about.
func (e *ear) of(app provision.AppID) (heard []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.heard {
		if d := m.Delivery; d.App == app {
			about := string(d.Lease)
			if about == "" {
				about = string(d.Account)
			}
			heard = append(heard, string(d.Kind)+" "+about)
		}
	}
	return heard
}

// hook is a secret that signs.
const hook = "twenty-four bytes or more of it"

// told lets the apps of that name be told.
func told(apps ...provision.AppID) func(*house) {
	return func(h *house) {
		h.wanted.Hooks = map[provision.AppID][]byte{}
		for i := range h.wanted.Apps {
			if a := &h.wanted.Apps[i]; slices.Contains(apps, a.ID) {
				a.Notify.URL = "https://" + string(a.ID) + ".example.com/hook"
				h.wanted.Hooks[a.ID] = []byte(hook)
			}
		}
	}
}

// deliver tells what is due, once, and waits for it.
func (h *house) deliver() {
	h.t.Helper()
	if err := h.Deliver(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	h.WaitForLanes()
}

func (h *house) end(l provision.Lease) {
	h.t.Helper()
	if err := h.RevokeLease(context.Background(), operator(), l.ID); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) deliveries(f provision.DeliveryFilter) []provision.Delivery {
	h.t.Helper()
	found, err := h.Deliveries(context.Background(), f)
	if err != nil {
		h.t.Fatal(err)
	}
	return found
}

func wantHeard(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: heard %q, want %q", what, got, want)
	}
}

func TestAnAppHearsOfTheEndsOfLeasesThatItWasHandedAndOfNoOther(t *testing.T) {
	h := newHouse(t, told("wiki", "vault"))
	inWiki, inBoth, inNone := h.login(ada()), h.login(ada()), h.login(ada())
	h.entered(inWiki)
	h.entered(inBoth)
	if _, err := h.enter(inBoth, vaultURL); err != nil {
		t.Fatal(err)
	}
	h.end(inNone)
	h.end(inWiki)
	h.end(inBoth)
	h.deliver()
	wantHeard(t, "wiki", h.ear.of("wiki"), "session.ended "+string(inWiki.ID), "session.ended "+string(inBoth.ID))
	wantHeard(t, "vault", h.ear.of("vault"), "session.ended "+string(inBoth.ID))
	h.clock.pass(15 * time.Minute)
	h.deliver()
	gone := "account.deactivated " + string(inWiki.Account)
	wantHeard(t, "wiki, later", h.ear.of("wiki")[2:], gone)
	wantHeard(t, "vault, later", h.ear.of("vault")[1:], gone)
	h.clock.pass(time.Hour)
	h.deliver()
	if n := len(h.ear.of("wiki")); n != 3 {
		t.Errorf("wiki heard %d things, want 3", n)
	}
	for _, m := range h.ear.heard {
		if len(m.Secrets) != 1 || string(m.Secrets[0]) != hook || m.Delivery.Tenant != "acme" || m.Delivery.Cause != provision.CauseAdmin {
			t.Errorf("message %+v", m)
		}
	}
}

func TestAnAppThatWasDownForAMinuteHearsEverythingInOrderAndOnce(t *testing.T) {
	h := newHouse(t, told("wiki"))
	h.ear.set("wiki", errors.New("connection refused"), false)
	want := map[provision.AccountID][]string{}
	for range 3 {
		for n := range 4 {
			l := h.login(somebody(n))
			h.entered(l)
			h.end(l)
			want[l.Account] = append(want[l.Account], string(l.ID))
		}
	}
	for range 60 {
		h.deliver()
		h.clock.pass(time.Second)
	}
	if tries := h.ear.tries["wiki"]; tries < 5 || tries > 60 {
		t.Errorf("%d tries in a minute", tries)
	}
	h.ear.set("wiki", nil, false)
	for range 3 * 60 {
		h.deliver()
		h.clock.pass(time.Second)
	}
	got := map[provision.AccountID][]string{}
	seen := map[provision.DeliveryID]bool{}
	for _, m := range h.ear.heard {
		if seen[m.Delivery.ID] {
			t.Errorf("%s was heard twice", m.Delivery.ID)
		}
		seen[m.Delivery.ID] = true
		got[m.Delivery.Account] = append(got[m.Delivery.Account], string(m.Delivery.Lease))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("heard %v, want %v", got, want)
	}
}

func TestAnAppThatHangsHoldsUpNobodyElse(t *testing.T) {
	h := newHouse(t, told("wiki", "vault"))
	h.ear.set("wiki", nil, true)
	l := h.login(ada())
	h.entered(l)
	if _, err := h.enter(l, vaultURL); err != nil {
		t.Fatal(err)
	}
	h.end(l)
	began := time.Now()
	if err := h.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	for len(h.ear.of("vault")) == 0 && time.Since(began) < 3*time.Second {
		time.Sleep(5 * time.Millisecond)
	}
	wantHeard(t, "vault, while wiki hangs", h.ear.of("vault"), "session.ended "+string(l.ID))
	h.WaitForLanes()
	if took := time.Since(began); took < 4*time.Second || took > 8*time.Second {
		t.Errorf("a message that hangs was given %s", took)
	}
}

func TestWhatWasCommittedBeforeACrashIsToldAfterIt(t *testing.T) {
	h := newHouse(t, told("wiki"))
	l := h.login(ada())
	h.entered(l)
	h.end(l)
	taken, err := h.store.Take(t.Context(), provision.Taking{App: "wiki", Taker: "who crashed", Now: h.store.Now(), Until: h.store.Now().Add(time.Minute), Limit: 1})
	if err != nil || len(taken) != 1 {
		t.Fatalf("taken %v, error %v", taken, err)
	}
	h.restart()
	h.deliver()
	wantHeard(t, "while another may be telling it", h.ear.of("wiki"))
	h.clock.pass(time.Minute)
	h.deliver()
	wantHeard(t, "after that", h.ear.of("wiki"), "session.ended "+string(l.ID))
}

func TestRevokingATenantTellsOfEachLeaseAsItsRowsSettle(t *testing.T) {
	h := newHouse(t, told("wiki"))
	var want []string
	for n := range 5 {
		l := h.login(somebody(n))
		h.entered(l)
		want = append(want, "session.ended "+string(l.ID))
	}
	id, err := h.Revoke(t.Context(), operator(), provision.Scope{Tenant: "acme"}, provision.CauseAdmin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Reap(t.Context()); err != nil {
		t.Fatal(err)
	}
	if settled, err := h.Settled(t.Context(), id); !settled || err != nil {
		t.Fatalf("settled %v, error %v", settled, err)
	}
	h.deliver()
	got := h.ear.of("wiki")
	slices.Sort(got)
	slices.Sort(want)
	wantHeard(t, "wiki", got, want...)
}

func TestWhoComesBackWithinTheGraceWasNeverGone(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		mode provision.Mode
		back time.Duration // 0: never
		gone bool
	}{
		"back within it":      {provision.Leased, 14 * time.Minute, false},
		"not back":            {provision.Leased, 0, true},
		"ephemeral, and back": {provision.Ephemeral, 14 * time.Minute, true}, // as somebody new: the former account is gone
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, told("wiki"), policy(func(p *provision.Policy) { p.Mode = x.mode }))
			l := h.login(ada())
			h.entered(l)
			h.end(l)
			h.deliver()
			if x.back > 0 {
				h.clock.pass(x.back)
				h.login(ada())
			}
			h.clock.pass(15*time.Minute - x.back)
			h.deliver()
			want := []string{"session.ended " + string(l.ID)}
			if x.gone {
				want = append(want, "account.deactivated "+string(l.Account))
			}
			wantHeard(t, "wiki", h.ear.of("wiki"), want...)
		})
	}
}

func TestASecretThatChangesSignsBesideTheFormerForADay(t *testing.T) {
	h := newHouse(t, told("wiki"))
	next := "another of twenty-four bytes"
	h.wanted.Hooks["wiki"] = []byte(next)
	done := h.register(h.wanted)
	if len(done.Changes) != 1 || !strings.HasPrefix(done.Changes[0], "app wiki: notify.secret: set (") || strings.Contains(fmt.Sprint(done), next) {
		t.Errorf("changes %q", done.Changes)
	}
	signs := func(what string, want ...string) {
		t.Helper()
		l := h.login(ada())
		h.entered(l)
		h.end(l)
		h.deliver()
		last := h.ear.heard[len(h.ear.heard)-1]
		var got []string
		for _, secret := range last.Secrets {
			got = append(got, string(secret))
		}
		if last.Delivery.Lease != l.ID || !slices.Equal(got, want) {
			t.Errorf("%s: signed by %q, want %q", what, got, want)
		}
	}
	signs("at once", next, hook)
	h.register(h.wanted) // applying the same again changes nothing
	signs("applied again", next, hook)
	token := broker.StreamToken("wiki", []byte(hook), h.clock.Now())
	if app, err := h.Listener(t.Context(), token); app != "wiki" || err != nil {
		t.Errorf("the former secret opens the stream of %q, error %v", app, err)
	}
	h.clock.pass(24 * time.Hour)
	signs("a day later", next)
	if _, err := h.Listener(t.Context(), broker.StreamToken("wiki", []byte(hook), h.clock.Now())); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("a day later the former secret opens the stream: %v", err)
	}
}

func TestWhatAnAppThatNoLongerAsksWasToBeToldIsDroppedWithAnEvent(t *testing.T) {
	h := newHouse(t, told("wiki"))
	l := h.login(ada())
	h.entered(l)
	h.end(l)
	h.wanted.Hooks, h.wanted.Apps[0].Notify = nil, provision.Notify{}
	h.register(h.wanted)
	h.deliver()
	if err := h.ForgetUnasked(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantHeard(t, "wiki", h.ear.of("wiki"))
	if open := h.deliveries(provision.DeliveryFilter{Open: true}); len(open) != 0 {
		t.Errorf("still to be told: %+v", open)
	}
	events := h.events(provision.EventDelivery)
	if len(events) != 1 || events[0].App != "wiki" || events[0].Outcome != "dropped" || events[0].Reason != "notify_removed" || events[0].Count != 2 {
		t.Errorf("events %+v", events)
	}
}

func TestWhatIsGivenUpIsStuckUntilSomebodySaysOtherwise(t *testing.T) {
	h := newHouse(t, told("wiki"))
	h.ear.set("wiki", errors.New("answers 500"), false)
	l := h.login(ada())
	h.entered(l)
	h.end(l)
	for range 60 {
		h.deliver()
		h.clock.pass(time.Hour)
	}
	stuck := h.deliveries(provision.DeliveryFilter{State: provision.DeliveryStuck})
	if len(stuck) != 2 || stuck[0].Fault != "answers 500" || stuck[0].Tries < 15 || stuck[0].Settled.Sub(stuck[0].Due) < 24*time.Hour {
		t.Fatalf("stuck %+v", stuck)
	}
	c, err := h.Confirmations(t.Context(), "wiki")
	if err != nil || c.Stuck != 2 || c.Pending != 0 || !c.Last.IsZero() {
		t.Errorf("confirmations %+v, error %v", c, err)
	}
	h.ear.set("wiki", nil, false)
	if err := h.RetryDelivery(t.Context(), operator(), stuck[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := h.DropDelivery(t.Context(), broker.Deed{Actor: operator().Actor, Why: "the app is no more"}, stuck[1].ID); err != nil {
		t.Fatal(err)
	}
	h.deliver()
	wantHeard(t, "wiki", h.ear.of("wiki"), "session.ended "+string(l.ID))
	c, err = h.Confirmations(t.Context(), "wiki")
	if err != nil || c.Stuck+c.Pending != 0 || c.Last.IsZero() || len(c.Measured) != 1 {
		t.Errorf("confirmations %+v, error %v", c, err)
	}
	if err := h.RetryDelivery(t.Context(), operator(), stuck[0].ID); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("what was told is retried: %v", err)
	}
	h.clock.pass(25 * time.Hour)
	if err := h.Erase(t.Context()); err != nil {
		t.Fatal(err)
	}
	if kept := h.deliveries(provision.DeliveryFilter{}); len(kept) != 0 {
		t.Errorf("kept for more than a day: %+v", kept)
	}
}

func TestAnAppThatSaysThatItIsGoneIsNotAskedAgain(t *testing.T) {
	h := newHouse(t, told("wiki"))
	h.ear.set("wiki", fmt.Errorf("%w: 410", broker.ErrGone), false)
	l := h.login(ada())
	h.entered(l)
	h.end(l)
	for range 5 {
		h.deliver()
		h.clock.pass(time.Second)
	}
	if stuck := h.deliveries(provision.DeliveryFilter{State: provision.DeliveryStuck}); len(stuck) != 1 || h.ear.tries["wiki"] != 1 {
		t.Errorf("%d tries, stuck %+v", h.ear.tries["wiki"], stuck)
	}
}

func TestAStreamGoesOnWhereItWasLeftOrSaysThatItCannot(t *testing.T) {
	h := newHouse(t, told("wiki"))
	one, two := h.login(ada()), h.login(ada())
	h.entered(one)
	h.entered(two)
	began, whole, err := h.Resume(t.Context(), "")
	if whole || err != nil || began == 0 {
		t.Fatalf("a new stream is whole: %v, at %d, error %v", whole, began, err)
	}
	h.end(one)
	ends, cursor, err := h.EndsSince(t.Context(), "wiki", began)
	if err != nil || len(ends) != 1 || ends[0].Lease != one.ID || cursor <= began {
		t.Fatalf("ends %+v, cursor %d, error %v", ends, cursor, err)
	}
	if other, _, _ := h.EndsSince(t.Context(), "vault", began); len(other) != 0 {
		t.Errorf("another app hears %+v", other)
	}
	h.end(two) // and with it the account is gone, which is no end of a lease
	h.clock.pass(9 * time.Minute)
	place, err := h.Place(t.Context(), cursor)
	if err != nil || place != broker.PlaceOf(ends[0].Seq, ends[0].Event) && cursor == ends[0].Seq {
		t.Errorf("left at %q, error %v", place, err)
	}
	at, whole, err := h.Resume(t.Context(), place)
	if err != nil || !whole || at != cursor {
		t.Errorf("after nine minutes: at %d, whole %v, error %v", at, whole, err)
	}
	if ends, _, err := h.EndsSince(t.Context(), "wiki", at); err != nil || len(ends) != 1 || ends[0].Lease != two.ID {
		t.Errorf("since then %+v, error %v", ends, err)
	}
	for _, left := range []string{fmt.Sprint(cursor), fmt.Sprint(cursor, "-"), broker.PlaceOf(cursor, "evt_of_before_a_restore")} {
		if _, whole, err := h.Resume(t.Context(), left); whole || err != nil {
			t.Errorf("another event has the number of %q: whole %v, error %v", left, whole, err)
		}
	}
	h.clock.pass(2 * time.Minute)
	for _, left := range []string{place, "999999", "0", "-1", "x", "9223372036854775808"} {
		if at, whole, err := h.Resume(t.Context(), left); whole || err != nil || at < cursor {
			t.Errorf("left at %q: at %d, whole %v, error %v", left, at, whole, err)
		}
	}
}

func TestAStreamEndsWhenItsAppDoesNotAskAnyMore(t *testing.T) {
	h := newHouse(t, told("wiki"))
	l := h.login(ada())
	h.entered(l)
	h.wanted.Hooks, h.wanted.Apps[0].Notify = nil, provision.Notify{}
	h.register(h.wanted)
	h.end(l)
	if ends, _, err := h.EndsSince(t.Context(), "wiki", 0); !errors.Is(err, provision.ErrNotFound) || len(ends) != 0 {
		t.Errorf("it hears %+v, error %v", ends, err)
	}
}

func TestOnlyAnAppThatAskedOpensItsStream(t *testing.T) {
	h := newHouse(t, told("wiki"))
	now := h.clock.Now()
	good := broker.StreamToken("wiki", []byte(hook), now)
	for name, x := range map[string]struct {
		token string
		want  provision.AppID
	}{
		"now":                   {good, "wiki"},
		"four minutes ago":      {broker.StreamToken("wiki", []byte(hook), now.Add(-4*time.Minute)), "wiki"},
		"six minutes ago":       {broker.StreamToken("wiki", []byte(hook), now.Add(-6*time.Minute)), ""},
		"six minutes ahead":     {broker.StreamToken("wiki", []byte(hook), now.Add(6*time.Minute)), ""},
		"another secret":        {broker.StreamToken("wiki", []byte("another secret"), now), ""},
		"another app's name":    {"vault" + strings.TrimPrefix(good, "wiki"), ""},
		"an app without secret": {broker.StreamToken("vault", nil, now), ""},
		"cut":                   {good[:len(good)-1], ""},
		"longer":                {good + "A", ""},
		"nothing":               {"", ""},
		"no time":               {"wiki..x", ""},
	} {
		app, err := h.Listener(t.Context(), x.token)
		if app != x.want || (x.want == "") != errors.Is(err, provision.ErrNotFound) {
			t.Errorf("%s: app %q, error %v", name, app, err)
		}
	}
}
