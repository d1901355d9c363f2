package broker

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"leasehold/provision"
)

// index holds in memory how leases stand, so that a check asks nobody. It is filled on demand; nothing absent is
// remembered. A fill notes its shard's epoch before it reads and is thrown away if something ended in between: memory
// never holds what was read before an end that has returned.
type index struct {
	seed     maphash.Seed
	shards   [64]shard
	common   common
	tellings tellings
	apps     atomic.Pointer[map[string]*door] // by origin; all of them
	changes  atomic.Uint64                    // how often everything was forgotten: something that is registered changed
}

type shard struct {
	mu      sync.RWMutex
	epoch   uint64
	entries map[provision.LeaseID]*entry
	uses    map[provision.LeaseID]int64 // last uses that are not written yet, of entries that were forgotten
}

// maxEntries bounds a shard; when it is full, some entry makes room, and is read again when it is needed.
const maxEntries = 32_768

func newIndex() *index {
	x := &index{seed: maphash.MakeSeed()}
	for i := range x.shards {
		x.shards[i].entries, x.shards[i].uses = map[provision.LeaseID]*entry{}, map[provision.LeaseID]int64{}
	}
	return x
}

func (x *index) shard(id provision.LeaseID) *shard {
	return &x.shards[maphash.String(x.seed, string(id))%uint64(len(x.shards))]
}

// get is the entry of a lease, or nil, with the epoch to fill under.
func (x *index) get(id provision.LeaseID) (*entry, uint64) {
	s := x.shard(id)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.entries[id], s.epoch
}

// fill stores what was read under an epoch. An entry that came too late is returned all the same, already dead: it may
// answer nobody.
func (x *index) fill(st provision.Standing, epoch uint64) *entry {
	e := x.common.entry(st)
	s := x.shard(e.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.entries[e.id]; old != nil {
		e.written.Store(old.written.Load())
	}
	e.used.Store(s.lastUse(e.id))
	if s.epoch != epoch {
		e.dead.Store(true)
		return e
	}
	if len(s.entries) >= maxEntries {
		for other := range s.entries {
			s.forget(other)
			break
		}
	}
	s.entries[e.id] = e
	return e
}

// forget takes an entry out and marks it dead. A use that is not written yet outlives it.
func (s *shard) forget(id provision.LeaseID) {
	e := s.entries[id]
	if e == nil {
		return
	}
	e.dead.Store(true) // before its last use is read: a check that notes one afterwards finds out
	if at := e.used.Load(); at != e.written.Load() {
		s.uses[id] = max(s.uses[id], at)
	}
	delete(s.entries, id)
}

// lastUse is the last use of a lease that memory knows of, in Unix nanoseconds, or 0.
func (s *shard) lastUse(id provision.LeaseID) int64 {
	at := s.uses[id]
	if e := s.entries[id]; e != nil {
		at = max(at, e.used.Load())
	}
	return at
}

// drop forgets leases: after it returns, no check answers from what was known before.
func (x *index) drop(ids ...provision.LeaseID) {
	for _, id := range ids {
		s := x.shard(id)
		s.mu.Lock()
		s.epoch++
		s.forget(id)
		s.mu.Unlock()
	}
}

// flush forgets everything.
func (x *index) flush() {
	x.changes.Add(1)
	defer x.common.clear()
	for i := range x.shards {
		s := &x.shards[i]
		s.mu.Lock()
		s.epoch++
		for id := range s.entries {
			s.forget(id)
		}
		s.mu.Unlock()
	}
}

// lastUse is the last use of a lease that memory knows of, or the zero time.
func (x *index) lastUse(id provision.LeaseID) time.Time {
	s := x.shard(id)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if at := s.lastUse(id); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// takeUses takes the last uses that have not been written yet.
func (x *index) takeUses() map[provision.LeaseID]time.Time {
	seen := map[provision.LeaseID]time.Time{}
	for i := range x.shards {
		s := &x.shards[i]
		s.mu.Lock()
		for id, at := range s.uses {
			seen[id] = time.Unix(0, at)
		}
		clear(s.uses)
		for id, e := range s.entries {
			if at := e.used.Load(); at != e.written.Load() {
				e.written.Store(at)
				seen[id] = time.Unix(0, at)
			}
		}
		s.mu.Unlock()
	}
	return seen
}

// putUsesBack is for uses that were taken and could not be written.
func (x *index) putUsesBack(seen map[provision.LeaseID]time.Time) {
	for id, at := range seen {
		s := x.shard(id)
		s.mu.Lock()
		s.uses[id] = max(s.uses[id], at.UnixNano())
		s.mu.Unlock()
	}
}

// all are the apps, each once; none when nobody can tell.
func (x *index) all() []provision.App {
	apps := x.apps.Load()
	if apps == nil {
		return nil
	}
	seen := map[provision.AppID]bool{}
	var found []provision.App
	for _, d := range *apps {
		if !seen[d.ID] {
			seen[d.ID] = true
			found = append(found, d.App)
		}
	}
	return found
}

// app is the app at an origin: ErrNotFound when there is none, ErrUnavailable when nobody can tell.
func (x *index) app(origin string) (*door, error) {
	apps := x.apps.Load()
	if apps == nil {
		return nil, provision.ErrUnavailable
	}
	a, ok := (*apps)[origin]
	if !ok {
		return nil, provision.ErrNotFound
	}
	return a, nil
}
