package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"leasehold/provision"
)

func (w writer) credential(c provision.Credential) error {
	return w.put(c, `INSERT INTO credentials (id, tenant, lease, open, held, next, until, source, state, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET open = excluded.open, held = excluded.held, next = excluded.next, until = excluded.until, state = excluded.state, body = excluded.body`,
		c.ID, c.Tenant, c.Lease, c.Open(), c.State == provision.CredentialIssued, nextOf(c.Next), stamp(c.Until), c.Source, c.State)
}

// nextOf is when a credential is looked at again, 0 for any time.
func nextOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return stamp(t)
}

// credentials are the open ones of a lease.
func (r reader) credentials(lease provision.LeaseID) ([]provision.Credential, error) {
	return rows[provision.Credential](r, "SELECT body FROM credentials WHERE lease = ? AND open ORDER BY id", lease)
}

// Credentials lists credentials, in the order of their ids, and those that are due in the order of their turns.
func (s *Store) Credentials(ctx context.Context, f provision.CredentialFilter) ([]provision.Credential, error) {
	which := filter{}.of("tenant = ?", string(f.Tenant)).of("lease = ?", string(f.Lease)).of("id = ?", string(f.ID)).of("source = ?", string(f.Source)).of("state = ?", string(f.State)).of("id > ?", string(f.After))
	if f.Open || f.State.Open() || !f.Due.IsZero() {
		which = which.and("open")
	}
	order := "id"
	if !f.Due.IsZero() {
		order = "next, id"
		which = which.and("next <= ? AND (NOT held OR until <= ? OR NOT EXISTS (SELECT 1 FROM leases l WHERE l.id = credentials.lease AND NOT l.ended))", stamp(f.Due), stamp(f.Due))
	}
	if len(f.Except) > 0 {
		except, err := json.Marshal(f.Except)
		if err != nil {
			return nil, err
		}
		which = which.and("(tenant, source) NOT IN (SELECT json_extract(value, '$.Tenant'), json_extract(value, '$.Source') FROM json_each(?))", string(except))
	}
	end, args := which.rest(order, f.Limit, 100)
	return list[provision.Credential](ctx, s, "SELECT body FROM credentials WHERE 1"+end, args...)
}

// CountCredentials counts those that are open, up to provision.MaxCredentialCount of them.
func (s *Store) CountCredentials(ctx context.Context) (counts []provision.CredentialCount, err error) {
	err = s.snapshot(ctx, func(r reader) error {
		return r.query(func(found *sql.Rows) error {
			var c provision.CredentialCount
			err := found.Scan(&c.Tenant, &c.Source, &c.State, &c.N)
			counts = append(counts, c)
			return err
		}, "SELECT tenant, source, state, count(*) FROM (SELECT tenant, source, state FROM credentials WHERE open LIMIT ?) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3", provision.MaxCredentialCount)
	})
	return counts, err
}
