package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"leasehold/provision"
)

// FindAccounts lists the accounts that a query chooses. What is compared stands in one index; bodies are read of what is
// listed alone.
func (s *Store) FindAccounts(ctx context.Context, q provision.AccountQuery) ([]provision.Account, error) {
	f, index := filter{}.of("tenant = ?", string(q.Tenant)).of("state = ?", string(q.State)), "accounts_find"
	if q.Office != "" {
		f, index = f.and("offices IS NOT NULL AND EXISTS (SELECT 1 FROM json_each(offices) WHERE value = ?)", string(q.Office)), "accounts_office"
	}
	if q.Text != "" {
		text := literal(q.Text)
		f = f.and(`(id = ? OR email LIKE ? ESCAPE '\' OR name LIKE ? ESCAPE '\' OR name LIKE ? ESCAPE '\')`, q.Text, text+"%", text+"%", "% "+text+"%")
	}
	if !q.Email.IsZero() {
		f = f.and("email = ? AND email <> '' AND state <> 'deleted'", q.Email.String())
		if q.Tenant != "" { // then that is one account at most
			index = "accounts_email"
		}
	}
	if q.Begins != "" {
		f = f.and(`email LIKE ? ESCAPE '\'`, literal(q.Begins)+"%")
	}
	if q.At != "" {
		f = f.and("id IN (SELECT account FROM links WHERE connection = ? AND subject <> '')", string(q.At))
	}
	if !q.Domain.IsZero() {
		f = f.and("substr(email, instr(email, '@') + 1) = ? AND email <> ''", q.Domain.String())
	}
	if !q.Unused.IsZero() {
		f = f.and("state NOT IN ('active', 'deleted') AND used < ?", q.Unused.Unix())
	}
	if q.Stranded {
		f = f.and("state = 'pending' AND json_extract(body, '$.LastLogin') > '0001-01-01T00:00:00Z'")
	}
	if q.After != "" {
		f = f.and("(tenant, id) > ((SELECT tenant FROM accounts WHERE id = ?), ?)", q.After, q.After)
	}
	end, args := f.rest("tenant, id", q.Limit, 100)
	return list[provision.Account](ctx, s, "SELECT body FROM accounts WHERE id IN (SELECT id FROM accounts INDEXED BY "+index+" WHERE 1"+end+") ORDER BY tenant, id", args...)
}

// literal is text as LIKE compares it, character by character.
func literal(text string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)
}

// FindEvents lists the events that a query chooses, the newest first, by the index of what narrows most.
func (s *Store) FindEvents(ctx context.Context, q provision.EventQuery) (found []provision.Event, err error) {
	f, narrowed := filter{}, false
	for _, x := range []struct{ column, value string }{{"ref", q.Ref}, {"account", string(q.Account)}, {"reason", q.Reason}, {"kind", q.Kind}, {"tenant", string(q.Tenant)}} {
		if x.value == "" {
			continue
		}
		switch {
		case narrowed: // the plus keeps SQLite from the other index
			f = f.and("+"+x.column+" = ?", x.value)
		case x.column == "account" || x.column == "reason": // as the index has it
			f = f.and(x.column+" = ? AND "+x.column+" <> ''", x.value)
		default:
			f = f.and(x.column+" = ?", x.value)
		}
		narrowed = true
	}
	err = s.snapshot(ctx, func(r reader) error {
		if f, err = between(r, f, q); err != nil {
			return err
		}
		if q.Before > 0 {
			f = f.and("seq < ?", q.Before)
		}
		end, args := f.rest("seq DESC", q.Limit, 100)
		found, err = rows[provision.Event](r, "SELECT body FROM events WHERE 1"+end, args...)
		return err
	})
	return found, err
}

// between cuts events to a time. Ledger time does not go back, so it is an interval of Seq, too, but for what processes
// differ by.
func between(r reader, f filter, q provision.EventQuery) (filter, error) {
	const slack = int64(time.Minute / time.Second)
	if !q.Since.IsZero() {
		var first sql.NullInt64
		if err := r.scan(&first, "SELECT seq FROM events WHERE at >= ? ORDER BY at, seq LIMIT 1", q.Since.Unix()-slack); err != nil {
			return f, err
		}
		if !first.Valid {
			return f.and("0"), nil
		}
		f = f.and("seq >= ? AND +at >= ?", first.Int64, q.Since.Unix())
	}
	if !q.Until.IsZero() {
		var last sql.NullInt64
		if err := r.scan(&last, "SELECT seq FROM events WHERE at < ? ORDER BY at DESC, seq DESC LIMIT 1", q.Until.Unix()+slack); err != nil {
			return f, err
		}
		f = f.and("seq <= ? AND +at < ?", last.Int64, q.Until.Unix())
	}
	return f, nil
}

// Refused counts refused logins by day and reason, from the day of a time on. The index has them in the order in which
// they are summed up, those of each tenant by themselves.
func (s *Store) Refused(ctx context.Context, t provision.TenantID, since time.Time) (found []provision.Refusals, err error) {
	type key struct {
		day    int64
		reason provision.Reason
	}
	f, counts := filter{}.and("day >= ?", since.Unix()/86400).of("+tenant = ?", string(t)), map[key]int{}
	err = s.snapshot(ctx, func(r reader) error {
		return r.query(func(row *sql.Rows) error {
			var k key
			var tenant string
			var n int
			err := row.Scan(&k.day, &tenant, &k.reason, &n)
			counts[k] += n
			return err
		}, "SELECT day, tenant, reason, sum(refused) FROM events INDEXED BY events_refused WHERE refused > 0"+f.text+" GROUP BY day, tenant, reason", f.args...)
	})
	for k, n := range counts {
		found = append(found, provision.Refusals{Day: time.Unix(k.day*86400, 0).UTC(), Reason: k.reason, Count: n})
	}
	slices.SortFunc(found, func(a, b provision.Refusals) int {
		return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(a.Reason, b.Reason))
	})
	return found, err
}

// Population counts a tenant's accounts and leases; those of all when it has no name.
func (s *Store) Population(ctx context.Context, t provision.TenantID) (provision.Population, error) {
	p, f := provision.Population{Accounts: map[provision.AccountState]int{}}, filter{}.of("tenant = ?", string(t))
	err := s.snapshot(ctx, func(r reader) error {
		err := r.query(func(row *sql.Rows) error {
			var state provision.AccountState
			var n int
			err := row.Scan(&state, &n)
			p.Accounts[state] = n
			return err
		}, "SELECT state, count(*) FROM accounts INDEXED BY accounts_state WHERE 1"+f.text+" GROUP BY state", f.args...)
		if err != nil {
			return err
		}
		return r.scan(&p.Leases, "SELECT count(*) FROM leases INDEXED BY leases_tenant WHERE NOT ended"+f.text, f.args...)
	})
	return p, err
}
