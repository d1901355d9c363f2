package provision

import "time"

// The events of the audit.
const (
	EventLogin              = "login"
	EventProtocol           = "login.protocol"     // messages without a live attempt: one a connection, reason and minute
	EventExchange           = "exchange"           // a workload's token, exchanged for a lease or refused
	EventExchangeProtocol   = "exchange.protocol"  // tokens that were refused, of nobody that is known: one a connection, reason and minute
	EventExplained          = "exchange.explained" // somebody asked what would come of an exchange
	EventTaskEnded          = "task.ended"
	EventLogoutProtocol     = "logout.protocol" // log-out messages that were refused: one a connection, reason and minute
	EventLeaseEnded         = "lease.ended"
	EventAccountState       = "account.state"
	EventAccountLinked      = "account.linked"
	EventAccountUnlinked    = "account.unlinked"
	EventAccountOffice      = "account.office" // an office was given or taken
	EventEmailConflict      = "account.email_conflict"
	EventDomainClaim        = "domain.claim"
	EventTenantChanged      = "tenant.changed"
	EventConnectionChanged  = "connection.changed"
	EventConnectionExpiring = "connection.expiring" // what it is believed by runs out: once 30, 14, 7 and 1 days ahead
	EventAppChanged         = "app.changed"
	EventPolicyChanged      = "policy.changed"
	EventCheckDenied        = "check.denied" // one a lease, app, reason and minute
	EventRevocation         = "revocation"
	EventDelivery           = "delivery"   // an administrator's word on what an app was to be told, or that nobody is to be told any more
	EventSetup              = "setup"      // what was done by a setup link, or with one
	EventTest               = "login.test" // a login that was only tried: it lets nobody in and makes nothing
	EventToken              = "token"      // of the API: one was made or revoked
	EventElevation          = "elevation"  // a role for a while: asked, approved, denied, withdrawn, expired, refused
	EventAgent              = "agent"      // of a person: commissioned, refused, began to act for her
	EventCredential         = "credential" // of a secret: intended, issued, revoking, revoked, stuck
	EventRetention          = "retention"  // what was kept long enough was erased; that it was nothing, once a day
	EventAdmin              = "admin"
)

// Event is one line of the audit. Its public part is codes, ids and times; its personal part is sealed under a key
// whose destruction erases it.
type Event struct {
	ID         EventID
	Seq        int64 // given by the ledger: gapless, and above those of all that anybody read before; 0 where a verb returned before it was given
	Time       time.Time
	Tenant     TenantID
	Kind       string // one of the Event constants
	Outcome    string // of a login: created, linked, resumed, pending, denied; of a state: the new one
	Reason     string // a Reason or a Cause
	Check      string // which check of a protocol refused, in the reader's words; never shown to a browser
	Actor      Actor
	Account    AccountID
	Connection ConnectionID
	App        AppID
	Domain     Domain
	Lease      LeaseRef
	Decision   DecisionRef
	Revocation RevocationRef
	Count      int      // of messages that this one event stands for; 0 means 1
	Changes    []string // what an administrative act changed, a line each; no secret, no personal data

	Personal Personal // in the clear; a ledger never stores it
	Sealed   []byte   // Personal, AES-256-GCM, the event's ID as additional data
	SealedBy string   // which key: "account:ID" or the name of a Keys entry
}

// Ref is the reference under which a person is told of e: its decision's, or its own.
func (e Event) Ref() string {
	if e.Decision.ID != "" {
		return string(e.Decision.ID)
	}
	return string(e.ID)
}

// Personal is the part of an event that can be erased.
type Personal struct {
	Requester Requester `json:"requester,omitzero"`
	Subject   string    `json:"subject,omitempty"`
	Email     string    `json:"email,omitempty"`
	Name      string    `json:"name,omitempty"`
	Detail    string    `json:"detail,omitempty"` // what was expected and what came, for the login doctor
}

// LeaseRef names a lease in an event.
type LeaseRef struct {
	ID   LeaseID
	Kind LeaseKind
	End  time.Time
}

// DecisionRef names a decision in an event.
type DecisionRef struct {
	ID            DecisionID
	PolicyVersion int64
}

// RevocationRef names a revocation in an event.
type RevocationRef struct {
	ID          RevocationID
	Cause       Cause
	RequestedAt time.Time
	EffectiveAt time.Time
}

// EventKinds lists every kind of event.
func EventKinds() []string {
	return []string{
		EventLogin, EventProtocol, EventExchange, EventExchangeProtocol, EventExplained, EventTaskEnded, EventLogoutProtocol, EventLeaseEnded, EventAccountState, EventAccountLinked, EventAccountUnlinked, EventAccountOffice, EventEmailConflict,
		EventDomainClaim, EventTenantChanged, EventConnectionChanged, EventConnectionExpiring, EventAppChanged, EventPolicyChanged, EventCheckDenied,
		EventRevocation, EventDelivery, EventSetup, EventTest, EventToken, EventElevation, EventAgent, EventCredential, EventRetention, EventAdmin,
	}
}
