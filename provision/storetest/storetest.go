// Package storetest is what a store has to pass: one suite for every implementation of provision's ports. It is itself
// run against stores that are broken on purpose, and has to fail on each.
//
// The suite does not use provision.Decide: its functions write what a check needs, and no more, so that a failure is
// the store's.
package storetest

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"leasehold/provision"
)

// Store is all that is tested.
type Store interface {
	provision.Ledger
	provision.Registry
	provision.Keys
	Leftovers
	Beside
}

// Beside is what a store keeps beside the ledger's own, each a port of its consumer.
type Beside interface {
	Upstreams
	Outbox
	Canaries
	Setups
	Administration
	Elevations
	Credentials
}

// Leftovers is what deletes what is over; the port is its consumer's.
type Leftovers interface {
	Unused(ctx context.Context, t provision.TenantID, before time.Time, limit int) ([]provision.AccountID, error)
	Linked(ctx context.Context, c provision.ConnectionID, limit int) ([]provision.AccountID, error)
	DeletePast(ctx context.Context, t provision.TenantID, before time.Time, limit int) (int, error)
	DeleteSpent(ctx context.Context, at time.Time, limit int) (int, error)
	DeleteTold(ctx context.Context, app provision.AppID, before time.Time, limit int) (int, error)

	// What those who watch it are told.
	Census(ctx context.Context) (provision.Census, error)
}

// Upstreams is what leases remember of their sessions at identity providers; the port is its consumer's.
type Upstreams interface {
	Upstream(ctx context.Context, id provision.LeaseID) (provision.Upstream, error)
	Handled(ctx context.Context, handle string, limit int) ([]provision.LeaseID, error)
	Asked(ctx context.Context, c provision.ConnectionID, now time.Time, limit int) ([]provision.Lease, error)
}

// Outbox keeps what apps are to be told; the port is its consumer's.
type Outbox interface {
	Take(ctx context.Context, x provision.Taking) ([]provision.Delivery, error)
	Settle(ctx context.Context, told []provision.Delivery) error
	Deliveries(ctx context.Context, f provision.DeliveryFilter) (found []provision.Delivery, last int64, err error)
	Backlog(ctx context.Context, app provision.AppID) (provision.Backlog, error)
}

// Canaries are leases that nobody holds; the port is its consumer's.
type Canaries interface {
	PutCanary(ctx context.Context, c provision.Canary, n provision.News) error
	Canary(ctx context.Context, id provision.LeaseID) (provision.Canary, error)
	SawCanary(ctx context.Context, x provision.Sighting) error
	Sightings(ctx context.Context, id provision.LeaseID) ([]provision.Sighting, error)
}

// Administration is what is kept for those who administer.
type Administration interface {
	Search
	Tokens
}

// Search is what administrators look for; the port is its consumer's.
type Search interface {
	FindAccounts(ctx context.Context, q provision.AccountQuery) ([]provision.Account, error)
	FindEvents(ctx context.Context, q provision.EventQuery) ([]provision.Event, error)
	Refused(ctx context.Context, t provision.TenantID, since time.Time) ([]provision.Refusals, error)
	Population(ctx context.Context, t provision.TenantID) (provision.Population, error)
}

// check is one guarantee. a and b are two handles on one new store.
type check struct {
	name string
	test func(t *probe, a, b Store)
}

func checks() []check {
	var all []check
	for _, group := range [][]check{
		races(), unique(), whole(), ends(), dues(), uses(), states(), audit(), lists(), registered(), keys(), past(), census(), upstreams(), outbox(), canaries(), setups(), tokens(), elevations(), agents(), credentials(), search(),
	} {
		all = append(all, group...)
	}
	return all
}

// Run tests a store: open makes a new one and returns two handles on it, which may be the same value.
func Run(t *testing.T, open func(*testing.T) (Store, Store)) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			a, b := open(t)
			for _, fault := range c.faults(a, b) {
				t.Error(fault)
			}
		})
	}
}

// Failing names the checks that a store does not pass.
func Failing(open func() (Store, Store)) []string {
	var names []string
	for _, c := range checks() {
		if a, b := open(); len(c.faults(a, b)) > 0 {
			names = append(names, c.name)
		}
	}
	return names
}

// faults runs the check and collects what it found.
func (c check) faults(a, b Store) []string {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	t := &probe{ctx: ctx}
	done := make(chan struct{})
	go func() { // of its own: fatal ends it
		defer close(done)
		c.test(t, a, b)
	}()
	<-done
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.found
}

// probe notes what a check finds. It is not a testing.T, so that a suite that has to fail can be watched failing.
type probe struct {
	ctx context.Context

	mu    sync.Mutex
	found []string
}

// errorf notes a fault; the check goes on.
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

// ok ends the check when something that has to work does not.
func (t *probe) ok(what string, err error) {
	if err != nil {
		t.fatalf("%s: %v", what, err)
	}
}
