package postgres

import (
	"context"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"

	"leasehold/provision"
)

var _ provision.Copies = (*Store)(nil)

// unbounded is for the one transaction of a copy, which takes as long as it takes.
const unbounded = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"

// Copy implements provision.Copies. Events that have no number yet get one first; those that are committed between that
// and the snapshot are numbered in the copy as they will be.
func (s *Store) Copy(ctx context.Context, each func(provision.Part) error) error {
	if err := s.number(ctx); err != nil {
		return err
	}
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, unbounded); err != nil {
			return err
		}
		c := &copier{ctx: ctx, tx: tx, each: each, part: provision.Part{Time: s.Now()}}
		if err := tx.QueryRow(ctx, "SELECT coalesce((SELECT value FROM meta WHERE name = 'installation'), 0)").Scan(&c.part.Installation); err != nil {
			return err
		}
		for _, table := range append(c.tables(), c.outbox()...) {
			if err := table(); err != nil {
				return err
			}
		}
		return c.flush()
	})
	return fault(err)
}

// copier gathers rows into parts.
type copier struct {
	ctx  context.Context
	tx   pgx.Tx
	each func(provision.Part) error
	part provision.Part
	rows int
}

func (c *copier) flush() error {
	part := c.part
	c.part, c.rows = provision.Part{}, 0
	return c.each(part)
}

// rowsOf walks a query: take puts one row into the part.
func (c *copier) rowsOf(query string, take func(pgx.Rows) error) func() error {
	return func() error {
		found, err := c.tx.Query(c.ctx, query)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			if err := take(found); err != nil {
				return err
			}
			if c.rows++; c.rows < provision.PartRows {
				continue
			}
			if err := c.flush(); err != nil {
				return err
			}
		}
		return found.Err()
	}
}

// bodyRows copies a table whose rows are bodies.
func bodyRows[T any](c *copier, into *[]T, query string) func() error {
	return c.rowsOf(query, func(found pgx.Rows) error {
		var body string
		var item T
		if err := found.Scan(&body); err != nil {
			return err
		}
		if err := decode(body, &item); err != nil {
			return err
		}
		*into = append(*into, item)
		return nil
	})
}

func (c *copier) tables() []func() error {
	p := &c.part
	return []func() error{
		c.rowsOf("SELECT name, value FROM keys ORDER BY name", func(found pgx.Rows) error {
			var name string
			var value []byte
			err := found.Scan(&name, &value)
			if p.Keys == nil {
				p.Keys = map[string][]byte{}
			}
			p.Keys[name] = value
			return err
		}),
		c.rowsOf("SELECT tenant, body FROM policies ORDER BY tenant, version", func(found pgx.Rows) error {
			var v provision.PolicyVersion
			var body string
			if err := found.Scan(&v.Tenant, &body); err != nil {
				return err
			}
			err := decode(body, &v.Policy)
			p.Policies = append(p.Policies, v)
			return err
		}),
		bodyRows(c, &p.Tenants, "SELECT body FROM tenants ORDER BY id"),
		bodyRows(c, &p.Connections, "SELECT body FROM connections ORDER BY id"),
		bodyRows(c, &p.Apps, "SELECT body FROM apps ORDER BY id"),
		bodyRows(c, &p.Claims, "SELECT body FROM claims ORDER BY domain, tenant"),
		bodyRows(c, &p.Accounts, "SELECT body FROM accounts ORDER BY id"),
		c.rowsOf("SELECT connection, subject, pseudonym, account, created FROM links ORDER BY id", func(found pgx.Rows) error {
			var l provision.Link
			var subject []byte
			var created int64
			err := found.Scan(&l.Connection, &subject, &l.Pseudonym, &l.Account, &created)
			l.Subject, l.Created = string(subject), moment(created)
			p.Links = append(p.Links, l)
			return err
		}),
		bodyRows(c, &p.Leases, "SELECT body FROM leases ORDER BY id"),
		c.rowsOf("SELECT lease, app, at FROM entries ORDER BY lease, app", func(found pgx.Rows) error {
			var e provision.Entry
			var at int64
			err := found.Scan(&e.Lease, &e.App, &at)
			e.At = moment(at)
			p.Entries = append(p.Entries, e)
			return err
		}),
		c.rowsOf("SELECT kind, scope, id, until FROM spent ORDER BY kind, scope, id", func(found pgx.Rows) error {
			var x provision.Spent
			var scope, id []byte
			var until int64
			err := found.Scan(&x.Kind, &scope, &id, &until)
			x.Scope, x.ID, x.Until = string(scope), string(id), moment(until)
			p.Spent = append(p.Spent, x)
			return err
		}),
		bodyRows(c, &p.Decisions, "SELECT body FROM decisions ORDER BY id"),
		bodyRows(c, &p.Revocations, "SELECT body FROM revocations ORDER BY id"),
		bodyRows(c, &p.Setups, "SELECT body FROM setups ORDER BY id"),
		c.rowsOf("SELECT body, used FROM tokens ORDER BY id", func(found pgx.Rows) error {
			t, err := tokenOf(found)
			p.Tokens = append(p.Tokens, t)
			return err
		}),
		bodyRows(c, &p.Credentials, "SELECT body FROM credentials ORDER BY id"),
		bodyRows(c, &p.Elevations, "SELECT body FROM elevations ORDER BY id"),
		c.rowsOf(`SELECT body, seq FROM events UNION ALL
			SELECT body, coalesce((SELECT max(seq) FROM events), 0) + row_number() OVER (ORDER BY n) FROM inbox ORDER BY seq`, func(found pgx.Rows) error {
			var body string
			var e provision.Event
			var seq int64
			if err := found.Scan(&body, &seq); err != nil {
				return err
			}
			err := decode(body, &e)
			e.Seq = seq
			p.Events = append(p.Events, e)
			return err
		}),
	}
}

// outbox is whom apps know, and what they are to be told.
func (c *copier) outbox() []func() error {
	p := &c.part
	return []func() error{
		c.rowsOf("SELECT account, app FROM known ORDER BY account, app", func(found pgx.Rows) error {
			var a provision.Acquaintance
			err := found.Scan(&a.Account, &a.App)
			p.Known = append(p.Known, a)
			return err
		}),
		c.rowsOf(`SELECT d.body, coalesce(d.seq, i.seq) AS seq FROM deliveries d LEFT JOIN
			(SELECT ref, coalesce((SELECT max(seq) FROM events), 0) + row_number() OVER (ORDER BY n) AS seq FROM inbox) i ON i.ref = d.event ORDER BY seq, d.app`,
			func(found pgx.Rows) error {
				var body string
				var d provision.Delivery
				var seq int64
				if err := found.Scan(&body, &seq); err != nil {
					return err
				}
				err := decode(body, &d)
				d.Seq = seq
				p.Deliveries = append(p.Deliveries, d)
				return err
			}),
	}
}

// Fill implements provision.Copies.
func (s *Store) Fill(ctx context.Context, parts iter.Seq2[provision.Part, error]) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return fault(err)
	}
	defer conn.Release()
	w := &work{reader: reader{ctx, conn}}
	if err := w.fillAll(parts); err != nil {
		w.rollback()
		return err
	}
	err, _ = s.commit(w)
	if err == nil {
		err = s.askTime(ctx)
	}
	return err
}

func (w *work) fillAll(parts iter.Seq2[provision.Part, error]) error {
	rows := 0
	w.queue("SET LOCAL statement_timeout = 0")
	w.queue("SET LOCAL idle_in_transaction_session_timeout = 0")
	w.queue("LOCK TABLE keys, tenants, accounts, events, inbox IN ACCESS EXCLUSIVE MODE")
	w.queue("SELECT (SELECT count(*) FROM keys) + (SELECT count(*) FROM tenants) + (SELECT count(*) FROM accounts) + (SELECT count(*) FROM events) + (SELECT count(*) FROM inbox)").QueryRow(scan(&rows))
	if err := w.send(); err != nil {
		return err
	}
	if rows > 0 {
		return fmt.Errorf("ledger that holds something already: %w", provision.ErrConflict)
	}
	for part, err := range parts {
		if err == nil {
			err = w.fill(part)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fill writes a part, its events with the Seq that they have.
func (w *work) fill(p provision.Part) error {
	for name, value := range p.Keys {
		w.queue("INSERT INTO keys (name, value) VALUES ($1, $2)", name, value)
	}
	for _, v := range p.Policies {
		if err := w.put(v.Policy, "INSERT INTO policies (tenant, version, body) VALUES ($1, $2, $3)", string(v.Tenant), v.Policy.Version); err != nil {
			return err
		}
	}
	for _, e := range p.Events {
		if err := w.put(e, "INSERT INTO events (seq, tenant, kind, ref, body) VALUES ($1, $2, $3, $4, $5)", e.Seq, string(e.Tenant), e.Kind, e.Ref()); err != nil {
			return err
		}
	}
	if !p.Time.IsZero() {
		w.queue("INSERT INTO meta (name, value) VALUES ('clock', $1) ON CONFLICT (name) DO UPDATE SET value = greatest(meta.value, excluded.value)", stamp(p.Time))
	}
	rest := p.Change
	rest.Events, rest.Deliveries, rest.Entries, rest.News = nil, nil, nil, provision.News{}
	if err := w.apply(&rest, nil); err != nil {
		return err
	}
	if err := w.fillOutbox(p); err != nil {
		return err
	}
	return w.send()
}

// fillOutbox writes which lease was handed to which app, which app knows whom, and what apps are to be told: each as it
// was, and not what would follow from it now. Deliveries come in the order of what they tell of.
func (w *work) fillOutbox(p provision.Part) error {
	for _, e := range p.Entries {
		w.queue("INSERT INTO entries (lease, app, at) VALUES ($1, $2, $3)", string(e.Lease), string(e.App), stamp(e.At))
	}
	for _, a := range p.Known {
		w.queue("INSERT INTO known (account, app) VALUES ($1, $2)", string(a.Account), string(a.App))
	}
	for _, d := range p.Deliveries {
		err := w.put(d, "INSERT INTO deliveries (id, event, seq, app, account, kind, state, due, next, taker, settled, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
			string(d.ID), string(d.Event), d.Seq, string(d.App), string(d.Account), string(d.Kind), string(d.State), stamp(d.Due), stamp(d.Next), d.Taker, stamp(d.Settled))
		if err != nil {
			return err
		}
	}
	return nil
}
