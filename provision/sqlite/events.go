package sqlite

import (
	"context"

	"leasehold/provision"
)

// Events implements provision.Ledger.
func (s *Store) Events(ctx context.Context, f provision.EventFilter) ([]provision.Event, error) {
	end, args := filter{}.of("tenant = ?", string(f.Tenant)).of("kind = ?", f.Kind).of("ref = ?", f.Ref).and("seq > ?", f.After).rest("seq", f.Limit, 1000)
	return list[provision.Event](ctx, s, "SELECT body FROM events WHERE 1"+end, args...)
}

// events appends to the audit. With one writer, the next Seq is one more than the last.
func (w writer) events(events []provision.Event) error {
	if len(events) == 0 {
		return nil
	}
	var last int64
	if err := w.scan(&last, "SELECT coalesce(max(seq), 0) FROM events"); err != nil {
		return err
	}
	for i := range events {
		last++
		events[i].Seq = last
		e := events[i]
		e.Personal = provision.Personal{} // sealed, or not kept
		if err := w.put(e, "INSERT INTO events (seq, tenant, kind, ref, body) VALUES (?, ?, ?, ?, ?)", e.Seq, e.Tenant, e.Kind, e.Ref()); err != nil {
			return err
		}
	}
	return nil
}
