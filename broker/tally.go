package broker

import (
	"context"
	"sync"
	"time"

	"leasehold/provision"
)

// stroke is what a tally counts: many of one kind within a minute are one event.
type stroke struct {
	Kind       string
	Tenant     provision.TenantID
	Connection provision.ConnectionID
	Account    provision.AccountID
	App        provision.AppID
	Lease      provision.LeaseID
	Reason     provision.Reason
}

// maxStrokes bounds what one minute may hold; what comes beyond is counted under the bare kind and reason.
const maxStrokes = 10_000

// tally gathers what anybody can cause as often as they like, so that the audit cannot be flooded.
type tally struct {
	mu     sync.Mutex
	counts map[stroke]int
}

func newTally() *tally { return &tally{counts: map[stroke]int{}} }

func (t *tally) note(s stroke) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.counts[s]; !known && len(t.counts) >= maxStrokes {
		s = stroke{Kind: s.Kind, Reason: s.Reason}
	}
	t.counts[s]++
}

func (t *tally) empty() map[stroke]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := t.counts
	t.counts = map[stroke]int{}
	return counts
}

// flushTally writes the minute's counts as events.
func (b *Broker) flushTally(ctx context.Context) error {
	for s, n := range b.tally.empty() {
		ids, err := b.ids()
		if err != nil {
			return err
		}
		_, err = b.amend(ctx, provision.Target{}, s.Tenant, func(provision.State) (provision.Change, error) {
			return provision.Change{Events: []provision.Event{{
				ID: ids.Event(0), Time: b.Ledger.Now(), Kind: s.Kind, Tenant: s.Tenant, Connection: s.Connection, Account: s.Account,
				App: s.App, Lease: provision.LeaseRef{ID: s.Lease}, Outcome: string(provision.Denied), Reason: string(s.Reason), Count: n,
				Actor: provision.Actor{Kind: provision.System, Via: "tally"},
			}}}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// every runs do each d until ctx is over, and once more then.
func every(ctx context.Context, d time.Duration, do func(context.Context)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			do(last)
			return
		case <-tick.C:
			do(ctx)
		}
	}
}
