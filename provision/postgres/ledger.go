package postgres

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"leasehold/provision"
)

// Provision implements provision.Ledger.
func (s *Store) Provision(ctx context.Context, r provision.Request, decide func(provision.State) provision.Decision) (provision.Decision, error) {
	var d provision.Decision
	err := s.amend(ctx, r.Target(), locks{}, func(state provision.State) (*provision.Change, error) {
		d = decide(state)
		return &d.Change, nil
	})
	if err != nil {
		return provision.Decision{}, err
	}
	return d, nil
}

// Amend implements provision.Ledger.
func (s *Store) Amend(ctx context.Context, t provision.Target, amend func(provision.State) (provision.Change, error)) (provision.Change, error) {
	var c provision.Change
	err := s.amend(ctx, t, changing(t), func(state provision.State) (*provision.Change, error) {
		var err error
		c, err = amend(state)
		return &c, err
	})
	if err != nil {
		return provision.Change{}, err
	}
	return c, nil
}

// changing is the lock of what a target most likely changes: the one registered thing that it is about. A guess that is
// wrong costs another try.
func changing(t provision.Target) locks {
	l := locks{}
	switch {
	case t.Account != "" || t.Lease != "" || t.Link.Subject != "" || !t.Email.IsZero():
	case !t.Domain.IsZero():
		l.claim(onDomain, t.Domain.String())
	case t.Connection != "":
		l.claim(onConnection, string(t.Connection))
	case t.Tenant != "":
		l.claim(onTenant, string(t.Tenant))
	}
	return l
}

// amend reads what a target names under its locks, and writes the change that is made of it. alone are locks to hold
// alone from the beginning on.
func (s *Store) amend(ctx context.Context, t provision.Target, alone locks, change func(provision.State) (*provision.Change, error)) error {
	return s.transact(ctx, func(w *work) error {
		f, err := w.find(s.clock, t)
		if err != nil {
			return err
		}
		wanted := f.shared(t)
		maps.Copy(wanted, alone)
		w.lock(wanted)
		w.lockAccounts(f.accounts())
		v, err := w.load(f, t)
		if err != nil {
			return err
		}
		c, err := change(v.state(t))
		if err != nil {
			return err
		}
		if err := w.widen(*c, alone); err != nil {
			return err
		}
		if err := w.apply(c, f.accounts()); err != nil {
			return err
		}
		return w.finish(s.clock)
	})
}

// widen takes the locks of what a change writes of what is registered. When others are held already, it notes in alone
// what to begin with next time: locks are taken in one order, and what was read before a lock is no longer good under it.
func (w *work) widen(c provision.Change, alone locks) error {
	wanted := locks{}
	wanted.changes(c)
	missing := w.lacks(wanted)
	if len(missing) == 0 {
		return nil
	}
	if len(w.held) > 0 || c.Installation != 0 {
		maps.Copy(alone, missing)
		return fmt.Errorf("%w: it changes more than it seemed to: %w", provision.ErrUnavailable, errLostRace)
	}
	w.lock(missing)
	return nil
}

// End implements provision.Ledger. It takes no lock of what is registered: to end leases while that changes is to have
// ended them before.
func (s *Store) End(ctx context.Context, ids []provision.LeaseID, end func(provision.LeaseID, provision.State) provision.Change) error {
	return s.transact(ctx, func(w *work) error {
		f := &found{}
		w.askTime(s.clock)
		w.findLeases(f, ids...)
		if err := w.send(); err != nil {
			return err
		}
		w.lockAccounts(f.accounts())
		v, err := w.load(f, provision.Target{})
		if err != nil {
			return err
		}
		for _, id := range ids {
			c := end(id, v.state(provision.Target{Lease: id}))
			if err := w.apply(&c, f.accounts()); err != nil {
				return err
			}
			v.follow(c)
		}
		return w.finish(s.clock)
	})
}

// standing is all of a lease that a check reads, in one statement: its ancestors parent first.
const standing = `SELECT l.body, l.seen, coalesce(a.body, '{}'), coalesce(t.body, '{}'), coalesce(c.body, '{}'), coalesce(o.body, '{}'),
		coalesce((SELECT value FROM meta WHERE name = 'installation'), 0),
		ARRAY(SELECT app FROM entries WHERE lease = l.id ORDER BY app), ARRAY(SELECT at FROM entries WHERE lease = l.id ORDER BY app),
		ARRAY(WITH RECURSIVE up AS (
			SELECT p.parent, p.body, 1 AS depth FROM leases p WHERE l.parent <> '' AND p.id = l.parent
			UNION ALL
			SELECT p.parent, p.body, up.depth + 1 FROM up JOIN leases p ON p.id = up.parent WHERE up.parent <> '' AND up.depth < $2
		) SELECT body FROM up ORDER BY depth),
		ARRAY(SELECT body FROM leases e WHERE e.parent = l.id AND e.parent <> '' AND NOT e.ended ORDER BY e.id),
		coalesce(ga.body, '{}'), coalesce(gc.body, '{}')
	FROM leases l LEFT JOIN accounts a ON a.id = l.account LEFT JOIN tenants t ON t.id = l.tenant
		LEFT JOIN connections c ON c.id = l.connection LEFT JOIN claims o ON o.domain = l.domain AND o.owns
		LEFT JOIN accounts ga ON ga.id = l.agent AND l.agent <> '' LEFT JOIN connections gc ON gc.id = l.agent_connection AND l.agent_connection <> ''
	WHERE l.id = $1`

// Lease implements provision.Ledger.
func (s *Store) Lease(ctx context.Context, id provision.LeaseID) (st provision.Standing, err error) {
	err = s.reading(ctx, func(r reader) error {
		st = provision.Standing{}
		var lease, account, tenant, connection, claim, agent, agentOf string
		var seen int64
		var apps, ancestors, below []string
		var at []int64
		if err := r.row(standing, []any{string(id), depth}, &lease, &seen, &account, &tenant, &connection, &claim, &st.Installation, &apps, &at, &ancestors, &below, &agent, &agentOf); err != nil {
			return err
		}
		if lease == "" {
			return provision.ErrNotFound
		}
		if st.Lease, err = leaseOf(lease, seen); err != nil {
			return err
		}
		for i, app := range apps {
			st.Entries = append(st.Entries, provision.Entry{Lease: id, App: provision.AppID(app), At: moment(at[i])})
		}
		for _, body := range ancestors {
			var a provision.Lease
			if err := decode(body, &a); err != nil {
				return err
			}
			st.Ancestors = append(st.Ancestors, a)
		}
		if st.Elevations, err = elevationsAmong(id, below); err != nil {
			return err
		}
		return cmp.Or(decode(account, &st.Account), decode(tenant, &st.Tenant), decode(connection, &st.Connection), decode(claim, &st.Claim), decode(agent, &st.Agent.Account), decode(agentOf, &st.Agent.Connection))
	})
	if err != nil {
		return provision.Standing{}, err
	}
	return st, nil
}

// Due implements provision.Ledger.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]provision.LeaseID, error) {
	var due []provision.LeaseID
	err := s.reading(ctx, func(r reader) (err error) {
		due, err = column[provision.LeaseID](r, "SELECT id FROM leases WHERE NOT ended AND due <= $1 ORDER BY due, id LIMIT $2", stamp(now), limit)
		if err != nil || len(due) >= limit {
			return err
		}
		open, err := rows[provision.Revocation](r, "SELECT body FROM revocations WHERE NOT settled ORDER BY id")
		for _, v := range open {
			if len(due) >= limit || err != nil {
				break
			}
			var below []provision.LeaseID
			below, err = r.below(v, now, limit-len(due))
			due = append(due, slices.DeleteFunc(below, func(id provision.LeaseID) bool { return slices.Contains(due, id) })...)
		}
		return err
	})
	return due, err
}

// below are leases, not due by their time, that began before a revocation of what they hang on: of a generation that
// has passed. When they began says nothing: a login may have asked for the time before, and committed after.
func (r reader) below(v provision.Revocation, now time.Time, limit int) ([]provision.LeaseID, error) {
	which, args := "installation_generation < (SELECT value FROM meta WHERE name = 'installation')", []any{stamp(now), limit}
	of := func(condition string, name string) { which, args = condition, append(args, name) }
	switch {
	case v.Scope.Connection != "":
		of("connection = $3 AND connection_generation < (SELECT generation FROM connections WHERE id = $3)", string(v.Scope.Connection))
	case !v.Scope.Domain.IsZero():
		of("domain = $3 AND domain_generation < (SELECT generation FROM claims WHERE domain = $3 AND owns)", v.Scope.Domain.String())
	case v.Scope.Account != "":
		of("account = $3 AND account_generation < (SELECT generation FROM accounts WHERE id = $3)", string(v.Scope.Account))
	case v.Scope.Tenant != "":
		of("tenant = $3 AND tenant_generation < (SELECT generation FROM tenants WHERE id = $3)", string(v.Scope.Tenant))
	}
	return column[provision.LeaseID](r, "SELECT id FROM leases WHERE NOT ended AND "+which+" AND due > $1 LIMIT $2", args...)
}

// usedBatch is how many leases one commit of Used touches: ends and logins go in between.
const usedBatch = 500

// Used implements provision.Ledger.
func (s *Store) Used(ctx context.Context, seen map[provision.LeaseID]time.Time) error {
	ids := slices.Sorted(maps.Keys(seen)) // of two that write the same ones, neither waits for what the other has
	for batch := range slices.Chunk(ids, usedBatch) {
		at := make([]int64, len(batch))
		for i, id := range batch {
			at[i] = stamp(seen[id].UTC())
		}
		err := s.transact(ctx, func(w *work) error {
			w.queue("SELECT FROM leases WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE", texts(batch))
			w.queue(`UPDATE leases SET seen = used.at, due = CASE WHEN idle > 0 THEN least(ends, used.at + idle + $3) ELSE ends END
				FROM unnest($1::text[], $2::bigint[]) AS used (id, at) WHERE leases.id = used.id AND NOT ended AND seen < used.at`,
				texts(batch), at, int64(provision.IdleSlack))
			return w.finish(s.clock)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rows are all the bodies that a query finds.
func rows[T any](r reader, query string, args ...any) (items []T, err error) {
	b := &pgx.Batch{}
	b.Queue(query, args...).Query(bodies(func(item T) { items = append(items, item) }))
	return items, r.send(b)
}

// column is the first column of all that a query finds.
func column[T any](r reader, query string, args ...any) (items []T, err error) {
	b := &pgx.Batch{}
	b.Queue(query, args...).Query(each(func(rows pgx.Rows) error {
		var item T
		err := rows.Scan(&item)
		items = append(items, item)
		return err
	}))
	return items, r.send(b)
}
