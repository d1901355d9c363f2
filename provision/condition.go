package provision

import "time"

// MaxWhen is how long a policy's condition may be, in bytes.
const MaxWhen = 2000

// Case is what a policy's condition may look at, of a login, or of a lease that is judged again. No condition is evaluated
// here: whoever asks the gate does that, and says by State.Met or Standing.Met what came of it.
type Case struct {
	Time       time.Time // ledger time
	Whence     Whence
	Account    AccountID // "": nobody's yet
	Email      Email
	Groups     []string
	ACR        string
	AMR        []string
	Connection ConnectionID
}

// Whence is where a session was begun: from which address and browser, and on the way to which app. It is personal data,
// and kept sealed with what the lease remembers of its session (Upstream).
type Whence struct {
	IP        string `json:",omitempty"`
	UserAgent string `json:",omitempty"`
	App       AppID  `json:",omitempty"`
}

// Whence is where a session that r asks for would be begun.
func (r Request) Whence() Whence { return Whence{r.Requester.IP, r.Requester.UserAgent, r.App} }

// Case is what a condition may look at when r is asked on s.
func (r Request) Case(s State, now time.Time) Case {
	email, _ := ParseEmail(r.Facts.Email) // without one the gate refuses
	return Case{
		Time: now, Whence: r.Whence(), Account: s.Account.ID, Email: email, Groups: r.Facts.Groups,
		ACR: r.Authn.ACR, AMR: r.Authn.AMR, Connection: r.Facts.Connection,
	}
}

// Case is what a condition may look at when the lease, which was begun there, is judged again.
func (s Standing) Case(from Whence, now time.Time) Case {
	return Case{
		Time: now, Whence: from, Account: s.Account.ID, Email: s.Account.Email, Groups: s.Account.Groups,
		ACR: s.Lease.Authn.ACR, AMR: s.Lease.Authn.AMR, Connection: s.Lease.Connection,
	}
}

// unmet reports whether p has a condition that was not found to hold.
func (p Policy) unmet(met bool) bool { return p.When != "" && !met }
