package provision

import (
	"bytes"
	"crypto/sha256"
	"fmt"
)

// Trust is what c believes its identity provider by: the metadata document, or the name of the issuer and, of workloads, the
// keys that are written down for it. Nil: nothing yet.
func (c Connection) Trust() []byte {
	switch {
	case c.Protocol == Workloads && len(c.KeySet) > 0: // a name of an issuer has one line
		return append([]byte(c.Issuer+"\n"), c.KeySet...)
	case c.Protocol == Workloads, c.Protocol == OIDC:
		return []byte(c.Issuer)
	}
	return c.Metadata
}

// Trusting is c with another trust in force.
func (c Connection) Trusting(trust []byte) Connection {
	switch c.Protocol {
	case Workloads:
		issuer, keys, _ := bytes.Cut(trust, []byte("\n"))
		c.Issuer, c.KeySet = string(issuer), bytes.Clone(keys)
	case OIDC:
		c.Issuer = string(trust)
	default:
		c.Metadata = trust
	}
	return c
}

// TellIssuer says what a trust comes to that is no document: the issuer, and which keys are written down for it.
func TellIssuer(trust []byte) string {
	issuer, keys, written := bytes.Cut(trust, []byte("\n"))
	if !written {
		return string(issuer)
	}
	return fmt.Sprintf("%s, keys sha256:%.16x", issuer, sha256.Sum256(keys))
}

// Hold is c with a trust beside the one in force that somebody has to confirm first.
func (c Connection) Hold(proposed []byte) Connection {
	c.Held, c.Proposed = true, proposed
	return c
}

// Unhold is c with nothing to confirm.
func (c Connection) Unhold() Connection {
	c.Held, c.Proposed = false, nil
	return c
}

// ConfirmTrust puts the proposed trust of s.Connection in force. Leases of the former one end: it may never have been
// the right one.
func ConfirmTrust(s State, id RevocationID, a Act) (Change, error) {
	if err := s.heldBefore(a, "confirm"); err != nil {
		return Change{}, err
	}
	change, err := RevokeScope(s, Scope{Connection: s.Connection.ID}, CauseTrustChanged, id, a)
	if err != nil {
		return Change{}, err
	}
	c := change.Connections[0].Trusting(s.Connection.Proposed).Unhold()
	c.Rejected = ""
	change.Connections[0] = c
	change.Events = append(change.Events, a.trust(len(change.Events), c, "confirmed"))
	return change, nil
}

// RejectTrust keeps the trust of s.Connection in force and remembers what was rejected, as it was told.
func RejectTrust(s State, told string, a Act) (Change, error) {
	if err := s.heldBefore(a, "reject"); err != nil {
		return Change{}, err
	}
	c := s.Connection.Unhold()
	c.Rejected, c.Revision = told, c.Revision+1
	return Change{Connections: []Connection{c}, Events: []Event{a.trust(0, c, "rejected")}}, nil
}

// heldBefore is nil when there is something to confirm, and somebody says why.
func (s State) heldBefore(a Act, verb string) error {
	switch c := s.Connection; {
	case c.ID == "":
		return fmt.Errorf("connection: %w", ErrNotFound)
	case !c.Held || len(c.Proposed) == 0:
		return fmt.Errorf("connection %s is not held: %w", c.ID, ErrConflict)
	case a.Why == "":
		return fmt.Errorf("%s the trust of %s: a reason is wanted: %w", verb, c.ID, ErrConflict)
	}
	return nil
}

func (a Act) trust(n int, c Connection, outcome string) Event {
	return a.event(n, Event{
		Kind: EventConnectionChanged, Tenant: c.Tenant, Connection: c.ID, Outcome: outcome,
		Personal: Personal{Requester: a.Requester, Detail: a.Why},
	})
}
