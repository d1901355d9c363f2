package sqlite

import (
	"context"
	"errors"
	"slices"
	"time"

	"leasehold/provision"
)

// tries is how often a verb is tried when a unique index says that a race was lost. With one writer, that is when a
// function returned a change which the state it was shown could have told it would break.
const tries = 3

// commit runs do in a write transaction and commits it with the clock's mark. What it wants room for is for do to say,
// before the first row is written.
func (s *Store) commit(ctx context.Context, wants need, do func(writer, *need) error) error {
	for {
		err := s.write.transact(ctx, func(on *session) error {
			w := writer{reader{ctx, on}}
			if err := do(w, &wants); err != nil {
				return err
			}
			if err := s.room.admits(wants, w); err != nil {
				return err
			}
			return w.mark(s.Now())
		})
		if again := s.room.after(wants, err); !again {
			return err
		}
	}
}

// snapshot runs do on one snapshot.
func (s *Store) snapshot(ctx context.Context, do func(reader) error) error {
	return s.read.transact(ctx, func(on *session) error { return do(reader{ctx, on}) })
}

// retried runs do until it does not lose a race, or has lost too many.
func retried(do func() error) error {
	var err error
	for range tries {
		if err = do(); !errors.Is(err, errLostRace) {
			return err
		}
	}
	return errors.Join(provision.ErrConflict, err)
}

// Provision implements provision.Ledger.
func (s *Store) Provision(ctx context.Context, r provision.Request, decide func(provision.State) provision.Decision) (provision.Decision, error) {
	var d provision.Decision
	err := retried(func() error {
		return s.commit(ctx, growth, func(w writer, _ *need) error {
			state, err := w.state(r.Target())
			if err != nil {
				return err
			}
			d = decide(state)
			return w.apply(&d.Change)
		})
	})
	if err != nil {
		return provision.Decision{}, err
	}
	return d, nil
}

// Amend implements provision.Ledger.
func (s *Store) Amend(ctx context.Context, t provision.Target, amend func(provision.State) (provision.Change, error)) (provision.Change, error) {
	var c provision.Change
	err := retried(func() error {
		return s.commit(ctx, growth, func(w writer, wants *need) error {
			state, err := w.state(t)
			if err != nil {
				return err
			}
			if c, err = amend(state); err != nil {
				return err
			}
			*wants = max(needOf(c), needOf(provision.Change{Spent: t.Spend})) // a log-out that only looks is one, too
			return w.apply(&c)
		})
	})
	if err != nil {
		return provision.Change{}, err
	}
	return c, nil
}

// End implements provision.Ledger.
func (s *Store) End(ctx context.Context, ids []provision.LeaseID, end func(provision.LeaseID, provision.State) provision.Change) error {
	return retried(func() error {
		return s.commit(ctx, growth, func(w writer, wants *need) error {
			for _, id := range ids {
				state, err := w.state(provision.Target{Lease: id})
				if err != nil {
					return err
				}
				c := end(id, state)
				*wants = max(*wants, needOfEnd(c))
				if err := w.apply(&c); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// Lease implements provision.Ledger.
func (s *Store) Lease(ctx context.Context, id provision.LeaseID) (provision.Standing, error) {
	var st provision.Standing
	err := s.snapshot(ctx, func(r reader) (err error) {
		if st, err = r.standing(id); err == nil && st.Lease.ID == "" {
			err = provision.ErrNotFound
		}
		return err
	})
	return st, err
}

// Due implements provision.Ledger.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]provision.LeaseID, error) {
	var due []provision.LeaseID
	err := s.snapshot(ctx, func(r reader) (err error) {
		due, err = column[provision.LeaseID](r, "SELECT id FROM leases WHERE NOT ended AND due <= ? ORDER BY due LIMIT ?", stamp(now), limit)
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
	which, object, name, value := "'' = ?1", "SELECT value FROM meta WHERE name = 'installation'", "Installation", ""
	switch {
	case v.Scope.Connection != "":
		which, object, name, value = "connection = ?1", generation+"connections WHERE id = ?1", "Connection", string(v.Scope.Connection)
	case !v.Scope.Domain.IsZero():
		which, object, name, value = "domain = ?1", generation+"claims WHERE domain = ?1 AND owns", "Domain", v.Scope.Domain.String()
	case v.Scope.Account != "":
		which, object, name, value = "account = ?1", generation+"accounts WHERE id = ?1", "Account", string(v.Scope.Account)
	case v.Scope.Tenant != "":
		which, object, name, value = "tenant = ?1", generation+"tenants WHERE id = ?1", "Tenant", string(v.Scope.Tenant)
	}
	return column[provision.LeaseID](r, "SELECT id FROM leases WHERE NOT ended AND "+which+" AND json_extract(body, '$.Generations."+name+"') < ("+object+") AND due > ?2 LIMIT ?3",
		value, stamp(now), limit)
}

// generation is the part of a query that reads the generation of an object.
const generation = "SELECT json_extract(body, '$.Generation') FROM "

// usedBatch is how many leases one commit of Used touches: ends and logins go in between.
const usedBatch = 500

// Used implements provision.Ledger.
func (s *Store) Used(ctx context.Context, seen map[provision.LeaseID]time.Time) error {
	ids := make([]provision.LeaseID, 0, len(seen))
	for id := range seen {
		ids = append(ids, id)
	}
	for len(ids) > 0 {
		n := min(usedBatch, len(ids))
		err := s.commit(ctx, growth, func(w writer, _ *need) error {
			for _, id := range ids[:n] {
				if err := w.use(id, seen[id].UTC()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func (w writer) use(id provision.LeaseID, at time.Time) error {
	l, err := row[provision.Lease](w.reader, "SELECT body FROM leases WHERE id = ? AND NOT ended", id)
	if err != nil || l.ID == "" || !at.After(l.Seen) {
		return err
	}
	l.Seen = at
	return w.lease(l)
}
