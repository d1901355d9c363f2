package broker

import (
	"cmp"
	"slices"
	"time"

	"leasehold/idp"
	"leasehold/provision"
)

// AttemptID names a login under way. Pages carry it and never look inside.
type AttemptID = idp.AttemptID

// Wish is what a browser asks of Begin.
type Wish struct {
	Browser    string                 // the browser cookie's value
	Email      string                 // finds the connection by its domain; the local part is never looked at
	Connection provision.ConnectionID // goes straight there instead
	Origin     provision.Origin       // of the app that was wanted; zero: the account page
	Path       string                 // on that origin, with its query
	Start      string                 // hex SHA-256 of the app origin's start cookie; "": none
	Fresh      bool                   // the person must authenticate now
	Session    string                 // the SSO host's session cookie's value, for AddSignIn
	AddSignIn  bool                   // link the sign-in to the session's account
	Requester  provision.Requester

	setup provision.SetupID // whose invitation goes along: only a Guide knows one
	try   *trying           // it is only tried; nil: it is meant
}

// Departure is where Begin sends the browser.
type Departure struct {
	URL    string // at the identity provider
	Tenant string // its name, to show before going there
}

// Return is a browser that is back from its identity provider.
type Return struct {
	Connection provision.ConnectionID
	Attempt    idp.AttemptID
	Browser    string   // the browser cookie's value
	Answer     idp.Form // what came along; empty when Receive has parked an assertion
	Session    string   // the SSO host's session cookie's value: the session that a new one replaces
	Requester  provision.Requester
}

// Landing is where a finished login leads.
type Landing struct {
	Lease  provision.LeaseID
	App    provision.AppID  // "": the account page
	Origin provision.Origin // of the app
	Path   string
	Start  string // as the Wish had it
	Notice string // shown to the person before going on; "": nothing
}

// Ask is what a check wants to know: may this request go through to the app?
type Ask struct {
	Origin string // "https://wiki.example.com", as the proxy names the target: lower case, no default port
	Path   string // without the query
	Method string
	Token  string // the app cookie's value; "": none
	Handle string // a workload's, from a bearer token; "": none. Only apps that take workloads look at it

	canary bool // it is for the door of canaries, which nobody outside of this package can name
}

// Verdict is the answer of a check. The zero Verdict is a refusal.
type Verdict struct {
	Allow  bool
	Reason provision.Reason    // why not; "" only when Allow
	App    provision.AppID     // "" when the origin is no app's
	Header map[string][]string // on Allow: every header of the app's profile, present even when empty. Read only.
}

// Identity is what an app is told about the holder of a lease.
type Identity struct {
	Account   provision.AccountID
	Email     string
	Name      string
	Roles     []string // effective ones
	Groups    []string
	Tenant    provision.TenantID
	Lease     provision.LeaseID
	Expires   time.Time
	Assertion string // JWT for the app's origin
	Workload  Errand // what a workload's lease is for; zero: it is a person
}

// Errand is what a workload's lease is for, as apps are told.
type Errand struct {
	Rule      string
	Task      string
	Resources []string
}

// Me is what the account page shows.
type Me struct {
	Standing    provision.Standing
	Links       []provision.Link
	Leases      []provision.Lease                      // all live ones of the account, this one among them
	Connections []provision.Connection                 // of the tenant, at which a sign-in can be added
	Began       map[provision.LeaseID]provision.Whence // where those of Newest began, as far as that is known
	Administers bool                                   // the person may open the console
}

// MaxNewest is how many sessions the account page shows.
const MaxNewest = 50

// Sessions are the leases that are one.
func (m Me) Sessions() []provision.Lease {
	return slices.DeleteFunc(slices.Clone(m.Leases), func(l provision.Lease) bool { return l.Kind != provision.SessionLease })
}

// Newest are the newest sessions, and first always the one that they are seen in.
func (m Me) Newest() []provision.Lease {
	newest := slices.SortedFunc(slices.Values(m.Sessions()), func(a, b provision.Lease) int {
		switch m.Standing.Lease.ID {
		case a.ID:
			return -1
		case b.ID:
			return 1
		}
		return cmp.Or(b.Start.Compare(a.Start), cmp.Compare(a.ID, b.ID))
	})
	return newest[:min(len(newest), MaxNewest)]
}
