package postgres

import (
	"context"
	"crypto/rand"

	"leasehold/provision"
)

// events puts events into the inbox. They get their numbers afterwards: to give them here, commits would have to wait for
// each other.
func (w *work) events(events []provision.Event) error {
	for _, e := range events {
		e.Seq, e.Personal = 0, provision.Personal{} // sealed, or not kept
		body, err := encode(e)
		if err != nil {
			return err
		}
		w.inbox = append(w.inbox, letter{string(e.Tenant), e.Kind, e.Ref(), body})
	}
	return nil
}

// letter is an event on its way into the audit.
type letter struct{ tenant, kind, ref, body string }

// finish sends what is queued, with the events at the end: whoever waited for somebody's lock has later ones. It leaves
// what tells that the transaction was committed.
func (w *work) finish(c *clock) error {
	w.announce()
	if len(w.inbox) > 0 {
		at, resets := c.known()
		columns := make([][]string, 4)
		for _, l := range w.inbox {
			for i, text := range []string{l.tenant, l.kind, l.ref, l.body} {
				columns[i] = append(columns[i], text)
			}
		}
		w.proof = w.inbox[0].ref
		w.queue(`WITH put AS (INSERT INTO inbox (at, resets, tenant, kind, ref, body) SELECT $1, $2, e.* FROM unnest($3::text[], $4::text[], $5::text[], $6::text[]) AS e)
			SELECT pg_current_xact_id()::text`, stamp(at), resets, columns[0], columns[1], columns[2], columns[3]).QueryRow(scan(&w.xid))
	} else {
		w.proof = rand.Text()
		w.queue("INSERT INTO receipts (id) VALUES ($1) RETURNING pg_current_xact_id()::text", w.proof).QueryRow(scan(&w.xid))
	}
	return w.send()
}

// numberLock is the advisory lock that events are numbered under, and that whoever stores ledger time holds.
const numberLock = 0x1ea5e4e7

// numberBatch is how many events one transaction numbers.
const numberBatch = 5000

// number moves what has been committed from the inbox into the audit, in the order in which it was written. One process
// at a time does, and no commit waits for it. What is not committed yet comes behind, later: nobody who reads misses it.
func (s *Store) number(ctx context.Context) error {
	for more := true; more; {
		err := s.reading(ctx, func(r reader) error {
			return r.row("SELECT EXISTS (SELECT FROM inbox)", nil, &more)
		})
		if err != nil || !more {
			return err
		}
		err = s.transact(ctx, func(w *work) error {
			w.queue("SELECT pg_advisory_xact_lock($1)", int64(numberLock))
			w.queue(`WITH moved AS (DELETE FROM inbox WHERE n IN (SELECT n FROM inbox ORDER BY n LIMIT $1) RETURNING *),
				numbered AS (INSERT INTO events (seq, tenant, kind, ref, body)
					SELECT coalesce((SELECT max(seq) FROM events), 0) + row_number() OVER (ORDER BY n), tenant, kind, ref, body FROM moved RETURNING seq, ref),
				told AS (UPDATE deliveries SET seq = numbered.seq FROM numbered WHERE deliveries.event = numbered.ref)
				INSERT INTO meta (name, value) SELECT 'clock', max(at) FROM moved WHERE resets = coalesce((SELECT value FROM meta WHERE name = 'resets'), 0) HAVING count(*) > 0
				ON CONFLICT (name) DO UPDATE SET value = greatest(meta.value, excluded.value)`, numberBatch)
			return w.send()
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Events implements provision.Ledger.
func (s *Store) Events(ctx context.Context, f provision.EventFilter) (events []provision.Event, err error) {
	if err := s.number(ctx); err != nil {
		return nil, err
	}
	end, args := filter{}.of("tenant = ", string(f.Tenant)).of("kind = ", f.Kind).of("ref = ", f.Ref).and("seq > ", f.After).rest("seq", f.Limit, 1000)
	err = s.reading(ctx, func(r reader) error {
		events, err = readEvents(r, "SELECT body, seq FROM events WHERE true"+end, args...)
		return err
	})
	return events, err
}
