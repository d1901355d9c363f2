package provision

import "time"

// Outcome is what came of a request.
type Outcome string

// The outcomes. The zero value is a refusal.
const (
	Denied          Outcome = "denied"
	Created         Outcome = "created"
	Linked          Outcome = "linked"
	Resumed         Outcome = "resumed"
	PendingApproval Outcome = "pending"
	Renewed         Outcome = "renewed" // a lease that is there goes on
)

// Decision is the answer of the gate: an outcome, a reason when nobody is let in, and all there is to write.
type Decision struct {
	ID            DecisionID
	Outcome       Outcome
	Reason        Reason // "" when somebody is let in
	Tenant        TenantID
	PolicyVersion int64
	At            time.Time
	Lease         Lease // zero when nobody is let in
	Account       Account
	Check         string // of an exchange: which examination failed, for whoever asked
	Notice        string // shown to the person before going on
	Change        Change
}

// Allowed reports whether somebody was let in. The zero decision is a refusal.
func (d Decision) Allowed() bool {
	return d.Reason == "" && d.Lease.ID != "" && (d.Outcome == Created || d.Outcome == Linked || d.Outcome == Resumed || d.Outcome == Renewed)
}

// DecisionRow is a decision as it is kept, with its inputs, so that past logins can be judged under another policy.
type DecisionRow struct {
	ID            DecisionID
	Tenant        TenantID
	At            time.Time
	Outcome       Outcome
	Reason        Reason
	PolicyVersion int64
	Account       AccountID
	Inputs        []byte // the Request, JSON, sealed like an event's personal part
	SealedBy      string
}

// Change is everything that one commit writes, and the only way to write. Rows are whole: a store inserts the ones it
// does not have and replaces the ones it has. A store gives each event its Seq, and each new delivery that of its event, in
// this commit or later.
type Change struct {
	Installation Generation // when not 0, the installation's new generation
	Tenants      []Tenant
	Connections  []Connection
	Claims       []Claim
	Apps         []App
	Accounts     []Account
	Links        []Link
	Unlinks      []LinkKey
	Leases       []Lease
	Upstreams    []Upstream // those that remember nothing are deleted
	Entries      []Entry
	Spent        []Spent
	Decisions    []DecisionRow
	Revocations  []Revocation
	Credentials  []Credential `json:",omitempty"`
	Elevations   []Elevation  `json:",omitempty"`
	Deliveries   []Delivery
	Setups       []Setup     `json:",omitempty"`
	Tokens       []Token     `json:",omitempty"`
	TokensGone   []TokenID   `json:",omitempty"` // whose rows are deleted
	Voids        []AccountID // whose AccountDeactivated that no app has confirmed are void: somebody came back
	Events       []Event
	News         News // for other processes on the same ledger; a ledger of one process does not keep it
}

// Entry is that a lease was handed to an app. From then on the app knows the lease's account, until it has confirmed an
// AccountDeactivated, or one was dropped, or the account is deleted.
type Entry struct {
	Lease LeaseID
	App   AppID
	At    time.Time
}

// Revocation is the end of everything below an object. The object's generation rises in the commit that writes it; the
// rows below are settled afterwards, in batches, under its id.
type Revocation struct {
	ID        RevocationID
	Tenant    TenantID `json:",omitempty"` // whose the object was; "": the installation's, or not known
	Scope     Scope
	Cause     Cause
	Note      string
	Actor     Actor
	Requested time.Time
	Settled   time.Time // zero: rows are left
}

// Scope names the object that a revocation is about: exactly one field is set. The zero Scope of a Revocation is the
// whole installation.
type Scope struct {
	Tenant     TenantID
	Connection ConnectionID
	Domain     Domain
	Account    AccountID
}
