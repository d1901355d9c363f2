package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Plan is an open load: so many requests a second, whether or not the ones before were answered.
type Plan struct {
	Rate     float64 // a second
	Duration time.Duration
	Lanes    int // how many may be under way at once; whoever waits for a lane is waiting since it was meant to be sent
}

// Result is what came of a load. Times are from when a request was meant to be sent: one that could not be sent because
// the ones before were slow has waited (there is no coordinated omission).
type Result struct {
	Took   time.Duration
	Sent   uint64
	Failed uint64
	Late   uint64 // sent more than a millisecond after they were meant to be: no lane was free, or this machine was busy
	Times  Histogram
	Err    error // the first failure
}

// Achieved is requests a second.
func (r *Result) Achieved() float64 { return float64(r.Sent) / r.Took.Seconds() }

// Run sends what do sends, until the plan is over or ctx is. do is called with the number of its lane and of the request.
func (p Plan) Run(ctx context.Context, do func(lane, n int) error) Result {
	var next atomic.Int64
	var all sync.WaitGroup
	parts := make([]Result, p.Lanes)
	began := time.Now()
	total := int(p.Rate * p.Duration.Seconds())
	for lane := range p.Lanes {
		all.Go(func() {
			part := &parts[lane]
			for ctx.Err() == nil {
				n := int(next.Add(1)) - 1
				if n >= total {
					return
				}
				meant := began.Add(time.Duration(float64(n) / p.Rate * float64(time.Second)))
				if !sleepUntil(ctx, meant) {
					return
				}
				if time.Since(meant) > time.Millisecond {
					part.Late++
				}
				part.note(do(lane, n), time.Since(meant))
			}
		})
	}
	all.Wait()
	whole := Result{Took: time.Since(began)}
	for i := range parts {
		whole.join(&parts[i])
	}
	return whole
}

func (r *Result) note(err error, took time.Duration) {
	r.Sent++
	r.Times.Add(took)
	if err != nil {
		if r.Failed++; r.Err == nil {
			r.Err = err
		}
	}
}

func (r *Result) join(other *Result) {
	r.Sent, r.Failed, r.Late = r.Sent+other.Sent, r.Failed+other.Failed, r.Late+other.Late
	if r.Err == nil {
		r.Err = other.Err
	}
	r.Times.Join(&other.Times)
}

// sleepUntil reports whether the time came before ctx was over.
func sleepUntil(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
