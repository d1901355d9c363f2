package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leasehold/provision"
)

// Desk is where administrators do what they do, each within a Mandate. What a mandate does not reach is ErrNotFound, in the
// words of what does not exist; what it may not do at all is a DeniedError, whatever is named.
type Desk struct {
	b      *Broker
	prover *Prover
	tokens Tokens
}

// Tokens keeps the tokens of the API, and lists decisions.
type Tokens interface {
	// Token is how a token stands, or ErrNotFound.
	Token(ctx context.Context, id provision.TokenID) (provision.TokenStanding, error)
	// Tokens lists tokens, those that have ended among them.
	Tokens(ctx context.Context, p provision.Page) ([]provision.Token, error)
	// UsedToken notes the last use of a token; it never moves back.
	UsedToken(ctx context.Context, id provision.TokenID, at time.Time) error
	// Decision is one decision, or ErrNotFound; Decisions lists them, in the order of their ids.
	Decision(ctx context.Context, id provision.DecisionID) (provision.DecisionRow, error)
	Decisions(ctx context.Context, p provision.Page) ([]provision.DecisionRow, error)
}

// NewDesk is the desk of a broker.
func NewDesk(b *Broker, p *Prover, t Tokens) *Desk { return &Desk{b, p, t} }

// The errors of a desk, beside provision's.
var (
	// ErrManaged is a change of what the other side owns: the manifests, or the API.
	ErrManaged = fmt.Errorf("%w", provision.ErrConflict)
	// ErrStale is a change of a revision that is not the one there.
	ErrStale = errors.New("it has another revision")
	// ErrInvalid is something that could not be used as it is described.
	ErrInvalid = errors.New("invalid")
)

// Order is one thing to do: whose word it is and why, and how often it is done at most.
type Order struct {
	Mandate
	Why   string
	Once  string // see Deed.Once
	Print string // see Deed.Print
}

func (o Order) deed() Deed {
	d := o.Deed(o.Why, o.Once)
	d.Print = o.Print
	return d
}

// Part is a part of a list: what is in it, and after what the next one begins; "": there is none.
type Part[T any] struct {
	Items []T
	Next  string
}

// DefaultPart and MaxPart are how long a part is, unless said, and at most.
const (
	DefaultPart = 100
	MaxPart     = 500
)

// partOf reads one part of a list, cut to what a mandate reaches, without what is not shown.
func partOf[T any](ctx context.Context, m Mandate, p provision.Page, read func(context.Context, provision.Page) ([]T, error), id func(T) string, shown func(T) bool) (Part[T], error) {
	var err error
	if p.Tenant, err = m.Within(p.Tenant); err != nil {
		return Part[T]{}, err
	}
	limit := limitOf(p.Limit)
	p.Limit = limit + 1
	items, err := read(ctx, p)
	if err != nil {
		return Part[T]{}, err
	}
	var part Part[T]
	if len(items) > limit {
		items = items[:limit]
		part.Next = id(items[limit-1])
	}
	for _, item := range items {
		if shown == nil || shown(item) {
			part.Items = append(part.Items, item)
		}
	}
	return part, nil
}

func limitOf(limit int) int {
	if limit <= 0 {
		return DefaultPart
	}
	return min(limit, MaxPart)
}

// reach is an object that a mandate reaches, or the answer that there is none: of what is not there, and of what is another
// tenant's, in the same words.
func reach[T any](m Mandate, what string, item T, of provision.TenantID, err error) (T, error) {
	if err == nil && m.Over(of) != nil {
		err = provision.ErrNotFound
	}
	if err == nil {
		return item, nil
	}
	var none T
	if errors.Is(err, provision.ErrNotFound) {
		err = provision.ErrNotFound
	}
	return none, fmt.Errorf("%s: %w", what, err)
}

// settled is what became of something that was found: that it is in no state for the verb is a conflict, for whoever asks
// knows that it is there.
func settled(err error) error {
	if errors.Is(err, provision.ErrNotFound) {
		return fmt.Errorf("%s: %w", err.Error(), provision.ErrConflict)
	}
	return err
}

// Reach is a tenant that a mandate reaches: for whoever has to know that before it looks at what is asked for.
func (k *Desk) Reach(ctx context.Context, m Mandate, id provision.TenantID) (provision.Tenant, error) {
	return k.tenant(ctx, m, id)
}

// ReachConnection is the same of a connection.
func (k *Desk) ReachConnection(ctx context.Context, m Mandate, id provision.ConnectionID) (provision.Connection, error) {
	return k.connection(ctx, m, id)
}
