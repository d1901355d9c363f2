package attemptstest_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/broker/attemptstest"
	"leasehold/provision"
)

func TestTheMemoryOfAProcessPasses(t *testing.T) {
	attemptstest.Run(t, func(_ *testing.T, now func() time.Time) (a, b broker.Attempts) {
		l := broker.NewLocalAttempts(now)
		return l, l
	})
}

func TestEveryBrokenStoreOfAttemptsIsCaught(t *testing.T) {
	frozen := func(func() time.Time) broker.Attempts {
		began := time.Now()
		return broker.NewLocalAttempts(func() time.Time { return began })
	}
	for name, x := range map[string]struct {
		breaks func(now func() time.Time) broker.Attempts
		caught []string // checks that have to fail, among others
	}{
		"a take that only reads":     {func(now func() time.Time) broker.Attempts { return keeping{local(now)} }, []string{"what is taken is gone", "of many who take, one is answered"}},
		"a take of two steps":        {func(now func() time.Time) broker.Attempts { return newTwoSteps(now) }, []string{"of many who take, one is answered"}},
		"a swap without comparing":   {func(now func() time.Time) broker.Attempts { return blind{local(now)} }, []string{"a swap of what has changed is a conflict", "of many who swap, one does"}},
		"a swap that puts":           {func(now func() time.Time) broker.Attempts { return upsert{local(now)} }, []string{"a swap does not bring back what was taken", "what nobody put is not found"}},
		"a swap that moves the end":  {func(now func() time.Time) broker.Attempts { return prolonging{local(now)} }, []string{"a swap does not move the end"}},
		"ends ignored":               {frozen, []string{"each thing has its own end", "a swap does not move the end"}},
		"one end for all":            {func(now func() time.Time) broker.Attempts { return oneEnd{local(now), now} }, []string{"each thing has its own end"}},
		"no bound a browser":         {func(now func() time.Time) broker.Attempts { return unbounded{local(now)} }, []string{"of one browser the newest are kept"}},
		"a bound over all browsers":  {func(now func() time.Time) broker.Attempts { return oneBrowser{local(now)} }, []string{"what is spent or of another browser does not count", "what is bound to no browser is not counted"}},
		"spent ones count":           {func(now func() time.Time) broker.Attempts { return newHoarding(now) }, []string{"what is spent or of another browser does not count"}},
		"text up to the first NUL":   {func(now func() time.Time) broker.Attempts { return cString{local(now)} }, []string{"what was put is read as it was, by everybody"}},
		"one handle does not see it": {nil, []string{"what was put is read as it was, by everybody"}},
	} {
		t.Run(name, func(t *testing.T) {
			failing := attemptstest.Failing(func(now func() time.Time) (a, b broker.Attempts) {
				if x.breaks == nil {
					return local(now), local(now)
				}
				a = x.breaks(now)
				return a, a
			})
			for _, want := range x.caught {
				if !slices.Contains(failing, want) {
					t.Errorf("not caught by %q; by:\n%s", want, strings.Join(failing, "\n"))
				}
			}
		})
	}
}

func local(now func() time.Time) *broker.LocalAttempts { return broker.NewLocalAttempts(now) }

type keeping struct{ *broker.LocalAttempts }

func (s keeping) Take(ctx context.Context, id string) (broker.Pending, error) { return s.Get(ctx, id) }

// twoSteps reads, and takes when others had time to read, too.
type twoSteps struct{ *broker.LocalAttempts }

func newTwoSteps(now func() time.Time) broker.Attempts { return twoSteps{local(now)} }

func (s twoSteps) Take(ctx context.Context, id string) (broker.Pending, error) {
	p, err := s.Get(ctx, id)
	time.Sleep(10 * time.Millisecond)
	_, _ = s.LocalAttempts.Take(ctx, id)
	return p, err
}

type blind struct{ *broker.LocalAttempts }

func (s blind) Swap(ctx context.Context, p broker.Pending, sealed []byte) error {
	now, err := s.Get(ctx, p.ID)
	if err != nil {
		return err
	}
	return s.LocalAttempts.Swap(ctx, now, sealed)
}

type upsert struct{ *broker.LocalAttempts }

func (s upsert) Swap(ctx context.Context, p broker.Pending, sealed []byte) error {
	p.Sealed = sealed
	return s.Put(ctx, p)
}

type prolonging struct{ *broker.LocalAttempts }

func (s prolonging) Swap(ctx context.Context, p broker.Pending, sealed []byte) error {
	if err := s.LocalAttempts.Swap(ctx, p, sealed); err != nil {
		return err
	}
	p.Sealed = sealed
	return s.Put(ctx, p)
}

type oneEnd struct {
	*broker.LocalAttempts
	now func() time.Time
}

func (s oneEnd) Put(ctx context.Context, p broker.Pending) error {
	p.Expires = s.now().Add(10 * time.Minute)
	return s.LocalAttempts.Put(ctx, p)
}

type unbounded struct{ *broker.LocalAttempts }

func (s unbounded) Put(ctx context.Context, p broker.Pending) error {
	p.Browser = [32]byte{}
	return s.LocalAttempts.Put(ctx, p)
}

type oneBrowser struct{ *broker.LocalAttempts }

func (s oneBrowser) Put(ctx context.Context, p broker.Pending) error {
	p.Browser = [32]byte{1}
	return s.LocalAttempts.Put(ctx, p)
}

// hoarding takes without making room for the next.
type hoarding struct {
	*broker.LocalAttempts
	mu    *sync.Mutex
	taken map[string]bool
}

func newHoarding(now func() time.Time) broker.Attempts {
	return hoarding{local(now), new(sync.Mutex), map[string]bool{}}
}

func (s hoarding) Take(ctx context.Context, id string) (broker.Pending, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[id] {
		return broker.Pending{}, provision.ErrNotFound
	}
	s.taken[id] = true
	return s.Get(ctx, id)
}

type cString struct{ *broker.LocalAttempts }

func (s cString) Put(ctx context.Context, p broker.Pending) error {
	before, _, _ := strings.Cut(string(p.Sealed), "\x00")
	p.Sealed = []byte(before)
	return s.LocalAttempts.Put(ctx, p)
}
