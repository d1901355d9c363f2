package provision

import (
	"strings"
	"time"
)

// Assertion is what an identity provider said about one subject, after every check of its protocol.
type Assertion struct {
	Facts    Facts
	Authn    Authn
	Upstream UpstreamSession // what a log-out will name
	Spend    []Spent         // what the ledger must remember so that this is used once
	Claims   []Claimed       `json:",omitempty"` // of a login that is only tried: everything that was said
	Survey   *Survey         `json:",omitempty"` // of one that is only tried and that the protocol refused: what else there is to find
}

// Claimed is one thing that an identity provider said about a subject, as it came.
type Claimed struct {
	Name   string   // an attribute's Name, a claim's name, or "NameID"
	Values []string // at most MaxClaimedValues, each cut to a length that fits a page
	Note   string   // of a NameID: its format; of a claim: "userinfo" when it did not stand in the ID token
}

// Limits of what is shown of an assertion.
const (
	MaxClaimed       = 60
	MaxClaimedValues = 10
	MaxClaimedText   = 200
)

// Shown is c within the limits of what is shown.
func (c Claimed) Shown() Claimed {
	cut := func(s string) string {
		if len(s) <= MaxClaimedText {
			return s
		}
		return strings.ToValidUTF8(s[:MaxClaimedText], "") + "…"
	}
	c.Name = cut(c.Name)
	if len(c.Values) > MaxClaimedValues {
		c.Values = append(c.Values[:MaxClaimedValues:MaxClaimedValues], "…")
	}
	for i, v := range c.Values {
		c.Values[i] = cut(v)
	}
	return c
}

// Facts are an assertion's claims about a subject.
type Facts struct {
	Connection    ConnectionID
	Subject       string // byte for byte; the format (NameID qualifiers and the like) is part of it where it matters
	Transient     bool   // the subject is a pseudonym for this session only (SAML Core 8.3.8)
	Email         string // as asserted; ParseEmail judges it
	EmailVerified bool   // the provider vouches for it (OIDC Core 5.1), or the protocol has no such flag (SAML)
	Name          string
	Groups        []string
	GroupsOverage bool              // the provider left the groups out because there are too many
	Claims        map[string]string `json:",omitempty"` // of a workload's token: texts, numbers and truth values, by name
}

// Authn is how and when the subject logged in upstream.
type Authn struct {
	At           time.Time // zero: not said
	ACR          string
	AMR          []string
	SessionEnd   time.Time // SessionNotOnOrAfter, session_expiry; zero: not said
	SessionIndex string    // SAML SessionIndex, OIDC sid: what a log-out from upstream will name
}

// Spent is something that may be used once: an assertion's id, an attempt. The ledger keeps it until it could no longer
// be accepted anyway.
type Spent struct {
	Kind  string // "assertion", "attempt", "token", LogoutMessage, LoggedOut, Invited or EndedTask
	Scope string // the connection of an assertion or a log-out; the issuer of a token; the workload of a task
	ID    string
	Until time.Time
}

// same reports whether x and y are one thing, whenever it may be forgotten.
func (x Spent) same(y Spent) bool { return x.Kind == y.Kind && x.Scope == y.Scope && x.ID == y.ID }
