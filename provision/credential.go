package provision

import (
	"fmt"
	"slices"
	"time"
)

// SecretID names a source of credentials: a database, say.
type SecretID string

// CredentialID is the random name of a Credential: "crd_…".
type CredentialID string

// CredentialState is where a credential stands.
type CredentialState string

// The states of a Credential.
const (
	CredentialIntended CredentialState = "intended" // its source may know it, or not
	CredentialIssued   CredentialState = "issued"   // somebody holds it
	CredentialRevoking CredentialState = "revoking" // to be taken back at its source
	CredentialStuck    CredentialState = "stuck"    // the source does not take it back; it is tried on
	CredentialRevoked  CredentialState = "revoked"  // the source knows it no more
)

// The bounds of credentials.
const (
	// CredentialPatience is how long an issue may take. What is only intended after that is taken back.
	CredentialPatience = 30 * time.Second
	// CredentialTries is after how many failures to take one back somebody is alarmed.
	CredentialTries = 4
	// MaxCredentials is how many one lease may have at once.
	MaxCredentials = 10
)

// Credential is a user at some source that exists for as long as a lease. Its password is no part of it: whoever was handed
// it has it, and nobody else.
type Credential struct {
	ID      CredentialID
	Tenant  TenantID
	Account AccountID
	Lease   LeaseID
	Source  SecretID
	Name    string // of the user, there; drawn
	State   CredentialState
	Made    time.Time
	Until   time.Time // the lease's end: the source is told, too
	Next    time.Time // when it is looked at again, unless its lease ends before
	Tried   int       // how often the source did not take it back
	Fault   string    // of the last try
	Ended   time.Time
	Told    bool      `json:",omitempty"` // its source said that it has made it
	Gone    time.Time `json:",omitzero"`  // when its source, which may not have made it yet, first said that it knows it not
}

// Open reports whether its source may still know c.
func (c Credential) Open() bool { return c.State.Open() }

// Open reports whether the source of a credential in state s may still know it.
func (s CredentialState) Open() bool { return s != CredentialRevoked && s != "" }

// CredentialFilter chooses credentials. Empty fields choose all.
type CredentialFilter struct {
	ID     CredentialID
	Tenant TenantID
	Lease  LeaseID
	Source SecretID
	State  CredentialState
	Open   bool
	Due    time.Time    // only those that are to be taken back at this time, in the order of their turns (Next, then id)
	Except []SecretRef  // none of these sources
	After  CredentialID // begins after it, in the order of ids; with Due there are no pages
	Limit  int          // 0: 100
}

// SecretRef is a source of a tenant.
type SecretRef struct {
	Tenant TenantID
	Source SecretID
}

// Ref is the source of c.
func (c Credential) Ref() SecretRef { return SecretRef{c.Tenant, c.Source} }

// CredentialCount is how many credentials of a source are open in a state.
type CredentialCount struct {
	Tenant TenantID
	Source SecretID
	State  CredentialState
	N      int
}

// MaxCredentialCount is where counting of open credentials stops.
const MaxCredentialCount = 100_000

// Matches reports whether f chooses c, whose lease is over or not, but for After and Limit.
func (f CredentialFilter) Matches(c Credential, over bool) bool {
	due := c.Open() && !c.Next.After(f.Due) && (c.State != CredentialIssued || over || !c.Until.After(f.Due))
	if f.ID != "" && c.ID != f.ID || f.Source != "" && c.Source != f.Source || f.State != "" && c.State != f.State || slices.Contains(f.Except, c.Ref()) {
		return false
	}
	return (f.Tenant == "" || c.Tenant == f.Tenant) && (f.Lease == "" || c.Lease == f.Lease) && (!f.Open || c.Open()) && (f.Due.IsZero() || due)
}

// IntendCredential notes that a credential is about to be made for the lease of s.Former: a crash after that leaves a name to
// look for. s has those that the lease has already, of which there is a bound.
func IntendCredential(s State, c Credential, a Act) (Change, error) {
	if reason := s.Former.Refuses(a.Now); reason != "" {
		return Change{}, &DeniedError{Reason: reason, Tenant: s.Former.Tenant.ID}
	}
	if len(s.Credentials) >= MaxCredentials {
		return Change{}, fmt.Errorf("lease %s has %d credentials: %w", s.Former.Lease.ID, len(s.Credentials), ErrConflict)
	}
	l := s.Former.Lease
	c.Tenant, c.Account, c.Lease, c.State = l.Tenant, l.Account, l.ID, CredentialIntended
	c.Made, c.Until, c.Next = a.Now, l.Until(), a.Now.Add(CredentialPatience)
	return a.credential(s, c, "intended"), nil
}

// Credential is an open one of the target's lease as it is now, or the zero one.
func (s State) Credential(id CredentialID) Credential {
	for _, c := range s.Credentials {
		if c.ID == id && id != "" {
			return c
		}
	}
	return Credential{}
}

// IssuedCredential notes that the source has made c. When the lease ended meanwhile, or somebody took it for lost, it is to
// be taken back instead, and nobody is handed it.
func IssuedCredential(s State, c Credential, a Act) (Credential, Change) {
	if c.State != CredentialIntended {
		return c, Change{}
	}
	c.State, c.Next, c.Told = CredentialIssued, time.Time{}, true
	if s.Former.Refuses(a.Now) != "" || !a.Now.Before(c.Until) || !a.Now.Before(c.Made.Add(CredentialPatience)) {
		c.State, c.Next = CredentialRevoking, a.Now
	}
	return c, a.credential(s, c, string(c.State))
}

// RenewedCredential notes that the source lets c be for as long as its lease goes on, which was renewed.
func RenewedCredential(s State, c Credential, until time.Time, a Act) Change {
	if c.State != CredentialIssued || s.Former.Refuses(a.Now) != "" || !c.Until.Before(until) || s.Former.Lease.Until().Before(until) {
		return Change{}
	}
	c.Until = until
	return a.credential(s, c, "renewed")
}

// FailedCredential notes that the source did not say that it has made c: it may have, and is asked to take it back.
func FailedCredential(s State, c Credential, fault string, a Act) Change {
	if c.State != CredentialIntended {
		return Change{} // somebody takes it back already
	}
	c.State, c.Next, c.Fault = CredentialRevoking, a.Now, fault
	return a.credential(s, c, string(c.State))
}

// RevokedCredential notes what came of taking c back: fault is "" when the source knows it no more. Of a source that never
// said that it has made c, that is no last word: it may make it still, of what it was sent before. It is asked again when
// whatever was under way is over.
func RevokedCredential(s State, c Credential, fault string, a Act) Change {
	if !c.Open() {
		return Change{}
	}
	was := c.State
	if fault == "" && !c.Told && (c.Gone.IsZero() || a.Now.Before(c.Gone.Add(CredentialPatience))) {
		c.State, c.Tried, c.Fault = CredentialRevoking, 0, ""
		if c.Gone.IsZero() {
			c.Gone = a.Now
		}
		c.Next = c.Gone.Add(CredentialPatience)
		return a.tried(s, c, was)
	}
	if fault == "" {
		c.State, c.Ended, c.Fault, c.Next = CredentialRevoked, a.Now, "", time.Time{}
		return a.credential(s, c, string(c.State))
	}
	c.Tried, c.Fault = c.Tried+1, fault
	c.Next = a.Now.Add(min(time.Second<<min(c.Tried, 8), 2*time.Minute))
	switch {
	case c.State == CredentialStuck: // until the source takes it back
	case c.Tried < CredentialTries:
		c.State = CredentialRevoking
	default:
		c.State = CredentialStuck
	}
	return a.tried(s, c, was)
}

// tried is c after a try, with an event when it stands elsewhere than before: not each try tells.
func (a Act) tried(s State, c Credential, was CredentialState) Change {
	if c.State == was {
		return Change{Credentials: []Credential{c}}
	}
	return a.credential(s, c, string(c.State))
}

func (a Act) credential(s State, c Credential, outcome string) Change {
	lines := []string{"credential: " + string(c.ID), "source: " + string(c.Source), "user: " + c.Name}
	if c.Fault != "" {
		lines = append(lines, "fault: "+c.Fault)
	}
	return Change{Credentials: []Credential{c}, Events: []Event{a.event(0, Event{
		Kind: EventCredential, Tenant: c.Tenant, Outcome: outcome, Account: c.Account, Connection: s.Former.Lease.Connection,
		Lease: LeaseRef{ID: c.Lease, Kind: s.Former.Lease.Kind, End: c.Until}, Changes: lines, Personal: Personal{Requester: a.Requester},
	})}}
}

// Secret is a source of credentials of a tenant, and whose leases may have one.
type Secret struct {
	ID     SecretID
	Tenant TenantID
	Roles  []string // one of these, of the lease's own, is needed; none: nobody has any
}

// Gives reports whether the holder of s may have a credential of x. Roles for a while do not count: a credential lasts as
// long as its lease, and they do not. An agent is bound to one resource, and a credential is none of it.
func (x Secret) Gives(s Standing) bool {
	return x.ID != "" && s.Lease.Kind != AgentLease && x.Tenant != "" && x.Tenant == s.Lease.Tenant && slices.ContainsFunc(s.Roles(), func(role string) bool { return slices.Contains(x.Roles, role) })
}
