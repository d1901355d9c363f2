package web

import (
	"crypto/sha256"
	"sync"
	"time"
)

// loopGuard notices a browser that is handed over for the same page again and again, because the app's origin loses its
// cookie or refuses it. The page is part of the key: many tabs that are restored at once are no loop.
type loopGuard struct {
	mu   sync.Mutex
	seen map[[sha256.Size]byte]*handOvers
}

type handOvers struct {
	since time.Time
	count int
}

// A loop is loopCount hand-overs within loopTime.
const (
	loopCount = 3
	loopTime  = 30 * time.Second
	maxLoops  = 1 << 14
)

func newLoopGuard() *loopGuard { return &loopGuard{seen: map[[sha256.Size]byte]*handOvers{}} }

// again counts a hand-over, and reports whether there were too many before it.
func (g *loopGuard) again(browser, origin, path string, now time.Time) bool {
	key := sha256.Sum256([]byte(browser + "\x00" + origin + "\x00" + path))
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.seen[key]
	if h == nil || now.Sub(h.since) > loopTime {
		g.makeRoom(now)
		g.seen[key] = &handOvers{now, 1}
		return false
	}
	h.count++
	return h.count > loopCount
}

// makeRoom forgets what is over, and everything when that does not help: a guard against loops is no lock.
func (g *loopGuard) makeRoom(now time.Time) {
	if len(g.seen) < maxLoops {
		return
	}
	for key, h := range g.seen {
		if now.Sub(h.since) > loopTime {
			delete(g.seen, key)
		}
	}
	if len(g.seen) >= maxLoops {
		clear(g.seen)
	}
}
