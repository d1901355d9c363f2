package broker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"leasehold/provision"
)

// reapBatch is how many leases one commit ends.
const reapBatch = 500

// How often things are done without anybody asking.
const (
	reapEvery    = 500 * time.Millisecond // a lease ends within the second
	regateEvery  = time.Second
	usesEvery    = 30 * time.Second
	tallyEvery   = time.Minute
	refreshEvery = 10 * time.Second
	eraseEvery   = time.Hour
)

// Run does what has to be done without anybody asking, until ctx is over: it ends leases on time, settles revocations,
// holds live leases against rules that changed, writes the uses of leases and the counts of what was turned away,
// fetches metadata, tells apps, and erases what has been kept long enough.
func (b *Broker) Run(ctx context.Context) {
	var tasks sync.WaitGroup
	repeatedly := func(d time.Duration, what string, do func(context.Context) error) {
		b.pulse.beat(what)
		tasks.Go(func() {
			every(ctx, d, func() {
				defer b.pulse.beat(what)
				if err := do(ctx); ctx.Err() == nil { // else it is we who gave up
					b.log(what, err)
				}
			})
		})
	}
	once := func(do func(context.Context) error) func(context.Context) error { // by one of the processes that share the ledger
		return func(ctx context.Context) error {
			if !b.Leads() {
				return nil
			}
			return do(ctx)
		}
	}
	if b.alone() {
		b.regates.addAll()
	} else {
		tasks.Go(func() { b.keepFresh(ctx) })
		if b.Herald != nil {
			tasks.Go(func() { b.heed(ctx) })
		}
	}
	repeatedly(reapEvery, reaping, once(func(ctx context.Context) error { _, err := b.Reap(ctx); return err }))
	repeatedly(regateEvery, "judge leases again", once(b.Regate))
	repeatedly(regateEvery, "read apps", b.recoverApps)
	repeatedly(usesEvery, "write uses", b.flushUses)
	repeatedly(tallyEvery, "write counts", b.flushTally)
	repeatedly(refreshEvery, "refresh", once(b.Refresh))
	repeatedly(eraseEvery, "erase", once(b.Erase))
	repeatedly(warnEvery, "warn of certificates", once(b.Warn))
	var asked sync.WaitGroup
	repeatedly(askEvery, "ask identity providers", func(ctx context.Context) error { return b.ask(ctx, &asked) })
	if b.Outbox != nil && b.Messenger != nil { // all of the processes that share the ledger: each takes what no other has
		repeatedly(deliverEvery, "tell apps", b.Deliver)
		repeatedly(tallyEvery, "drop what nobody asks for", once(b.forgetUnasked))
	}
	if b.Credentials != nil && b.Sources != nil {
		repeatedly(reapEvery, "take back credentials", once(b.TakeBack))
	}
	if b.Elevations != nil {
		repeatedly(expireEvery, "close requests for roles", once(b.expireElevations))
	}
	if b.Canaries != nil {
		repeatedly(canaryLook, "watch canary", b.canary)
	}
	tasks.Wait()
	asked.Wait()
	b.aviary.tasks.Wait()
	b.lanes.tasks.Wait()
	b.returns.tasks.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	b.log("write uses", b.flushUses(last))
	b.log("write counts", b.flushTally(last))
}

// every runs do each d until ctx is over.
func every(ctx context.Context, d time.Duration, do func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

func (b *Broker) log(what string, err error) {
	if err != nil {
		b.Log.Error(what, "error", err)
	}
}

// flushUses writes the last uses of leases. What cannot be written waits for the next time.
func (b *Broker) flushUses(ctx context.Context) error {
	b.writing.Lock()
	defer b.writing.Unlock()
	seen := b.index.takeUses()
	maps.DeleteFunc(seen, func(id provision.LeaseID, _ time.Time) bool { return id.IsCanary() })
	if len(seen) == 0 {
		return nil
	}
	err := b.Ledger.Used(ctx, seen)
	if err != nil {
		b.index.putUsesBack(seen)
	}
	return err
}

// Reap ends every lease whose time has come or that a revocation is waiting for, in batches, and returns how many.
func (b *Broker) Reap(ctx context.Context) (int, error) {
	if err := b.flushIdle(ctx); err != nil {
		return 0, err
	}
	for ended := 0; ; {
		b.pulse.beat(reaping)               // of many that are due at once, each batch is a sign of life
		open, err := b.openRevocations(ctx) // before the leases: of a later one, some may still be live
		if err != nil {
			return ended, err
		}
		due, err := b.Ledger.Due(ctx, b.Ledger.Now(), reapBatch)
		if err != nil {
			return ended, err
		}
		if len(due) == 0 {
			return ended, b.settle(ctx, open)
		}
		n, err := b.endEach(ctx, due, open, func(s provision.Standing, now time.Time) (provision.Lease, provision.Cause) {
			cause, _ := provision.Over(s, open, now)
			return s.Lease, cause
		})
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

// judging says of a lease for what cause it ends, or as what it goes on.
type judging func(provision.Standing, time.Time) (provision.Lease, provision.Cause)

// endEach judges leases in one commit, and returns how many ended. An end that falls under an open revocation names it.
func (b *Broker) endEach(ctx context.Context, leases []provision.LeaseID, open []provision.Revocation, judge judging) (int, error) {
	draws := make(map[provision.LeaseID]provision.IDs, len(leases))
	for _, id := range leases {
		var err error
		if draws[id], err = b.ids(); err != nil {
			return 0, err
		}
	}
	now := b.Ledger.Now()
	changes, touched := make(map[provision.LeaseID]provision.Change, len(leases)), make(map[provision.LeaseID][]provision.LeaseID, len(leases))
	news := provision.NewsID(draw()) // nobody asked, so nobody waits until the others know
	err := b.Ledger.End(ctx, leases, func(id provision.LeaseID, s provision.State) provision.Change {
		c := endOrKeep(id, s, open, judge, draws[id], now)
		touched[id] = altered(c, s)
		b.inform(&c, touched[id], news)
		changes[id] = c
		return c
	})
	b.index.drop(leases...)
	for id, c := range changes {
		b.forget(c, touched[id])
	}
	if err != nil {
		return 0, err
	}
	ended := 0
	for id, c := range changes {
		b.countEnded(c)
		if slices.ContainsFunc(c.Leases, func(l provision.Lease) bool { return l.ID == id && !l.EndedAt.IsZero() }) {
			ended++
		}
	}
	return ended, nil
}

// endOrKeep is what becomes of one lease that is judged. Nobody asked: the events hold nothing personal.
func endOrKeep(id provision.LeaseID, s provision.State, open []provision.Revocation, judge judging, ids provision.IDs, now time.Time) provision.Change {
	kept, cause := judge(s.Former, now)
	switch {
	case cause == "" && (kept.End != s.Former.Lease.End || kept.Until() != s.Former.Lease.Until() || kept.Idle != s.Former.Lease.Idle):
		return provision.Change{Leases: []provision.Lease{kept}}
	case cause == "":
		return provision.Change{} // used since, or ended by somebody else
	}
	_, ref := provision.Over(s.Former, open, now)
	end := provision.End{Leases: []provision.LeaseID{id}, Cause: cause, Revocation: ref, Actor: provision.Actor{Kind: provision.System, Via: "reaper"}}
	return provision.EndLeases(s.OfFormer(), end, ids, now)
}

// settle closes revocations of which nothing is left.
func (b *Broker) settle(ctx context.Context, done []provision.Revocation) error {
	if len(done) == 0 {
		return nil
	}
	for i := range done {
		done[i].Settled = b.Ledger.Now()
	}
	_, err := b.Ledger.Amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) {
		return provision.Change{Revocations: done}, nil
	})
	if err != nil {
		return fmt.Errorf("settle revocations: %w", err)
	}
	return nil
}

// openRevocations are those of which rows may be left.
func (b *Broker) openRevocations(ctx context.Context) ([]provision.Revocation, error) {
	return all(ctx, b.Registry.Revocations, func(r provision.Revocation) string { return string(r.ID) })
}

// Settled reports whether nothing is left to settle of a revocation.
func (b *Broker) Settled(ctx context.Context, id provision.RevocationID) (bool, error) {
	open, err := b.openRevocations(ctx)
	left := slices.ContainsFunc(open, func(r provision.Revocation) bool { return r.ID == id })
	return err == nil && !left, err
}
