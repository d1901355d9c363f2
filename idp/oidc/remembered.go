package oidc

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// remembered keeps something of the issuer's between logins. Whoever wants it while it is fetched waits for the one
// fetch.
type remembered[T any] struct {
	fetch func(context.Context) (T, error)
	now   func() time.Time
	fresh time.Duration // up to this age it is as good as new
	keep  time.Duration // up to this age it is used while a newer one is fetched beside
	pause time.Duration // between two tries, unless the former proved itself
	log   *slog.Logger

	flight singleflight.Group

	mu     sync.Mutex
	value  T
	got    time.Time // zero: never
	tried  time.Time
	failed error // what came of the last try
	proved bool  // something was verified with value
}

// get is the value, at most keep old.
func (r *remembered[T]) get(ctx context.Context) (T, error) {
	r.mu.Lock()
	value, age, have := r.value, r.now().Sub(r.got), !r.got.IsZero()
	r.mu.Unlock()
	switch {
	case have && age < r.fresh:
		return value, nil
	case have && age < r.keep:
		go func() { _, _ = r.renew(context.WithoutCancel(ctx)) }() // ends with its fetch, which is bounded in time
		return value, nil
	}
	return r.renew(ctx)
}

// renew is a value fetched now, or what the last try gave when that was a moment ago. A value that proved itself since
// it was fetched may be replaced at once: an issuer that changes its keys does not wait for our pause, and what never
// verified anything cannot make us fetch more than once a pause.
func (r *remembered[T]) renew(ctx context.Context) (T, error) {
	done := r.flight.DoChan("", func() (any, error) {
		if value, err, paused := r.paused(); paused {
			return value, err
		}
		detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience) // others wait for it too
		defer cancel()
		value, err := r.fetch(detached)
		r.tell(value, err)
		return value, err
	})
	select {
	case result := <-done:
		value, _ := result.Val.(T)
		return value, result.Err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// paused reports whether the last try is too near for another, and what came of it. If not, the next one begins.
func (r *remembered[T]) paused() (value T, err error, paused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if !r.proved && !r.tried.IsZero() && now.Sub(r.tried) < r.pause {
		return r.value, r.failed, true
	}
	r.tried, r.proved = now, false
	return value, nil, false
}

// tell writes down what came of a try. A failure leaves the former value where it is, to age.
func (r *remembered[T]) tell(value T, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed = err; err != nil {
		r.log.Warn("issuer could not be asked", "error", err)
		return
	}
	r.value, r.got = value, r.tried // as old as the question
}

// prove notes that something was verified with the value.
func (r *remembered[T]) prove() {
	r.mu.Lock()
	r.proved = true
	r.mu.Unlock()
}
