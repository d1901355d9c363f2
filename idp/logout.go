package idp

import (
	"context"
	"time"

	"leasehold/provision"
)

// Binding is how a log-out message travels.
type Binding string

// The bindings.
const (
	Redirect    Binding = "redirect"     // the query of an address (SAML Bindings 3.4)
	Post        Binding = "post"         // a form that a browser posts (SAML Bindings 3.5)
	SOAP        Binding = "soap"         // server to server, without a browser (SAML Bindings 3.2)
	BackChannel Binding = "back-channel" // server to server (OIDC Back-Channel Logout 2.5)
)

// Message is a log-out message as it came. Nothing vouches for it yet.
type Message struct {
	Binding Binding
	Query   string // of Redirect: byte for byte, for its signature covers what was sent
	Form    Form   // of Post and BackChannel
	Body    []byte // of SOAP
}

// Logout is an identity provider's word that sessions ended there, after every check of its protocol.
type Logout struct {
	Name     string          // whose, as UpstreamSession.Matched has it; "": Sessions alone say
	Sessions []string        // which; none: all of Name
	Spend    provision.Spent // the message, which counts once

	// What its answer has to say.
	Request string  // the ID of the message
	Relay   string  // what the provider wants back, as it came
	Binding Binding // how the message came
}

// Reply is what goes to an identity provider. The zero Reply is nothing.
type Reply struct {
	Address string // where the browser goes; "": nowhere
	Fields  Form   // what it posts there; nil: it goes by a link
	Body    []byte // the answer itself, server to server
}

// Ender is a Provider whose identity provider ends sessions here.
type Ender interface {
	// ReadLogout judges a message by every rule of the protocol. A refusal is a *Rejected; any other error means that
	// nobody could tell.
	ReadLogout(ctx context.Context, m Message) (Logout, error)
}

// Answerer is an Ender that answers its identity provider.
type Answerer interface {
	// AnswerLogout is the answer to a log-out that was judged. Whole says that all that it names has ended.
	AnswerLogout(l Logout, whole bool) (Reply, error)
}

// Leaving is a log-out of ours that is under way at an identity provider. It belongs to one browser.
type Leaving struct {
	ID         AttemptID // goes along as RelayState or state
	Connection provision.ConnectionID
	Session    provision.UpstreamSession
	Browser    [32]byte // SHA-256 of the browser cookie
	Expires    time.Time
	RequestID  string // SAML: the LogoutRequest's ID
	Confirmed  bool   // the provider says that the session ended there
}

// Leaver is a Provider that logs people out at its identity provider, when they wish so.
type Leaver interface {
	// OffersLogout reports whether the identity provider can be asked to.
	OffersLogout(ctx context.Context) bool

	// BeginLogout fills in what the log-out must remember and says where the browser goes.
	BeginLogout(ctx context.Context, l *Leaving) (Reply, error)

	// VerifyLogout judges the answer to l. A refusal is a *Rejected.
	VerifyLogout(ctx context.Context, l Leaving, m Message) error
}

// Refresher is a Provider that can ask its identity provider whether it stands by a session.
type Refresher interface {
	// Refresh asks. The session that comes back is to be remembered in the place of s: its token may be another. A
	// *Rejected is the provider's no; any other error means that nobody could tell.
	Refresh(ctx context.Context, s provision.UpstreamSession) (provision.UpstreamSession, error)
}
