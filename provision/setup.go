package provision

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// SetupID names a setup: "setup_" and half of its token's SHA-256. Whoever knows it cannot open the link.
type SetupID string

// SetupOf is the setup that a token opens.
func SetupOf(token string) SetupID {
	sum := sha256.Sum256([]byte(token))
	return SetupID("setup_" + hex.EncodeToString(sum[:16]))
}

// SetupState is where a setup stands. The zero state opens nothing.
type SetupState string

// The states of a setup.
const (
	SetupOpen    SetupState = "open"    // its link works, until it expires
	SetupDone    SetupState = "done"    // somebody came in by it and took the tenant's admin office
	SetupRevoked SetupState = "revoked" // an administrator took it back
)

// Setup is a link by which people of one tenant register their identity provider themselves: one connection, made by it
// and by nothing else. It belongs to the browser that opened it first.
type Setup struct {
	ID           SetupID
	Tenant       TenantID
	Connection   ConnectionID // what it makes; nobody had that id before
	State        SetupState
	Created      time.Time
	Expires      time.Time
	Browser      string     // hex SHA-256 of the secret of the browser that opened it; "": nobody has
	Vendor       string     // of the identity provider, as it was chosen
	Protocol     Protocol   // that it is to speak, as it was chosen
	Domain       Domain     // of the address that the last test login came with
	Tested       int64      // the connection's revision that a test login was good for; 0: none was
	TestedAt     time.Time  // when
	Enabled      time.Time  // when the connection was enabled first; from then on its trust is not the setup's to change
	Account      AccountID  // who came in by the invitation; "": it is not used up
	By           Actor      // who made the link
	Written      int64      // the connection's revision that the setup wrote last; what others wrote since is not the setup's
	Generation   Generation // of the tenant, that it was made under
	Installation Generation // that it was made under
	Revision     int64      // rises with every change; a store takes only the next one
}

// Live reports whether x may still be used.
func (x Setup) Live(now time.Time) bool {
	return x.ID != "" && x.State == SetupOpen && now.Before(x.Expires)
}

// Stands reports whether x may still be used: what it hangs on is there, and nothing of it was revoked since (I10).
func (x Setup) Stands(t Tenant, installation Generation, now time.Time) bool {
	return x.Live(now) && t.ID == x.Tenant && t.Removal == "" && !t.Suspended && t.Generation == x.Generation && installation == x.Installation
}

// setupStands is Stands of s.Setup.
func (s State) setupStands(now time.Time) bool { return s.Setup.Stands(s.Tenant, s.Installation, now) }

// Invites reports whether x admits one more person by a connection.
func (x Setup) Invites(c Connection, now time.Time) bool {
	return x.Live(now) && x.Account == "" && !x.Enabled.IsZero() && x.Connection == c.ID && x.Tenant == c.Tenant && c.ID != ""
}

// Step is how far x has come, in one word.
func (x Setup) Step() string {
	switch {
	case x.Account != "":
		return "signed in"
	case !x.Enabled.IsZero():
		return "enabled"
	case x.Tested != 0:
		return "tested"
	case x.Browser != "":
		return "opened"
	}
	return "sent"
}

// Actor is the setup as whoever acts by it: somebody of the other organisation, whom nobody here knows yet.
func (x Setup) Actor() Actor { return Actor{Kind: Partner, ID: string(x.ID), Via: "setup"} }

// NewSetup makes a setup of s.Tenant for a connection that is not there yet.
func NewSetup(s State, x Setup, a Act) (Change, error) {
	switch {
	case s.Tenant.ID == "" || s.Tenant.ID != x.Tenant || s.Tenant.Removal != "":
		return Change{}, fmt.Errorf("tenant %s: %w", x.Tenant, ErrNotFound)
	case s.Connection.ID != "" || s.Setup.ID != "" || x.ID == "" || !ValidName(string(x.Connection)):
		return Change{}, fmt.Errorf("connection %s: a setup makes a new one, under an id that nothing has: %w", x.Connection, ErrConflict)
	case !a.Now.Before(x.Expires):
		return Change{}, fmt.Errorf("setup that has expired already: %w", ErrConflict)
	}
	x.State, x.Created, x.By, x.Revision = SetupOpen, a.Now, a.Actor, 1
	x.Generation, x.Installation = s.Tenant.Generation, s.Installation
	return x.change(a, "created", "expires: "+x.Expires.UTC().Format(time.RFC3339)), nil
}

// OpenSetup binds s.Setup to a browser: one, and for good.
func OpenSetup(s State, browser string, a Act) (Change, error) {
	switch {
	case !s.setupStands(a.Now) || browser == "":
		return Change{}, fmt.Errorf("setup: %w", ErrNotFound)
	case s.Setup.Browser != "":
		return Change{}, fmt.Errorf("setup %s was opened already: %w", s.Setup.ID, ErrConflict)
	}
	s.Setup.Browser = browser
	return s.Setup.next(a, "opened"), nil
}

// RevokeSetup takes s.Setup back: its link and its invitation are worth nothing from then on.
func RevokeSetup(s State, a Act) (Change, error) {
	if s.Setup.ID == "" || s.Setup.State != SetupOpen {
		return Change{}, fmt.Errorf("open setup: %w", ErrNotFound)
	}
	s.Setup.State = SetupRevoked
	return s.Setup.next(a, "revoked"), nil
}

// ChooseVendor notes whose make the identity provider is. It only decides what the pages say.
func ChooseVendor(s State, vendor string, p Protocol, a Act) (Change, error) {
	if !s.setupStands(a.Now) {
		return Change{}, fmt.Errorf("setup: %w", ErrNotFound)
	}
	s.Setup.Vendor, s.Setup.Protocol = vendor, p
	return s.Setup.next(a, "vendor", "vendor: "+vendor, "protocol: "+string(p)), nil
}

// DraftConnection makes c the connection of s.Setup: a disabled one of the owner `api`, which no login has come by. What
// was tested before counts no more, and neither do logins under way. changed says what is different, a line each.
func DraftConnection(s State, c Connection, changed []string, a Act) (Change, error) {
	old, x := s.Connection, s.Setup
	switch {
	case !s.setupStands(a.Now) || x.Connection != c.ID:
		return Change{}, fmt.Errorf("setup: %w", ErrNotFound)
	case old.ID != "" && (old.Tenant != x.Tenant || old.Owner != ByAPI || !old.Disabled || old.Removal != ""):
		return Change{}, fmt.Errorf("connection %s is not the setup's to change: %w", c.ID, ErrConflict)
	case old.ID != "" && x.Written != old.Revision: // it may have been in force meanwhile
		return Change{}, fmt.Errorf("connection %s was changed by somebody else: %w", c.ID, ErrConflict)
	case !x.Enabled.IsZero(): // people may have come by it, and another provider could name the same subjects
		return Change{}, fmt.Errorf("connection %s was enabled before; begin another one: %w", c.ID, ErrConflict)
	}
	c.Tenant, c.Owner, c.Disabled, c.Held, c.Proposed, c.Rejected, c.Removal = x.Tenant, ByAPI, true, false, nil, "", ""
	c.Generation, c.Revision = old.Generation+1, old.Revision+1
	x.Written, x.Tested, x.TestedAt = c.Revision, 0, time.Time{}
	outcome := "changed"
	if old.ID == "" {
		outcome = "created"
	}
	change := x.next(a, "connection")
	change.Connections = []Connection{c}
	change.Events = append(change.Events, a.event(1, Event{
		Kind: EventConnectionChanged, Tenant: c.Tenant, Connection: c.ID, Outcome: outcome, Changes: changed, Personal: Personal{Requester: a.Requester},
	}))
	return change, nil
}

// EnableSetup enables the connection of s.Setup as it was tested: a test login was good for this very revision of it, and
// the domain of its address is the tenant's, proved. From then on the setup's invitation admits one person.
func EnableSetup(s State, a Act) (Change, error) {
	x, c, claim := s.Setup, s.Connection, s.Claim
	switch {
	case !s.setupStands(a.Now) || c.ID == "" || c.ID != x.Connection || c.Tenant != x.Tenant || c.Removal != "" || c.Owner != ByAPI:
		return Change{}, fmt.Errorf("setup: %w", ErrNotFound)
	case !c.Disabled || c.Held:
		return Change{}, fmt.Errorf("connection %s is enabled already, or held: %w", c.ID, ErrConflict)
	case x.Written != c.Revision:
		return Change{}, fmt.Errorf("connection %s was changed by somebody else: %w", c.ID, ErrConflict)
	case x.Tested == 0 || x.Tested != c.Revision:
		return Change{}, fmt.Errorf("connection %s: no test login was good since it was last changed: %w", c.ID, ErrConflict)
	case claim.Tenant != x.Tenant || claim.Domain != x.Domain || claim.State != ClaimVerified || !c.Asserts(x.Domain):
		return Change{}, fmt.Errorf("domain %s is not proved: %w", x.Domain, ErrConflict)
	}
	c.Disabled, c.Revision = false, c.Revision+1
	x.Written = c.Revision
	if x.Enabled.IsZero() {
		x.Enabled = a.Now
	}
	change := x.next(a, "enabled")
	change.Connections = []Connection{c}
	change.Events = append(change.Events, a.event(1, Event{Kind: EventConnectionChanged, Tenant: c.Tenant, Connection: c.ID, Outcome: "enabled", Personal: Personal{Requester: a.Requester}}))
	return change, nil
}

// UndoSetup disables the connection that s.Setup enabled again, and ends what came by it. It has to be tested anew.
func UndoSetup(s State, id RevocationID, a Act) (Change, error) {
	x, c := s.Setup, s.Connection
	if !s.setupStands(a.Now) || c.ID == "" || c.ID != x.Connection || c.Tenant != x.Tenant || c.Disabled || x.Enabled.IsZero() {
		return Change{}, fmt.Errorf("enabled connection of a setup: %w", ErrNotFound)
	}
	change, err := RevokeScope(s, Scope{Connection: c.ID}, CauseConnectionDisabled, id, a)
	if err != nil {
		return Change{}, err
	}
	change.Connections[0].Disabled = true
	if x.Written == c.Revision { // what somebody else wrote meanwhile does not become the setup's
		x.Written = change.Connections[0].Revision
	}
	x.Tested, x.TestedAt = 0, time.Time{}
	undone := x.next(a, "undone")
	undone.Events[0].ID = a.IDs.Event(len(change.Events))
	change.Setups, change.Events = undone.Setups, append(change.Events, undone.Events...)
	return change, nil
}

// RestartSetup lets s.Setup make another connection in the place of one that it enabled and disabled again. The former
// stays as it is: its sign-ins are never those of the next.
func RestartSetup(s State, next ConnectionID, a Act) (Change, error) {
	x, c := s.Setup, s.Connection
	switch {
	case !s.setupStands(a.Now) || c.ID != x.Connection || !c.Disabled || !ValidName(string(next)) || next == c.ID:
		return Change{}, fmt.Errorf("disabled connection of a setup: %w", ErrNotFound)
	case x.Account != "":
		return Change{}, fmt.Errorf("somebody came in by setup %s already: %w", x.ID, ErrConflict)
	}
	x.Connection, x.Written, x.Tested, x.TestedAt, x.Enabled = next, 0, 0, time.Time{}, time.Time{}
	return x.next(a, "restarted", "connection: "+string(next)), nil
}

// AcceptOffice makes s.Former's account, which came in by s.Setup, the tenant's administrator, and the setup is over. The
// person has to be there: with the very session that a login of hers began.
func AcceptOffice(s State, a Act) (Change, error) {
	x, who := s.Setup, s.Former
	switch {
	case !x.Stands(who.Tenant, s.Installation, a.Now) || x.Account == "":
		return Change{}, fmt.Errorf("setup: %w", ErrNotFound)
	case who.Refuses(a.Now) != "" || who.Account.ID != x.Account || who.Account.Tenant != x.Tenant || who.Lease.Connection != x.Connection:
		return Change{}, fmt.Errorf("account that came in by setup %s: %w", x.ID, ErrDenied)
	}
	x.State = SetupDone
	change := x.next(a, "done")
	change.Events[0].Account = who.Account.ID
	if who.Account.Holds(TenantAdminOffice) {
		return change, nil
	}
	s.Account = who.Account
	appointed, err := Appoint(TenantAdminOffice)(s, a)
	if err != nil {
		return Change{}, err
	}
	appointed.Events[0].ID = a.IDs.Event(1)
	change.Accounts, change.Events = appointed.Accounts, append(change.Events, appointed.Events...)
	return change, nil
}

// admitted is x, used up by an account.
func (x Setup) admitted(account AccountID) Setup {
	x.Account, x.Revision = account, x.Revision+1
	return x
}

// next is the change of x to its next revision, with its event.
func (x Setup) next(a Act, outcome string, changes ...string) Change {
	x.Revision++
	return x.change(a, outcome, changes...)
}

func (x Setup) change(a Act, outcome string, changes ...string) Change {
	return Change{Setups: []Setup{x}, Events: []Event{a.event(0, Event{
		Kind: EventSetup, Tenant: x.Tenant, Connection: x.Connection, Outcome: outcome, Changes: append([]string{"setup: " + string(x.ID)}, changes...),
		Personal: Personal{Requester: a.Requester, Detail: a.Why},
	})}}
}

// Invited is the kind of an invitation that was used up.
const Invited = "invitation"

// invitation is what is spent when somebody comes in by a setup.
func invitation(x SetupID) Spent { return Spent{Kind: Invited, ID: string(x)} }

func invited(x Spent) bool { return x.Kind == Invited }
