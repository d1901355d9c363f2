package provision

import "time"

// ClaimState is where a claim on a domain stands.
type ClaimState string

// The states of a claim.
const (
	ClaimPending  ClaimState = "pending"  // never proved yet
	ClaimVerified ClaimState = "verified" // proved
	ClaimFailing  ClaimState = "failing"  // two failures an hour apart: no new account
	ClaimLapsed   ClaimState = "lapsed"   // failing for the grace period: nobody of that domain gets in or stays in
)

// Proof says how a claim is proved.
type Proof string

// The proofs.
const (
	ProofDNS      Proof = "dns-txt"
	ProofOperator Proof = "operator" // attested, and recorded as what it is
)

// Claim is a tenant's word that a domain is theirs, and what became of it. A domain has at most one claim that is
// verified, failing or lapsed: its owner's. Pending claims of several tenants may stand side by side.
type Claim struct {
	Tenant     TenantID
	Domain     Domain
	Proof      Proof
	State      ClaimState
	Token      string // what the TXT record has to hold
	Created    time.Time
	Verified   time.Time // the last good answer
	FirstFail  time.Time // the first failure since; zero: none
	LastFail   time.Time
	LastTried  time.Time // also when nobody could answer
	Unchecked  time.Time // since when nobody could answer; zero: somebody can
	Answer     Answer    // what the last try came to
	Note       string    // who attested it and why
	Generation Generation
	Revision   int64
}

// Owns reports whether the claim is its domain's one owner.
func (c Claim) Owns() bool { return c.State != "" && c.State != ClaimPending }
