// Package memory keeps the ledger in maps: the store for tests. It keeps every guarantee of provision's ports but
// durability, and forgets nothing while it lives.
package memory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"leasehold/provision"
)

// Store is a ledger, a registry and a key store in memory. A verb holds the store while its function runs, so a
// function that calls a verb waits for ever; it may ask Now.
type Store struct {
	mu     sync.RWMutex
	tables tables
	keys   map[string][]byte

	canaries  map[provision.LeaseID]provision.Canary
	sightings []provision.Sighting

	now   func() time.Time
	clock sync.Mutex
	last  time.Time // the latest time that was told
}

var (
	_ provision.Ledger   = (*Store)(nil)
	_ provision.Registry = (*Store)(nil)
	_ provision.Keys     = (*Store)(nil)
)

// New is an empty store. now is the wall clock; nil: time.Now.
func New(now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{tables: newTables(), keys: map[string][]byte{}, canaries: map[provision.LeaseID]provision.Canary{}, now: now}
}

// Now implements provision.Ledger: the wall clock, or the latest time that was told if that is later.
func (s *Store) Now() time.Time {
	s.clock.Lock()
	defer s.clock.Unlock()
	if now := s.now().UTC().Round(0); now.After(s.last) { // without the monotonic reading: it is a time to be kept
		s.last = now
	}
	return s.last
}

// ResetClock makes ledger time the wall clock again, also where that goes back.
func (s *Store) ResetClock(context.Context) error {
	s.clock.Lock()
	defer s.clock.Unlock()
	s.last = s.now().UTC().Round(0)
	return nil
}

// view runs read on one snapshot.
func (s *Store) view(ctx context.Context, read func(*tables) error) error {
	if err := answers(ctx); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return read(&s.tables)
}

// commit runs write alone, and takes back what it wrote when it fails.
func (s *Store) commit(ctx context.Context, write func(*commit) error) error {
	if err := answers(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &commit{tables: &s.tables}
	done := false
	defer func() { // also when a function panics: a test may go on after that
		if !done {
			c.rollback()
		}
	}()
	if err := write(c); err != nil {
		return err
	}
	done = true
	return nil
}

// answers is ErrUnavailable once the caller has given up.
func answers(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("%w: %w", provision.ErrUnavailable, err)
	}
	return nil
}
