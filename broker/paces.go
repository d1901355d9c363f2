package broker

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"leasehold/provision"
)

// paces bound how often things are done in somebody's name: burst in one go, and one more per every.
type paces struct {
	burst int
	every time.Duration

	mu sync.Mutex
	by map[string]*rate.Limiter
}

// maxPaced bounds the names that are counted one by one; names of setups and accounts that are there, and no others.
const maxPaced = 10_000

func newPaces(burst int, every time.Duration) *paces {
	return &paces{burst: burst, every: every, by: map[string]*rate.Limiter{}}
}

// keeps is nil when name may do one more.
func (p *paces) keeps(name string, t provision.TenantID, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	bucket := p.by[name]
	if bucket == nil {
		if len(p.by) >= maxPaced {
			p.forget(now)
		}
		if len(p.by) >= maxPaced {
			return &provision.DeniedError{Reason: provision.RateLimited, Tenant: t}
		}
		bucket = rate.NewLimiter(rate.Every(p.every), p.burst)
		p.by[name] = bucket
	}
	if !bucket.AllowN(now, 1) {
		return &provision.DeniedError{Reason: provision.RateLimited, Tenant: t}
	}
	return nil
}

// forget drops the names that have done nothing for as long as it takes to be forgiven everything.
func (p *paces) forget(now time.Time) {
	for name, bucket := range p.by {
		if bucket.TokensAt(now) >= float64(p.burst) {
			delete(p.by, name)
		}
	}
}

// lanesOf lets one at a time do something for each tenant.
type lanesOf struct {
	mu sync.Mutex
	by map[provision.TenantID]chan struct{}
}

// of is a tenant's lane: whoever can put something into it is alone there until he takes it out. There are as many as
// tenants that are registered.
func (l *lanesOf) of(t provision.TenantID) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = map[provision.TenantID]chan struct{}{}
	}
	if l.by[t] == nil {
		l.by[t] = make(chan struct{}, 1)
	}
	return l.by[t]
}
