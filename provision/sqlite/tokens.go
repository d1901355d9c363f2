package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"time"

	"leasehold/provision"
)

func (w writer) token(t provision.Token) error {
	return w.put(t, "INSERT INTO tokens (id, tenant, used, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body", t.ID, t.Tenant, stamp(t.Used))
}

func (w writer) tokenGone(id provision.TokenID) error {
	return w.exec("DELETE FROM tokens WHERE id = ?", id)
}

// tokens are all that a query of body and used finds. When a token was last used stands beside its body.
func (r reader) tokens(query string, args ...any) (found []provision.Token, err error) {
	err = r.query(func(rows *sql.Rows) error {
		var body string
		var used int64
		var t provision.Token
		if err := rows.Scan(&body, &used); err != nil {
			return err
		}
		err := decode(body, &t)
		t.Used = moment(used)
		found = append(found, t)
		return err
	}, query, args...)
	return found, err
}

// Token is how a token stands, or ErrNotFound.
func (s *Store) Token(ctx context.Context, id provision.TokenID) (st provision.TokenStanding, err error) {
	err = s.snapshot(ctx, func(r reader) error {
		found, err := r.tokens("SELECT body, used FROM tokens WHERE id = ?", id)
		if err != nil || len(found) == 0 {
			return cmp.Or(err, provision.ErrNotFound)
		}
		st.Token = found[0]
		if st.Installation, err = r.installation(); err != nil || st.Token.Tenant == "" {
			return err
		}
		st.Tenant, err = r.tenant(st.Token.Tenant)
		return err
	})
	return st, err
}

// Tokens lists tokens, those that have ended among them.
func (s *Store) Tokens(ctx context.Context, p provision.Page) (found []provision.Token, err error) {
	end, args := filter{}.of("tenant = ?", string(p.Tenant)).and("id > ?", p.After).rest("id", p.Limit, 100)
	err = s.snapshot(ctx, func(r reader) error {
		found, err = r.tokens("SELECT body, used FROM tokens WHERE 1"+end, args...)
		return err
	})
	return found, err
}

// UsedToken notes the last use of a token; it never moves back.
func (s *Store) UsedToken(ctx context.Context, id provision.TokenID, at time.Time) error {
	return s.commit(ctx, growth, func(w writer, _ *need) error {
		return w.exec("UPDATE tokens SET used = ? WHERE id = ? AND used < ?", stamp(at), id, stamp(at))
	})
}

// Decisions lists decisions of a tenant, in the order of their ids.
func (s *Store) Decisions(ctx context.Context, p provision.Page) ([]provision.DecisionRow, error) {
	return paged[provision.DecisionRow](ctx, s, "decisions", "tenant = ?", p, filter{})
}

// Decision is one, or ErrNotFound.
func (s *Store) Decision(ctx context.Context, id provision.DecisionID) (provision.DecisionRow, error) {
	return one[provision.DecisionRow](ctx, s, "SELECT body FROM decisions WHERE id = ?", id)
}

func (c *copier) tokens() error {
	found, err := c.reader.tokens("SELECT body, used FROM tokens ORDER BY id")
	for _, t := range found {
		if err != nil {
			break
		}
		c.part.Tokens = append(c.part.Tokens, t)
		err = c.count()
	}
	return err
}
