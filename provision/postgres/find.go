package postgres

import (
	"cmp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"leasehold/provision"
)

// depth is how many ancestors of a lease are looked at. A chain that is longer is cut, and so refuses.
const depth = 16

// found is what a target leads to: names, read before anything is locked. What is read under the locks must lead to the
// same ones, or a race was lost.
type found struct {
	tenant  provision.TenantID
	capped  bool                // the tenant has a cap on seats
	account provision.AccountID // the target's, or the one that its link or its tombstone leads to
	holder  provision.AccountID // of the e-mail address
	leases  []hung              // that the target names, and their ancestors
}

// hung is a lease, by what it hangs on.
type hung struct {
	id         provision.LeaseID
	account    provision.AccountID
	tenant     provision.TenantID
	connection provision.ConnectionID
	domain     string
	agent      provision.AccountID    // who acts by it, and
	agentOf    provision.ConnectionID // whose issuer vouched for that
}

// find reads what a target leads to. It learns the server's time on the way, in the transaction's first statement.
func (w *work) find(c *clock, t provision.Target) (*found, error) {
	f := &found{account: t.Account}
	w.askTime(c)
	w.findTenant(f, t)
	w.findAccounts(f, t)
	w.findLeases(f, t.Lease, t.Intent.Lease)
	return f, w.send()
}

// askTime learns the server's time.
func (w *work) askTime(c *clock) {
	w.queue("SELECT clock_timestamp(), coalesce((SELECT value FROM meta WHERE name = 'resets'), 0)").QueryRow(func(row pgx.Row) error {
		var at time.Time
		var resets int64
		if err := row.Scan(&at, &resets); err != nil {
			return err
		}
		c.learn(at, resets)
		return nil
	})
}

// tenantOf is the part of a query that is the target's tenant: of the connection, else its own, else the account's, else
// the lease's. Its parameters are $1 to $4.
const tenantOf = `coalesce((SELECT tenant FROM connections WHERE id = $1), nullif($2, ''), (SELECT tenant FROM accounts WHERE id = $3), (SELECT tenant FROM leases WHERE id = $4))`

func (w *work) findTenant(f *found, t provision.Target) {
	if t.Connection == "" && t.Tenant == "" && t.Account == "" && t.Lease == "" {
		return
	}
	w.queue("SELECT coalesce("+tenantOf+", ''), coalesce((SELECT seats > 0 FROM tenants WHERE id = "+tenantOf+"), false)", string(t.Connection), string(t.Tenant), string(t.Account), string(t.Lease)).
		QueryRow(func(row pgx.Row) error { return row.Scan(&f.tenant, &f.capped) })
	if !t.Email.IsZero() {
		w.queue("SELECT id FROM accounts WHERE tenant = "+tenantOf+" AND email = $5 AND email <> '' AND state <> 'deleted'",
			string(t.Connection), string(t.Tenant), string(t.Account), string(t.Lease), t.Email.String()).QueryRow(scan(&f.holder))
	}
}

// linkedTo and buriedTo find the account of a link, and of a tombstone.
const (
	linkedTo = "SELECT account FROM links WHERE connection = $1 AND subject = $2 AND subject <> ''"
	buriedTo = "SELECT account FROM links WHERE pseudonym = $1 AND subject = '' ORDER BY created DESC, id DESC LIMIT 1"
)

func (w *work) findAccounts(f *found, t provision.Target) {
	if t.Account == "" && t.Link.Subject != "" {
		w.queue(linkedTo, string(t.Link.Connection), []byte(t.Link.Subject)).QueryRow(scan(&f.account))
	}
	if t.Account == "" && t.Pseudonym != "" {
		w.queue(buriedTo, t.Pseudonym).QueryRow(func(row pgx.Row) error {
			var buried provision.AccountID
			err := scan(&buried)(row)
			f.account = cmp.Or(f.account, buried)
			return err
		})
	}
}

// findLeases finds leases with their ancestors, parents after children.
func (w *work) findLeases(f *found, ids ...provision.LeaseID) {
	ids = slices.DeleteFunc(ids, func(id provision.LeaseID) bool { return id == "" })
	if len(ids) == 0 {
		return
	}
	w.queue(`WITH RECURSIVE up AS (
			SELECT id, parent, account, tenant, connection, domain, agent, agent_connection, 0 AS depth FROM leases WHERE id = ANY($1)
			UNION ALL
			SELECT p.id, p.parent, p.account, p.tenant, p.connection, p.domain, p.agent, p.agent_connection, up.depth + 1 FROM up JOIN leases p ON p.id = up.parent WHERE up.parent <> '' AND up.depth < $2
		) SELECT id, account, tenant, connection, domain, agent, agent_connection FROM up`, texts(ids), depth).Query(each(func(rows pgx.Rows) error {
		var h hung
		err := rows.Scan(&h.id, &h.account, &h.tenant, &h.connection, &h.domain, &h.agent, &h.agentOf)
		f.leases = append(f.leases, h)
		return err
	}))
}

// accounts are all that the state will hold, each once.
func (f *found) accounts() []provision.AccountID {
	ids := []provision.AccountID{f.account, f.holder}
	for _, h := range f.leases {
		ids = append(ids, h.account, h.agent)
	}
	return distinct(ids)
}

// workloads are the accounts that may act for others: the target's, and those of leases that are of no domain.
func (f *found) workloads(t provision.Target) []provision.AccountID {
	ids := []provision.AccountID{t.Account}
	for _, h := range f.leases {
		if h.domain == "" {
			ids = append(ids, h.account)
		}
	}
	return distinct(ids)
}

// shared are the locks of what is registered and will be read.
func (f *found) shared(t provision.Target) locks {
	l := locks{}
	if t.IsZero() {
		return l // nothing is read but the installation's generation; whoever raises it asks for its lock
	}
	l.share(onInstallation, theInstallation)
	l.share(onTenant, string(f.tenant))
	l.share(onConnection, string(t.Connection))
	l.share(onDomain, domainOf(t).String())
	for _, app := range append([]provision.AppID{t.App}, t.Apps...) {
		l.share(onApp, string(app))
	}
	for _, h := range f.leases {
		l.share(onTenant, string(h.tenant))
		l.share(onConnection, string(h.connection))
		l.share(onConnection, string(h.agentOf))
		l.share(onDomain, h.domain)
	}
	if f.capped {
		l.claim(onSeats, string(f.tenant)) // one at a time counts
	}
	return l
}

// domainOf is the domain whose claims a target is about.
func domainOf(t provision.Target) provision.Domain {
	if t.Domain.IsZero() {
		return t.Email.Domain()
	}
	return t.Domain
}

// scan reads one value, and leaves it alone when there is none.
func scan[T any](into *T) func(pgx.Row) error {
	return func(row pgx.Row) error {
		if err := row.Scan(into); err != pgx.ErrNoRows {
			return err
		}
		return nil
	}
}

// each reads every row.
func each(read func(pgx.Rows) error) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		for rows.Next() {
			if err := read(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}
}

// distinct are the names that are none, and each once.
func distinct[T ~string](names []T) []T {
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n T) bool { return n == "" })
}
