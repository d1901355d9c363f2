package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"

	"leasehold/provision"
)

// writer writes within a transaction.
type writer struct{ reader }

// errLostRace is a broken unique index: the state that the change was made of is no longer so.
var errLostRace = errors.New("lost a race")

// apply writes a change, whole: any error rolls all of it back. It gives the events their Seq. It stops at the first
// error, because SQLite may have rolled back by itself, and what came then would be committed alone.
func (w writer) apply(c *provision.Change) error {
	for _, write := range []func() error{
		func() error { return w.installation(c.Installation) },
		func() error { return each(c.Spent, w.spent) },
		func() error { return each(c.Tenants, w.tenant) },
		func() error { return each(c.Connections, w.connection) },
		func() error { return each(c.Claims, w.claim) },
		func() error { return each(c.Apps, w.leaveOrigins) }, // all of them first: one may move to another app
		func() error { return each(c.Apps, w.app) },
		func() error { return each(c.Accounts, w.account) },
		func() error { return each(c.Unlinks, w.unlink) },
		func() error { return each(c.Links, w.link) },
		func() error { return each(c.Leases, w.lease) },
		func() error { return each(c.Upstreams, w.upstream) },
		func() error { return each(c.Entries, w.entry) },
		func() error { return each(c.Decisions, w.decision) },
		func() error { return each(c.Revocations, w.revocation) },
		func() error { return each(c.Setups, w.setup) },
		func() error { return each(c.Tokens, w.token) },
		func() error { return each(c.TokensGone, w.tokenGone) },
		func() error { return each(c.Elevations, w.elevation) },
		func() error { return each(c.Credentials, w.credential) },
		func() error { return w.events(c.Events) },
		func() error { return each(c.Voids, w.void) },
		func() error { return w.deliveries(c) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

func each[T any](items []T, write func(T) error) error {
	for _, item := range items {
		if err := write(item); err != nil {
			return err
		}
	}
	return nil
}

func (w writer) exec(query string, args ...any) error {
	_, err := w.session.exec(w.ctx, query, args...)
	err = fault(err)
	if errors.Is(err, provision.ErrConflict) {
		return fmt.Errorf("%w: %w", errLostRace, err)
	}
	return err
}

func encode(v any) (string, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("row: %w", err)
	}
	return string(body), nil
}

// put writes a row whose last column is its body.
func (w writer) put(v any, query string, args ...any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	return w.exec(query, append(args, body)...)
}

func (w writer) installation(g provision.Generation) error {
	if g == 0 {
		return nil
	}
	return w.exec("INSERT INTO meta (name, value) VALUES ('installation', ?) ON CONFLICT DO UPDATE SET value = excluded.value", int64(g))
}

func (w writer) spent(x provision.Spent) error {
	return w.exec("INSERT INTO spent (kind, scope, id, until) VALUES (?, ?, ?, ?)", x.Kind, x.Scope, x.ID, stamp(x.Until))
}

func (w writer) tenant(t provision.Tenant) error {
	if err := w.put(t.Policy, "INSERT INTO policies (tenant, version, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", t.ID, t.Policy.Version); err != nil {
		return err
	}
	return w.put(t, "INSERT INTO tenants (id, body) VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body", t.ID)
}

func (w writer) connection(c provision.Connection) error {
	if err := w.exec("DELETE FROM connection_domains WHERE connection = ?", c.ID); err != nil {
		return err
	}
	for _, d := range c.Domains {
		if err := w.exec("INSERT INTO connection_domains (domain, connection) VALUES (?, ?)", d.String(), c.ID); err != nil {
			return err
		}
	}
	return w.put(c, "INSERT INTO connections (id, tenant, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body", c.ID, c.Tenant)
}

func (w writer) claim(c provision.Claim) error {
	return w.put(c, "INSERT INTO claims (domain, tenant, owns, body) VALUES (?, ?, ?, ?) ON CONFLICT (domain, tenant) DO UPDATE SET owns = excluded.owns, body = excluded.body",
		c.Domain.String(), c.Tenant, c.Owns())
}

func (w writer) leaveOrigins(a provision.App) error {
	return w.exec("DELETE FROM app_origins WHERE app = ?", a.ID)
}

func (w writer) app(a provision.App) error {
	for _, o := range a.Origins {
		if err := w.exec("INSERT INTO app_origins (origin, app) VALUES (?, ?)", o.String(), a.ID); err != nil {
			return err
		}
	}
	if a.Removal == provision.Removed { // what is made anew under its name knows nobody
		if err := errors.Join(w.exec("DELETE FROM known WHERE app = ?", a.ID), w.exec("DELETE FROM entries WHERE app = ?", a.ID)); err != nil {
			return err
		}
	}
	return w.put(a, "INSERT INTO apps (id, body) VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body", a.ID)
}

func (w writer) account(a provision.Account) error {
	if a.State == provision.Deleted {
		if err := w.exec("DELETE FROM known WHERE account = ?", a.ID); err != nil {
			return err
		}
	}
	return w.put(a, "INSERT INTO accounts (id, tenant, state, email, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state, email = excluded.email, body = excluded.body",
		a.ID, a.Tenant, a.State, a.Email.String())
}

func (w writer) unlink(k provision.LinkKey) error {
	return w.exec("DELETE FROM links WHERE connection = ? AND subject = ? AND subject <> ''", k.Connection, k.Subject)
}

func (w writer) link(l provision.Link) error {
	return w.exec("INSERT INTO links (connection, subject, pseudonym, account, created) VALUES (?, ?, ?, ?, ?)", l.Connection, l.Subject, l.Pseudonym, l.Account, stamp(l.Created))
}

func (w writer) lease(l provision.Lease) error {
	return w.put(l, `INSERT INTO leases (id, tenant, account, connection, domain, parent, start, due, ended, asks, task, agent, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET due = excluded.due, ended = excluded.ended, asks = excluded.asks, body = excluded.body`,
		l.ID, l.Tenant, l.Account, l.Connection, l.Domain.String(), l.Parent, stamp(l.Start), stamp(l.Due()), !l.EndedAt.IsZero(), asks(l), l.Grant.Task, l.Agent.Account)
}

func (w writer) entry(e provision.Entry) error {
	if err := w.exec("INSERT INTO entries (lease, app, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", e.Lease, e.App, stamp(e.At)); err != nil {
		return err
	}
	return w.exec("INSERT INTO known (account, app) SELECT account, ? FROM leases WHERE id = ? ON CONFLICT DO NOTHING", e.App, e.Lease)
}

func (w writer) decision(d provision.DecisionRow) error {
	return w.put(d, "INSERT INTO decisions (id, tenant, at, body) VALUES (?, ?, ?, ?)", d.ID, d.Tenant, stamp(d.At))
}

func (w writer) revocation(v provision.Revocation) error {
	return w.put(v, "INSERT INTO revocations (id, settled, body) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET settled = excluded.settled, body = excluded.body", v.ID, !v.Settled.IsZero())
}
