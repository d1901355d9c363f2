package storetest_test

import (
	"context"
	"slices"
	"time"

	"leasehold/provision"
	"leasehold/provision/memory"
)

// fickle takes the last use that it is told for the latest.
type fickle struct{ *memory.Store }

func (s fickle) UsedToken(ctx context.Context, id provision.TokenID, at time.Time) error {
	st, err := s.Token(ctx, id)
	if err != nil {
		return s.Store.UsedToken(ctx, id, at)
	}
	for _, write := range []provision.Change{{TokensGone: []provision.TokenID{id}}, {Tokens: []provision.Token{st.Token}}} {
		write.Tokens = slices.Clone(write.Tokens)
		for i := range write.Tokens {
			write.Tokens[i].Used = at
		}
		if _, err := s.Amend(ctx, provision.Target{}, func(provision.State) (provision.Change, error) { return write, nil }); err != nil {
			return err
		}
	}
	return nil
}

// frank shows every tenant's tokens to each.
type frank struct{ *memory.Store }

func (s frank) Tokens(ctx context.Context, p provision.Page) ([]provision.Token, error) {
	p.Tenant = ""
	return s.Store.Tokens(ctx, p)
}
