package provision

import "slices"

// Check is one thing that a login has to stand up to, in the order in which they are looked at: the first that fails is
// the reason, and what comes after was not looked at.
type Check struct {
	Name    string   // what it is about, for people
	Reasons []Reason // that it refuses with
}

// Checklist is what a login by a protocol has to stand up to: first the protocol's own checks, then the gate's.
func Checklist(p Protocol) []Check {
	if p == OIDC {
		return append(oidcChecks(), gateChecks()...)
	}
	return append(samlChecks(), gateChecks()...)
}

// GateChecks is how many checks at the end of a list are the gate's.
func GateChecks() int { return len(gateChecks()) }

func gateChecks() []Check {
	return []Check{
		{"Organisation and connection are in force", []Reason{TenantUnknown, TenantSuspended, ContractEnded, ConnectionDisabled, ConnectionHeld}},
		{"The subject names one person for good", []Reason{SubjectMissing, SubjectTransient}},
		{"There is one e-mail address, and it is vouched for", []Reason{EmailMissing, EmailInvalid, DomainPublic, EmailUnverified}},
		{"The address’s domain is yours, and proved", []Reason{DomainUnknown, DomainForeign, DomainUnverified, DomainLapsed}},
		{"The connection may assert that domain", []Reason{DomainNotOfConnection}},
		{"The account is not shut out", []Reason{AccountRevoked, AccountSuspended}},
		{"The groups may enter", []Reason{GroupsOverage, GroupMissing, GroupForbidden}},
		{"The authentication is strong and fresh enough", []Reason{ACRInsufficient, AuthTooOld, ConditionFalse}},
		{"The session goes on", []Reason{SessionOver}},
		{"An account is found or made", []Reason{LinkRefused, ApprovalPending, EmailTaken, DomainFailing, CreationDisabled, InviteRequired, SeatsFull}},
	}
}

func samlChecks() []Check {
	return []Check{
		{"The response can be read", []Reason{MessageTooLarge, DocumentMalformed, EncryptedRefused, DecryptionFailed}},
		{"The identity provider signed the person in", []Reason{IdPStatus, IdPUnreachable}},
		{"It is signed, by a key of the metadata", []Reason{SignatureMissing, AlgorithmRefused, SignatureInvalid}},
		{"It is fresh", []Reason{Expired, NotYetValid}},
		{"It was sent to our address", []Reason{DestinationMismatch}},
		{"It comes from the provider of the metadata", []Reason{IssuerMismatch}},
		{"It answers our request", []Reason{Unsolicited, InResponseToMismatch}},
		{"It is meant for this connection", []Reason{AudienceMismatch, RecipientMismatch, ConfirmationInvalid}},
		{"It was not used before", []Reason{Replayed}},
	}
}

func oidcChecks() []Check {
	return []Check{
		{"The provider can be reached", []Reason{IdPUnreachable}},
		{"The answer belongs to our request", []Reason{StateMismatch}},
		{"The provider signed the person in, and honours our client", []Reason{IssMissing, IdPStatus}},
		{"The ID token can be read", []Reason{MessageTooLarge, DocumentMalformed}},
		{"It is signed, by a key of the provider", []Reason{SignatureMissing, AlgorithmRefused, SignatureInvalid}},
		{"It comes from this issuer", []Reason{IssuerMismatch}},
		{"It is meant for our client", []Reason{AudienceMismatch}},
		{"It is fresh", []Reason{Expired, NotYetValid}},
		{"It answers this very login", []Reason{NonceMismatch, Replayed}},
	}
}

// FailedAt is which check of a list refuses with r: -1 for no reason, and the last one for a reason of no check.
func FailedAt(list []Check, r Reason) int {
	if r == "" {
		return -1
	}
	if at := slices.IndexFunc(list, func(c Check) bool { return slices.Contains(c.Reasons, r) }); at >= 0 {
		return at
	}
	return len(list) - 1
}
