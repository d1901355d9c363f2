package provision

import (
	"slices"
	"time"
)

// AccountState is where an account stands.
type AccountState string

// The states of an account.
const (
	Pending   AccountState = "pending"   // no access yet: waits for approval or for its first link
	Active    AccountState = "active"    // has a live lease
	Dormant   AccountState = "expired"   // has none; the next login that passes resumes it
	Suspended AccountState = "suspended" // held; after release a new login is needed
	Revoked   AccountState = "revoked"   // terminal, unless restored by name
	Deleted   AccountState = "deleted"   // personal data gone, the tombstone stays
)

// Living reports whether an account in state s holds its e-mail address and its seat in the tenant's directory.
func (s AccountState) Living() bool { return s != "" && s != Deleted }

// Account is one person or workload in one tenant.
type Account struct {
	ID         AccountID
	Tenant     TenantID
	State      AccountState
	Email      Email // ASCII lower case where compared; zero after deletion
	Name       string
	Groups     []string
	Offices    []Office `json:",omitempty"` // given by an administrator; never from groups, and no app is told
	Created    time.Time
	LastLogin  time.Time
	Generation Generation
	Key        []byte       // wrapped key of the personal parts of its events; nil: erased
	Before     AccountState // of a deleted account: revoked or suspended stay true for whoever comes back
	Notice     string       // shown at the next login: a sign-in was added or removed
	Revision   int64
}

// LinkKey is the only key an account is found by.
type LinkKey struct {
	Connection ConnectionID
	Subject    string
}

// Link ties a subject at a connection to an account.
type Link struct {
	LinkKey          // Subject is "" once the account is deleted
	Pseudonym string // HMAC of the LinkKey under the tenant's key; what is left of it in a tombstone
	Account   AccountID
	Created   time.Time
}

// SignIns are the links by which somebody can come: not those of which only a pseudonym is left.
func SignIns(links []Link) []Link {
	return slices.DeleteFunc(slices.Clone(links), func(l Link) bool { return l.Subject == "" })
}
