package broker

import (
	"context"
	"fmt"
	"time"

	"leasehold/provision"
)

// reapBatch is how many leases one commit ends.
const reapBatch = 500

// Run does what has to be done without anybody asking, until ctx is over: it ends leases on time, settles revocations,
// writes the uses of leases and the counts of what was turned away.
func (b *Broker) Run(ctx context.Context) {
	tenants, err := all(ctx, b.Registry.Tenants, func(t provision.Tenant) string { return string(t.ID) })
	b.log("list tenants", err)
	for _, t := range tenants { // a rule may have changed just before a crash
		b.regates.add(t.ID)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		every(ctx, 30*time.Second, func(ctx context.Context) { b.log("write uses", b.flushUses(ctx)) })
	}()
	tallied := make(chan struct{})
	go func() {
		defer close(tallied)
		every(ctx, time.Minute, func(ctx context.Context) { b.log("write counts", b.flushTally(ctx)) })
	}()
	fetched := make(chan struct{})
	go func() {
		defer close(fetched)
		every(ctx, 10*time.Second, func(ctx context.Context) { b.log("refresh", b.Refresh(ctx)) })
	}()
	every(ctx, time.Second, func(ctx context.Context) {
		_, err := b.Reap(ctx)
		b.log("reap", err)
		b.log("judge leases again", b.Regate(ctx))
	})
	<-done
	<-tallied
	<-fetched
}

func (b *Broker) log(what string, err error) {
	if err != nil {
		b.Log.Error(what, "error", err)
	}
}

func (b *Broker) flushUses(ctx context.Context) error {
	seen := b.index.uses()
	if len(seen) == 0 {
		return nil
	}
	return b.Ledger.Used(ctx, seen)
}

// Reap ends every lease whose time has come or that a revocation is waiting for, in batches, and returns how many.
func (b *Broker) Reap(ctx context.Context) (int, error) {
	if err := b.flushIdle(ctx); err != nil {
		return 0, err
	}
	for ended := 0; ; {
		due, err := b.Ledger.Due(ctx, b.Ledger.Now(), reapBatch)
		if err != nil || len(due) == 0 {
			if err == nil {
				err = b.settle(ctx)
			}
			return ended, err
		}
		n, err := b.reap(ctx, due)
		ended += n
		if err != nil || n == 0 {
			return ended, err
		}
	}
}

// flushIdle writes uses before anybody is ended for idleness: the ledger must know what this process knows.
func (b *Broker) flushIdle(ctx context.Context) error {
	due, err := b.Ledger.Due(ctx, b.Ledger.Now(), 1)
	if err != nil || len(due) == 0 {
		return err
	}
	return b.flushUses(ctx)
}

// reap ends one batch, in one commit.
func (b *Broker) reap(ctx context.Context, due []provision.LeaseID) (int, error) {
	open, err := b.Registry.Revocations(ctx, provision.Page{Limit: 1000})
	if err != nil {
		return 0, err
	}
	return b.endEach(ctx, due, func(s provision.Standing, now time.Time) (provision.Lease, provision.Cause) {
		cause, _ := provision.Over(s, open, now)
		return s.Lease, cause
	}, open...)
}

// endEach judges leases in one commit: each ends for the cause that judge gives, or goes on as the lease it returns.
func (b *Broker) endEach(ctx context.Context, leases []provision.LeaseID, judge func(provision.Standing, time.Time) (provision.Lease, provision.Cause), open ...provision.Revocation) (int, error) {
	draws := make(map[provision.LeaseID]provision.IDs, len(leases))
	for _, id := range leases {
		var err error
		if draws[id], err = b.ids(); err != nil {
			return 0, err
		}
	}
	now := b.Ledger.Now()
	ended := map[provision.LeaseID]provision.Cause{}
	err := b.Ledger.End(ctx, leases, func(id provision.LeaseID, s provision.State) provision.Change {
		kept, cause := judge(s.Former, now)
		switch {
		case cause == "" && (kept.End != s.Former.Lease.End || kept.Idle != s.Former.Lease.Idle):
			return provision.Change{Leases: []provision.Lease{kept}}
		case cause == "":
			return provision.Change{} // used since, or ended by somebody else
		}
		_, ref := provision.Over(s.Former, open, now)
		end := provision.End{Leases: []provision.LeaseID{id}, Cause: cause, Revocation: ref, Actor: provision.Actor{Kind: provision.System, Via: "reaper"}}
		ended[id] = cause
		return provision.EndLeases(s.OfFormer(), end, draws[id], now) // nobody asked: its events hold nothing personal
	})
	b.index.drop(leases...)
	if err != nil {
		return 0, err
	}
	for _, cause := range ended {
		b.Count.Ended(string(cause))
	}
	return len(ended), nil
}

// settle closes the revocations that nothing is left of.
func (b *Broker) settle(ctx context.Context) error {
	open, err := b.Registry.Revocations(ctx, provision.Page{Limit: 100})
	if err != nil {
		return err
	}
	for _, r := range open {
		r.Settled = b.Ledger.Now()
		_, err := b.Ledger.Amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) {
			return provision.Change{Revocations: []provision.Revocation{r}}, nil
		})
		if err != nil {
			return fmt.Errorf("settle revocation %s: %w", r.ID, err)
		}
	}
	return nil
}
