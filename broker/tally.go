package broker

import (
	"context"
	"sync"

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

// putBack is for counts that were taken and could not be written.
func (t *tally) putBack(counts map[stroke]int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s, n := range counts {
		t.counts[s] += n
	}
}

// flushTally writes the minute's counts as events, in one commit. What cannot be written waits for the next minute.
func (b *Broker) flushTally(ctx context.Context) error {
	counts := b.tally.empty()
	if len(counts) == 0 {
		return nil
	}
	ids, err := b.ids()
	if err != nil {
		return err
	}
	var events []provision.Event
	for s, n := range counts {
		events = append(events, provision.Event{
			ID: ids.Event(len(events)), Time: b.Ledger.Now(), Kind: s.Kind, Tenant: s.Tenant, Connection: s.Connection, Account: s.Account,
			App: s.App, Lease: provision.LeaseRef{ID: s.Lease}, Outcome: string(provision.Denied), Reason: string(s.Reason), Count: n,
			Actor: provision.Actor{Kind: provision.System, Via: "tally"},
		})
	}
	_, err = b.amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) {
		return provision.Change{Events: events}, nil
	})
	if err != nil {
		b.tally.putBack(counts)
	}
	return err
}
