package provision

import "time"

// AccountQuery chooses accounts. Empty fields choose all.
type AccountQuery struct {
	Tenant   TenantID
	Text     string       // the id, what the e-mail address begins with, or what a word of the name begins with; case of ASCII letters does not matter
	Email    Email        // living, with exactly this address
	Begins   string       // what the e-mail address begins with; case of ASCII letters does not matter
	At       ConnectionID // with a sign-in there
	State    AccountState
	Office   Office
	Domain   Domain    // of the e-mail address
	Unused   time.Time // living, without a live lease, and neither made nor logged in to since, to the second
	Stranded bool      // pending, though somebody has logged in to it: the sign-in is gone with its connection
	After    AccountID // in the order of tenants, and of ids within one
	Limit    int       // 0: 100
}

// EventQuery chooses events, the newest first. Empty fields choose all.
type EventQuery struct {
	Tenant       TenantID
	Kind, Reason string
	Account      AccountID
	Ref          string    // as in EventFilter
	Since, Until time.Time // to the second; the first is in, the second is not
	Before       int64     // a Seq; 0: from the newest on
	Limit        int       // 0: 100
}

// Refusals are how many logins were refused for a reason on one day.
type Refusals struct {
	Day    time.Time // its first instant, UTC
	Reason Reason
	Count  int
}

// Population is how many accounts there are by state, and how many leases have not ended.
type Population struct {
	Accounts map[AccountState]int
	Leases   int
}

// Chooses reports whether q chooses e; of Before, too.
func (q EventQuery) Chooses(e Event) bool {
	switch {
	case q.Tenant != "" && e.Tenant != q.Tenant, q.Kind != "" && e.Kind != q.Kind, q.Reason != "" && e.Reason != q.Reason:
		return false
	case q.Account != "" && e.Account != q.Account, q.Ref != "" && e.Ref() != q.Ref, q.Before > 0 && e.Seq >= q.Before:
		return false
	case !q.Since.IsZero() && e.Time.Unix() < q.Since.Unix():
		return false
	}
	return q.Until.IsZero() || e.Time.Unix() < q.Until.Unix()
}
