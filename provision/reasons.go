package provision

// Reasons lists every reason there is, in the order of their declaration. Tables that must know them all are tested
// against it.
func Reasons() []Reason {
	return []Reason{
		TenantUnknown, TenantSuspended, ContractEnded, DomainUnknown, DomainUnverified, DomainFailing, DomainLapsed,
		DomainForeign, DomainPublic, DomainNotOfConnection, ConnectionDisabled, ConnectionHeld, SubjectMissing,
		SubjectTransient, EmailMissing, EmailInvalid, EmailUnverified, EmailTaken, LinkRefused, CreationDisabled,
		InviteRequired, ApprovalPending, SeatsFull, GroupMissing, GroupForbidden, GroupsOverage, ACRInsufficient,
		AuthTooOld, ConditionFalse, SessionOver, AccountSuspended, AccountRevoked,

		SignatureMissing, SignatureInvalid, AlgorithmRefused, IssuerMismatch, AudienceMismatch, RecipientMismatch,
		DestinationMismatch, ConfirmationInvalid, Expired, NotYetValid, Replayed, Unsolicited, InResponseToMismatch,
		StateMismatch, NonceMismatch, IssMissing, DocumentMalformed, MessageTooLarge, EncryptedRefused, DecryptionFailed,
		IdPStatus, IdPUnreachable, AttemptUnknown, AttemptOtherBrowser,

		SessionMissing, SessionMalformed, LeaseEnded, LeaseIdle, AppUnknown, TargetInvalid, ProxyUntrusted, HeaderAlias,
		TenantNotOfApp, RoleMissing, SetupUnknown, SetupOtherBrowser, OfficeMissing, TokenInvalid, ScopeMissing, StoreUnavailable, RateLimited,
		ElevationRefused, ElevationTooLong, ElevationUnexplained, TicketMissing, ElevationAsked, ElevationOver, ApproverRefused,
		RuleUnknown, RuleHeld, ClaimMissing, ClaimMismatch, TokenStale, GrantRefused, AppNotGranted, ResourceNotGranted, PurposeMissing,
		TaskMissing, TaskEnded, AddressRefused, TooManyLeases, AgentTooLong, AgentIncomplete, CodeUnknown, CodeForeign, CodeOfOtherRule,
		CodeUsed, CodeExpired, CodeOver, NotExchangeable, RenewalRefused, OutsideHours,
	}
}
