package provision

import "slices"

// Upstream is what a lease remembers of the session at its identity provider that it began with, and of where it began. It
// is a row beside the lease's, which no check reads, and goes in the commit that ends the lease: one that remembers nothing is no row.
type Upstream struct {
	Lease   LeaseID
	Account AccountID
	Handles []string // what a log-out from there finds the lease by: pseudonyms of its person and of its sessions
	Session UpstreamSession
	Whence  Whence // where the lease began
	Sealed  []byte // Session and Whence, AES-256-GCM under the account's key
}

// UpstreamSession is a session at an identity provider, as a log-out that is sent there names it. It is personal, and
// its tokens are secrets: a ledger keeps it sealed only.
type UpstreamSession struct {
	Name    string   // SAML: the NameID; OpenID Connect: sub. Byte for byte
	Indexes []string // SAML: SessionIndex, OpenID Connect: sid; none: not said

	Format          string // of the NameID
	NameQualifier   string
	SPNameQualifier string
	Matched         string // the NameID and its qualifiers as one name, by which sessions are found

	IDToken string // shown to the provider that is asked to log somebody out
	Refresh string // the token by which it is asked whether it stands by the session; "": it is not asked
}

// IsZero reports whether nothing is known of a session.
func (s UpstreamSession) IsZero() bool { return s.Name == "" && len(s.Indexes) == 0 }

// IsZero reports whether nothing is remembered: such a row takes away the one that is there.
func (u Upstream) IsZero() bool {
	return len(u.Handles) == 0 && len(u.Sealed) == 0 && u.Session.IsZero() && u.Whence == Whence{}
}

// LoggedOut is the kind of a spent thing that stands for a session that ended at its identity provider: a login of it
// that was under way opens nothing any more.
const LoggedOut = "logged-out"

// LogoutMessage is the kind of a spent thing that stands for a log-out message, which counts once.
const LogoutMessage = "logout"

// loggedOut reports whether x is a session that ended at its identity provider.
func loggedOut(x Spent) bool { return x.Kind == LoggedOut }

// replayed reports whether something that may be used once was used already.
func replayed(s State) bool {
	return slices.ContainsFunc(s.Spent, func(x Spent) bool { return !loggedOut(x) && !invited(x) && x.Kind != EndedTask })
}
