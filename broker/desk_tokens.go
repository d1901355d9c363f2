package broker

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"leasehold/provision"
)

// tokenPrefix begins every token, so that those who search for leaked secrets find it.
const tokenPrefix = "lht_"

// Lengths of a token's parts.
const (
	tokenName   = 16 // characters of its id
	tokenSecret = 26 // 130 bits
)

// Limits of tokens.
const (
	maxTokens    = 100                 // of one tenant, or of everywhere, that have not ended
	endedTokens  = 30 * 24 * time.Hour // how long one that has ended is still listed
	usedTokenAge = time.Minute         // a use is written this seldom
)

// MandateOfToken is what somebody may do who shows a token. Whatever is not a good one is refused as token_invalid, in the
// same words; a token of a suspended tenant as tenant_suspended.
func (k *Desk) MandateOfToken(ctx context.Context, shown string, from provision.Requester) (Mandate, error) {
	invalid := &provision.DeniedError{Reason: provision.TokenInvalid}
	rest, ok := strings.CutPrefix(shown, tokenPrefix)
	if !ok || len(rest) != tokenName+tokenSecret {
		return Mandate{}, invalid
	}
	s, err := k.tokens.Token(ctx, provision.TokenID("tok_"+rest[:tokenName]))
	if errors.Is(err, provision.ErrNotFound) {
		return Mandate{}, invalid
	}
	if err != nil {
		return Mandate{}, err
	}
	t, now := s.Token, k.b.Ledger.Now()
	if sum := sha256.Sum256([]byte(rest[tokenName:])); subtle.ConstantTimeCompare(sum[:], t.Hash) != 1 {
		return Mandate{}, invalid
	}
	if reason := s.Refuses(now); reason != "" {
		return Mandate{}, &provision.DeniedError{Reason: reason}
	}
	if now.Sub(t.Used) >= usedTokenAge {
		if err := k.tokens.UsedToken(ctx, t.ID, now); err != nil {
			k.b.Log.Warn("the use of a token is not noted", "token", t.ID, "error", err)
		}
	}
	m := Mandate{Requester: from, Everywhere: t.Everywhere, Tenant: t.Tenant, Permits: t.Permits, Behind: t.Behind(), Actor: provision.Actor{Kind: provision.TenantAdmin, ID: string(t.ID), Via: "api"}}
	if m.Permits == nil {
		m.Permits = []provision.Permit{} // nil would be everything
	}
	if t.Everywhere {
		m.Actor.Kind = provision.Operator
	}
	m.Write = true // what of it, Permits says
	return m, nil
}

// behind is the person behind a mandate, whom an approval is held against: "" when it is the host's. A token that a token made
// before that was noted leads to the one that made it. When nobody can tell, it may be whoever asked, and so it is.
func (k *Desk) behind(ctx context.Context, m Mandate, asked provision.AccountID) (provision.AccountID, error) {
	behind, by := m.Behind, m.Actor
	for range maxTokens {
		switch {
		case behind != "" || m.Host || by.Via == provision.ViaSocket:
			return behind, nil
		case !strings.HasPrefix(by.ID, "tok_"):
			return asked, nil
		}
		s, err := k.tokens.Token(ctx, provision.TokenID(by.ID))
		if err != nil && !errors.Is(err, provision.ErrNotFound) {
			return "", err
		}
		behind, by = s.Token.Behind(), s.Token.By
	}
	return asked, nil
}

// NewToken describes a token to make.
type NewToken struct {
	Tenant     provision.TenantID
	Everywhere bool
	Name       string
	Permits    []provision.Permit
	Life       time.Duration
}

// CreateToken makes a token that may no more than who makes it. The secret is returned this once; "" is that the order was
// done before: then it is lost, and the token to be revoked.
func (k *Desk) CreateToken(ctx context.Context, o Order, n NewToken) (t provision.Token, secret string, err error) {
	if err := o.May("tokens.create"); err != nil {
		return t, "", err
	}
	if err := k.mayCreate(ctx, o.Mandate, n); err != nil {
		return t, "", err
	}
	name := draw()
	if o.Once != "" {
		name = k.b.derived(o.deed(), "token")
	}
	name, secret = name[:tokenName], draw()[:tokenSecret]
	sum := sha256.Sum256([]byte(secret))
	t = provision.Token{ID: provision.TokenID("tok_" + name), Tenant: n.Tenant, Everywhere: n.Everywhere, Name: n.Name, Permits: n.Permits, Maker: o.Behind, Hash: sum[:], Expires: k.b.Ledger.Now().Add(n.Life)}
	gone, err := k.endedTokens(ctx, n.Tenant)
	if err != nil {
		return t, "", err
	}
	a, err := k.b.act(o.deed())
	if err != nil {
		return t, "", err
	}
	target := provision.Target{Tenant: n.Tenant, Token: t.ID, Quiet: true}
	done, err := k.b.amend(ctx, target, k.b.once(o.deed(), &target, func(s provision.State) (provision.Change, error) {
		c, err := provision.CreateToken(s, t, a)
		c.TokensGone = gone
		return c, err
	}))
	if err != nil {
		return provision.Token{}, "", settled(err)
	}
	if len(done.Tokens) == 0 {
		s, err := k.tokens.Token(ctx, t.ID)
		return s.Token, "", err
	}
	return done.Tokens[0], tokenPrefix + name + secret, nil
}

func (k *Desk) mayCreate(ctx context.Context, m Mandate, n NewToken) error {
	if n.Everywhere && !m.Everywhere {
		return &provision.DeniedError{Reason: provision.OfficeMissing}
	}
	if n.Everywhere == (n.Tenant != "") || n.Life <= 0 || n.Life > provision.MaxTokenLife || n.Name == "" || len(n.Name) > 100 || len(n.Permits) == 0 {
		return fmt.Errorf("token: a tenant or everywhere, a name, a scope and a life of %d days at most are wanted: %w", int(provision.MaxTokenLife.Hours()/24), ErrInvalid)
	}
	for _, p := range n.Permits {
		if _, err := provision.ParsePermit(string(p)); err != nil {
			return fmt.Errorf("%w: %w", err, ErrInvalid)
		}
	}
	if !n.Everywhere {
		if _, err := k.tenant(ctx, m, n.Tenant); err != nil {
			return err
		}
	}
	return m.Covers(n.Permits)
}

// endedTokens are those that ended long ago. It is a conflict when there are too many that have not ended.
func (k *Desk) endedTokens(ctx context.Context, t provision.TenantID) (gone []provision.TokenID, err error) {
	tokens, err := all(ctx, func(ctx context.Context, p provision.Page) ([]provision.Token, error) {
		p.Tenant = t
		return k.tokens.Tokens(ctx, p)
	}, func(t provision.Token) string { return string(t.ID) })
	now, living := k.b.Ledger.Now(), 0
	for _, x := range tokens {
		switch {
		case x.Tenant != t: // of all, when they are asked for as nobody's
		case x.Expires.Add(endedTokens).Before(now), !x.Revoked.IsZero() && x.Revoked.Add(endedTokens).Before(now):
			gone = append(gone, x.ID)
		case x.Revoked.IsZero() && now.Before(x.Expires):
			living++
		}
	}
	if living >= maxTokens {
		return nil, fmt.Errorf("there are %d tokens already; revoke one: %w", living, provision.ErrConflict)
	}
	return gone, err
}

// ListTokens lists the tokens that a mandate reaches, those that ended lately among them.
func (k *Desk) ListTokens(ctx context.Context, m Mandate, p provision.Page) (Part[provision.Token], error) {
	if err := m.May("tokens.read"); err != nil {
		return Part[provision.Token]{}, err
	}
	return partOf(ctx, m, p, k.tokens.Tokens, func(t provision.Token) string { return string(t.ID) }, nil)
}

// Token is one.
func (k *Desk) Token(ctx context.Context, m Mandate, id provision.TokenID) (provision.Token, error) {
	if err := m.May("tokens.read"); err != nil {
		return provision.Token{}, err
	}
	return k.token(ctx, m, id)
}

func (k *Desk) token(ctx context.Context, m Mandate, id provision.TokenID) (provision.Token, error) {
	s, err := k.tokens.Token(ctx, id)
	return reach(m, "token", s.Token, s.Token.Tenant, err)
}

// RevokeToken ends a token at once, in every process.
func (k *Desk) RevokeToken(ctx context.Context, o Order, id provision.TokenID) error {
	if err := o.May("tokens.revoke"); err != nil {
		return err
	}
	if _, err := k.token(ctx, o.Mandate, id); err != nil {
		return err
	}
	a, err := k.b.act(o.deed())
	if err != nil {
		return err
	}
	t := provision.Target{Token: id, Quiet: true}
	_, err = k.b.amend(ctx, t, k.b.once(o.deed(), &t, func(s provision.State) (provision.Change, error) { return provision.RevokeToken(s, a) }))
	return settled(err)
}
