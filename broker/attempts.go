package broker

import (
	"bytes"
	"container/list"
	"context"
	"sync"
	"time"

	"leasehold/provision"
)

// Attempts keeps what is under way and used once: logins, hand-over codes. What it stores is sealed, so that whoever
// can write to it lets nobody in. Losing all of it makes logins under way begin again.
type Attempts interface {
	// Put stores p under its ID until it expires. Of one browser, only the newest 20 are kept.
	Put(ctx context.Context, p Pending) error
	// Get is what stands under id, or ErrNotFound.
	Get(ctx context.Context, id string) (Pending, error)
	// Swap replaces what is sealed in p, unless it has changed since p was read (ErrConflict) or is gone (ErrNotFound).
	Swap(ctx context.Context, p Pending, sealed []byte) error
	// Take is Get, once: of many who ask, one is answered and the others get ErrNotFound.
	Take(ctx context.Context, id string) (Pending, error)
}

// Pending is something under way, as it is stored.
type Pending struct {
	ID      string
	Browser [32]byte // SHA-256 of the browser's cookie; zero when it is bound otherwise
	Expires time.Time
	Sealed  []byte
}

// Limits of what is kept in memory.
const (
	attemptsPerBrowser = 20
	attemptsInAll      = 100_000
	attemptBytes       = 256 << 20 // of what is sealed: a parked assertion is as large as its provider likes
)

// LocalAttempts keeps attempts in the memory of one process: the oldest goes when there are too many.
type LocalAttempts struct {
	now func() time.Time

	mu       sync.Mutex
	bytes    int        // of all that is sealed
	order    *list.List // of Pending, oldest first
	byID     map[string]*list.Element
	browsers map[[32]byte][]string
}

// NewLocalAttempts is an empty LocalAttempts.
func NewLocalAttempts(now func() time.Time) *LocalAttempts {
	return &LocalAttempts{now: now, order: list.New(), byID: map[string]*list.Element{}, browsers: map[[32]byte][]string{}}
}

// Put implements Attempts.
func (l *LocalAttempts) Put(_ context.Context, p Pending) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remove(p.ID)
	if p.Browser != ([32]byte{}) {
		if own := l.browsers[p.Browser]; len(own) >= attemptsPerBrowser {
			l.remove(own[0])
		}
		l.browsers[p.Browser] = append(l.browsers[p.Browser], p.ID)
	}
	l.byID[p.ID] = l.order.PushBack(p)
	l.bytes += len(p.Sealed)
	l.makeRoom()
	return nil
}

// makeRoom removes the oldest, as long as there are too many or their time is over.
func (l *LocalAttempts) makeRoom() {
	for e := l.order.Front(); e != nil; e = l.order.Front() {
		oldest := e.Value.(Pending)
		if l.order.Len() <= attemptsInAll && l.bytes <= attemptBytes && l.now().Before(oldest.Expires) {
			return
		}
		l.remove(oldest.ID)
	}
}

// Get implements Attempts.
func (l *LocalAttempts) Get(_ context.Context, id string) (Pending, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.get(id)
}

// Swap implements Attempts.
func (l *LocalAttempts) Swap(_ context.Context, p Pending, sealed []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, err := l.get(p.ID)
	if err != nil {
		return err
	}
	if !bytes.Equal(now.Sealed, p.Sealed) {
		return provision.ErrConflict
	}
	l.bytes += len(sealed) - len(now.Sealed)
	now.Sealed = sealed
	l.byID[p.ID].Value = now
	l.makeRoom()
	return nil
}

// Take implements Attempts.
func (l *LocalAttempts) Take(_ context.Context, id string) (Pending, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, err := l.get(id)
	l.remove(id)
	return p, err
}

func (l *LocalAttempts) get(id string) (Pending, error) {
	e, ok := l.byID[id]
	if !ok || !l.now().Before(e.Value.(Pending).Expires) {
		return Pending{}, provision.ErrNotFound
	}
	return e.Value.(Pending), nil
}

func (l *LocalAttempts) remove(id string) {
	e, ok := l.byID[id]
	if !ok {
		return
	}
	delete(l.byID, id)
	p := l.order.Remove(e).(Pending)
	l.bytes -= len(p.Sealed)
	own := l.browsers[p.Browser]
	for i, other := range own {
		if other == id {
			own = append(own[:i:i], own[i+1:]...)
			break
		}
	}
	if len(own) == 0 {
		delete(l.browsers, p.Browser)
		return
	}
	l.browsers[p.Browser] = own
}
