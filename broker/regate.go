package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"leasehold/provision"
)

// regates are the tenants whose live leases have to pass the gate once more, because their rules changed (I12, I16).
type regates struct {
	mu       sync.Mutex
	everyone bool      // all that there are
	rejudged time.Time // when those were added whose conditions may cease to hold by themselves; ledger time
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

// rejudgeEvery is how often a condition on the time is held against live leases: they end within the minute.
const rejudgeEvery = 20 * time.Second

// rejudging reports whether it is time for that again.
func (r *regates) rejudging(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.rejudged) < rejudgeEvery {
		return false
	}
	r.rejudged = now
	return true
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
	if b.regates.rejudging(b.Ledger.Now()) {
		if err := b.rejudge(ctx); err != nil {
			b.regates.addAll()
			return nil, fmt.Errorf("list tenants: %w", err)
		}
	}
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
			if _, err := b.endEach(ctx, slices.Collect(maps.Keys(misfits)), nil, b.regating(ctx, misfits)); err != nil {
				return err
			}
		}
		p.After = string(leases[len(leases)-1].ID)
	}
}

// misfits are those leases that the gate would not leave as they are, and where they began as far as that counts.
func (b *Broker) misfits(ctx context.Context, leases []provision.Lease) (map[provision.LeaseID]provision.Whence, error) {
	misfits := map[provision.LeaseID]provision.Whence{}
	for _, l := range leases {
		s, err := b.Ledger.Lease(ctx, l.ID)
		if errors.Is(err, provision.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		from, err := b.began(ctx, s)
		if err != nil {
			return nil, err
		}
		now := b.Ledger.Now()
		s.Met = b.met(ctx, s, from, now)
		kept, cause := provision.Regate(s, now)
		if cause != "" || kept.End != s.Lease.End || kept.Until() != s.Lease.Until() || kept.Idle != s.Lease.Idle {
			misfits[l.ID] = from
		}
	}
	return misfits, nil
}

// regating is provision.Regate with the policy's condition, for leases that began there.
func (b *Broker) regating(ctx context.Context, began map[provision.LeaseID]provision.Whence) judging {
	return func(s provision.Standing, now time.Time) (provision.Lease, provision.Cause) {
		s.Met = b.met(ctx, s, began[s.Lease.ID], now)
		return provision.Regate(s, now)
	}
}

// met reports whether the policy's condition holds of a lease that began there. What cannot be evaluated does not.
func (b *Broker) met(ctx context.Context, s provision.Standing, from provision.Whence, now time.Time) bool {
	when := s.Tenant.Policy.When
	if when == "" {
		return true
	}
	met, err := b.Conditions.Holds(context.WithoutCancel(ctx), when, s.Case(from, now)) // that we stop ends nobody's session
	return err == nil && met
}

// began is where the session began that a lease is, or is below, if the policy's condition looks at that.
func (b *Broker) began(ctx context.Context, s provision.Standing) (provision.Whence, error) {
	if when := s.Tenant.Policy.When; when == "" || !b.Conditions.Uses(when).Whence {
		return provision.Whence{}, nil
	}
	root := s.Lease.ID
	if len(s.Ancestors) > 0 {
		root = s.Ancestors[len(s.Ancestors)-1].ID
	}
	return b.whence(ctx, root, s.Account.Key)
}

// rejudge adds every tenant whose condition may cease to hold by itself.
func (b *Broker) rejudge(ctx context.Context) error {
	tenants, err := all(ctx, b.Registry.Tenants, func(t provision.Tenant) string { return string(t.ID) })
	for _, t := range tenants {
		if when := t.Policy.When; when != "" && b.Conditions.Uses(when).Time {
			b.regates.add(t.ID)
		}
	}
	return err
}

// origins are where the session of a target began, and that of its intent, as far as the conditions of their policies look
// at that.
func (b *Broker) origins(ctx context.Context, t provision.Target) (of, by provision.Whence, err error) {
	for _, x := range []struct {
		lease provision.LeaseID
		from  *provision.Whence
	}{{t.Lease, &of}, {t.Intent.Lease, &by}} {
		s, unknown := b.Ledger.Lease(ctx, x.lease)
		if errors.Is(unknown, provision.ErrNotFound) || x.lease == "" {
			continue // the gate says so
		}
		if unknown != nil {
			return of, by, unknown
		}
		if *x.from, err = b.began(ctx, s); err != nil {
			return of, by, err
		}
	}
	return of, by, nil
}
