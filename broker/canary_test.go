package broker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// counts are what a process counts of canaries.
type counts struct {
	mu       sync.Mutex
	outcomes []string
	took     []time.Duration
}

func (*counts) Ended(string)                       {}
func (*counts) Revoked(time.Duration)              {}
func (*counts) Told(string, string, time.Duration) {}

func (c *counts) Canary(outcome string, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcomes, c.took = append(c.outcomes, outcome), append(c.took, took)
}

func (c *counts) seen() ([]string, []time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.outcomes), slices.Clone(c.took)
}

// cage keeps canaries, and puts their news up at the board.
type cage struct {
	broker.Canaries
	board *board
}

func (c cage) PutCanary(ctx context.Context, x provision.Canary, n provision.News) error {
	c.board.mu.Lock()
	defer c.board.mu.Unlock()
	err := c.Canaries.PutCanary(ctx, x, n)
	if c.board.atEnd != nil && !n.IsZero() {
		c.board.atEnd()
	}
	for _, m := range c.board.members {
		if m.lies.Load() {
			m.applied[n.ID] = true
		}
	}
	if err == nil && !n.IsZero() {
		c.board.news = append(c.board.news, n)
	}
	return err
}

// newAviary is a town whose processes watch canaries, on a clock that runs, with what each counts.
func newAviary(t *testing.T, size int) (*town, []*counts) {
	t.Helper()
	w := newTown(t, size, func(h *house) { h.canaries = true })
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for last := time.Now(); ctx.Err() == nil; time.Sleep(time.Millisecond) {
			now := time.Now()
			w.houses[0].clock.pass(now.Sub(last))
			last = now
		}
	})
	t.Cleanup(func() { stop(); running.Wait() })
	var seen []*counts
	for _, h := range w.houses {
		seen = append(seen, h.ports.Count.(*counts))
	}
	return w, seen
}

// wantOutcomes waits until every process has seen so many canaries, and wants all of them seen as one thing.
func wantOutcomes(t *testing.T, seen []*counts, n int, want string) {
	t.Helper()
	for i, c := range seen {
		deadline := time.Now().Add(20 * time.Second)
		for got, _ := c.seen(); len(got) < n && time.Now().Before(deadline); got, _ = c.seen() {
			time.Sleep(5 * time.Millisecond)
		}
		if got, took := c.seen(); len(got) != n || slices.ContainsFunc(got, func(o string) bool { return o != want }) {
			t.Errorf("process %d saw %v after %v, want %d of %s", i, got, took, n, want)
		}
	}
}

func TestEveryProcessSeesEachMinuteHowSoonACanaryIsRefused(t *testing.T) {
	w, seen := newAviary(t, 3)
	events := len(w.houses[0].events(""))
	wantOutcomes(t, seen, 1, broker.CanaryRefused)
	first, err := w.houses[1].store.Canary(t.Context(), "")
	if err != nil || first.Acknowledged.Before(first.Ended) || first.Ended.Before(first.Planted) {
		t.Fatalf("%+v, %v", first, err)
	}
	w.houses[0].clock.pass(time.Minute)
	wantOutcomes(t, seen, 2, broker.CanaryRefused)
	if next, err := w.houses[1].store.Canary(t.Context(), ""); err != nil || next.ID == first.ID {
		t.Errorf("the next is %+v, %v", next, err)
	}
	var found []provision.Sighting
	eventually(t, "everybody has written what it saw", func() bool {
		found, err = w.houses[2].store.Sightings(t.Context(), first.ID)
		return err == nil && len(found) == 3
	})
	for _, s := range found {
		if s.Allowed.Before(first.Planted) || s.Refused.Before(first.Ended) || s.Sent.After(s.Allowed) {
			t.Errorf("%+v of %+v", s, first)
		}
	}
	for i, c := range seen {
		if _, took := c.seen(); slices.Max(took) > 900*time.Millisecond {
			t.Errorf("process %d took %v, though everybody could be asked", i, took)
		}
	}
	if n := len(w.houses[0].events("")); n != events {
		t.Errorf("%d events of canaries", n-events)
	}
}

func TestAProcessThatIsCutOffLetsACanaryInForItsSecondAndIsWaitedFor(t *testing.T) {
	w, seen := newAviary(t, 2)
	w.board.mu.Lock()
	w.board.atEnd = func() { w.members[1].cut.Store(true) }
	w.board.mu.Unlock()
	wantOutcomes(t, seen, 1, broker.CanaryRefused)
	c, err := w.houses[0].store.Canary(t.Context(), "")
	if _, took := seen[1].seen(); err != nil || took[0] < 300*time.Millisecond || took[0] > c.Acknowledged.Sub(c.Ended) {
		t.Errorf("it let the canary in for %v of the %v that its end took, %v", took[0], c.Acknowledged.Sub(c.Ended), err)
	}
}

func TestAProcessThatSaysItForgotAndDidNotIsFound(t *testing.T) {
	w, seen := newAviary(t, 2)
	liar := w.members[1]
	w.board.mu.Lock()
	w.board.atEnd = func() { liar.lies.Store(true) }
	w.board.mu.Unlock()
	wantOutcomes(t, seen[1:], 1, broker.CanaryLate)
	wantOutcomes(t, seen[:1], 1, broker.CanaryRefused)
}

func TestACanaryIsJudgedByWhatIsKnownOfIt(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }
	ended := provision.Canary{ID: "c", Planted: at(0), Ended: at(2000), Acknowledged: at(2050)}
	for name, c := range map[string]struct {
		canary provision.Canary
		saw    provision.Sighting
		want   string
	}{
		"refused in time":                {ended, provision.Sighting{Sent: at(2040), Allowed: at(2041), Refused: at(2045)}, broker.CanaryRefused},
		"sent before, answered after":    {ended, provision.Sighting{Sent: at(2049), Allowed: at(3000), Refused: at(3005)}, broker.CanaryRefused},
		"let in after it":                {ended, provision.Sighting{Sent: at(2500), Allowed: at(2501), Refused: at(2505)}, broker.CanaryLate},
		"never refused":                  {ended, provision.Sighting{Sent: at(9999), Allowed: at(9999)}, broker.CanaryLate},
		"never let in":                   {ended, provision.Sighting{Refused: at(2045)}, broker.CanaryUnseen},
		"the ledger fell silent":         {ended, provision.Sighting{Sent: at(2040), Allowed: at(2041)}, broker.CanaryUnseen},
		"nobody ended it":                {provision.Canary{ID: "c", Planted: at(0)}, provision.Sighting{Sent: at(9999), Allowed: at(9999)}, broker.CanaryUnseen},
		"who ended it died before it":    {provision.Canary{ID: "c", Planted: at(0), Ended: at(2000)}, provision.Sighting{Sent: at(2040), Allowed: at(2041), Refused: at(2045)}, broker.CanaryRefused},
		"nothing is known of either one": {provision.Canary{}, provision.Sighting{}, broker.CanaryUnseen},
	} {
		if got := broker.CanaryOutcome(c.canary, c.saw); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestNobodyButTheWatchGetsInByACanaryAndNoLeaseOpensItsDoor(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	h.ports.Canaries = h.store
	h.start()
	canary := provision.Canary{ID: provision.NewCanaryID("one"), Planted: h.store.Now()}
	if err := h.store.PutCanary(ctx, canary, provision.News{}); err != nil {
		t.Fatal(err)
	}
	if v := h.AtCanarysDoor(ctx, canary.ID); !v.Allow {
		t.Fatalf("the watch is refused: %+v", v)
	}
	lease := h.login(ada())
	h.wantAllow(h.entered(lease))
	if v := h.AtCanarysDoor(ctx, lease.ID); v.Allow || v.Reason != provision.SessionMalformed {
		t.Errorf("a lease at the canary's door: %+v", v)
	}
	for _, origin := range []string{wikiURL, vaultURL, ssoURL, "canary", "https://canary", "_canary", "https://_canary", ""} {
		for _, bound := range []string{origin, "canary", ""} {
			if v := h.Check(ctx, broker.Ask{Origin: origin, Path: "/", Method: "GET", Token: h.TokenAt(canary.ID, bound)}); v.Allow {
				t.Errorf("a canary bound to %q gets in at %q", bound, origin)
			}
		}
		if o, err := provision.ParseOrigin("canary"); err == nil {
			t.Errorf("the canary's origin reads as %v", o)
		}
	}
	token := h.TokenAt(canary.ID, ssoURL)
	var denied *provision.DeniedError
	if s, err := h.Session(ctx, token, originOf(ssoURL)); !errors.As(err, &denied) {
		t.Errorf("a canary has a session: %+v, %v", s, err)
	}
	if _, err := h.Enter(ctx, token, originOf(wikiURL), "/", "", provision.Requester{}); err == nil {
		t.Error("a canary enters an app")
	}
	if err := h.RevokeLease(ctx, operator(), canary.ID); err == nil {
		t.Error("an administrator ends a canary")
	}
	canary.Ended = h.store.Now()
	if err := h.store.PutCanary(ctx, canary, provision.News{}); err != nil {
		t.Fatal(err)
	}
	h.restart()
	h.ports.Canaries = h.store
	h.start()
	if v := h.AtCanarysDoor(ctx, canary.ID); v.Allow || v.Reason != provision.LeaseEnded {
		t.Errorf("after its end: %+v", v)
	}
}
