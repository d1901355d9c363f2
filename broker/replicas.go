package broker

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/provision"
)

// Replicas keeps the memory of processes that share a ledger true (docs/design/0007-coherence.md). A process answers
// from memory only for a second after the start of its last renewal; who revokes waits until every process has applied
// the news, or until none of them can still be in the second that it was in.
type Replicas interface {
	// Renew says that this process is alive and has applied news, and returns the news that it has not: all that was
	// committed before the call and was not among what an earlier Renew returned and the process then said it applied.
	Renew(ctx context.Context, applied []provision.NewsID) (provision.Renewal, error)

	// Await wakes the other processes, and returns when each that was there after the call began has applied the news, or
	// when ctx is over. News that nobody has to apply any more are applied. "" is all the news that there are.
	Await(ctx context.Context, id provision.NewsID)

	// Woken tells that there may be news. It may miss some, and tell of none.
	Woken() <-chan struct{}
}

// The times of the protocol.
const (
	renewEvery = 250 * time.Millisecond
	freshFor   = time.Second             // from the start of a renewal
	newsWait   = 1050 * time.Millisecond // freshFor, with clocks that differ by 1 % in their rate and something to spare
	renewLimit = 5 * time.Second         // for a renewal that hangs
	newKeyRest = 2 * time.Second         // before the newest key is used: each process knows it by then, or is not fresh
)

// replica is what a process knows of how true its memory is. The zero replica is not.
type replica struct {
	mu      sync.Mutex // one renewal at a time
	applied []provision.NewsID
	reload  bool         // what is registered has to be read again before memory is true
	until   atomic.Int64 // memory is true until then, CLOCK_BOOTTIME in nanoseconds
	leading atomic.Bool
}

// alone reports whether this process has its ledger for itself.
func (b *Broker) alone() bool { return b.Replicas == nil }

// fresh reports whether memory may answer now.
func (b *Broker) fresh() bool { return b.stillFresh(b.replica.until.Load()) }

// stillFresh reports whether memory is good until then, and so was all the time since until was read.
func (b *Broker) stillFresh(until int64) bool { return b.alone() || int64(b.Boottime()) < until }

// Leads reports whether this process is the one that does what has to be done once.
func (b *Broker) Leads() bool { return b.alone() || b.replica.leading.Load() }

// Fresh is nil when memory may answer, for who asks whether this process is ready.
func (b *Broker) Fresh() error {
	if !b.fresh() {
		return provision.ErrUnavailable
	}
	return nil
}

// keepFresh renews, at intervals and when it is woken, until ctx is over.
func (b *Broker) keepFresh(ctx context.Context) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = b.renew(ctx); err != nil && ctx.Err() == nil {
				b.Log.Warn("renewal failed; after a second without one, checks ask the ledger", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			b.replica.until.Store(0)
			return
		case <-tick.C:
		case <-b.Replicas.Woken():
		}
	}
}

// renew renews once. Where there was news there is more to do: whoever waits wants to hear that it was applied.
func (b *Broker) renew(ctx context.Context) (more bool, err error) {
	r := &b.replica
	r.mu.Lock()
	defer r.mu.Unlock()
	began := b.Boottime()
	ctx, cancel := context.WithTimeout(ctx, renewLimit)
	defer cancel()
	renewal, err := b.Replicas.Renew(ctx, r.applied)
	if err != nil {
		r.leading.Store(false)
		return false, err
	}
	if err := b.apply(ctx, renewal); err != nil {
		r.until.Store(0) // what was read again by half is not true
		return false, err
	}
	if r.leading.Swap(renewal.Leads) != renewal.Leads && renewal.Leads {
		b.Log.Info("this process does what has to be done once")
		b.regates.addAll()
	}
	r.until.Store(int64(began + freshFor))
	return len(renewal.News) > 0, nil
}

// apply forgets what the news are about. What was read before is gone when it returns without an error.
func (b *Broker) apply(ctx context.Context, renewal provision.Renewal) error {
	r := &b.replica
	r.applied = nil
	r.reload = r.reload || renewal.Joined
	for _, n := range renewal.News {
		r.applied = append(r.applied, n.ID)
		r.reload = r.reload || n.All
		b.index.drop(n.Leases...)
		b.suspense.release(n.Leases...)
		b.regates.add(n.Judge...)
	}
	if !r.reload {
		return nil
	}
	if err := b.readAgain(ctx); err != nil {
		r.applied = nil // not yet: they come again, with the others
		return err
	}
	r.reload = false
	b.Changed()
	return nil
}

// readAgain forgets everything, and reads anew what every check needs.
func (b *Broker) readAgain(ctx context.Context) error {
	b.index.flush()
	b.providers.forgetAll()
	b.Keys.Forget()
	if err := b.reloadApps(ctx); err != nil {
		return err
	}
	return b.loadKeys(ctx)
}

// inform writes into a change what other processes have to forget because of it: the leases whose standing it alters, or
// everything, when something that is registered changed.
func (b *Broker) inform(c *provision.Change, altered []provision.LeaseID, id provision.NewsID) {
	b.regates.add(c.News.Judge...) // here, too, also when nobody knows whether it was written
	n := provision.News{ID: id, All: c.News.All || changesRegistered(*c), Judge: c.News.Judge, Leases: altered}
	if b.alone() || n.IsZero() {
		n = provision.News{}
	}
	c.News = n
}

// altered are the leases of a state whose standing a change alters: those that it writes or hands to an app, what may be
// below one of them or above it, and all of an account that checks know otherwise, or by which it acts. A lease that begins
// is known to nobody, and that somebody came back says nothing about her other sessions.
func altered(c provision.Change, s provision.State) []provision.LeaseID {
	var ids []provision.LeaseID
	for _, e := range c.Entries {
		if slices.ContainsFunc(c.Leases, func(l provision.Lease) bool { return l.ID == e.Lease && l.EndedAt.IsZero() && l.Start.Equal(e.At) }) {
			continue // begins with it
		}
		ids = append(ids, e.Lease)
	}
	for _, l := range slices.Concat(s.Leases, s.FormerLeases, s.IntendedLeases, s.Acting, s.FormerActing) {
		written := slices.ContainsFunc(c.Leases, func(w provision.Lease) bool {
			return w.ID == l.ID || w.Parent == l.ID || l.Parent != "" && w.Account == l.Account
		})
		if (written || slices.ContainsFunc(c.Accounts, func(a provision.Account) bool {
			return (a.ID == l.Account || a.ID == l.Agent.Account) && !isKnown(a, s)
		})) && !slices.Contains(ids, l.ID) {
			ids = append(ids, l.ID)
		}
	}
	return ids
}

// isKnown reports whether checks know an account as it is already.
func isKnown(a provision.Account, s provision.State) bool {
	return slices.ContainsFunc([]provision.Account{s.Account, s.Former.Account, s.Intended.Account}, func(was provision.Account) bool {
		return was.ID == a.ID && was.State == a.State && was.Generation == a.Generation && was.Email == a.Email && was.Name == a.Name && slices.Equal(was.Groups, a.Groups)
	})
}

// settled waits until no process can answer from what it knew before a change that was committed.
func (b *Broker) settled(ctx context.Context, n provision.News) {
	if !n.IsZero() {
		b.await(ctx, n.ID)
	}
}

// settledAll is settled for whoever asks for what has happened already: it may have been committed by a process that was
// killed before the others had heard.
func (b *Broker) settledAll(ctx context.Context) { b.await(ctx, "") }

func (b *Broker) await(ctx context.Context, id provision.NewsID) {
	if b.alone() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), newsWait) // who gives up waiting does not make it true
	defer cancel()
	b.Replicas.Await(ctx, id)
}

// boottime is the time since the machine was started, with the time that it slept.
func boottime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 1<<63 - 1 // nothing is fresh then
	}
	return time.Duration(t.Nano())
}
