package provision

import (
	"fmt"
	"slices"
)

// Removal is how far a tenant or a connection is deleted. The row stays: what is made anew under its name has a
// generation above everything that the former one gave.
type Removal string

// The steps of a removal. The zero value: it is there.
const (
	Removing Removal = "removing" // nothing is added to it any more; what is below goes, piece by piece
	Removed  Removal = "removed"  // a name and a generation
)

// RemoveConnection begins to delete a connection that is switched off, or whose tenant is being deleted.
func RemoveConnection(s State, a Act) (Change, error) {
	c := s.Connection
	switch {
	case c.ID == "" || c.Removal == Removed:
		return Change{}, fmt.Errorf("connection: %w", ErrNotFound)
	case c.Removal == Removing:
		return Change{}, nil // goes on
	case !c.Disabled && s.Tenant.Removal == "":
		return Change{}, fmt.Errorf("connection %s is in use; disable it first: %w", c.ID, ErrConflict)
	}
	c.Disabled, c.Removal, c.Generation, c.Revision = true, Removing, c.Generation+1, c.Revision+1
	return Change{Connections: []Connection{c}, Events: []Event{a.trust(0, c, "deleting")}}, nil
}

// LeaveConnection takes from an account its sign-ins at a connection that is being deleted, and what they opened. Only
// pseudonyms stay, which know whoever was kept away. An account without another sign-in waits for one (I4).
func LeaveConnection(s State, a Act) (Change, error) {
	if s.Connection.ID == "" || s.Connection.Removal != Removing || s.Account.Tenant != s.Connection.Tenant {
		return Change{}, fmt.Errorf("connection %s is not being deleted: %w", s.Connection.ID, ErrConflict)
	}
	change, e := a.begin()
	var rest []Link
	for _, l := range SignIns(s.Links) {
		if l.Connection != s.Connection.ID {
			rest = append(rest, l)
			continue
		}
		change.Unlinks, change.Links = append(change.Unlinks, l.LinkKey), append(change.Links, l.tombstone())
		unlinked := e.event(Event{Kind: EventAccountUnlinked, Tenant: s.Account.Tenant, Account: s.Account.ID, Connection: l.Connection})
		unlinked.Personal = Personal{Requester: a.Requester, Subject: l.Subject, Detail: a.Why}
		change.Events = append(change.Events, unlinked)
	}
	if len(change.Unlinks) == 0 {
		return Change{}, nil
	}
	var ends []Lease
	for _, l := range s.Leases {
		if l.Connection == s.Connection.ID || len(rest) == 0 {
			ends = append(ends, l)
		}
	}
	below := descendants(s.Leases, ends)
	e.leases(&change, s.Listeners, ends, below, CauseConnectionDisabled)
	s.Links = rest
	switch state := s.Account.State; {
	case len(rest) == 0 && (state == Active || state == Dormant):
		e.state(&change, s, Pending, string(CauseConnectionDisabled))
	case state == Active && len(s.Leases) == len(ends)+len(below):
		e.state(&change, s, Dormant, string(CauseConnectionDisabled))
	}
	return change, nil
}

// FinishConnection is the end of RemoveConnection, once nobody has a sign-in there.
func FinishConnection(s State, a Act) (Change, error) {
	c := s.Connection
	if c.Removal != Removing {
		return Change{}, fmt.Errorf("connection %s is not being deleted: %w", c.ID, ErrConflict)
	}
	c = Connection{ID: c.ID, Tenant: c.Tenant, Protocol: c.Protocol, Disabled: true, Removal: Removed, Generation: c.Generation + 1, Revision: c.Revision + 1}
	return Change{Connections: []Connection{c}, Events: []Event{a.trust(0, c, "deleted")}}, nil
}

// RemoveTenant begins to delete a tenant that is suspended.
func RemoveTenant(s State, a Act) (Change, error) {
	t := s.Tenant
	switch {
	case t.ID == "" || t.Removal == Removed:
		return Change{}, fmt.Errorf("tenant: %w", ErrNotFound)
	case t.Removal == Removing:
		return Change{}, nil // goes on
	case !t.Suspended:
		return Change{}, fmt.Errorf("tenant %s is in use; suspend it first: %w", t.ID, ErrConflict)
	}
	t.Removal, t.Generation, t.Revision = Removing, t.Generation+1, t.Revision+1
	return Change{Tenants: []Tenant{t}, Events: []Event{a.tenant(t, "deleting")}}, nil
}

// FinishTenant is the end of RemoveTenant, once nothing is left below. The retention stays: it is still to be kept.
func FinishTenant(s State, a Act) (Change, error) {
	t := s.Tenant
	if t.Removal != Removing {
		return Change{}, fmt.Errorf("tenant %s is not being deleted: %w", t.ID, ErrConflict)
	}
	t = Tenant{ID: t.ID, Suspended: true, Retention: t.Retention, Removal: Removed, Policy: Policy{Version: t.Policy.Version}, Generation: t.Generation + 1, Revision: t.Revision + 1}
	return Change{Tenants: []Tenant{t}, Events: []Event{a.tenant(t, "deleted")}}, nil
}

// WithdrawClaim ends the claim of a tenant that is being deleted: the domain is free.
func WithdrawClaim(s State, a Act) (Change, error) {
	c := s.OwnClaim
	switch {
	case s.Tenant.Removal != Removing || c.State == "":
		return Change{}, fmt.Errorf("claim of tenant %s, which is being deleted: %w", s.Tenant.ID, ErrNotFound)
	case c.Withdrawn():
		return Change{}, nil
	}
	return c.withdraw(a), nil
}

// DropClaim is a tenant's word that a domain is theirs no more. What hangs on it has to have been revoked.
func DropClaim(s State, a Act) (Change, error) {
	c := s.OwnClaim
	if c.State == "" || c.Withdrawn() {
		return Change{}, fmt.Errorf("claim: %w", ErrNotFound)
	}
	return c.withdraw(a), nil
}

func (c Claim) withdraw(a Act) Change {
	c = Claim{Tenant: c.Tenant, Domain: c.Domain, State: ClaimPending, Created: c.Created, Generation: c.Generation + 1, Revision: c.Revision + 1}
	event := a.claimed(0, c, "")
	event.Outcome = "withdrawn"
	return Change{Claims: []Claim{c}, Events: []Event{event}}
}

// Withdrawn reports whether nothing proves c, or will: its tenant was deleted.
func (c Claim) Withdrawn() bool { return c.State == ClaimPending && c.Proof == "" }

// strange is s without an account that a tombstone alone leads to, unless it is deleted or kept away (I17): whoever
// comes by a connection that was made anew is somebody new.
func (s State) strange(pseudonym string) State {
	tomb := slices.ContainsFunc(s.Links, func(l Link) bool { return l.Subject == "" && l.Pseudonym == pseudonym })
	if !tomb || s.Link.Account != "" || !s.Account.State.Living() || s.Account.is(Revoked) || s.Account.is(Suspended) {
		return s
	}
	if s.Account.State == Active {
		s.Seats++ // it was left out of the count as the one that comes back
	}
	s.Account, s.Links, s.Leases = Account{}, nil, nil
	return s
}

func (a Act) tenant(t Tenant, outcome string) Event {
	return a.event(0, Event{Kind: EventTenantChanged, Tenant: t.ID, Outcome: outcome, Personal: Personal{Requester: a.Requester, Detail: a.Why}})
}
