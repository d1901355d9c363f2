package provision

import (
	"context"
	"time"
)

// Ledger keeps everything that gives or took access, and is the only authority on it. Each verb reads one snapshot,
// hands it to a pure function, and commits the change that comes back whole or not at all: after a nil error it is
// durable; after an error nothing of it happened, except that ErrUnavailable leaves the caller not knowing.
//
// A ledger that loses a race calls the function again on fresh state. Two verbs never both succeed on states that the
// other's change would have altered (serializable isolation). Unique: (connection, subject) over links, (tenant,
// e-mail) over living accounts, (domain) over owning claims, (kind, scope, id) over spent things. A change that breaks
// one of these is retried on fresh state, and is ErrConflict when it still does. Where several processes share a ledger,
// so does one that writes a tenant, connection, claim or app on another Revision than the one before its own.
type Ledger interface {
	// Provision writes the decision on one request. A denied decision is written too: its event, its row, what it spent.
	Provision(ctx context.Context, r Request, decide func(State) Decision) (Decision, error)

	// Amend is its twin for every other change. An amend function that returns an error leaves everything as it was.
	Amend(ctx context.Context, t Target, amend func(State) (Change, error)) (Change, error)

	// End ends leases, in one commit: end is called for each with the state whose Former is that lease, one after the
	// other, so that it sees what the one before it wrote. An empty change leaves that lease as it is.
	End(ctx context.Context, ids []LeaseID, end func(LeaseID, State) Change) error

	// Lease is how the lease stands: it and all that a check reads, as one snapshot. ErrNotFound when there is none.
	Lease(ctx context.Context, id LeaseID) (Standing, error)

	// Due lists leases that have not ended and whose time has come by now, or whose generations an open revocation has
	// passed: at most limit, the longest due first.
	Due(ctx context.Context, now time.Time, limit int) ([]LeaseID, error)

	// Used records the last use of leases that have not ended; it never moves Seen back.
	Used(ctx context.Context, seen map[LeaseID]time.Time) error

	// Events lists the audit after a Seq, in order, at most limit.
	Events(ctx context.Context, f EventFilter) ([]Event, error)

	// Now is ledger time: never behind what it was, also across a restart and a clock that was put back (I13).
	Now() time.Time
}

// EventFilter chooses events. Empty fields choose all.
type EventFilter struct {
	After  int64
	Tenant TenantID
	Kind   string
	Ref    string // the reference that a person was shown: of a decision, or of an event without one
	Limit  int    // 0: 1000
}

// Registry reads what was registered. A thing that is not there is ErrNotFound.
type Registry interface {
	Tenant(ctx context.Context, id TenantID) (Tenant, error)
	Connection(ctx context.Context, id ConnectionID) (Connection, error)
	App(ctx context.Context, id AppID) (App, error)
	AppByOrigin(ctx context.Context, o Origin) (App, error)
	Account(ctx context.Context, id AccountID) (Account, []Link, []Lease, error)
	Policy(ctx context.Context, t TenantID, version int64) (Policy, error)
	Revocation(ctx context.Context, id RevocationID) (Revocation, error) // settled or not

	// ConnectionsFor lists the connections that may assert d and whose tenant owns it, the default first; none of a
	// domain that has lapsed.
	ConnectionsFor(ctx context.Context, d Domain) ([]Connection, error)

	Tenants(ctx context.Context, p Page) ([]Tenant, error)
	Connections(ctx context.Context, p Page) ([]Connection, error)
	Apps(ctx context.Context, p Page) ([]App, error)
	Claims(ctx context.Context, p Page) ([]Claim, error)
	Accounts(ctx context.Context, p Page) ([]Account, error)
	Leases(ctx context.Context, p Page) ([]Lease, error)           // those that have not ended, unless Page.Ended
	Revocations(ctx context.Context, p Page) ([]Revocation, error) // those with rows left, unless Page.Ended
}

// Page is a part of a list, in the order of ids.
type Page struct {
	Tenant  TenantID  // "": all
	After   string    // the id after which it begins; of claims, "DOMAIN/TENANT"
	Limit   int       // 0: 100
	Task    string    // leases: of this task of the tenant; "": of any and of none
	Account AccountID // leases: of this account; "": of any
	Agent   AccountID // leases: by which this account acts for others; "": no matter
	Ended   bool      // leases and revocations: also those that are over
}

// Keys keeps wrapped key material by name. What it is given is already encrypted under the master key.
type Keys interface {
	// Key is the value under name, or ErrNotFound.
	Key(ctx context.Context, name string) ([]byte, error)
	// AddKey stores value under name unless something stands there, and returns what stands there afterwards.
	AddKey(ctx context.Context, name string, value []byte) ([]byte, error)
	// DropKey destroys the value: what was sealed under it is erased.
	DropKey(ctx context.Context, name string) error
	// KeyNames lists names of keys from one on, below another, in order.
	KeyNames(ctx context.Context, from, below string, limit int) ([]string, error)
	// Rewrap replaces every value by what rewrap makes of it, all in one commit or none.
	Rewrap(ctx context.Context, rewrap func(name string, value []byte) ([]byte, error)) error
}
