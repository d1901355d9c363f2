package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"leasehold/provision"
)

// meet notes that an app knows an account.
func (c *commit) meet(a provision.AccountID, app provision.AppID) {
	if !slices.Contains(c.known[a], app) {
		set(c, c.known, a, append(slices.Clone(c.known[a]), app))
	}
}

// part notes that an app has been told that an account is gone.
func (c *commit) part(a provision.AccountID, app provision.AppID) {
	set(c, c.known, a, slices.DeleteFunc(slices.Clone(c.known[a]), func(x provision.AppID) bool { return x == app }))
}

func (c *commit) delivery(d provision.Delivery) error {
	if _, known := c.deliveries[d.ID]; d.Seq == 0 || (!known && c.deliveredOf(d.Seq, d.App)) {
		return fmt.Errorf("delivery %s of no event, or of one that was told: %w", d.ID, errLostRace)
	}
	set(c, c.deliveries, d.ID, d)
	if d.Kind == provision.AccountDeactivated && !d.Open() {
		c.part(d.Account, d.App)
	}
	return nil
}

func (t *tables) deliveredOf(seq int64, app provision.AppID) bool {
	for _, d := range t.deliveries {
		if d.Seq == seq && d.App == app {
			return true
		}
	}
	return false
}

// void takes back that accounts are gone, where no app has confirmed it.
func (c *commit) void(accounts []provision.AccountID) {
	for id, d := range maps.Clone(c.deliveries) {
		if d.Kind == provision.AccountDeactivated && d.Open() && slices.Contains(accounts, d.Account) {
			drop(c, c.deliveries, id)
		}
	}
}

// listeners are the apps that asked to be told and that know an account.
func (t *tables) listeners(id provision.AccountID) (x provision.Listeners) {
	for _, app := range slices.Sorted(slices.Values(t.known[id])) {
		if a := t.apps[app]; a.Notify.Secret != "" {
			x.Apps = append(x.Apps, a)
		}
	}
	if len(x.Apps) == 0 {
		return x
	}
	for _, d := range t.ordered() {
		if d.Account == id && d.Kind == provision.AccountDeactivated && d.Open() {
			x.Leaving = append(x.Leaving, d.App)
		}
	}
	for _, l := range t.live[id] {
		x.Entries = append(x.Entries, t.entries[l]...)
	}
	return x
}

// ordered are all deliveries, in the order of what they tell of.
func (t *tables) ordered() []provision.Delivery {
	return slices.SortedFunc(maps.Values(t.deliveries), func(a, b provision.Delivery) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.App, b.App))
	})
}

// Take takes deliveries for telling.
func (s *Store) Take(ctx context.Context, x provision.Taking) (taken []provision.Delivery, err error) {
	err = s.commit(ctx, func(c *commit) error {
		ahead := map[provision.AccountID]bool{}
		for _, d := range c.ordered() {
			if d.App != x.App || d.State != provision.DeliveryPending || ahead[d.Account] {
				continue
			}
			ahead[d.Account] = true
			if d.Next.After(x.Now) || len(taken) >= x.Limit {
				continue
			}
			d.Taker, d.Next, d.Tries = x.Taker, x.Until, d.Tries+1
			set(c, c.deliveries, d.ID, d)
			taken = append(taken, d)
		}
		return nil
	})
	return taken, err
}

// Settle writes what became of deliveries that were taken. One that is void, or that somebody else has taken since,
// stays as it is.
func (s *Store) Settle(ctx context.Context, told []provision.Delivery) error {
	return s.commit(ctx, func(c *commit) error {
		return each(told, func(d provision.Delivery) error {
			if now, ok := c.deliveries[d.ID]; !ok || now.Taker != d.Taker || now.State != provision.DeliveryPending {
				return nil
			}
			return c.delivery(d)
		})
	})
}

// Deliveries lists deliveries, in the order of what they tell of, and the Seq of the last event there is.
func (s *Store) Deliveries(ctx context.Context, f provision.DeliveryFilter) (found []provision.Delivery, last int64, err error) {
	limit := cmp.Or(max(f.Limit, 0), 100)
	err = s.view(ctx, func(t *tables) error {
		last = int64(len(t.events))
		all := t.ordered()
		if f.Latest {
			slices.SortStableFunc(all, func(a, b provision.Delivery) int { return b.Settled.Compare(a.Settled) })
		}
		for _, d := range all {
			if len(found) < limit && chosen(f, d) {
				found = append(found, own(d))
			}
		}
		return nil
	})
	return found, last, err
}

func chosen(f provision.DeliveryFilter, d provision.Delivery) bool {
	switch {
	case f.ID != "" && d.ID != f.ID, f.App != "" && d.App != f.App, f.Tenant != "" && d.Tenant != f.Tenant, f.State != "" && d.State != f.State, f.Open && !d.Open():
		return false
	case f.Latest:
		return d.State == provision.DeliveryConfirmed
	}
	return d.Seq > f.After || (d.Seq == f.After && f.AfterApp != "" && d.App > f.AfterApp)
}

// Backlog counts what an app is still to be told.
func (s *Store) Backlog(ctx context.Context, app provision.AppID) (b provision.Backlog, err error) {
	err = s.view(ctx, func(t *tables) error {
		for _, d := range t.deliveries {
			switch {
			case d.App != app:
			case d.State == provision.DeliveryPending:
				b.Pending = min(b.Pending+1, provision.MaxBacklog)
			case d.State == provision.DeliveryStuck:
				b.Stuck = min(b.Stuck+1, provision.MaxBacklog)
			}
		}
		return nil
	})
	return b, err
}

// DeleteTold deletes deliveries of an app that were confirmed or dropped before a time, at most limit rows. It returns
// how many.
func (s *Store) DeleteTold(ctx context.Context, app provision.AppID, before time.Time, limit int) (n int, err error) {
	err = s.commit(ctx, func(c *commit) error {
		for id, d := range maps.Clone(c.deliveries) {
			if n < limit && d.App == app && !d.Open() && d.Settled.Before(before) {
				drop(c, c.deliveries, id)
				n++
			}
		}
		return nil
	})
	return n, err
}
