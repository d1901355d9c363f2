package sqlite

import (
	"context"
	"time"

	"leasehold/provision"
)

func (w writer) credential(c provision.Credential) error {
	return w.put(c, `INSERT INTO credentials (id, tenant, lease, open, held, next, until, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET open = excluded.open, held = excluded.held, next = excluded.next, body = excluded.body`,
		c.ID, c.Tenant, c.Lease, c.Open(), c.State == provision.CredentialIssued, nextOf(c.Next), stamp(c.Until))
}

// nextOf is when a credential is looked at again, 0 for any time.
func nextOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return stamp(t)
}

// Credentials lists credentials, in the order of their ids.
func (s *Store) Credentials(ctx context.Context, f provision.CredentialFilter) ([]provision.Credential, error) {
	which := filter{}.of("id = ?", string(f.ID)).of("json_extract(body, '$.State') = ?", string(f.State)).of("tenant = ?", string(f.Tenant)).of("lease = ?", string(f.Lease)).of("id > ?", string(f.After))
	if f.Open || f.State.Open() || !f.Due.IsZero() {
		which = which.and("open")
	}
	if !f.Due.IsZero() {
		which = which.and("next <= ? AND (NOT held OR until <= ? OR NOT EXISTS (SELECT 1 FROM leases l WHERE l.id = credentials.lease AND NOT l.ended))", stamp(f.Due), stamp(f.Due))
	}
	end, args := which.rest("id", f.Limit, 100)
	return list[provision.Credential](ctx, s, "SELECT body FROM credentials WHERE 1"+end, args...)
}
