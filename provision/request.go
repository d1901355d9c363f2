package provision

import (
	"fmt"
	"slices"
	"time"
)

// Occasion is when the gate is asked.
type Occasion string

// The occasions.
const (
	OnLogin    Occasion = "login"
	OnLink     Occasion = "link"
	OnExchange Occasion = "exchange"
	OnRenewal  Occasion = "renewal" // an exchange by which a lease that is there goes on
)

// OfWorkload reports whether it is a workload that asks.
func (o Occasion) OfWorkload() bool { return o == OnExchange || o == OnRenewal }

// Request is what is asked of the gate.
type Request struct {
	Occasion  Occasion
	Facts     Facts
	Authn     Authn
	Pseudonym string  // HMAC of the link key: finds the tombstone of a deleted account
	Spend     []Spent // used up by this request, whatever comes of it
	Over      []Spent // the sessions at the identity provider, any of which may have ended there meanwhile
	Intent    Intent  // occasion link; on an exchange, the commission of an agent
	Setup     SetupID // whose invitation the attempt carries; "": none
	Replaces  LeaseID // the session this browser had; "": none
	App       AppID   // what the person wanted to open; "": nothing in particular
	Apps      []AppID `json:",omitempty"` // occasion exchange: all that the lease would be for
	Actor     Actor
	Requester Requester
	Upstream  Upstream  `json:"-"` // what a lease would remember; its secrets are no input of the decision
	Asks      time.Time // when a lease would be asked about first; zero: never
	Errand    Errand    `json:",omitzero"` // occasion exchange
	Owner     Email     // occasion exchange: of the account that answers for the rule
	Received  time.Time // occasion exchange: when the token came, by the clock that tokens are judged by
}

// Target names what r is about: what the state that it is judged on has to hold.
func (r Request) Target() Target {
	t := Target{
		Connection: r.Facts.Connection, Link: LinkKey{r.Facts.Connection, r.Facts.Subject},
		Pseudonym: r.Pseudonym, Lease: r.Replaces, App: r.App, Apps: r.Apps, Intent: r.Intent, Spend: slices.Concat(r.Spend, r.Over),
	}
	if r.Setup != "" {
		t.Setup, t.Spend = r.Setup, append(t.Spend, invitation(r.Setup))
	}
	if email, err := ParseEmail(r.Facts.Email); err == nil { // what does not parse is the gate's to refuse
		t.Email = email
	}
	if r.Occasion.OfWorkload() {
		t.Email = r.Owner
	}
	return t
}

// Intent is a person's wish, uttered in a live session and carried by the attempt, to add a sign-in to an account.
type Intent struct {
	Account AccountID
	Lease   LeaseID
}

// Target names the objects whose state a verb of the ledger reads. An empty name reads nothing.
type Target struct {
	Tenant     TenantID
	Connection ConnectionID
	Link       LinkKey
	Pseudonym  string
	Email      Email // its domain's claim, and the account of the tenant that holds it
	Domain     Domain
	Account    AccountID
	Lease      LeaseID
	App        AppID
	Apps       []AppID // more of them, each once
	Intent     Intent
	Spend      []Spent
	Delivery   DeliveryID
	Setup      SetupID
	Token      TokenID
	Quiet      bool // no lease ends by it: no Listeners are read
	Elevations bool // those that the account of Lease waits for are read

	Credentials bool // the open ones of Lease are read
}

// String says which objects t names.
func (t Target) String() string {
	return fmt.Sprintf("%s/%s/%s/%s/%s", t.Tenant, t.Connection, t.Domain, t.Account, t.Lease)
}

// State is all that a decision may look at: one snapshot of what the Request or Target names. What was not found is
// the zero value, and a zero value lets nobody in.
type State struct {
	Installation      Generation
	Tenant            Tenant // of the connection, when the target names one
	Connection        Connection
	Claim             Claim    // the owner's claim on the domain, whoever's it is; else the tenant's own pending one
	OwnClaim          Claim    // the target tenant's own claim on the domain, whatever its state
	Account           Account  // the target's, or the one that the link or its tombstone finds
	Link              Link     // the target's link
	Links             []Link   // all of Account
	Leases            []Lease  // all of Account that have not ended
	EmailHolder       Account  // the living account of the tenant that holds the e-mail address
	Former            Standing // of the lease that is the target's, or that the request replaces
	FormerLeases      []Lease  // all of the former lease's account that have not ended
	FormerLinks       []Link   // all of the former lease's account
	Intended          Standing // of the lease of the intent
	IntendedLeases    []Lease  // all of the intent's account that have not ended
	App               App
	Apps              []App // those of the target's Apps that are there, in its order
	Delivery          Delivery
	Setup             Setup
	Token             Token
	Listeners         Listeners   // of Account, when the target names it; only its holder's login finds it by the link
	FormerListeners   Listeners   // of the former lease's account
	IntendedListeners Listeners   // of the intent's account
	Acting            []Lease     // that have not ended, by which Account acts for others; of a workload that the target names
	FormerActing      []Lease     // likewise, of the former lease's account, when that may vanish with its last lease
	Seats             int         // accounts of the tenant with a live lease, not counting Account
	Spent             []Spent     // those of the target that are used up already
	Met               bool        // the policy's condition was found to hold; no ledger says so
	Unmet             string      // why it was not, for the login doctor
	Waiting           []Elevation // that the former lease's account waits for, when the target asks for them

	Credentials []Credential // open ones of the target's lease, in the order of their ids, when the target asks for them
}

// IDs are the random names a decision may need. They are drawn before, so that a store which lost a race may ask again.
type IDs struct {
	Account  AccountID
	Lease    func(TenantID) LeaseID
	Decision DecisionID
	Event    func(n int) EventID // the n-th event of this decision
	Key      []byte              // wrapped key of a new account
}

// OfFormer is s with the former lease's account in the place of the account.
func (s State) OfFormer() State {
	s.Account, s.Tenant, s.Leases, s.Links = s.Former.Account, s.Former.Tenant, s.FormerLeases, s.FormerLinks
	s.Listeners, s.Acting = s.FormerListeners, s.FormerActing
	return s
}

// IsZero reports whether t names nothing.
func (t Target) IsZero() bool {
	return t.Tenant == "" && t.Connection == "" && t.Link == LinkKey{} && t.Pseudonym == "" && t.Email.IsZero() && t.Domain.IsZero() &&
		t.Account == "" && t.Lease == "" && t.App == "" && len(t.Apps) == 0 && t.Intent == Intent{} && len(t.Spend) == 0 && t.Delivery == "" && t.Token == "" && t.Setup == ""
}
