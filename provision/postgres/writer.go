package postgres

import (
	"encoding/json"
	"fmt"
	"slices"

	"leasehold/provision"
)

// apply queues a change, whole. Whoever wrote the accounts that it touches is waited for.
func (w *work) apply(c *provision.Change, locked []provision.AccountID) error {
	w.lockAccounts(w.unlocked(c, locked))
	if c.Installation != 0 {
		w.queue("INSERT INTO meta (name, value) VALUES ('installation', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value", int64(c.Installation))
	}
	for _, a := range c.Apps { // all of them first: an origin may move to another app
		w.queue("DELETE FROM app_origins WHERE app = $1", string(a.ID))
	}
	each := []func() error{
		all(c.Spent, w.spend), all(c.Tenants, w.tenant), all(c.Connections, w.connection), all(c.Claims, w.claim), all(c.Apps, w.app), all(c.Accounts, w.account),
		all(c.Unlinks, w.unlink), all(c.Links, w.link), all(c.Leases, w.lease), all(c.Upstreams, w.upstream), all(c.Entries, w.entry), all(c.Decisions, w.decision), all(c.Revocations, w.revocation),
		all(c.Tokens, w.token), all(c.TokensGone, w.tokenGone),
		all(c.Elevations, w.elevation), all(c.Credentials, w.credential), all(c.Setups, w.setup),
	}
	for _, write := range each {
		if err := write(); err != nil {
			return err
		}
	}
	w.tell(c.News)
	if err := w.events(c.Events); err != nil {
		return err
	}
	return w.deliver(c)
}

func all[T any](items []T, write func(T) error) func() error {
	return func() error {
		for _, item := range items {
			if err := write(item); err != nil {
				return err
			}
		}
		return nil
	}
}

// unlocked are the accounts whose links or leases a change writes without having read them.
func (w *work) unlocked(c *provision.Change, locked []provision.AccountID) []provision.AccountID {
	var ids []provision.AccountID
	for _, l := range c.Links {
		ids = append(ids, l.Account)
	}
	for _, l := range c.Leases {
		ids = append(ids, l.Account)
	}
	return slices.DeleteFunc(distinct(ids), func(id provision.AccountID) bool { return slices.Contains(locked, id) })
}

func encode(v any) (string, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("row: %w", err)
	}
	return string(body), nil
}

// put queues a row whose last column is its body.
func (w *work) put(v any, query string, args ...any) error {
	body, err := encode(v)
	if err == nil {
		w.queue(query, append(args, body)...)
	}
	return err
}

// replace queues a row of what is registered: when one is there, it must be of the revision before.
func (w *work) replace(what string, v any, query string, args ...any) error {
	body, err := encode(v)
	if err == nil {
		w.must(what+" was changed meanwhile", query, append(args, body)...)
	}
	return err
}

func (w *work) spend(x provision.Spent) error {
	w.queue("INSERT INTO spent (kind, scope, id, until) VALUES ($1, $2, $3, $4)", x.Kind, []byte(x.Scope), []byte(x.ID), stamp(x.Until))
	return nil
}

func (w *work) tenant(t provision.Tenant) error {
	if err := w.put(t.Policy, "INSERT INTO policies (tenant, version, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", string(t.ID), t.Policy.Version); err != nil {
		return err
	}
	return w.replace("tenant "+string(t.ID), t, `INSERT INTO tenants (id, generation, revision, seats, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET generation = excluded.generation, revision = excluded.revision, seats = excluded.seats, body = excluded.body
		WHERE tenants.revision = excluded.revision - 1`, string(t.ID), int64(t.Generation), t.Revision, t.Policy.Seats)
}

func (w *work) connection(c provision.Connection) error {
	w.queue("DELETE FROM connection_domains WHERE connection = $1", string(c.ID))
	for _, d := range c.Domains {
		w.queue("INSERT INTO connection_domains (domain, connection) VALUES ($1, $2)", d.String(), string(c.ID))
	}
	return w.replace("connection "+string(c.ID), c, `INSERT INTO connections (id, tenant, generation, revision, first, body) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET tenant = excluded.tenant, generation = excluded.generation, revision = excluded.revision, first = excluded.first, body = excluded.body
		WHERE connections.revision = excluded.revision - 1`, string(c.ID), string(c.Tenant), int64(c.Generation), c.Revision, c.Default)
}

func (w *work) claim(c provision.Claim) error {
	return w.replace("claim of "+string(c.Tenant)+" on "+c.Domain.String(), c, `INSERT INTO claims (domain, tenant, owns, opens, generation, revision, body) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (domain, tenant) DO UPDATE SET owns = excluded.owns, opens = excluded.opens, generation = excluded.generation, revision = excluded.revision, body = excluded.body
		WHERE claims.revision = excluded.revision - 1`, c.Domain.String(), string(c.Tenant), c.Owns(), c.Owns() && c.State != provision.ClaimLapsed, int64(c.Generation), c.Revision)
}

func (w *work) app(a provision.App) error {
	for _, o := range a.Origins {
		w.queue("INSERT INTO app_origins (origin, app) VALUES ($1, $2)", o.String(), string(a.ID))
	}
	if a.Removal == provision.Removed { // what is made anew under its name knows nobody
		w.queue("DELETE FROM known WHERE app = $1", string(a.ID))
		w.queue("DELETE FROM entries WHERE app = $1", string(a.ID))
	}
	return w.replace("app "+string(a.ID), a, `INSERT INTO apps (id, revision, tenants, told, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, tenants = excluded.tenants, told = excluded.told, body = excluded.body
		WHERE apps.revision = excluded.revision - 1`, string(a.ID), a.Revision, texts(a.Tenants), a.Notify.Secret != "")
}

func (w *work) account(a provision.Account) error {
	if a.State == provision.Deleted {
		w.queue("DELETE FROM known WHERE account = $1", string(a.ID))
	}
	used := a.LastLogin
	if a.Created.After(used) {
		used = a.Created
	}
	return w.put(a, `INSERT INTO accounts (id, tenant, state, email, used, generation, body) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, email = excluded.email, used = excluded.used, generation = excluded.generation, body = excluded.body`,
		string(a.ID), string(a.Tenant), string(a.State), a.Email.String(), stamp(used), int64(a.Generation))
}

func (w *work) unlink(k provision.LinkKey) error {
	w.queue("DELETE FROM links WHERE connection = $1 AND subject = $2 AND subject <> ''", string(k.Connection), []byte(k.Subject))
	return nil
}

func (w *work) link(l provision.Link) error {
	w.queue("INSERT INTO links (connection, subject, pseudonym, account, created) VALUES ($1, $2, $3, $4, $5)",
		string(l.Connection), []byte(l.Subject), l.Pseudonym, string(l.Account), stamp(l.Created))
	return nil
}

// lease writes a lease, unless it was used since it was read: whoever judged it then has to judge again.
func (w *work) lease(l provision.Lease) error {
	body, err := encode(l)
	if err != nil {
		return err
	}
	g := l.Generations
	w.must("lease was used meanwhile", `INSERT INTO leases (id, tenant, account, connection, domain, parent, installation_generation, tenant_generation, connection_generation, domain_generation,
			account_generation, seen, idle, ends, due, ended, asks, task, agent, agent_connection, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
		ON CONFLICT (id) DO UPDATE SET seen = excluded.seen, idle = excluded.idle, ends = excluded.ends, due = excluded.due, ended = excluded.ended, asks = excluded.asks, body = excluded.body
		WHERE leases.seen <= excluded.seen`,
		string(l.ID), string(l.Tenant), string(l.Account), string(l.Connection), l.Domain.String(), string(l.Parent), int64(g.Installation), int64(g.Tenant), int64(g.Connection), int64(g.Domain),
		int64(g.Account), stamp(l.Seen), int64(l.Idle), stamp(l.Until()), stamp(l.Due()), !l.EndedAt.IsZero(), asks(l), l.Grant.Task, string(l.Agent.Account), string(l.Agent.Connection), body)
	return nil
}

func (w *work) entry(e provision.Entry) error {
	w.queue("INSERT INTO entries (lease, app, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", string(e.Lease), string(e.App), stamp(e.At))
	w.queue("INSERT INTO known (account, app) SELECT account, $1 FROM leases WHERE id = $2 ON CONFLICT DO NOTHING", string(e.App), string(e.Lease))
	return nil
}

func (w *work) decision(d provision.DecisionRow) error {
	return w.put(d, "INSERT INTO decisions (id, tenant, at, body) VALUES ($1, $2, $3, $4)", string(d.ID), string(d.Tenant), stamp(d.At))
}

func (w *work) revocation(v provision.Revocation) error {
	return w.put(v, "INSERT INTO revocations (id, settled, body) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET settled = excluded.settled, body = excluded.body",
		string(v.ID), !v.Settled.IsZero())
}
