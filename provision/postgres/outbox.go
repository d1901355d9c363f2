package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"leasehold/provision"
)

// deliveryColumns are what deliveries reads. An event's number may come after what tells of it.
const deliveryColumns = "body, coalesce(seq, 0)"

// deliveries reads every row of a query that has deliveryColumns.
func deliveries(keep func(provision.Delivery)) func(pgx.Rows) error {
	return each(func(rows pgx.Rows) error {
		var body string
		var seq int64
		if err := rows.Scan(&body, &seq); err != nil {
			return err
		}
		var d provision.Delivery
		err := decode(body, &d)
		d.Seq = seq
		keep(d)
		return err
	})
}

// deliver queues what apps are told by a change: of its own events, new rows; else rows that are there already.
func (w *work) deliver(c *provision.Change) error {
	if len(c.Voids) > 0 {
		w.queue("DELETE FROM deliveries WHERE account = ANY($1) AND kind = 'account.deactivated' AND state IN ('pending', 'stuck')", texts(c.Voids))
	}
	for _, d := range c.Deliveries {
		body, err := encode(d)
		if err != nil {
			return err
		}
		if d.Of(c.Events) {
			w.queue("INSERT INTO deliveries (id, event, app, account, kind, state, due, next, taker, settled, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
				string(d.ID), string(d.Event), string(d.App), string(d.Account), string(d.Kind), string(d.State), stamp(d.Due), stamp(d.Next), d.Taker, stamp(d.Settled), body)
		} else {
			w.must("delivery is there no more", "UPDATE deliveries SET state = $2, next = $3, taker = $4, settled = $5, body = $6 WHERE id = $1",
				string(d.ID), string(d.State), stamp(d.Next), d.Taker, stamp(d.Settled), body)
		}
		w.queue(behind+"SELECT n, app, account FROM deliveries WHERE id = $1"+afterwards, string(d.ID), waiting(d), parts(d))
	}
	return nil
}

// behind and afterwards are around what chooses deliveries that were written: those behind them wait as long as they do,
// so that nobody looks at them meanwhile ($2), and an app that was told does not know the account any more ($3).
const (
	behind     = "WITH done AS ("
	afterwards = `), waits AS (
			UPDATE deliveries b SET next = greatest(b.due, $2) FROM done WHERE b.app = done.app AND b.account = done.account AND b.state = 'pending' AND b.n > done.n
		) DELETE FROM known k USING done WHERE $3 AND k.account = done.account AND k.app = done.app`
)

// waiting is how long those behind d wait.
func waiting(d provision.Delivery) int64 {
	if d.State != provision.DeliveryPending {
		return 0
	}
	return stamp(d.Next)
}

// parts reports whether d was the last that an app had to hear of an account.
func parts(d provision.Delivery) bool {
	return d.Kind == provision.AccountDeactivated && !d.Open()
}

// loadListeners reads the apps that asked to be told and that know accounts.
func (w *work) loadListeners(v *view, f *found, t provision.Target) {
	if t.Quiet {
		return
	}
	ids := []provision.AccountID{t.Account}
	for _, h := range f.leases {
		ids = append(ids, h.account)
	}
	queueFor(w, "SELECT k.account, a.body FROM known k JOIN apps a ON a.id = k.app WHERE k.account = ANY($1) AND a.told ORDER BY k.account, k.app", ids, each(func(rows pgx.Rows) error {
		var account provision.AccountID
		var body string
		var app provision.App
		if err := rows.Scan(&account, &body); err != nil {
			return err
		}
		err := decode(body, &app)
		v.listening[account] = append(v.listening[account], app)
		return err
	}))
	queueFor(w, "SELECT account, app FROM deliveries WHERE account = ANY($1) AND kind = 'account.deactivated' AND state IN ('pending', 'stuck')", ids, each(func(rows pgx.Rows) error {
		var account provision.AccountID
		var app provision.AppID
		err := rows.Scan(&account, &app)
		v.leaving[account] = append(v.leaving[account], app)
		return err
	}))
	queueFor(w, `SELECT e.lease, e.app, e.at FROM leases l JOIN entries e ON e.lease = l.id WHERE l.account = ANY($1) AND NOT l.ended
			AND EXISTS (SELECT FROM known k JOIN apps a ON a.id = k.app WHERE k.account = l.account AND a.told) ORDER BY e.lease, e.app`, ids, each(func(rows pgx.Rows) error {
		var e provision.Entry
		var at int64
		err := rows.Scan(&e.Lease, &e.App, &at)
		e.At = moment(at)
		v.handed[e.Lease] = append(v.handed[e.Lease], e)
		return err
	}))
}

// listeners are those of an account, as far as they were read.
func (v *view) listeners(id provision.AccountID) provision.Listeners {
	if len(v.listening[id]) == 0 {
		return provision.Listeners{}
	}
	x := provision.Listeners{Apps: slices.Clone(v.listening[id]), Leaving: slices.Clone(v.leaving[id])}
	for _, l := range v.live[id] {
		x.Entries = append(x.Entries, v.handed[l]...)
	}
	return x
}

// heads are the deliveries of an app that come first for their accounts, are due, and are nobody else's just now.
const heads = `FROM deliveries d WHERE app = $1 AND state = 'pending' AND next <= $2
	AND NOT EXISTS (SELECT FROM deliveries e WHERE e.app = d.app AND e.account = d.account AND e.state = 'pending' AND e.n < d.n)`

// Take takes deliveries for telling. It writes nothing when there are none.
func (s *Store) Take(ctx context.Context, x provision.Taking) (taken []provision.Delivery, err error) {
	ready := false
	err = s.reading(ctx, func(r reader) error {
		return r.row("SELECT EXISTS (SELECT "+heads+")", []any{string(x.App), stamp(x.Now)}, &ready)
	})
	if err != nil || !ready {
		return nil, err
	}
	err = s.transact(ctx, func(w *work) error {
		taken = nil
		w.queue("SELECT "+deliveryColumns+" "+heads+" ORDER BY next LIMIT $3 FOR UPDATE SKIP LOCKED", string(x.App), stamp(x.Now), x.Limit).
			Query(deliveries(func(d provision.Delivery) { taken = append(taken, d) }))
		if err := w.send(); err != nil {
			return err
		}
		for i := range taken {
			d := &taken[i]
			d.Taker, d.Next, d.Tries = x.Taker, x.Until, d.Tries+1
			if err := w.put(d, "UPDATE deliveries SET next = $1, taker = $2, body = $4 WHERE id = $3", stamp(d.Next), d.Taker, string(d.ID)); err != nil {
				return err
			}
		}
		return w.finish(s.clock)
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

// Settle writes what became of deliveries that were taken. One that is void, or that somebody else has taken since,
// stays as it is.
func (s *Store) Settle(ctx context.Context, told []provision.Delivery) error {
	var accounts []provision.AccountID
	for _, d := range told {
		accounts = append(accounts, d.Account)
	}
	return s.transact(ctx, func(w *work) error {
		w.lockAccounts(distinct(slices.Clone(accounts)))
		for _, d := range told {
			body, err := encode(d)
			if err != nil {
				return err
			}
			w.queue(behind+"UPDATE deliveries SET state = $4, next = $5, settled = $6, body = $7 WHERE id = $1 AND taker = $8 AND state = 'pending' RETURNING n, app, account"+afterwards,
				string(d.ID), waiting(d), parts(d), string(d.State), stamp(d.Next), stamp(d.Settled), body, d.Taker)
		}
		return w.finish(s.clock)
	})
}

// Deliveries lists deliveries, in the order of what they tell of, and the Seq of the last event there is.
func (s *Store) Deliveries(ctx context.Context, f provision.DeliveryFilter) (found []provision.Delivery, last int64, err error) {
	if err := s.number(ctx); err != nil {
		return nil, 0, err
	}
	end := filter{}.of("id = ", string(f.ID)).of("app = ", string(f.App)).of("tenant = ", string(f.Tenant))
	order := "seq, app"
	switch {
	case f.Latest:
		end, order = end.that("state IN ('delivered', 'dropped') AND state = 'delivered'"), "settled DESC"
	case f.State != "":
		end = end.of("state = ", string(f.State))
	case f.Open:
		end = end.that("state IN ('pending', 'stuck')")
	}
	switch {
	case f.Latest:
	case f.AfterApp != "":
		n := len(end.args)
		end = filter{fmt.Sprintf("%s AND (seq, app) > ($%d, $%d)", end.text, n+1, n+2), append(end.args, f.After, string(f.AfterApp))}
	default:
		end = end.and("seq > ", f.After)
	}
	text, args := end.rest(order, f.Limit, 100)
	err = s.reading(ctx, func(r reader) error {
		found, last = nil, 0
		b := &pgx.Batch{}
		b.Queue("SELECT coalesce(max(seq), 0) FROM events").QueryRow(scan(&last)) // first: what comes in between is told the next time
		b.Queue("SELECT "+deliveryColumns+" FROM deliveries WHERE seq IS NOT NULL"+text, args...).Query(deliveries(func(d provision.Delivery) { found = append(found, d) }))
		return r.send(b)
	})
	return found, last, err
}

// Backlog counts what an app is still to be told.
func (s *Store) Backlog(ctx context.Context, app provision.AppID) (b provision.Backlog, err error) {
	err = s.reading(ctx, func(r reader) error {
		return r.row(`SELECT (SELECT count(*) FROM (SELECT FROM deliveries WHERE app = $1 AND state = 'pending' LIMIT $2) AS p),
			(SELECT count(*) FROM (SELECT FROM deliveries WHERE app = $1 AND state = 'stuck' LIMIT $2) AS s)`, []any{string(app), provision.MaxBacklog}, &b.Pending, &b.Stuck)
	})
	return b, err
}

// DeleteTold deletes deliveries of an app that were confirmed or dropped before a time, at most limit rows. It returns
// how many.
func (s *Store) DeleteTold(ctx context.Context, app provision.AppID, before time.Time, limit int) (n int, err error) {
	err = s.transact(ctx, func(w *work) error {
		w.queue(`DELETE FROM deliveries WHERE n IN (SELECT n FROM deliveries WHERE app = $1 AND state IN ('delivered', 'dropped') AND settled < $2 LIMIT $3)`,
			string(app), stamp(before), limit).Exec(count(&n))
		return w.finish(s.clock)
	})
	return n, err
}
