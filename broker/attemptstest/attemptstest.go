// Package attemptstest is what a store of things under way has to pass: one suite for every implementation of
// broker.Attempts. It is itself run against stores that are broken on purpose, and has to fail on each.
package attemptstest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// Clock is a time that only the suite moves.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock begins now, at a whole second: a store need not keep parts of a millisecond.
func NewClock() *Clock { return &Clock{now: time.Now().Truncate(time.Second)} }

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Pass lets time pass.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Opening makes an empty store that goes by a clock, and returns two handles on it, which may be the same value.
type Opening func(now func() time.Time) (a, b broker.Attempts)

// check is one guarantee.
type check struct {
	name string
	test func(t *probe)
}

// Run tests a store.
func Run(t *testing.T, open func(*testing.T, func() time.Time) (a, b broker.Attempts)) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			var faults []string
			for range 3 {
				faults = c.faults(func(now func() time.Time) (a, b broker.Attempts) { return open(t, now) })
				if !slices.ContainsFunc(faults, unanswered) {
					break
				}
			}
			for _, fault := range faults {
				t.Error(fault)
			}
		})
	}
}

// unanswered reports whether a fault is that nobody answered in time. A check in which that happened, on a machine with
// other things to do, says nothing, and is played again.
func unanswered(fault string) bool { return strings.Contains(fault, provision.ErrUnavailable.Error()) }

// Failing names the checks that a store does not pass.
func Failing(open Opening) []string {
	var names []string
	for _, c := range checks() {
		if len(c.faults(open)) > 0 {
			names = append(names, c.name)
		}
	}
	return names
}

// faults runs the check and collects what it found.
func (c check) faults(open Opening) []string {
	clock := NewClock()
	a, b := open(clock.Now)
	t := &probe{clock: clock, a: a, b: b}
	done := make(chan struct{})
	go func() { // of its own: fatalf ends it
		defer close(done)
		c.test(t)
	}()
	<-done
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.found
}

// probe notes what a check finds. It is not a testing.T, so that a suite that has to fail can be watched failing.
type probe struct {
	clock *Clock
	a, b  broker.Attempts

	mu    sync.Mutex
	found []string
}

func (t *probe) errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.found = append(t.found, fmt.Sprintf(format, args...))
}

// fatalf notes a fault and ends the check. It may be called by the check's own goroutine only.
func (t *probe) fatalf(format string, args ...any) {
	t.errorf(format, args...)
	runtime.Goexit()
}

// pending is something of a browser that lives for so long.
func (t *probe) pending(id string, browser byte, life time.Duration) broker.Pending {
	p := broker.Pending{ID: id, Expires: t.clock.Now().Add(life), Sealed: []byte("sealed " + id)}
	if browser != 0 {
		p.Browser = [32]byte{browser, 1}
	}
	return p
}

func (t *probe) put(p broker.Pending) broker.Pending {
	if err := t.a.Put(context.Background(), p); err != nil {
		t.fatalf("put %s: %v", p.ID, err)
	}
	return p
}

// there reports whether something stands under id.
func (t *probe) there(id string) bool {
	_, err := t.b.Get(context.Background(), id)
	return err == nil
}
