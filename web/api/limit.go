package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits of the API.
const (
	perActor   = 600     // requests a minute of one token
	perAddress = 1200    // and of one address, whatever it shows
	maxCounted = 1 << 16 // tokens and addresses that are counted one by one; the others share a count
)

// limiter counts requests by name.
type limiter struct {
	n  int // a minute, and in one go
	mu sync.Mutex
	by map[string]*rate.Limiter
}

func newLimiter(n int) *limiter { return &limiter{n: n, by: map[string]*rate.Limiter{}} }

func (l *limiter) bucket() *rate.Limiter { return rate.NewLimiter(rate.Limit(float64(l.n)/60), l.n) }

// allow reports whether one more request may be answered.
func (l *limiter) allow(name string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by[name] == nil && len(l.by) >= maxCounted {
		for key, bucket := range l.by {
			if bucket.TokensAt(now) >= float64(l.n) {
				delete(l.by, key)
			}
		}
		if len(l.by) >= maxCounted {
			name = ""
		}
	}
	if l.by[name] == nil {
		l.by[name] = l.bucket()
	}
	return l.by[name].AllowN(now, 1)
}
