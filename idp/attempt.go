package idp

import (
	"time"

	"leasehold/provision"
)

// AttemptID names an attempt: random, URL-safe, 80 bytes at most, so that it is a valid RelayState (SAML Bindings
// 3.4.3) and an unguessable state (RFC 6749, 10.12).
type AttemptID string

// Attempt is one login under way: bound to one browser, used once.
type Attempt struct {
	ID         AttemptID
	Connection provision.ConnectionID
	Browser    [32]byte // SHA-256 of the browser cookie
	Began      time.Time
	Expires    time.Time

	// What the protocol remembers.
	RequestID string // SAML: the AuthnRequest's ID
	Nonce     string // OIDC
	Verifier  string // OIDC: PKCE (RFC 7636)
	Fresh     bool   // the person must authenticate now: ForceAuthn; prompt=login and max_age=0
	LoginHint string // an e-mail address; never trusted

	// Where the person wants to go.
	App    provision.AppID  // "": the account page
	Origin provision.Origin // of the app
	Path   string           // on that origin, with its query
	Start  string           // hex SHA-256 of the app origin's start cookie; "": the login began at the SSO host

	// It is only tried: the assertion says everything that was said, also beside a refusal of what it says.
	Trial bool

	// What else was wished.
	Intent provision.Intent // add a sign-in to this account

	// The parked assertion of an answer that came without the browser's cookie.
	Parked *provision.Assertion
}
