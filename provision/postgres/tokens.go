package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"leasehold/provision"
)

func (w *work) token(t provision.Token) error {
	return w.put(t, "INSERT INTO tokens (id, tenant, used, body) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
		string(t.ID), string(t.Tenant), stamp(t.Used))
}

func (w *work) tokenGone(id provision.TokenID) error {
	w.queue("DELETE FROM tokens WHERE id = $1", string(id))
	return nil
}

// tokenOf is a row of body and used. When a token was last used stands beside its body.
func tokenOf(row pgx.Row) (t provision.Token, err error) {
	var body string
	var used int64
	if err := row.Scan(&body, &used); err != nil {
		return t, err
	}
	err = decode(body, &t)
	t.Used = moment(used)
	return t, err
}

// Token is how a token stands, or ErrNotFound: one statement, so one snapshot.
func (s *Store) Token(ctx context.Context, id provision.TokenID) (st provision.TokenStanding, err error) {
	err = s.reading(ctx, func(r reader) error {
		st = provision.TokenStanding{}
		var token, tenant string
		var used int64
		err := r.row(`SELECT k.body, k.used, coalesce(t.body, '{}'), coalesce((SELECT value FROM meta WHERE name = 'installation'), 0)
			FROM tokens k LEFT JOIN tenants t ON t.id = k.tenant WHERE k.id = $1`, []any{string(id)}, &token, &used, &tenant, &st.Installation)
		if err != nil {
			return err
		}
		if token == "" {
			return provision.ErrNotFound
		}
		if err := decode(token, &st.Token); err != nil {
			return err
		}
		st.Token.Used = moment(used)
		return decode(tenant, &st.Tenant)
	})
	if err != nil {
		return provision.TokenStanding{}, err
	}
	return st, nil
}

// Tokens lists tokens, those that have ended among them.
func (s *Store) Tokens(ctx context.Context, p provision.Page) (found []provision.Token, err error) {
	end, args := paged("tenant = ", p, filter{})
	err = s.reading(ctx, func(r reader) error {
		found = nil
		b := &pgx.Batch{}
		b.Queue("SELECT body, used FROM tokens WHERE true"+end, args...).Query(each(func(rows pgx.Rows) error {
			t, err := tokenOf(rows)
			found = append(found, t)
			return err
		}))
		return r.send(b)
	})
	return found, err
}

// UsedToken notes the last use of a token; it never moves back.
func (s *Store) UsedToken(ctx context.Context, id provision.TokenID, at time.Time) error {
	return s.transact(ctx, func(w *work) error {
		w.queue("UPDATE tokens SET used = $1 WHERE id = $2 AND used < $1", stamp(at), string(id))
		return w.finish(s.clock)
	})
}

// Decisions lists decisions of a tenant, in the order of their ids.
func (s *Store) Decisions(ctx context.Context, p provision.Page) ([]provision.DecisionRow, error) {
	end, args := paged("tenant = ", p, filter{})
	return list[provision.DecisionRow](ctx, s, "SELECT body FROM decisions WHERE true"+end, args...)
}

// Decision is one, or ErrNotFound.
func (s *Store) Decision(ctx context.Context, id provision.DecisionID) (provision.DecisionRow, error) {
	return one[provision.DecisionRow](ctx, s, "SELECT body FROM decisions WHERE id = $1", string(id))
}
