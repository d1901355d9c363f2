package web

import (
	"strings"
	"sync"
	"time"

	"leasehold/provision"
)

// Refused keeps what was behind the newest pages that said no and are in no audit, because anybody can cause as many as
// they like: by the reference that the page shows, in memory, for `leasehold doctor`. A nil one keeps nothing.
type Refused struct {
	mu    sync.Mutex
	ring  []Refusal // the oldest is at next, once it is full
	next  int
	place map[string]int
}

// Refusal is what was behind one page.
type Refusal struct {
	Ref        string // "req_…"
	Time       time.Time
	Reason     provision.Reason // "" of a fault of ours
	Connection string           // that the address named; "": none
	Origin     provision.Origin
	Status     int
	Detail     string // the error; never shown to a browser
}

// maxRefused is how many are kept, and maxDetail how much of each error, in bytes.
const (
	maxRefused = 4096
	maxDetail  = 500
)

// Find is what was behind the page that showed ref.
func (k *Refused) Find(ref string) (Refusal, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at, ok := k.place[ref]
	if !ok {
		return Refusal{}, false
	}
	return k.ring[at], true
}

// keep keeps one in the place of the oldest. What the audit has, by a reference of its own, is not kept here.
func (k *Refused) keep(r Refusal) {
	if k == nil || !strings.HasPrefix(r.Ref, "req_") {
		return
	}
	r.Detail = r.Detail[:min(len(r.Detail), maxDetail)]
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.place == nil {
		k.place = map[string]int{}
	}
	if _, known := k.place[r.Ref]; known { // the page behind a redirect: what sent it there knew more
		return
	}
	if len(k.ring) < maxRefused {
		k.ring = append(k.ring, Refusal{})
	} else {
		delete(k.place, k.ring[k.next].Ref)
	}
	k.ring[k.next], k.place[r.Ref] = r, k.next
	k.next = (k.next + 1) % maxRefused
}
