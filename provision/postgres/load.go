package postgres

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"leasehold/provision"
)

// decode reads a body.
func decode(body string, v any) error {
	if err := json.Unmarshal([]byte(body), v); err != nil {
		return fmt.Errorf("row: %w: %w", provision.ErrCorrupt, err)
	}
	return nil
}

// bodies reads every row of a query that has one column, a body.
func bodies[T any](keep func(T)) func(pgx.Rows) error {
	return each(func(rows pgx.Rows) error {
		var body string
		var item T
		if err := rows.Scan(&body); err != nil {
			return err
		}
		if err := decode(body, &item); err != nil {
			return err
		}
		keep(item)
		return nil
	})
}

// leaseColumns are what leases reads. When a lease was last used stands beside its body.
const leaseColumns = "body, seen"

// leases reads every row of a query that has leaseColumns.
func leases(keep func(provision.Lease)) func(pgx.Rows) error {
	return each(func(rows pgx.Rows) error {
		var body string
		var seen int64
		if err := rows.Scan(&body, &seen); err != nil {
			return err
		}
		l, err := leaseOf(body, seen)
		keep(l)
		return err
	})
}

func leaseOf(body string, seen int64) (l provision.Lease, err error) {
	err = decode(body, &l)
	l.Seen = moment(seen)
	return l, err
}

// linkQuery is the part of a query that links reads.
const linkQuery = "SELECT connection, subject, pseudonym, account, created FROM links WHERE "

func links(keep func(provision.Link)) func(pgx.Rows) error {
	return each(func(rows pgx.Rows) error {
		var l provision.Link
		var subject []byte
		var created int64
		err := rows.Scan(&l.Connection, &subject, &l.Pseudonym, &l.Account, &created)
		l.Subject, l.Created = string(subject), moment(created)
		keep(l)
		return err
	})
}

// load reads all that a target leads to, after the locks were taken: each statement sees what was committed by then, and
// nobody changes it before this transaction is over.
func (w *work) load(f *found, t provision.Target) (*view, error) {
	v := newView()
	w.loadRegistered(v, f, t)
	w.loadAccounts(v, f.accounts())
	w.loadLeases(v, f.leases)
	queueFor(w, "SELECT "+leaseColumns+" FROM leases WHERE agent = ANY($1) AND agent <> '' AND NOT ended ORDER BY id", f.workloads(t), leases(func(l provision.Lease) { v.acting = append(v.acting, l) }))
	w.loadTarget(v, f, t)
	w.loadListeners(v, f, t)
	w.loadWaiting(v, f, t)
	if err := w.send(); err != nil {
		return nil, err
	}
	v.account = cmp.Or(t.Account, v.link.Account, v.buried)
	return v, f.same(v)
}

func (w *work) loadRegistered(v *view, f *found, t provision.Target) {
	tenants, connections, domains := []provision.TenantID{f.tenant}, []provision.ConnectionID{t.Connection}, []string{domainOf(t).String()}
	for _, h := range f.leases {
		tenants, connections, domains = append(tenants, h.tenant), append(connections, h.connection, h.agentOf), append(domains, h.domain)
	}
	w.queue("SELECT value FROM meta WHERE name = 'installation'").QueryRow(scan(&v.installation))
	queueFor(w, "SELECT body FROM tenants WHERE id = ANY($1)", tenants, bodies(func(t provision.Tenant) { v.tenants[t.ID] = t }))
	queueFor(w, "SELECT body FROM connections WHERE id = ANY($1)", connections, bodies(func(c provision.Connection) { v.connections[c.ID] = c }))
	queueFor(w, "SELECT body FROM claims WHERE domain = ANY($1) ORDER BY domain, tenant", domains, bodies(func(c provision.Claim) { v.claims[c.Domain] = append(v.claims[c.Domain], c) }))
	queueFor(w, "SELECT body FROM apps WHERE id = ANY($1)", append([]provision.AppID{t.App}, t.Apps...), bodies(func(a provision.App) { v.apps[a.ID] = a }))
}

// queueFor queues a query for names, unless there are none.
func queueFor[T ~string](w *work, query string, names []T, read func(pgx.Rows) error) {
	if names = distinct(names); len(names) > 0 {
		w.queue(query, texts(names)).Query(read)
	}
}

func (w *work) loadAccounts(v *view, ids []provision.AccountID) {
	queueFor(w, "SELECT body FROM accounts WHERE id = ANY($1)", ids, bodies(func(a provision.Account) { v.accounts[a.ID] = a }))
	queueFor(w, linkQuery+"account = ANY($1) ORDER BY id", ids, links(func(l provision.Link) { v.links[l.Account] = append(v.links[l.Account], l) }))
	queueFor(w, "SELECT "+leaseColumns+" FROM leases WHERE account = ANY($1) AND NOT ended", ids, leases(v.keep))
}

func (w *work) loadLeases(v *view, named []hung) {
	var ids []provision.LeaseID
	for _, h := range named {
		ids = append(ids, h.id)
	}
	queueFor(w, "SELECT "+leaseColumns+" FROM leases WHERE id = ANY($1)", ids, leases(v.keep))
	queueFor(w, "SELECT lease, app, at FROM entries WHERE lease = ANY($1) ORDER BY lease, app", ids, each(func(rows pgx.Rows) error {
		var e provision.Entry
		var at int64
		err := rows.Scan(&e.Lease, &e.App, &at)
		e.At = moment(at)
		v.entries[e.Lease] = append(v.entries[e.Lease], e)
		return err
	}))
}

// loadTarget reads what only a target asks for: where its link leads, who holds its address, what is spent, seats.
func (w *work) loadTarget(v *view, f *found, t provision.Target) {
	if t.Link.Subject != "" {
		w.queue(linkQuery+"connection = $1 AND subject = $2 AND subject <> ''", string(t.Link.Connection), []byte(t.Link.Subject)).
			Query(links(func(l provision.Link) { v.link = l }))
	}
	if t.Pseudonym != "" {
		w.queue(buriedTo, t.Pseudonym).QueryRow(scan(&v.buried))
	}
	if !t.Email.IsZero() && f.tenant != "" {
		w.queue("SELECT id FROM accounts WHERE tenant = $1 AND email = $2 AND email <> '' AND state <> 'deleted'", string(f.tenant), t.Email.String()).QueryRow(scan(&v.holder))
	}
	if t.Delivery != "" {
		w.queue("SELECT "+deliveryColumns+" FROM deliveries WHERE id = $1 FOR UPDATE", string(t.Delivery)).Query(deliveries(func(d provision.Delivery) { v.delivery = d }))
	}
	if t.Setup != "" {
		w.queue("SELECT body FROM setups WHERE id = $1 FOR UPDATE", string(t.Setup)).Query(bodies(func(x provision.Setup) { v.setup = x }))
	}
	if t.Token != "" {
		w.queue("SELECT body FROM tokens WHERE id = $1 FOR UPDATE", string(t.Token)).Query(bodies(func(x provision.Token) { v.token = x }))
	}
	if t.Credentials && t.Lease != "" {
		w.queue("SELECT body FROM credentials WHERE lease = $1 AND open ORDER BY id FOR UPDATE", string(t.Lease)).Query(bodies(func(c provision.Credential) { v.owed = append(v.owed, c) }))
	}
	if v.counted = f.capped; f.capped { // without a cap nobody asks
		w.queue("SELECT count(*) FROM accounts WHERE tenant = $1 AND state = 'active' AND email <> '' AND id <> $2", string(f.tenant), string(f.account)).QueryRow(scan(&v.seats))
	}
	for _, x := range t.Spend {
		w.queue("SELECT count(*) FROM spent WHERE kind = $1 AND scope = $2 AND id = $3", x.Kind, []byte(x.Scope), []byte(x.ID)).QueryRow(func(row pgx.Row) error {
			var n int
			err := row.Scan(&n)
			if n > 0 {
				v.spent = append(v.spent, x)
			}
			return err
		})
	}
}

// same is nil when what was read leads to what was locked.
func (f *found) same(v *view) error {
	if v.account != f.account || v.holder != f.holder || (v.tenants[f.tenant].Policy.Seats > 0) != v.counted {
		return fmt.Errorf("%w: what leads to an account moved: %w", provision.ErrUnavailable, errLostRace)
	}
	return nil
}
