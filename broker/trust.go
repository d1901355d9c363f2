package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"leasehold/provision"
)

// ErrNotChained is about a document that the one in force does not vouch for: another issuer, or not one key in common.
// It may be right, but a person has to say so.
var ErrNotChained = errors.New("not chained to the trust in force")

// ConfirmTrust puts the trust in force that a held connection waits for. Leases of the former one end.
func (b *Broker) ConfirmTrust(ctx context.Context, d Deed, id provision.ConnectionID) (provision.RevocationID, error) {
	a, err := b.act(d)
	if err != nil {
		return "", err
	}
	t := provision.Target{Connection: id}
	revocation := d.revocationID(t)
	_, err = b.amendRegistered(ctx, t, b.once(d, &t, func(s provision.State) (provision.Change, error) {
		change, err := provision.ConfirmTrust(s, revocation, a)
		if err != nil {
			return change, err
		}
		if c := change.Connections[0]; c.Protocol == provision.SAML { // it may have run out while it waited
			if err := b.Documents.Follows(nil, c.Metadata); err != nil {
				return provision.Change{}, fmt.Errorf("connection %s: what was proposed cannot be used: %w", id, err)
			}
		}
		change.Events[len(change.Events)-1].Changes = b.trustLines(s.Connection, s.Connection.Proposed)
		return change, nil
	}))
	if err != nil {
		return "", err
	}
	return revocation, nil
}

// RejectTrust keeps the trust in force of a held connection. What was rejected is not proposed again.
func (b *Broker) RejectTrust(ctx context.Context, d Deed, id provision.ConnectionID) error {
	a, err := b.act(d)
	if err != nil {
		return err
	}
	t := provision.Target{Connection: id}
	_, err = b.amendRegistered(ctx, t, b.once(d, &t, func(s provision.State) (provision.Change, error) {
		change, err := provision.RejectTrust(s, b.told(s.Connection, s.Connection.Proposed), a)
		if err == nil {
			change.Events[0].Changes = b.trustLines(s.Connection, s.Connection.Proposed)
		}
		return change, err
	}))
	return err
}

// told says what a trust of c comes to.
func (b *Broker) told(c provision.Connection, trust []byte) string {
	if c.Protocol == provision.SAML {
		return b.Documents.Tell(trust)
	}
	return "issuer " + provision.TellIssuer(trust)
}

// trustLines say what a proposal would change.
func (b *Broker) trustLines(c provision.Connection, proposed []byte) []string {
	return []string{"trust: " + b.told(c, c.Trust()) + " → " + b.told(c, proposed)}
}

// adopt is c with a fetched document: in force when it follows from the one that is, proposed when it does not. One that
// waits is not exchanged for another: what somebody looked at is what they confirm.
func (b *Broker) adopt(c provision.Connection, document []byte) (provision.Connection, error) {
	err := b.Documents.Follows(c.Metadata, document)
	if err == nil {
		c.Rejected = "" // the provider went back: what it shows next is looked at anew
		return c.Trusting(document), nil
	}
	told := b.told(c, document)
	switch {
	case !errors.Is(err, ErrNotChained):
		return c, err
	case told == c.Rejected, c.Held && told != b.told(c, c.Proposed):
		return c, nil
	}
	return c.Hold(document), nil
}

// retain is c, which is to be registered, with the trust of old unless its own follows from it. It comes with what there
// is to say about that, and whether that is news.
func (b *Broker) retain(c, old provision.Connection) (kept provision.Connection, lines []string, news bool) {
	wanted, inForce := c.Trust(), old.Trust()
	c.Held, c.Proposed, c.Rejected = old.Held, old.Proposed, old.Rejected
	switch {
	case len(inForce) == 0:
		return c, nil, false
	case len(wanted) == 0: // fetched, not written down
		return c.Trusting(inForce), nil, false
	case bytes.Equal(wanted, inForce), c.Protocol == provision.SAML && b.Documents.Follows(inForce, wanted) == nil:
		if !c.Held && c.Rejected == "" {
			return c, nil, false
		}
		c = c.Unhold()
		c.Rejected = ""
		return c, []string{"trust: no other one is wanted any more"}, true
	}
	c = c.Trusting(inForce)
	told := b.told(c, wanted)
	if told == c.Rejected {
		return c, []string{"rejected, and not taken over: " + told}, false
	}
	news = !c.Held || !bytes.Equal(c.Proposed, wanted)
	c = c.Hold(wanted)
	return c, append(b.trustLines(c, wanted), "held: nobody logs in by it until you confirm that with: leasehold connection confirm "+string(c.ID)), news
}
