package postgres

import (
	"context"
	"encoding/json"
	"time"

	"leasehold/provision"
)

func (w *work) credential(c provision.Credential) error {
	return w.put(c, `INSERT INTO credentials (id, tenant, lease, open, held, next, until, source, state, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (id) DO UPDATE SET open = excluded.open, held = excluded.held, next = excluded.next, until = excluded.until, state = excluded.state, body = excluded.body`,
		string(c.ID), string(c.Tenant), string(c.Lease), c.Open(), c.State == provision.CredentialIssued, nextOf(c.Next), stamp(c.Until), string(c.Source), string(c.State))
}

// nextOf is when a credential is looked at again, 0 for any time.
func nextOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return stamp(t)
}

// Credentials lists credentials, in the order of their ids, and those that are due in the order of their turns.
func (s *Store) Credentials(ctx context.Context, f provision.CredentialFilter) ([]provision.Credential, error) {
	which := filter{}.of("tenant = ", string(f.Tenant)).of("lease = ", string(f.Lease)).of("id = ", string(f.ID)).of("source = ", string(f.Source)).of("state = ", string(f.State)).of("id > ", string(f.After))
	if f.Open || f.State.Open() || !f.Due.IsZero() {
		which = which.that("open")
	}
	order := "id"
	if !f.Due.IsZero() {
		order = "next, id"
		over := "NOT EXISTS (SELECT 1 FROM leases l WHERE l.id = credentials.lease AND NOT l.ended)"
		which = which.and("next <= ", stamp(f.Due)).and("(NOT held OR "+over+" OR until <= ", stamp(f.Due))
		which.text += ")"
	}
	if len(f.Except) > 0 {
		except, err := json.Marshal(f.Except)
		if err != nil {
			return nil, err
		}
		which = which.both("(tenant, source) NOT IN (SELECT x->>'Tenant', x->>'Source' FROM json_array_elements(?::json) AS x)", string(except))
	}
	end, args := which.rest(order, f.Limit, 100)
	return list[provision.Credential](ctx, s, "SELECT body FROM credentials WHERE true"+end, args...)
}

// CountCredentials counts those that are open, up to provision.MaxCredentialCount of them.
func (s *Store) CountCredentials(ctx context.Context) (counts []provision.CredentialCount, err error) {
	var found string
	err = s.reading(ctx, func(r reader) error {
		return r.row(`SELECT coalesce(json_agg(counted), '[]')::text FROM (SELECT tenant AS "Tenant", source AS "Source", state AS "State", count(*) AS "N"
			FROM (SELECT tenant, source, state FROM credentials WHERE open LIMIT $1) AS known GROUP BY 1, 2, 3 ORDER BY 1, 2, 3) AS counted`, []any{provision.MaxCredentialCount}, &found)
	})
	if err != nil {
		return nil, err
	}
	return counts, decode(found, &counts)
}
