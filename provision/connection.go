package provision

import (
	"slices"
	"time"
)

// Protocol is what a connection speaks.
type Protocol string

// The protocols.
const (
	SAML Protocol = "saml"
	OIDC Protocol = "oidc"

	Workloads Protocol = "workload" // signed tokens of workloads: CI jobs, service accounts. Nobody logs in by it
)

// Connection is one trust anchor of one tenant: a protocol, an issuer or entityID with its keys, and the domains it
// may assert.
type Connection struct {
	ID       ConnectionID
	Tenant   TenantID
	Protocol Protocol
	Domains  []Domain
	Subject  string // SAML: "nameid" or "attribute:NAME"; OIDC: "sub", "claim:NAME" or "tid+oid"
	Default  bool   // of several connections for one domain
	Disabled bool

	// Trust that somebody has to confirm. While it waits nobody logs in by the connection; leases go on.
	Held     bool
	Proposed []byte // the Trust that waits
	Rejected string // what somebody refused to confirm, as it was told: it is not proposed again

	// Attributes names where email, name and groups stand in an assertion: an attribute's exact Name, a claim's name.
	Attributes map[string]string

	// SAML
	Metadata     []byte // the identity provider's metadata document in force
	MetadataURL  string // where a newer one is fetched; "": nowhere
	IDPInitiated bool   // an unsolicited response is bounced to a fresh request; false: refused
	Encryption   bool   // encrypted assertions are read

	// OIDC
	Issuer       string
	ClientID     string
	ClientSecret string // the name of a Keys entry that holds it, wrapped; "": a public client
	Liveness     Liveness
	TrustEmail   bool // an e-mail in Domains counts as verified without email_verified

	// Workloads, beside Issuer
	KeySet []byte `json:",omitempty"` // the issuer's keys, written down (RFC 7517, 5); none: those that it publishes

	Removal    Removal
	Generation Generation
	Owner      Owner
	Revision   int64 // rises with every change; caches are keyed on (ID, Revision)
}

// MaxKeySet is how long a KeySet may be, in bytes.
const MaxKeySet = 256 << 10

// Asserts reports whether c may assert e-mail addresses of d.
func (c Connection) Asserts(d Domain) bool { return slices.Contains(c.Domains, d) }

// Liveness is how a provider is asked, while a lease lasts, whether it stands by the session. The zero Liveness is never.
type Liveness struct {
	Every    time.Duration // between two questions
	MaxStale time.Duration // without a good answer, after which the lease ends
}

// On reports whether the provider is asked.
func (l Liveness) On() bool { return l.Every > 0 }
