package provision

import (
	"fmt"
	"slices"
	"time"
)

// ElevationLease is a lease that gives a role for a while to the session above it, and is good for nothing else.
const ElevationLease LeaseKind = "elevation"

// ElevationID is the random name of an Elevation: "elv_…".
type ElevationID string

// ElevationState is what became of a request for a role.
type ElevationState string

// The states of an Elevation.
const (
	ElevationWaiting   ElevationState = "waiting"   // for an approver
	ElevationApproved  ElevationState = "approved"  // Elevation.Lease began
	ElevationDenied    ElevationState = "denied"    // by an approver
	ElevationWithdrawn ElevationState = "withdrawn" // by whoever asked
	ElevationExpired   ElevationState = "expired"   // nobody decided in time
)

// The times of elevations.
const (
	// ElevationAuthAge is how old the asker's authentication may be.
	ElevationAuthAge = 5 * time.Minute
	// ElevationWait is how long a request waits for an approver. Later, it gives nothing.
	ElevationWait = 15 * time.Minute
	// MaxElevation is the longest that any rule may give a role for.
	MaxElevation = 8 * time.Hour
	// MaxElevationText bounds a reason and a ticket, each in bytes.
	MaxElevationText = 500
)

// Elevation is somebody's request for a role for a while, and what became of it. What gives the role is a lease below the
// asker's session.
type Elevation struct {
	ID      ElevationID
	Tenant  TenantID
	Account AccountID
	Session LeaseID // in which it was asked for, and with which it ends
	Role    string
	For     time.Duration
	State   ElevationState
	Asked   time.Time
	Expires time.Time // from then on nobody may approve it
	Decided time.Time // zero: it waits
	By      Actor     // who decided
	Lease   LeaseID   // that gives the role; "": none
	Said    Said      `json:"-"` // in the clear; a ledger never stores it
	Sealed  []byte    // Said, AES-256-GCM under the asker's key
}

// Said is why somebody asks for a role, in her words. It is personal.
type Said struct {
	Reason string `json:"reason"`
	Ticket string `json:"ticket,omitempty"`
}

// String is both in one line.
func (s Said) String() string {
	if s.Ticket == "" {
		return s.Reason
	}
	return s.Ticket + ": " + s.Reason
}

// ElevationFilter chooses elevations. Empty fields choose all.
type ElevationFilter struct {
	ID      ElevationID
	Tenant  TenantID
	Account AccountID
	Waiting bool        // only those that wait
	Late    time.Time   // only those that wait, and may not be approved any more at this time
	After   ElevationID // begins after it, in the order of ids
	Limit   int         // 0: 100
}

// Matches reports whether f chooses e, but for After and Limit.
func (f ElevationFilter) Matches(e Elevation) bool {
	waits := e.State == ElevationWaiting
	return (f.ID == "" || e.ID == f.ID) && (f.Tenant == "" || e.Tenant == f.Tenant) && (f.Account == "" || e.Account == f.Account) &&
		(!f.Waiting || waits) && (f.Late.IsZero() || waits && !e.Expires.After(f.Late))
}

// ElevationsBelow are those of leases that are elevations of a session and have not ended.
func ElevationsBelow(session LeaseID, leases []Lease) []Lease {
	var below []Lease
	for _, l := range leases {
		if l.Kind == ElevationLease && l.Parent == session && session != "" && l.EndedAt.IsZero() {
			below = append(below, l)
		}
	}
	return below
}

// Elevated are the roles that s has at now beyond its own, because elevations below it give them, and when the first of
// these ends. Each is judged anew (I12): a rule of the policy must give the role, now, to somebody with these groups and
// these own roles, and for that long.
func (s Standing) Elevated(now time.Time) (roles []string, until time.Time) {
	for _, l := range s.Elevating(now) {
		end, _ := s.elevates(l)
		if until.IsZero() || end.Before(until) {
			until = end
		}
		roles = append(roles, l.Grant.Roles...)
	}
	slices.Sort(roles)
	return slices.Compact(roles), until
}

// Elevating are the elevations of s that give their role at now.
func (s Standing) Elevating(now time.Time) []Lease {
	var live []Lease
	for _, l := range s.Elevations {
		if end, ok := s.elevates(l); ok && !now.Before(l.Start) && now.Before(end) {
			live = append(live, l)
		}
	}
	return live
}

// Effective are all roles of s at now: its own, and those that it has for a while.
func (s Standing) Effective(now time.Time) []string {
	roles := s.Roles()
	elevated, _ := s.Elevated(now)
	if len(elevated) == 0 {
		return roles
	}
	roles = append(roles, elevated...)
	slices.Sort(roles)
	return slices.Compact(roles)
}

// elevates reports whether l is an elevation of s that a rule stands by, and until when.
func (s Standing) elevates(l Lease) (until time.Time, ok bool) {
	if l.Kind != ElevationLease || l.Parent != s.Lease.ID || s.Lease.ID == "" || s.Lease.Kind != SessionLease || len(l.Grant.Roles) != 1 || !l.EndedAt.IsZero() ||
		l.Account != s.Lease.Account || l.Tenant != s.Lease.Tenant || l.Generations != s.generations() {
		return time.Time{}, false
	}
	rule, ok := s.Tenant.Policy.elevation(l.Grant.Roles[0], s.Account.Groups, s.Roles())
	if end := l.Start.Add(rule.Max); end.Before(l.End) {
		return end, ok
	}
	return l.End, ok
}

// regateElevation judges an elevation by the rules as they are now.
func (s Standing) regateElevation(now time.Time) (Lease, Cause) {
	l := s.Lease
	if len(s.Ancestors) == 0 {
		return l, CauseParentEnded
	}
	above := s
	above.Lease, above.Ancestors = s.Ancestors[0], s.Ancestors[1:]
	end, ok := above.elevates(l)
	if !ok {
		return l, CausePolicyTightened
	}
	if end.Before(l.End) {
		l.End, l.Ceiling = end, CauseCeiling
	}
	if above.Lease.End.Before(l.End) { // I6
		l.End, l.Ceiling = above.Lease.End, CauseParentEnded
	}
	if !now.Before(l.End) {
		return l, l.Ceiling
	}
	return l, ""
}

// elevation is the lease below s by which e gives its role.
func (s Standing) elevation(id LeaseID, e Elevation, now time.Time) Lease {
	above := s.Lease
	l := Lease{
		ID: id, Kind: ElevationLease, Tenant: above.Tenant, Account: above.Account, Connection: above.Connection, Domain: above.Domain, Parent: above.ID,
		Grant: Grant{Roles: []string{e.Role}}, Authn: above.Authn, Start: now, End: now.Add(e.For), Ceiling: CauseCeiling, Seen: now, Generations: s.generations(),
	}
	if above.End.Before(l.End) {
		l.End, l.Ceiling = above.End, CauseParentEnded
	}
	return l
}

// lines say what e is about in an event: no word of hers.
func (e Elevation) lines() []string {
	lines := []string{"request: " + string(e.ID)}
	if e.Role != "" {
		lines = append(lines, "role: "+e.Role, fmt.Sprintf("for: %s", e.For))
	}
	return lines
}
