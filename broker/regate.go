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
	mu      sync.Mutex
	tenants map[provision.TenantID]bool
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

func (r *regates) take() []provision.TenantID {
	r.mu.Lock()
	defer r.mu.Unlock()
	var taken []provision.TenantID
	for t := range r.tenants {
		taken = append(taken, t)
	}
	clear(r.tenants)
	return taken
}

// regateAll is for a start, and for whoever goes on with another's work: a rule may have changed just before a crash.
func (b *Broker) regateAll(ctx context.Context) {
	tenants, err := all(ctx, b.Registry.Tenants, func(t provision.Tenant) string { return string(t.ID) })
	b.log("list tenants", err)
	for _, t := range tenants {
		b.regates.add(t.ID)
	}
}

// Regate judges the live leases of tenants whose rules changed: what no longer passes ends, what may not last as long
// ends earlier. A tenant that cannot be finished is tried again.
func (b *Broker) Regate(ctx context.Context) error {
	var faults []error
	for _, t := range b.regates.take() {
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
