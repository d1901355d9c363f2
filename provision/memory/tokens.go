package memory

import (
	"context"
	"time"

	"leasehold/provision"
)

func (c *commit) token(t provision.Token) error {
	if old, there := c.tokens[t.ID]; there {
		t.Used = old.Used
	}
	set(c, c.tokens, t.ID, t)
	return nil
}

func (c *commit) tokenGone(id provision.TokenID) error {
	drop(c, c.tokens, id)
	return nil
}

// Token is how a token stands, or ErrNotFound.
func (s *Store) Token(ctx context.Context, id provision.TokenID) (st provision.TokenStanding, err error) {
	err = s.view(ctx, func(x *tables) error {
		t, ok := x.tokens[id]
		if !ok {
			return provision.ErrNotFound
		}
		st = own(provision.TokenStanding{Token: t, Tenant: x.tenants[t.Tenant], Installation: x.installation})
		return nil
	})
	return st, err
}

// Tokens lists tokens, those that have ended among them.
func (s *Store) Tokens(ctx context.Context, p provision.Page) ([]provision.Token, error) {
	return list(ctx, s, s.tables.tokens, p, func(t provision.Token) bool { return of(p, t.Tenant) })
}

// UsedToken notes the last use of a token; it never moves back.
func (s *Store) UsedToken(ctx context.Context, id provision.TokenID, at time.Time) error {
	return s.commit(ctx, func(c *commit) error {
		if t, ok := c.tokens[id]; ok && at.After(t.Used) {
			t.Used = at
			set(c, c.tokens, id, t)
		}
		return nil
	})
}

// Decisions lists decisions of a tenant, in the order of their ids.
func (s *Store) Decisions(ctx context.Context, p provision.Page) ([]provision.DecisionRow, error) {
	return list(ctx, s, s.tables.decisions, p, func(d provision.DecisionRow) bool { return of(p, d.Tenant) })
}

// Decision is one, or ErrNotFound.
func (s *Store) Decision(ctx context.Context, id provision.DecisionID) (provision.DecisionRow, error) {
	return one(ctx, s, s.tables.decisions, id)
}
