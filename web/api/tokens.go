package api

import (
	"context"
	"fmt"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// Token is a token as it is answered: its secret only once.
type Token struct {
	ID         string    `json:"id"`
	Tenant     string    `json:"tenant,omitempty"`
	Everywhere bool      `json:"everywhere"`
	Name       string    `json:"name"`
	Scope      []string  `json:"scope"`
	Created    time.Time `json:"created"`
	Expires    time.Time `json:"expires"`
	Used       time.Time `json:"last_used,omitzero" doc:"Exact to a minute"`
	Revoked    time.Time `json:"revoked,omitzero"`
	By         Actor     `json:"created_by"`
	Token      string    `json:"token,omitempty" doc:"The token itself: when it is made, and never again"`
}

func viewToken(t provision.Token) Token {
	v := Token{ID: string(t.ID), Tenant: string(t.Tenant), Everywhere: t.Everywhere, Name: t.Name, Scope: []string{}, Created: t.Created, Expires: t.Expires, Used: t.Used, Revoked: t.Revoked, By: Actor(t.By)}
	for _, p := range t.Permits {
		v.Scope = append(v.Scope, string(p))
	}
	return v
}

// TokenIn names a token.
type TokenIn struct {
	Token string `path:"token"`
}

// TokenCreate makes a token.
type TokenCreate struct {
	Key  string `header:"Idempotency-Key" doc:"Asked for again under it within a day, it is done once; the token itself is not said again"`
	Body struct {
		Tenant     string   `json:"tenant,omitempty"`
		Everywhere bool     `json:"everywhere,omitempty"`
		Name       string   `json:"name" minLength:"1" maxLength:"100"`
		Scope      []string `json:"scope" minItems:"1" maxItems:"30" doc:"read, write, KIND:read, KIND:write"`
		Expires    string   `json:"expires" doc:"After how long, as in 90d; 366d at most"`
		Reason     string   `json:"reason,omitempty" maxLength:"1000"`
	}
}

// TokenDelete revokes a token.
type TokenDelete struct {
	TokenIn
	Key    string `header:"Idempotency-Key"`
	Reason string `query:"reason" maxLength:"1000" doc:"Why; kept in the audit"`
}

func (a *API) tokens() {
	lists(a, operation{"GET /tokens", "tokens.read", "List tokens, those that ended in the last 30 days among them"}, a.Desk.ListTokens, viewToken)
	does(a, operation{"POST /tokens", "tokens.create", "Make a token, which may no more than whoever makes it"}, a.CreateToken)
	does(a, operation{"GET /tokens/{token}", "tokens.read", "Show a token"}, a.GetToken)
	does(a, operation{"DELETE /tokens/{token}", "tokens.revoke", "Revoke a token, at once"}, a.RevokeToken)
}

// GetToken is a token.
func (a *API) GetToken(ctx context.Context, m broker.Mandate, in *TokenIn) (*One[Token], error) {
	t, err := a.Desk.Token(ctx, m, provision.TokenID(in.Token))
	return &One[Token]{Body: viewToken(t)}, err
}

// CreateToken makes a token.
func (a *API) CreateToken(ctx context.Context, m broker.Mandate, in *TokenCreate) (*One[Token], error) {
	b := in.Body
	n := broker.NewToken{Tenant: provision.TenantID(b.Tenant), Everywhere: b.Everywhere, Name: b.Name}
	if n.Tenant == "" && !n.Everywhere && !m.Everywhere {
		n.Tenant = m.Tenant
	}
	err := m.May("tokens.create")
	if err == nil && n.Tenant != "" {
		_, err = a.Desk.Reach(ctx, m, n.Tenant)
	}
	if err != nil {
		return nil, err
	}
	if n.Life, err = duration("expires", b.Expires); err != nil {
		return nil, err
	}
	for _, text := range b.Scope {
		p, err := provision.ParsePermit(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", err, broker.ErrInvalid)
		}
		n.Permits = append(n.Permits, p)
	}
	t, secret, err := a.Desk.CreateToken(ctx, order(ctx, m, b.Reason), n)
	one := &One[Token]{Body: viewToken(t)}
	one.Body.Token = secret
	return one, err
}

// RevokeToken revokes a token.
func (a *API) RevokeToken(ctx context.Context, m broker.Mandate, in *TokenDelete) (*None, error) {
	return &None{}, a.Desk.RevokeToken(ctx, order(ctx, m, in.Reason), provision.TokenID(in.Token))
}
