package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"leasehold/provision"
)

// both adds a condition of several values; each "?" of it is one.
func (f filter) both(condition string, values ...any) filter {
	args := f.args
	for _, v := range values {
		args = append(args[:len(args):len(args)], v)
		condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
	}
	return filter{f.text + " AND " + condition, args}
}

// FindAccounts lists the accounts that a query chooses.
func (s *Store) FindAccounts(ctx context.Context, q provision.AccountQuery) ([]provision.Account, error) {
	f := filter{}.of("tenant = ", string(q.Tenant)).of("state = ", string(q.State))
	if q.Office != "" {
		f = f.both("offices IS NOT NULL AND offices::jsonb @> jsonb_build_array(?::text)", string(q.Office))
	}
	if q.Text != "" {
		plain := strings.ReplaceAll(q.Text, "\x00", "") // no text of PostgreSQL holds it
		text := literal(strings.ToLower(plain))
		f = f.both("(id = ? OR email LIKE ? OR lower(name) LIKE ? OR lower(name) LIKE ?)", plain, text+"%", text+"%", "% "+text+"%")
	}
	if !q.Email.IsZero() {
		f = f.both("email = ? AND email <> '' AND state <> 'deleted'", q.Email.String())
	}
	if q.Begins != "" {
		f = f.both("email LIKE ?", literal(strings.ToLower(strings.ReplaceAll(q.Begins, "\x00", "")))+"%")
	}
	if q.At != "" {
		f = f.both("id IN (SELECT account FROM links WHERE connection = ? AND subject <> '')", string(q.At))
	}
	if !q.Domain.IsZero() {
		f = f.both("split_part(email, '@', 2) = ? AND email <> ''", q.Domain.String())
	}
	if !q.Unused.IsZero() {
		f = f.both("state NOT IN ('active', 'deleted') AND used < ?", stamp(time.Unix(q.Unused.Unix(), 0)))
	}
	if q.Stranded {
		f = f.that("state = 'pending' AND body_time(body, 'LastLogin') > -60000000000")
	}
	if q.After != "" {
		f = f.both("(tenant, id) > ((SELECT tenant FROM accounts WHERE id = ?), ?)", string(q.After), string(q.After))
	}
	end, args := f.rest("tenant, id", q.Limit, 100)
	return list[provision.Account](ctx, s, "SELECT body FROM accounts WHERE true"+end, args...)
}

// literal is text as LIKE compares it, character by character.
func literal(text string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)
}

// FindEvents lists the events that a query chooses, the newest first.
func (s *Store) FindEvents(ctx context.Context, q provision.EventQuery) (events []provision.Event, err error) {
	if err := s.number(ctx); err != nil {
		return nil, err
	}
	f := filter{}.of("tenant = ", string(q.Tenant)).of("kind = ", q.Kind).of("ref = ", q.Ref)
	if q.Account != "" {
		f = f.and("account <> '' AND account = ", string(q.Account))
	}
	if q.Reason != "" {
		f = f.and("reason <> '' AND reason = ", q.Reason)
	}
	if !q.Since.IsZero() {
		f = f.and("at >= ", q.Since.Unix())
	}
	if !q.Until.IsZero() {
		f = f.and("at < ", q.Until.Unix())
	}
	if q.Before > 0 {
		f = f.and("seq < ", q.Before)
	}
	end, args := f.rest("seq DESC", q.Limit, 100)
	err = s.reading(ctx, func(r reader) error {
		events, err = readEvents(r, "SELECT body, seq FROM events WHERE true"+end, args...)
		return err
	})
	return events, err
}

// Refused counts refused logins by day and reason, from the day of a time on.
func (s *Store) Refused(ctx context.Context, t provision.TenantID, since time.Time) (found []provision.Refusals, err error) {
	if err := s.number(ctx); err != nil {
		return nil, err
	}
	f := filter{}.and("at >= ", since.Unix()/86400*86400).of("tenant = ", string(t))
	err = s.reading(ctx, func(r reader) error {
		found = nil
		b := &pgx.Batch{}
		b.Queue("SELECT at / 86400, reason, sum(refused)::bigint FROM events WHERE refused > 0"+f.text+" GROUP BY 1, 2 ORDER BY 1, 2", f.args...).Query(each(func(rows pgx.Rows) error {
			var day int64
			var reason string
			var n int
			err := rows.Scan(&day, &reason, &n)
			found = append(found, provision.Refusals{Day: time.Unix(day*86400, 0).UTC(), Reason: provision.Reason(reason), Count: n})
			return err
		}))
		return r.send(b)
	})
	return found, err
}

// Population counts a tenant's accounts and leases; those of all when it has no name.
func (s *Store) Population(ctx context.Context, t provision.TenantID) (p provision.Population, err error) {
	f := filter{}.of("tenant = ", string(t))
	err = s.reading(ctx, func(r reader) error {
		p = provision.Population{Accounts: map[provision.AccountState]int{}}
		b := &pgx.Batch{}
		b.Queue(snapshot)
		b.Queue("SELECT state, count(*) FROM accounts WHERE true"+f.text+" GROUP BY state", f.args...).Query(each(func(rows pgx.Rows) error {
			var state string
			var n int
			err := rows.Scan(&state, &n)
			p.Accounts[provision.AccountState(state)] = n
			return err
		}))
		b.Queue("SELECT count(*) FROM leases WHERE NOT ended"+f.text, f.args...).QueryRow(scan(&p.Leases))
		b.Queue("COMMIT")
		return r.send(b)
	})
	return p, err
}
