package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"leasehold/provision"
)

// Census counts what the ledger holds, on one snapshot: in one statement.
func (s *Store) Census(ctx context.Context) (c provision.Census, err error) {
	var due int64
	var claims string
	err = s.reading(ctx, func(r reader) error {
		return r.row(`SELECT (SELECT count(*) FROM leases WHERE NOT ended), coalesce((SELECT min(due) FROM leases WHERE NOT ended), 0),
			(SELECT count(*) FROM revocations WHERE NOT settled),
			coalesce((SELECT json_object_agg(state, n) FROM (SELECT body::json->>'State' AS state, count(*) AS n FROM claims GROUP BY 1) AS counted)::text, '{}')`,
			nil, &c.Leases, &due, &c.Revocations, &claims)
	})
	if err == nil {
		if err = json.Unmarshal([]byte(claims), &c.Claims); err != nil {
			err = fmt.Errorf("claims: %w: %w", provision.ErrCorrupt, err)
		}
	}
	c.NextDue = moment(due)
	return c, err
}
