package storetest

import (
	"context"
	"errors"
	"time"

	"leasehold/provision"
)

// Tokens are what programs act with, and the decisions that they read; the port is its consumer's.
type Tokens interface {
	Token(ctx context.Context, id provision.TokenID) (provision.TokenStanding, error)
	Tokens(ctx context.Context, p provision.Page) ([]provision.Token, error)
	UsedToken(ctx context.Context, id provision.TokenID, at time.Time) error
	Decision(ctx context.Context, id provision.DecisionID) (provision.DecisionRow, error)
	Decisions(ctx context.Context, p provision.Page) ([]provision.DecisionRow, error)
}

func tokens() []check {
	return []check{
		{"a token stands with all that judges it, and is kept whole", tokenStands},
		{"a token's last use never moves back, and no change takes it away", tokenUsed},
		{"tokens and decisions are listed page by page, of one tenant or of all", tokenLists},
		{"a token that is revoked by two that meet is revoked once", tokenRace},
	}
}

func token(id provision.TokenID, t provision.TenantID) provision.Token {
	return provision.Token{
		ID: id, Tenant: t, Everywhere: t == "", Name: "ci", Permits: []provision.Permit{"read", "accounts:write"}, Hash: []byte{1, 0, 255},
		Created: start, Expires: start.Add(time.Hour), By: provision.Actor{Kind: provision.Operator, ID: "uid:0", Via: "admin.sock"},
	}
}

func tokenStands(t *probe, a, b Store) {
	w := newWorld(t, a)
	w.write(provision.Change{Installation: 3, Tokens: []provision.Token{token("tok_1", acme), token("tok_2", "")}})
	tenant, err := b.Tenant(t.ctx, acme)
	t.ok("tenant", err)
	one, err := b.Token(t.ctx, "tok_1")
	t.ok("token", err)
	same(t, "a tenant's", one, provision.TokenStanding{Token: token("tok_1", acme), Tenant: tenant, Installation: 3})
	two, err := b.Token(t.ctx, "tok_2")
	t.ok("token", err)
	same(t, "everybody's", two, provision.TokenStanding{Token: token("tok_2", ""), Installation: 3})
	same(t, "the state", w.read(provision.Target{Token: "tok_1"}).Token, token("tok_1", acme))
	if _, err := b.Token(t.ctx, "tok_3"); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("one that there is not: %v", err)
	}
	w.write(provision.Change{TokensGone: []provision.TokenID{"tok_1"}})
	if _, err := b.Token(t.ctx, "tok_1"); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("one that is gone: %v", err)
	}
}

func tokenUsed(t *probe, a, b Store) {
	w := newWorld(t, a)
	k := token("tok_1", acme)
	w.write(provision.Change{Tokens: []provision.Token{k}})
	for _, at := range []time.Time{start.Add(time.Minute), start} {
		t.ok("used", b.UsedToken(t.ctx, k.ID, at))
	}
	k.Revoked = start
	w.write(provision.Change{Tokens: []provision.Token{k}})
	k.Used = start.Add(time.Minute)
	got, err := b.Token(t.ctx, k.ID)
	t.ok("token", err)
	same(t, "token", got.Token, k)
	t.ok("one that there is not", b.UsedToken(t.ctx, "tok_2", start))
}

func tokenLists(t *probe, a, b Store) {
	w := newWorld(t, a)
	w.write(provision.Change{
		Tokens: []provision.Token{token("tok_1", acme), token("tok_2", rival), token("tok_3", acme), token("tok_4", "")},
		Decisions: []provision.DecisionRow{
			{ID: "dec_1", Tenant: acme, At: start, Outcome: provision.Created, Inputs: []byte{1}}, {ID: "dec_2", Tenant: rival, At: start}, {ID: "dec_3", Tenant: acme, At: start},
		},
	})
	for _, x := range []struct {
		page              provision.Page
		tokens, decisions int
	}{{provision.Page{}, 4, 3}, {provision.Page{Tenant: acme}, 2, 2}, {provision.Page{Limit: 1}, 1, 1}, {provision.Page{Tenant: acme, After: "tok_1"}, 1, 0}, {provision.Page{Tenant: acme, After: "dec_1"}, 2, 1}} {
		found, err := b.Tokens(t.ctx, x.page)
		t.ok("tokens", err)
		rows, err := b.Decisions(t.ctx, x.page)
		t.ok("decisions", err)
		if len(found) != x.tokens || len(rows) != x.decisions {
			t.errorf("%+v: %d tokens and %d decisions", x.page, len(found), len(rows))
		}
	}
	one, err := b.Decision(t.ctx, "dec_1")
	t.ok("decision", err)
	same(t, "decision", one, provision.DecisionRow{ID: "dec_1", Tenant: acme, At: start, Outcome: provision.Created, Inputs: []byte{1}})
	if _, err := b.Decision(t.ctx, "dec_9"); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("one that there is not: %v", err)
	}
}

func tokenRace(t *probe, a, b Store) {
	w := newWorld(t, a)
	w.write(provision.Change{Tokens: []provision.Token{token("tok_1", acme)}})
	revoke := func(s Store) error {
		_, err := s.Amend(t.ctx, provision.Target{Token: "tok_1"}, func(st provision.State) (provision.Change, error) {
			return provision.RevokeToken(st, provision.Act{Now: start, IDs: provision.IDs{Event: func(int) provision.EventID { return w.event(provision.EventToken).ID }}})
		})
		return err
	}
	answers := make(chan error, 2)
	for _, s := range []Store{a, b} {
		go func() { answers <- revoke(s) }()
	}
	one, two := <-answers, <-answers
	if (one == nil) == (two == nil) || !errors.Is(errors.Join(one, two), provision.ErrNotFound) {
		t.errorf("the two were answered %v and %v", one, two)
	}
}
