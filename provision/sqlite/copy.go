package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"leasehold/provision"
)

var _ provision.Copies = (*Store)(nil)

// Copy implements provision.Copies.
func (s *Store) Copy(ctx context.Context, each func(provision.Part) error) error {
	return s.snapshot(ctx, func(r reader) error {
		c := copier{r, each, provision.Part{Time: s.Now()}, 0}
		var err error
		if c.part.Installation, err = r.installation(); err != nil {
			return err
		}
		p := &c.part
		for _, table := range []func() error{
			c.keys, c.policies,
			func() error { return copyRows(&c, &p.Tenants, "SELECT body FROM tenants ORDER BY id") },
			func() error { return copyRows(&c, &p.Connections, "SELECT body FROM connections ORDER BY id") },
			func() error { return copyRows(&c, &p.Apps, "SELECT body FROM apps ORDER BY id") },
			func() error { return copyRows(&c, &p.Claims, "SELECT body FROM claims ORDER BY domain, tenant") },
			func() error { return copyRows(&c, &p.Accounts, "SELECT body FROM accounts ORDER BY id") },
			c.links,
			func() error { return copyRows(&c, &p.Leases, "SELECT body FROM leases ORDER BY id") },
			c.entries, c.spent,
			func() error { return copyRows(&c, &p.Decisions, "SELECT body FROM decisions ORDER BY id") },
			func() error { return copyRows(&c, &p.Revocations, "SELECT body FROM revocations ORDER BY id") },
			func() error { return copyRows(&c, &p.Events, "SELECT body FROM events ORDER BY seq") },
			func() error { return copyRows(&c, &p.Setups, "SELECT body FROM setups ORDER BY id") },
			c.known, c.tokens,
			func() error { return copyRows(&c, &p.Credentials, "SELECT body FROM credentials ORDER BY id") },
			func() error { return copyRows(&c, &p.Elevations, "SELECT body FROM elevations ORDER BY id") },
			func() error { return copyRows(&c, &p.Deliveries, "SELECT body FROM deliveries ORDER BY seq, app") },
			c.flush,
		} {
			if err := table(); err != nil {
				return err
			}
		}
		return nil
	})
}

// copier gathers rows into parts.
type copier struct {
	reader
	each func(provision.Part) error
	part provision.Part
	rows int
}

// count notes a row, and hands a full part on.
func (c *copier) count() error {
	if c.rows++; c.rows < provision.PartRows {
		return nil
	}
	return c.flush()
}

func (c *copier) flush() error {
	part := c.part
	c.part, c.rows = provision.Part{}, 0
	return c.each(part)
}

// copyRows copies a table whose rows are bodies.
func copyRows[T any](c *copier, into *[]T, query string) error {
	return c.query(func(found *sql.Rows) error {
		var body string
		var item T
		if err := found.Scan(&body); err != nil {
			return err
		}
		if err := decode(body, &item); err != nil {
			return err
		}
		*into = append(*into, item)
		return c.count()
	}, query)
}

func (c *copier) keys() error {
	return c.query(func(found *sql.Rows) error {
		var name string
		var value []byte
		if err := found.Scan(&name, &value); err != nil {
			return err
		}
		if c.part.Keys == nil {
			c.part.Keys = map[string][]byte{}
		}
		c.part.Keys[name] = value
		return c.count()
	}, "SELECT name, value FROM keys ORDER BY name")
}

func (c *copier) policies() error {
	return c.query(func(found *sql.Rows) error {
		var p provision.PolicyVersion
		var body string
		if err := found.Scan(&p.Tenant, &body); err != nil {
			return err
		}
		if err := decode(body, &p.Policy); err != nil {
			return err
		}
		c.part.Policies = append(c.part.Policies, p)
		return c.count()
	}, "SELECT tenant, body FROM policies ORDER BY tenant, version")
}

func (c *copier) links() error {
	return c.query(func(found *sql.Rows) error {
		var l provision.Link
		var created int64
		err := found.Scan(&l.Connection, &l.Subject, &l.Pseudonym, &l.Account, &created)
		if err != nil {
			return err
		}
		l.Created = moment(created)
		c.part.Links = append(c.part.Links, l)
		return c.count()
	}, "SELECT connection, subject, pseudonym, account, created FROM links ORDER BY id")
}

func (c *copier) entries() error {
	return c.query(func(found *sql.Rows) error {
		var e provision.Entry
		var at int64
		if err := found.Scan(&e.Lease, &e.App, &at); err != nil {
			return err
		}
		e.At = moment(at)
		c.part.Entries = append(c.part.Entries, e)
		return c.count()
	}, "SELECT lease, app, at FROM entries ORDER BY lease, app")
}

func (c *copier) spent() error {
	return c.query(func(found *sql.Rows) error {
		var x provision.Spent
		var until int64
		if err := found.Scan(&x.Kind, &x.Scope, &x.ID, &until); err != nil {
			return err
		}
		x.Until = moment(until)
		c.part.Spent = append(c.part.Spent, x)
		return c.count()
	}, "SELECT kind, scope, id, until FROM spent ORDER BY kind, scope, id")
}

func (c *copier) known() error {
	return c.query(func(found *sql.Rows) error {
		var a provision.Acquaintance
		if err := found.Scan(&a.Account, &a.App); err != nil {
			return err
		}
		c.part.Known = append(c.part.Known, a)
		return c.count()
	}, "SELECT account, app FROM known ORDER BY account, app")
}

// Fill implements provision.Copies.
func (s *Store) Fill(ctx context.Context, parts iter.Seq2[provision.Part, error]) error {
	return s.write.transact(ctx, func(on *session) error {
		w := writer{reader{ctx, on}}
		var rows int
		if err := w.scan(&rows, "SELECT (SELECT count(*) FROM keys) + (SELECT count(*) FROM tenants) + (SELECT count(*) FROM accounts) + (SELECT count(*) FROM events)"); err != nil {
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
	})
}

// fill writes a part, its events with the Seq that they have.
func (w writer) fill(p provision.Part) error {
	for name, value := range p.Keys {
		if err := w.exec("INSERT INTO keys (name, value) VALUES (?, ?)", name, value); err != nil {
			return err
		}
	}
	for _, v := range p.Policies {
		if err := w.put(v.Policy, "INSERT INTO policies (tenant, version, body) VALUES (?, ?, ?)", v.Tenant, v.Policy.Version); err != nil {
			return err
		}
	}
	for _, e := range p.Events {
		if err := w.put(e, "INSERT INTO events (seq, tenant, kind, ref, body) VALUES (?, ?, ?, ?, ?)", e.Seq, e.Tenant, e.Kind, e.Ref()); err != nil {
			return err
		}
	}
	if !p.Time.IsZero() {
		if err := w.mark(p.Time); err != nil {
			return err
		}
	}
	rest := p.Change
	rest.Events, rest.Deliveries, rest.Entries = nil, nil, nil
	if err := w.apply(&rest); err != nil {
		return err
	}
	return w.fillOutbox(p)
}

// fillOutbox writes which lease was handed to which app, which app knows whom, and what apps are to be told: each as it
// was, and not what would follow from it now.
func (w writer) fillOutbox(p provision.Part) error {
	for _, e := range p.Entries {
		if err := w.exec("INSERT INTO entries (lease, app, at) VALUES (?, ?, ?)", e.Lease, e.App, stamp(e.At)); err != nil {
			return err
		}
	}
	for _, a := range p.Known {
		if err := w.exec("INSERT INTO known (account, app) VALUES (?, ?)", a.Account, a.App); err != nil {
			return err
		}
	}
	return each(p.Deliveries, w.deliveryRow)
}
