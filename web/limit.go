package web

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"leasehold/broker"
	"leasehold/provision"
)

// Limit is how many logins one address may begin.
type Limit struct {
	N   int           // in one go, and per Per
	Per time.Duration // 0: a minute
}

// DefaultAttempts is the limit of a Config that names none.
func DefaultAttempts() Limit { return Limit{600, time.Minute} }

// limiter counts by address; of IPv6, by /64, because that is what one subscriber has.
type limiter struct {
	limit  Limit
	exempt []netip.Prefix
	shared broker.Shared // may be nil

	mu  sync.Mutex
	by  map[netip.Prefix]*rate.Limiter
	all *rate.Limiter // of everybody beyond maxLimited addresses, together
}

// maxLimited bounds the addresses that are counted one by one.
const maxLimited = 1 << 16

func newLimiter(l Limit, exempt []netip.Prefix, shared broker.Shared) *limiter {
	if l.N <= 0 {
		l = DefaultAttempts()
	}
	if l.Per <= 0 {
		l.Per = time.Minute
	}
	return &limiter{limit: l, exempt: exempt, shared: shared, by: map[netip.Prefix]*rate.Limiter{}, all: l.bucket()}
}

func (l Limit) bucket() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(float64(l.N)/l.Per.Seconds()), l.N)
}

// allow reports whether addr may begin one more login: here, and at all replicas together. When nobody can tell of
// those, the count of this one is enough.
func (l *limiter) allow(ctx context.Context, addr netip.Addr, now time.Time) bool {
	if addr.IsValid() && within(l.exempt, addr) {
		return true
	}
	network := networkOf(addr)
	if !l.allowHere(network, now) {
		return false
	}
	if l.shared == nil {
		return true
	}
	allowed, err := l.shared.Allow(ctx, "address/"+network.String(), l.limit.N, l.limit.Per)
	return allowed || err != nil
}

// networkOf is what an address is counted as.
func networkOf(addr netip.Addr) netip.Prefix {
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // nobody could tell: all of these share one
	}
	return network
}

// allowHere counts in this process.
func (l *limiter) allowHere(network netip.Prefix, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket := l.by[network]
	if bucket == nil {
		if len(l.by) >= maxLimited {
			l.forget(now)
		}
		if bucket = l.all; len(l.by) < maxLimited {
			bucket = l.limit.bucket()
			l.by[network] = bucket
		}
	}
	return bucket.AllowN(now, 1)
}

// forget drops the addresses that have begun nothing for as long as it takes to be forgiven everything.
func (l *limiter) forget(now time.Time) {
	for network, bucket := range l.by {
		if bucket.TokensAt(now) >= float64(l.limit.N) {
			delete(l.by, network)
		}
	}
}

// mayBegin is nil when the address of r may begin one more login.
func (s *server) mayBegin(r *http.Request) error {
	if s.logins.allow(r.Context(), s.client(r), s.Now()) {
		return nil
	}
	return &provision.DeniedError{Reason: provision.RateLimited}
}
