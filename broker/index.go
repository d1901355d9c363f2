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
	apps     atomic.Pointer[map[string]*provision.App] // by origin; all of them
}

type shard struct {
	mu      sync.RWMutex
	epoch   uint64
	entries map[provision.LeaseID]*entry
}

// maxEntries bounds a shard; when it is full, some entry makes room and is read again when it is needed.
const maxEntries = 32_768

func newIndex() *index {
	x := &index{seed: maphash.MakeSeed()}
	for i := range x.shards {
		x.shards[i].entries = map[provision.LeaseID]*entry{}
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
	if s.epoch != epoch {
		e.dead.Store(true)
		return e
	}
	if old := s.entries[e.id]; old != nil { // its uses are not all written
		e.used.Store(old.used.Load())
		e.written.Store(old.written.Load())
	} else if len(s.entries) >= maxEntries {
		s.makeRoom()
	}
	s.entries[e.id] = e
	return e
}

// makeRoom takes out an entry: one whose uses are written, if there is one among the first that come by.
func (s *shard) makeRoom() {
	tries := 0
	for id, e := range s.entries {
		if tries++; e.used.Load() == e.written.Load() || tries > 100 {
			delete(s.entries, id)
			return
		}
	}
}

// drop forgets leases: after it returns, no check answers from what was known before.
func (x *index) drop(ids ...provision.LeaseID) {
	for _, id := range ids {
		s := x.shard(id)
		s.mu.Lock()
		s.epoch++
		if e := s.entries[id]; e != nil {
			e.dead.Store(true)
			delete(s.entries, id)
		}
		s.mu.Unlock()
	}
}

// flush forgets everything.
func (x *index) flush() {
	defer x.common.clear()
	for i := range x.shards {
		s := &x.shards[i]
		s.mu.Lock()
		s.epoch++
		for _, e := range s.entries {
			e.dead.Store(true)
		}
		clear(s.entries)
		s.mu.Unlock()
	}
}

// uses takes the last uses that have not been written yet.
func (x *index) uses() map[provision.LeaseID]time.Time {
	seen := map[provision.LeaseID]time.Time{}
	for i := range x.shards {
		s := &x.shards[i]
		s.mu.RLock()
		for id, e := range s.entries {
			if at := e.used.Load(); at != e.written.Load() {
				e.written.Store(at)
				seen[id] = time.Unix(0, at)
			}
		}
		s.mu.RUnlock()
	}
	return seen
}

// app is the app at an origin.
func (x *index) app(origin string) (*provision.App, bool) {
	apps := x.apps.Load()
	if apps == nil {
		return nil, false
	}
	a, ok := (*apps)[origin]
	return a, ok
}
