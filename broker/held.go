package broker

import (
	"context"
	"errors"

	"leasehold/provision"
)

// Decided keeps decisions.
type Decided interface {
	// Decision is one decision, or ErrNotFound.
	Decision(ctx context.Context, id provision.DecisionID) (provision.DecisionRow, error)
}

// MaxHeld is how many events a person is handed at once, the newest.
const MaxHeld = 1000

// Held is what is kept about a person.
type Held struct {
	Me
	Whence    map[provision.LeaseID]provision.Whence // of all live leases
	Events    []provision.Event                      // about her account, the newest first; of others' acts, not who they are
	Decisions []HeldDecision                         // those of Events that are kept
	More      bool                                   // there are older events
}

// HeldDecision is a decision with what it was made of.
type HeldDecision struct {
	provision.DecisionRow
	Asked *provision.Request // nil: it is erased
}

// Held is everything about the person whose cookie this is: account, sign-ins, sessions, events and decisions.
func (b *Broker) Held(ctx context.Context, token string, o provision.Origin) (Held, error) {
	me, err := b.Me(ctx, token, o)
	if err != nil {
		return Held{}, err
	}
	if err := b.files.keeps(string(me.Standing.Account.ID), me.Standing.Tenant.ID, b.Now()); err != nil {
		return Held{}, err
	}
	h := Held{Me: me, Whence: map[provision.LeaseID]provision.Whence{}}
	for _, l := range me.Leases {
		if h.Whence[l.ID], err = b.whence(ctx, l.ID, me.Standing.Account.Key); err != nil {
			return Held{}, err
		}
	}
	q := provision.EventQuery{Tenant: me.Standing.Tenant.ID, Account: me.Standing.Account.ID, Limit: MaxHeld}
	for len(h.Events) < MaxHeld {
		events, err := b.Search.FindEvents(ctx, q)
		if err != nil {
			return Held{}, err
		}
		Audit{b.Ledger, b.Registry, b.Keys}.open(ctx, events)
		for _, e := range events {
			q.Before = e.Seq
			if err := b.handOver(ctx, &h, e); err != nil {
				return Held{}, err
			}
		}
		if len(events) < q.Limit {
			return h, nil
		}
	}
	h.More = true
	return h, nil
}

// handOver adds an event, and the decision that it names.
func (b *Broker) handOver(ctx context.Context, h *Held, e provision.Event) error {
	h.Events = append(h.Events, othersHidden(e))
	if e.Decision.ID == "" || b.Decided == nil {
		return nil
	}
	d, err := b.Decided.Decision(ctx, e.Decision.ID)
	switch {
	case errors.Is(err, provision.ErrNotFound): // it has been kept long enough
		return nil
	case err != nil:
		return err
	case d.Account != h.Standing.Account.ID:
		return nil
	}
	h.Decisions = append(h.Decisions, HeldDecision{d, b.inputs(ctx, d)})
	return nil
}

// othersHidden is an event about somebody without who else acted, and from where: that is personal, too.
func othersHidden(e provision.Event) provision.Event {
	own := e.Kind == provision.EventLogin || e.Actor.Kind == provision.Person && e.Actor.ID == string(e.Account)
	if !own {
		e.Actor.ID, e.Personal.Requester = "", provision.Requester{}
	}
	return e
}
