package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"leasehold/provision"
)

// regates are the tenants whose live leases have to pass the gate once more, because their rules changed (I12, I16).
type regates struct {
	mu       sync.Mutex
	everyone bool // all that there are
	tenants  map[provision.TenantID]bool
}

func (r *regates) add(tenants ...provision.TenantID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tenants == nil {
		r.tenants = map[provision.TenantID]bool{}
	}
	for _, t := range tenants {
		r.tenants[t] = true
	}
}

// addAll is for a start, and for whoever goes on with another's work: a rule may have changed just before a crash.
func (r *regates) addAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.everyone = true
}

func (r *regates) take() (tenants []provision.TenantID, everyone bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for t := range r.tenants {
		tenants = append(tenants, t)
	}
	everyone = r.everyone
	r.everyone = false
	clear(r.tenants)
	return tenants, everyone
}

// taken are the tenants that wait, by name.
func (b *Broker) taken(ctx context.Context) ([]provision.TenantID, error) {
	waiting, everyone := b.regates.take()
	if !everyone {
		return waiting, nil
	}
	tenants, err := all(ctx, b.Registry.Tenants, func(t provision.Tenant) string { return string(t.ID) })
	if err != nil {
		b.regates.addAll()
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	waiting = nil
	for _, t := range tenants {
		waiting = append(waiting, t.ID)
	}
	return waiting, nil
}

// Regate judges the live leases of tenants whose rules changed: what no longer passes ends, what may not last as long
// ends earlier. A tenant that cannot be finished is tried again.
func (b *Broker) Regate(ctx context.Context) error {
	waiting, err := b.taken(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, t := range waiting {
		if err := b.regate(ctx, t); err != nil {
			b.regates.add(t)
			faults = append(faults, fmt.Errorf("tenant %s: %w", t, err))
		}
	}
	return errors.Join(faults...)
}

// regate judges on what it reads, and commits only what has to change: after a start, that is almost nothing of very
// much.
func (b *Broker) regate(ctx context.Context, t provision.TenantID) error {
	p := provision.Page{Tenant: t, Limit: reapBatch}
	for {
		leases, err := b.Registry.Leases(ctx, p)
		if err != nil || len(leases) == 0 {
			return err
		}
		misfits, err := b.misfits(ctx, leases)
		if err != nil {
			return err
		}
		if len(misfits) > 0 {
			if _, err := b.endEach(ctx, misfits, nil, provision.Regate); err != nil {
				return err
			}
		}
		p.After = string(leases[len(leases)-1].ID)
	}
}

// misfits are those leases that the gate would not leave as they are.
func (b *Broker) misfits(ctx context.Context, leases []provision.Lease) ([]provision.LeaseID, error) {
	var ids []provision.LeaseID
	for _, l := range leases {
		s, err := b.Ledger.Lease(ctx, l.ID)
		if errors.Is(err, provision.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		kept, cause := provision.Regate(s, b.Ledger.Now())
		if cause != "" || kept.End != s.Lease.End || kept.Idle != s.Lease.Idle {
			ids = append(ids, l.ID)
		}
	}
	return ids, nil
}
