package broker

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"leasehold/provision"
)

// Pace is how many steps of logins one tenant may take: each beginning is one, and each answer that is judged.
type Pace struct {
	N   int           // in one go, and per Per; 0: 6,000
	Per time.Duration // 0: a minute
}

// Limits of what logins may do at one connection's identity provider at once. Fewer are inside than outbound has
// connections to one host, so that two connections can share a host, too.
const (
	maxInside  = 32
	maxWaiting = 256             // inside or in front of the door
	maxWait    = 5 * time.Second // in front of the door
)

// rooms keep one tenant's trouble its own. Whoever has to do with an identity provider stands in the room of its
// connection: when that one hangs, its own room fills up, and who comes next is refused at once. Nobody waits for
// another's room.
type rooms struct {
	pace   Pace
	shared Shared // may be nil

	mu    sync.Mutex
	open  map[provision.ConnectionID]*room
	paces map[provision.TenantID]*rate.Limiter
}

// room is there while somebody is in it.
type room struct {
	inside chan struct{}
	here   int // inside or in front of the door
}

func newRooms(p Pace, s Shared) *rooms {
	if p.N <= 0 {
		p.N = 6000
	}
	if p.Per <= 0 {
		p.Per = time.Minute
	}
	return &rooms{pace: p, shared: s, open: map[provision.ConnectionID]*room{}, paces: map[provision.TenantID]*rate.Limiter{}}
}

// enter is "" when one more login of c may be begun or judged, and leave has to follow then.
func (r *rooms) enter(ctx context.Context, c provision.Connection, now time.Time) (leave func(), refused provision.Reason) {
	room, refused := r.queue(c, now)
	if refused != "" {
		return nil, refused
	}
	if !r.keepsPace(ctx, c.Tenant) {
		r.quit(c.ID, room)
		return nil, provision.RateLimited
	}
	wait := time.NewTimer(maxWait)
	defer wait.Stop()
	select {
	case room.inside <- struct{}{}:
		return func() { <-room.inside; r.quit(c.ID, room) }, ""
	case <-wait.C:
	case <-ctx.Done():
	}
	r.quit(c.ID, room)
	return nil, provision.IdPUnreachable
}

// queue takes a place in front of the door.
func (r *rooms) queue(c provision.Connection, now time.Time) (*room, provision.Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.open[c.ID]
	if at == nil {
		at = &room{inside: make(chan struct{}, maxInside)}
	}
	if at.here >= maxWaiting {
		return nil, provision.IdPUnreachable
	}
	pace := r.paces[c.Tenant]
	if pace == nil { // one a tenant that is registered: as many as there are
		pace = rate.NewLimiter(rate.Limit(float64(r.pace.N)/r.pace.Per.Seconds()), r.pace.N)
		r.paces[c.Tenant] = pace
	}
	if !pace.AllowN(now, 1) {
		return nil, provision.RateLimited
	}
	at.here++
	r.open[c.ID] = at
	return at, ""
}

// keepsPace reports whether all replicas together leave the tenant one more step. When nobody can tell, the count of this
// one is enough, which has allowed it already.
func (r *rooms) keepsPace(ctx context.Context, t provision.TenantID) bool {
	if r.shared == nil {
		return true
	}
	allowed, err := r.shared.Allow(ctx, "tenant/"+string(t), r.pace.N, r.pace.Per)
	return allowed || err != nil
}

func (r *rooms) quit(id provision.ConnectionID, at *room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.here--; at.here == 0 {
		delete(r.open, id)
	}
}

// room lets one more step of a login at c go on, until leave. A refusal is counted and not written one by one: whoever
// causes many must not fill the audit.
func (b *Broker) room(ctx context.Context, c provision.Connection) (leave func(), err error) {
	leave, reason := b.rooms.enter(ctx, c, b.Now())
	if reason == "" {
		return leave, nil
	}
	b.tally.note(stroke{Kind: provision.EventLogin, Tenant: c.Tenant, Connection: c.ID, Reason: reason})
	return nil, &provision.DeniedError{Reason: reason, Tenant: c.Tenant}
}
