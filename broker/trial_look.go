package broker

import (
	"context"
	"errors"

	"leasehold/provision"
)

// lookOn is all that there is to find in a message that a protocol refused in a trial: by its own rules, and what the gate would
// say of what it says, as far as a signature vouches for that. Nothing is written.
func (b *Broker) lookOn(ctx context.Context, u underway, no *fault, from provision.Requester) ([]provision.Looked, error) {
	if no.Survey == nil {
		return nil, nil
	}
	looked := no.Survey.Looked
	if no.Survey.Facts.Connection == "" {
		return looked, nil
	}
	request, err := b.request(ctx, u, provision.Assertion{Facts: no.Survey.Facts, Authn: no.Survey.Authn}, Return{Requester: from})
	if err != nil {
		return nil, err
	}
	_, err = b.Ledger.Amend(ctx, request.Target(), func(s provision.State) (provision.Change, error) {
		if !u.outdated(s) {
			now := b.Ledger.Now()
			looked = append(no.Survey.Looked[:len(no.Survey.Looked):len(no.Survey.Looked)], provision.LookAll(b.judged(ctx, s, request.Request, now), request.Request, now)...)
		}
		return provision.Change{}, errLooked
	})
	if !errors.Is(err, errLooked) {
		return nil, err
	}
	return looked, nil
}
