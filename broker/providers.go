package broker

import (
	"context"
	"sync"

	"leasehold/idp"
	"leasehold/provision"
)

// providers keeps one provider a connection, made anew when the connection changes.
type providers struct {
	open func(context.Context, provision.Connection) (idp.Provider, error)

	mu        sync.Mutex
	known     map[provision.ConnectionID]opened
	forgotten uint64 // how often forget was called: what was being opened meanwhile is not kept
}

type opened struct {
	idp.Provider
	revision int64
}

func (p *providers) of(ctx context.Context, c provision.Connection) (idp.Provider, error) {
	p.mu.Lock()
	o, ok := p.known[c.ID]
	before := p.forgotten
	p.mu.Unlock()
	if ok && o.revision == c.Revision {
		return o.Provider, nil
	}
	provider, err := p.open(ctx, c) // outside the lock: one tenant's keys must not hold up another's login
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.forgotten != before { // its keys may be the former ones: good for this login, which began before
		return provider, nil
	}
	if p.known == nil {
		p.known = map[provision.ConnectionID]opened{}
	}
	p.known[c.ID] = opened{provider, c.Revision}
	return provider, nil
}

// forget makes a connection's provider be made anew.
func (p *providers) forget(c provision.ConnectionID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgotten++
	delete(p.known, c)
}

// forgetAll makes every provider be made anew.
func (p *providers) forgetAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgotten++
	clear(p.known)
}
