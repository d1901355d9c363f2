package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func TestAHistogramIsOffByThreePercentAtMost(t *testing.T) {
	var h, half Histogram
	var times []time.Duration
	for n := range 20_000 {
		d := time.Duration(rand.ExpFloat64() * float64(time.Millisecond))
		times = append(times, d)
		if n%2 == 0 {
			h.Add(d)
		} else {
			half.Add(d)
		}
	}
	h.Join(&half)
	slices.Sort(times)
	for _, q := range []float64{0, 0.01, 0.5, 0.99, 0.999} {
		want, got := times[int(q*float64(len(times)))], h.Quantile(q)
		if got < want || float64(got) > 1.035*float64(want)+1 {
			t.Errorf("quantile %v is %s, want %s", q, got, want)
		}
	}
	if h.Max() != times[len(times)-1] || h.Quantile(1) != h.Max() || h.Count() != 20_000 {
		t.Errorf("longest %s of %d, want %s", h.Max(), h.Count(), times[len(times)-1])
	}
	if new(Histogram).Quantile(0.5) != 0 {
		t.Error("of nothing, half takes some time")
	}
}

func TestWaitingForASlowAnswerIsCounted(t *testing.T) {
	var n atomic.Int32
	r := Plan{Rate: 200, Duration: 500 * time.Millisecond, Lanes: 1}.Run(t.Context(), func(int, int) error {
		if n.Add(1) == 1 {
			time.Sleep(200 * time.Millisecond) // the 40 that are meant to be sent meanwhile have waited
		}
		return nil
	})
	if r.Sent != 100 || r.Late < 30 || r.Times.Quantile(0.7) < 40*time.Millisecond || r.Failed != 0 {
		t.Errorf("sent %d, late %d, p70 %s", r.Sent, r.Late, r.Times.Quantile(0.7))
	}
}

func TestALoadKeepsItsRateAndCountsFailures(t *testing.T) {
	failure := errors.New("no")
	r := Plan{Rate: 500, Duration: 200 * time.Millisecond, Lanes: 4}.Run(t.Context(), func(_, n int) error {
		if n%10 == 0 {
			return failure
		}
		return nil
	})
	if r.Sent != 100 || r.Failed != 10 || !errors.Is(r.Err, failure) || r.Achieved() > 520 {
		t.Errorf("%d sent, %d failed for %v, %.0f/s", r.Sent, r.Failed, r.Err, r.Achieved())
	}
}

// forgetful is a gateway that goes on letting in for a while after it said that it revoked.
func forgetful(t *testing.T, lies time.Duration) (string, func(context.Context) error) {
	var revoked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at := revoked.Load(); at != 0 && time.Now().UnixNano() >= at {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func(context.Context) error {
		time.Sleep(5 * time.Millisecond)
		revoked.Store(time.Now().Add(lies).UnixNano())
		return nil
	}
}

func TestAnAllowThatWasSentAfterTheRevocationReturnedIsFound(t *testing.T) {
	honest, revoke := forgetful(t, 0)
	w := Watch{Targets: []string{honest}, Lanes: 2, Request: Check("http://app.test/", "x"), After: 100 * time.Millisecond}
	is, err := w.Run(t.Context(), revoke)
	if err != nil || is.Forbidden != 0 || is.Checks < 10 || is.Returned < 5*time.Millisecond || is.LastAllow == 0 || is.Failed != 0 {
		t.Errorf("of an honest one: %+v, %v", is, err)
	}
	liar, lie := forgetful(t, 30*time.Millisecond)
	w.Targets = []string{honest, liar}
	if _, err := w.Run(t.Context(), lie); err == nil {
		t.Error("a lease that is not let in at one of the targets is watched")
	}
	w.Targets = []string{liar}
	liar, lie = forgetful(t, 30*time.Millisecond)
	w.Targets = []string{liar}
	is, err = w.Run(t.Context(), lie)
	if err != nil || is.Forbidden == 0 || is.LastAllow < 30*time.Millisecond {
		t.Errorf("of one that lies: %+v, %v", is, err)
	}
}
