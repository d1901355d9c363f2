package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Watch is how one lease is watched while it is revoked: checks of it are sent all the time, to every target.
type Watch struct {
	Targets []string
	Lanes   int           // to each target
	Request []byte        // a check of the lease
	After   time.Duration // how long to go on once the revocation has returned
	Every   time.Duration // between two checks of a lane; 0: as soon as the one before was answered
}

// Sighting is what was seen of one revocation. Times are from its call.
type Sighting struct {
	Returned  time.Duration // until it returned
	LastAllow time.Duration // until the last answer that let the lease in; 0: none after the call
	Checks    int           // that were answered
	Forbidden int           // that were sent after it had returned, and let in
	Failed    int           // that were not answered, or that nobody could tell
}

// seen is one check.
type seen struct {
	sent, answered time.Time
	status         int
	err            error
}

// Run has a lease revoked, and watches. It is an error when the lease was not let in everywhere before.
func (w Watch) Run(ctx context.Context, revoke func(context.Context) error) (Sighting, error) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	n := len(w.Targets) * w.Lanes
	sights, ready := make([][]seen, n), make(chan error, n)
	var all sync.WaitGroup
	for i := range n {
		lane, err := NewLane(w.Targets[i%len(w.Targets)])
		if err != nil {
			return Sighting{}, err
		}
		all.Go(func() { sights[i] = lane.watch(watching, w, ready) })
	}
	var faults error
	for range n {
		faults = errors.Join(faults, <-ready)
	}
	if faults != nil {
		stop()
		all.Wait()
		return Sighting{}, faults
	}
	called := time.Now()
	err := revoke(ctx)
	returned := time.Now()
	sleepUntil(ctx, returned.Add(w.After))
	stop()
	all.Wait()
	return judge(sights, called, returned), err
}

// watch asks until ctx is over, and remembers what it was told. It is ready when it was let in once.
func (l *Lane) watch(ctx context.Context, w Watch, ready chan<- error) []seen {
	defer l.Close()
	status, err := l.Ask(w.Request)
	if err == nil && status != 200 {
		err = fmt.Errorf("the lease is not let in at %s: status %d", l.target, status)
	}
	ready <- err
	var sights []seen
	for ctx.Err() == nil && err == nil {
		s := seen{sent: time.Now()}
		s.status, s.err = l.Ask(w.Request)
		s.answered = time.Now()
		sights = append(sights, s)
		sleepUntil(ctx, s.sent.Add(w.Every))
		if s.err != nil {
			time.Sleep(time.Millisecond)
		}
	}
	return sights
}

func judge(sights [][]seen, called, returned time.Time) Sighting {
	is := Sighting{Returned: returned.Sub(called)}
	for _, lane := range sights {
		for _, s := range lane {
			switch {
			case s.err != nil || s.status >= 500:
				is.Failed++
			case s.status == 200 && s.sent.After(returned):
				is.Forbidden++
				fallthrough
			case s.status == 200 && s.answered.After(called):
				is.LastAllow = max(is.LastAllow, s.answered.Sub(called))
				fallthrough
			default:
				is.Checks++
			}
		}
	}
	return is
}
