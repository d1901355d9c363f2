package provision

// Reason is one stable code: in the audit, as a metric's label, as an anchor of the documentation, and behind the
// sentence a person is shown. Codes are added, never renamed. The empty reason is no refusal.
type Reason string

// Refusals by the tenant's rules.
const (
	TenantUnknown         Reason = "tenant_unknown"
	TenantSuspended       Reason = "tenant_suspended"
	ContractEnded         Reason = "contract_ended"
	DomainUnknown         Reason = "domain_unknown"
	DomainUnverified      Reason = "domain_unverified"
	DomainFailing         Reason = "domain_failing"
	DomainLapsed          Reason = "domain_lapsed"
	DomainForeign         Reason = "domain_foreign"
	DomainPublic          Reason = "domain_public"
	DomainNotOfConnection Reason = "domain_not_of_connection"
	ConnectionDisabled    Reason = "connection_disabled"
	ConnectionHeld        Reason = "connection_held"
	SubjectMissing        Reason = "subject_missing"
	SubjectTransient      Reason = "subject_transient"
	EmailMissing          Reason = "email_missing"
	EmailInvalid          Reason = "email_invalid"
	EmailUnverified       Reason = "email_unverified"
	EmailTaken            Reason = "email_taken"
	LinkRefused           Reason = "link_refused"
	CreationDisabled      Reason = "creation_disabled"
	InviteRequired        Reason = "invite_required"
	ApprovalPending       Reason = "approval_pending"
	SeatsFull             Reason = "seats_full"
	GroupMissing          Reason = "group_missing"
	GroupForbidden        Reason = "group_forbidden"
	GroupsOverage         Reason = "groups_overage"
	ACRInsufficient       Reason = "acr_insufficient"
	AuthTooOld            Reason = "auth_too_old"
	ConditionFalse        Reason = "condition_false"
	SessionOver           Reason = "session_over"
	AccountSuspended      Reason = "account_suspended"
	AccountRevoked        Reason = "account_revoked"
)

// Refusals by a protocol.
const (
	SignatureMissing     Reason = "signature_missing"
	SignatureInvalid     Reason = "signature_invalid"
	AlgorithmRefused     Reason = "algorithm_refused"
	IssuerMismatch       Reason = "issuer_mismatch"
	AudienceMismatch     Reason = "audience_mismatch"
	RecipientMismatch    Reason = "recipient_mismatch"
	DestinationMismatch  Reason = "destination_mismatch"
	ConfirmationInvalid  Reason = "confirmation_invalid"
	Expired              Reason = "expired"
	NotYetValid          Reason = "not_yet_valid"
	Replayed             Reason = "replayed"
	Unsolicited          Reason = "unsolicited"
	InResponseToMismatch Reason = "in_response_to_mismatch"
	StateMismatch        Reason = "state_mismatch"
	NonceMismatch        Reason = "nonce_mismatch"
	IssMissing           Reason = "iss_missing"
	DocumentMalformed    Reason = "document_malformed"
	MessageTooLarge      Reason = "message_too_large"
	EncryptedRefused     Reason = "encrypted_refused"
	DecryptionFailed     Reason = "decryption_failed"
	IdPStatus            Reason = "idp_status"
	IdPUnreachable       Reason = "idp_unreachable"
	AttemptUnknown       Reason = "attempt_unknown"
	AttemptOtherBrowser  Reason = "attempt_other_browser"
)

// Refusals by a check.
const (
	SessionMissing   Reason = "session_missing"
	SessionMalformed Reason = "session_malformed"
	LeaseEnded       Reason = "lease_ended"
	LeaseIdle        Reason = "lease_idle"
	AppUnknown       Reason = "app_unknown"
	TargetInvalid    Reason = "target_invalid"
	ProxyUntrusted   Reason = "proxy_untrusted"
	HeaderAlias      Reason = "header_alias"
	TenantNotOfApp   Reason = "tenant_not_of_app"
	RoleMissing      Reason = "role_missing"
	StoreUnavailable Reason = "store_unavailable"
	RateLimited      Reason = "rate_limited"
)

// Cause says why a lease ended.
type Cause string

// The causes.
const (
	CauseLogout             Cause = "logout"
	CauseCeiling            Cause = "ceiling"
	CauseIdle               Cause = "idle"
	CauseReplaced           Cause = "replaced"
	CauseUpstreamLogout     Cause = "upstream_logout"
	CauseUpstreamRefused    Cause = "upstream_refused"
	CauseUpstreamStale      Cause = "upstream_stale"
	CauseAdmin              Cause = "admin"
	CauseTenantSuspended    Cause = "tenant_suspended"
	CauseContractEnded      Cause = "contract_ended"
	CauseDomainLapsed       Cause = "domain_lapsed"
	CauseConnectionDisabled Cause = "connection_disabled"
	CauseTrustChanged       Cause = "trust_changed"
	CausePolicyTightened    Cause = "policy_tightened"
	CauseSCIM               Cause = "scim"
	CauseSignal             Cause = "signal"
	CauseTaskEnd            Cause = "task_end"
	CauseParentEnded        Cause = "parent_ended"
	CauseLinked             Cause = "linked"
	CauseRestored           Cause = "restored"
)

// Causes lists every cause there is, in the order of their declaration.
func Causes() []Cause {
	return []Cause{
		CauseLogout, CauseCeiling, CauseIdle, CauseReplaced, CauseUpstreamLogout, CauseUpstreamRefused, CauseUpstreamStale,
		CauseAdmin, CauseTenantSuspended, CauseContractEnded, CauseDomainLapsed, CauseConnectionDisabled, CauseTrustChanged,
		CausePolicyTightened, CauseSCIM, CauseSignal, CauseTaskEnd, CauseParentEnded, CauseLinked, CauseRestored,
	}
}
