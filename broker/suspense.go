package broker

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"leasehold/provision"
)

// Herald tells other processes which leases are about to end, ahead of the commit that ends them.
type Herald interface {
	// Foretell says so to the other processes. It is soon over, and may reach nobody.
	Foretell(ctx context.Context, ids []provision.LeaseID)
	// Foretold are the leases that others say are about to end, until ctx is over. It is never closed.
	Foretold(ctx context.Context) <-chan []provision.LeaseID
}

// The bounds of suspense.
const (
	suspenseTime = 250 * time.Millisecond // that a check waits for the end of its lease to be committed
	suspenseSize = 1000                   // leases of one change; of more, none are held
)

// suspense holds the leases whose end is under way, from the word until it is on disk and, in another process, until the
// news of it are applied: a check of one of them waits, so that nobody gets in while the disk turns. That an end is
// true does not hang on it (docs/design/0007-coherence.md): it may forget a lease at any time, and does after a while.
type suspense struct {
	held     atomic.Int64 // how many are, so that a check looks no further when none is
	mu       sync.Mutex
	leases   map[provision.LeaseID]chan struct{} // closed when it is over
	patience time.Duration                       // suspenseTime
}

func newSuspense() *suspense {
	return &suspense{leases: map[provision.LeaseID]chan struct{}{}, patience: suspenseTime}
}

// hold lets checks of leases wait, until release or for as long as is borne. It returns those that were not held already.
func (s *suspense) hold(ids []provision.LeaseID) (began []provision.LeaseID) {
	if len(ids) == 0 || len(ids) > suspenseSize {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := map[provision.LeaseID]chan struct{}{}
	for _, id := range ids {
		if s.leases[id] == nil {
			mine[id] = make(chan struct{})
			s.leases[id] = mine[id]
			began = append(began, id)
		}
	}
	if len(began) > 0 {
		s.held.Store(int64(len(s.leases)))
		time.AfterFunc(s.patience, func() { s.expire(mine) })
	}
	return began
}

// expire releases what is still held as it was.
func (s *suspense) expire(held map[provision.LeaseID]chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, over := range held {
		if s.leases[id] == over { // else it was released, and maybe held anew
			s.free(id)
		}
	}
}

// release lets the checks go on that wait for leases.
func (s *suspense) release(ids ...provision.LeaseID) {
	if s.held.Load() == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.free(id)
	}
}

func (s *suspense) free(id provision.LeaseID) {
	if over := s.leases[id]; over != nil {
		close(over)
		delete(s.leases, id)
		s.held.Store(int64(len(s.leases)))
	}
}

// wait waits while a lease is held, and reports whether it did.
func (s *suspense) wait(ctx context.Context, id provision.LeaseID) bool {
	if s.held.Load() == 0 {
		return false
	}
	s.mu.Lock()
	over := s.leases[id]
	s.mu.Unlock()
	if over == nil {
		return false
	}
	select {
	case <-over:
	case <-ctx.Done():
	}
	return true
}

// endsLease reports whether a change ends a lease.
func endsLease(c provision.Change) bool {
	return slices.ContainsFunc(c.Leases, func(l provision.Lease) bool { return !l.EndedAt.IsZero() })
}

// foretell holds leases that are about to end, here and, as far as it is heard, in the other processes.
func (b *Broker) foretell(ctx context.Context, ids ...provision.LeaseID) {
	began := b.suspense.hold(ids)
	b.index.drop(began...)
	if b.Herald != nil && len(began) > 0 {
		go b.Herald.Foretell(context.WithoutCancel(ctx), began) // the commit does not wait for it
	}
}

// heed holds what other processes say is about to end, until ctx is over.
func (b *Broker) heed(ctx context.Context) {
	for foretold := b.Herald.Foretold(ctx); ; {
		select {
		case <-ctx.Done():
			return
		case ids := <-foretold:
			b.index.drop(b.suspense.hold(ids)...)
		}
	}
}
