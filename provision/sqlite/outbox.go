package sqlite

import (
	"context"
	"time"

	"leasehold/provision"
)

// deliveries writes what apps are told by a change: of its own events, new rows; else rows that are there already.
func (w writer) deliveries(c *provision.Change) error {
	c.Number()
	return each(c.Deliveries, func(d provision.Delivery) error {
		var there int
		if err := w.scan(&there, "SELECT count(*) FROM deliveries WHERE id = ?", d.ID); err != nil {
			return err
		}
		if there == 0 && !d.Of(c.Events) {
			return errLostRace // it is void by now
		}
		return w.delivery(d)
	})
}

// delivery writes a row, and lets those behind it wait as long as it does: nobody looks at them meanwhile.
func (w writer) delivery(d provision.Delivery) error {
	if err := w.deliveryRow(d); err != nil {
		return err
	}
	next := d.Next
	if d.State != provision.DeliveryPending {
		next = time.Time{}
	}
	if err := w.exec("UPDATE deliveries SET next = max(due, ?) WHERE app = ? AND account = ? AND state = 'pending' AND seq > ?", stamp(next), d.App, d.Account, d.Seq); err != nil {
		return err
	}
	if d.Kind == provision.AccountDeactivated && !d.Open() {
		return w.exec("DELETE FROM known WHERE account = ? AND app = ?", d.Account, d.App)
	}
	return nil
}

func (w writer) deliveryRow(d provision.Delivery) error {
	return w.put(d, `INSERT INTO deliveries (id, seq, app, account, kind, state, due, next, taker, settled, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, next = excluded.next, taker = excluded.taker, settled = excluded.settled, body = excluded.body`,
		d.ID, d.Seq, d.App, d.Account, d.Kind, d.State, stamp(d.Due), stamp(d.Next), d.Taker, stamp(d.Settled))
}

// void takes back that an account is gone, where no app has confirmed it.
func (w writer) void(a provision.AccountID) error {
	return w.exec("DELETE FROM deliveries WHERE account = ? AND kind = 'account.deactivated' AND state IN ('pending', 'stuck')", a)
}

// listeners are the apps that asked to be told and that know an account.
func (r reader) listeners(id provision.AccountID) (x provision.Listeners, err error) {
	if id == "" {
		return x, nil
	}
	x.Apps, err = rows[provision.App](r, "SELECT a.body FROM known k JOIN apps a ON a.id = k.app WHERE k.account = ? AND a.body ->> '$.Notify.Secret' <> ''", id)
	if err != nil || len(x.Apps) == 0 {
		return x, err
	}
	x.Leaving, err = column[provision.AppID](r, "SELECT app FROM deliveries WHERE account = ? AND kind = 'account.deactivated' AND state IN ('pending', 'stuck')", id)
	if err != nil {
		return x, err
	}
	live, err := column[provision.LeaseID](r, "SELECT id FROM leases WHERE account = ? AND NOT ended", id)
	for _, l := range live {
		if err != nil {
			return x, err
		}
		var entries []provision.Entry
		entries, err = r.entries(l)
		x.Entries = append(x.Entries, entries...)
	}
	return x, err
}

// heads are the deliveries of an app that come first for their accounts, and are due.
const heads = `SELECT body FROM deliveries d WHERE app = ? AND state = 'pending' AND next <= ?
	AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.app = d.app AND e.account = d.account AND e.state = 'pending' AND e.seq < d.seq) ORDER BY next LIMIT ?`

// Take takes deliveries for telling. It writes nothing when there are none.
func (s *Store) Take(ctx context.Context, x provision.Taking) (taken []provision.Delivery, err error) {
	ready, err := list[provision.Delivery](ctx, s, heads, x.App, stamp(x.Now), 1)
	if err != nil || len(ready) == 0 {
		return nil, err
	}
	err = s.commit(ctx, growth, func(w writer, _ *need) error {
		if taken, err = rows[provision.Delivery](w.reader, heads, x.App, stamp(x.Now), x.Limit); err != nil {
			return err
		}
		for i := range taken {
			d := &taken[i]
			d.Taker, d.Next, d.Tries = x.Taker, x.Until, d.Tries+1
			if err := w.put(d, "UPDATE deliveries SET next = ?, taker = ?, body = ?4 WHERE id = ?3", stamp(d.Next), d.Taker, d.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// Settle writes what became of deliveries that were taken. One that is void, or that somebody else has taken since,
// stays as it is.
func (s *Store) Settle(ctx context.Context, told []provision.Delivery) error {
	return s.commit(ctx, growth, func(w writer, _ *need) error {
		for _, d := range told {
			var ours int
			if err := w.scan(&ours, "SELECT count(*) FROM deliveries WHERE id = ? AND taker = ? AND state = 'pending'", d.ID, d.Taker); err != nil {
				return err
			}
			if ours == 0 {
				continue
			}
			if err := w.delivery(d); err != nil {
				return err
			}
		}
		return nil
	})
}

// Deliveries lists deliveries, in the order of what they tell of, and the Seq of the last event there is.
func (s *Store) Deliveries(ctx context.Context, f provision.DeliveryFilter) (found []provision.Delivery, last int64, err error) {
	end := filter{}.of("id = ?", string(f.ID)).of("app = ?", string(f.App)).of("tenant = ?", string(f.Tenant))
	switch { // written out: an index of some states is not used for a state that comes as an argument
	case f.Latest:
		end = end.and("state IN ('delivered', 'dropped') AND state = 'delivered'")
	case f.State == provision.DeliveryStuck:
		end = end.and("state = 'stuck'")
	case f.State != "":
		end = end.and("state = ?", string(f.State))
	case f.Open:
		end = end.and("state IN ('pending', 'stuck')")
	}
	order := "seq, app"
	switch {
	case f.Latest:
		order = "settled DESC"
	case f.AfterApp != "":
		end = end.and("(seq, app) > (?, ?)", f.After, string(f.AfterApp))
	case f.After != 0:
		end = end.and("seq > ?", f.After)
	}
	text, args := end.rest(order, f.Limit, 100)
	err = s.snapshot(ctx, func(r reader) error {
		if found, err = rows[provision.Delivery](r, "SELECT body FROM deliveries WHERE 1"+text, args...); err != nil {
			return err
		}
		return r.scan(&last, "SELECT coalesce(max(seq), 0) FROM events")
	})
	return found, last, err
}

// Backlog counts what an app is still to be told.
func (s *Store) Backlog(ctx context.Context, app provision.AppID) (b provision.Backlog, err error) {
	err = s.snapshot(ctx, func(r reader) error {
		if err := r.scan(&b.Pending, "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE app = ? AND state = 'pending' LIMIT ?)", app, provision.MaxBacklog); err != nil {
			return err
		}
		return r.scan(&b.Stuck, "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE app = ? AND state = 'stuck' LIMIT ?)", app, provision.MaxBacklog)
	})
	return b, err
}

// DeleteTold deletes deliveries of an app that were confirmed or dropped before a time, at most limit rows. It returns
// how many.
func (s *Store) DeleteTold(ctx context.Context, app provision.AppID, before time.Time, limit int) (n int, err error) {
	const told = "SELECT id FROM deliveries WHERE app = ? AND state IN ('delivered', 'dropped') AND settled < ? LIMIT ?"
	old, err := s.ids(ctx, told, app, stamp(before), 1)
	if err != nil || len(old) == 0 { // nothing is written for nothing
		return 0, err
	}
	err = s.commit(ctx, shrink, func(w writer, _ *need) error {
		n, err = w.deleted("DELETE FROM deliveries WHERE id IN ("+told+")", app, stamp(before), limit)
		return err
	})
	return n, err
}

func (s *Store) ids(ctx context.Context, query string, args ...any) (ids []string, err error) {
	err = s.snapshot(ctx, func(r reader) error {
		ids, err = column[string](r, query, args...)
		return err
	})
	return ids, err
}
