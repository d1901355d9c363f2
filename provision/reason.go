package provision

// Reason is one stable code: in the audit, as a metric's label, as an anchor of the documentation, and behind the
// sentence a person is shown. Codes are added, never renamed. The empty reason is no refusal.
//
// The comment of each says what it means and, after "Do:", what to do about it. docs/reasons.md is made of them.
type Reason string

// Refusals by the tenant's rules.
const (
	// No tenant goes with the connection, or the sign-in is linked to an account of another tenant.
	// Do: look at which connection the login began at.
	TenantUnknown Reason = "tenant_unknown"
	// The tenant is suspended: nobody gets in, and nobody stays in.
	// Do: resume the tenant when it may go on.
	TenantSuspended Reason = "tenant_suspended"
	// The tenant's `contract_end` has passed.
	// Do: extend it in the manifest.
	ContractEnded Reason = "contract_ended"
	// The tenant has no claim on the domain of the e-mail address. A claim counts for exactly its domain, not for what
	// is below it.
	// Do: claim the domain and prove it.
	DomainUnknown Reason = "domain_unknown"
	// The tenant claims the domain and has not proved it yet.
	// Do: publish the TXT record that `leasehold domain show` prints.
	DomainUnverified Reason = "domain_unverified"
	// The domain's proof has been missing for an hour or more: no new accounts, known people get in.
	// Do: put the TXT record back.
	DomainFailing Reason = "domain_failing"
	// The domain's proof has been missing for the whole grace period: nobody of it gets in or stays in.
	// Do: put the TXT record back; one good answer restores the claim.
	DomainLapsed Reason = "domain_lapsed"
	// Another tenant owns the domain.
	// Do: settle with them whose it is; the owner's claim has to go first.
	DomainForeign Reason = "domain_foreign"
	// The domain is a public suffix or a public mail provider, where anybody can have an address.
	// Do: use addresses of a domain of your own.
	DomainPublic Reason = "domain_public"
	// The connection may not assert addresses of the domain.
	// Do: add the domain to `domains` of the connection.
	DomainNotOfConnection Reason = "domain_not_of_connection"
	// The connection is switched off.
	// Do: enable it.
	ConnectionDisabled Reason = "connection_disabled"
	// The connection's trust changed in a way that somebody has to confirm.
	// Do: compare it with what the identity provider says, then confirm it.
	ConnectionHeld Reason = "connection_held"
	// The assertion names no subject.
	// Do: have the identity provider release what `subject` of the connection names.
	SubjectMissing Reason = "subject_missing"
	// The subject is a pseudonym for one session, by which nobody can be known again.
	// Do: have the identity provider send a persistent NameID, or set `subject: attribute:NAME`.
	SubjectTransient Reason = "subject_transient"
	// The assertion has no e-mail address.
	// Do: have the identity provider release it, under the name in `attributes`.
	EmailMissing Reason = "email_missing"
	// The e-mail address cannot be read in one way only: a second @, quotes, a letter beyond ASCII, a domain that
	// cannot be.
	// Do: correct it at the identity provider.
	EmailInvalid Reason = "email_invalid"
	// The identity provider does not vouch for the e-mail address.
	// Do: have it send `email_verified`, or set `trust_email` if it verifies all addresses.
	EmailUnverified Reason = "email_unverified"
	// Another account of the tenant holds the e-mail address. Nothing is merged.
	// Do: the person signs in the former way and adds this sign-in on the account page, or an administrator links it.
	EmailTaken Reason = "email_taken"
	// A sign-in could not be added: the session it was begun in is over, or the e-mail addresses differ, or it is
	// somebody else's.
	// Do: begin again from the account page of the account to keep.
	LinkRefused Reason = "link_refused"
	// The policy makes no accounts at login.
	// Do: create the account, or set `create`.
	CreationDisabled Reason = "creation_disabled"
	// The policy makes accounts by invitation only.
	// Do: invite the person, or create the account.
	InviteRequired Reason = "invite_required"
	// The account waits for approval.
	// Do: approve it; the next login gets in.
	ApprovalPending Reason = "approval_pending"
	// As many accounts as the policy has `seats` for have a session.
	// Do: wait until one ends, end one, or raise `seats`.
	SeatsFull Reason = "seats_full"
	// The person is not in the groups that the policy wants.
	// Do: compare the groups in the login's event with `groups` of the policy.
	GroupMissing Reason = "group_missing"
	// The person is in a group that the policy keeps out.
	// Do: compare the groups in the login's event with `groups.none` of the policy.
	GroupForbidden Reason = "group_forbidden"
	// The identity provider left the groups out because there are too many; nobody can tell whether the person may
	// enter.
	// Do: have it send only the groups of the application.
	GroupsOverage Reason = "groups_overage"
	// The authentication was not of a kind that the policy accepts.
	// Do: compare the context in the login's event with `acr` of the policy.
	ACRInsufficient Reason = "acr_insufficient"
	// The person authenticated too long ago, or the identity provider does not say when.
	// Do: sign in again; check that `auth_time` or AuthnInstant is sent.
	AuthTooOld Reason = "auth_too_old"
	// The policy's condition does not hold now.
	// Do: look at `when` of the policy.
	ConditionFalse Reason = "condition_false"
	// The identity provider says that the session has ended already.
	// Do: sign in again; compare the clocks.
	SessionOver Reason = "session_over"
	// The account is suspended.
	// Do: release it; then a new login gets in.
	AccountSuspended Reason = "account_suspended"
	// The account is revoked. Its sign-ins stay, and refuse.
	// Do: restore it by name, with a reason.
	AccountRevoked Reason = "account_revoked"
)

// Refusals by a protocol.
const (
	// Nothing that counts is signed.
	// Do: have the identity provider sign the assertion.
	SignatureMissing Reason = "signature_missing"
	// The signature does not verify with a key of the connection.
	// Do: compare the certificates in the metadata, or the key set, with the identity provider's.
	SignatureInvalid Reason = "signature_invalid"
	// The algorithm of a signature or an encryption is not accepted.
	// Do: have the identity provider use RSA or ECDSA with SHA-256 or better.
	AlgorithmRefused Reason = "algorithm_refused"
	// The message is another issuer's.
	// Do: compare the entityID or `issuer` of the connection.
	IssuerMismatch Reason = "issuer_mismatch"
	// The message is for somebody else.
	// Do: compare the entityID or `client_id` that the identity provider has for this connection.
	AudienceMismatch Reason = "audience_mismatch"
	// The assertion was sent for another address than it came to.
	// Do: compare the ACS address that the identity provider has.
	RecipientMismatch Reason = "recipient_mismatch"
	// The response, or the log-out, was sent to another address than it came to.
	// Do: compare the ACS and the log-out address that the identity provider has.
	DestinationMismatch Reason = "destination_mismatch"
	// The assertion is not confirmed as the bearer's, for this request, at this address.
	// Do: look at the event's check for what was missing.
	ConfirmationInvalid Reason = "confirmation_invalid"
	// The message is no longer valid.
	// Do: compare the clocks; sign in again.
	Expired Reason = "expired"
	// The message is not valid yet.
	// Do: compare the clocks.
	NotYetValid Reason = "not_yet_valid"
	// The message was used before.
	// Do: sign in again. Repeated, it is worth a look at who posts it.
	Replayed Reason = "replayed"
	// Nobody asked for the response, and the connection does not take such.
	// Do: begin at the app, or set `idp_initiated` to have it answered with a fresh request.
	Unsolicited Reason = "unsolicited"
	// The response answers another request.
	// Do: sign in again.
	InResponseToMismatch Reason = "in_response_to_mismatch"
	// The answer's state is not the attempt's.
	// Do: sign in again.
	StateMismatch Reason = "state_mismatch"
	// The ID token's nonce is not the attempt's.
	// Do: sign in again.
	NonceMismatch Reason = "nonce_mismatch"
	// The answer does not say which issuer it comes from, though the issuer said it would (RFC 9207).
	// Do: report it to the identity provider.
	IssMissing Reason = "iss_missing"
	// The message cannot be read, or is not built as its protocol says.
	// Do: look at the event's check for what is wrong.
	DocumentMalformed Reason = "document_malformed"
	// The message is larger than is read.
	// Do: have the identity provider send fewer attributes or groups.
	MessageTooLarge Reason = "message_too_large"
	// The assertion is encrypted, and the connection takes none that are; or a log-out hides its NameID, which none may.
	// Do: set `encryption`, or have it sent unencrypted.
	EncryptedRefused Reason = "encrypted_refused"
	// The assertion cannot be decrypted with a key of the connection.
	// Do: give the identity provider the connection's current metadata.
	DecryptionFailed Reason = "decryption_failed"
	// The identity provider answered with an error.
	// Do: look at the event's check for its status, and at its log.
	IdPStatus Reason = "idp_status"
	// The identity provider could not be reached, or did not answer as it should.
	// Do: try its address from the gateway's machine.
	IdPUnreachable Reason = "idp_unreachable"
	// The answer belongs to no login under way: it took too long, or was used already.
	// Do: sign in again from the app.
	AttemptUnknown Reason = "attempt_unknown"
	// The login was begun in another browser.
	// Do: begin and finish in one browser, with cookies allowed.
	AttemptOtherBrowser Reason = "attempt_other_browser"
)

// Refusals by a check.
const (
	// The request brings no session.
	// Do: sign in.
	SessionMissing Reason = "session_missing"
	// The session cookie is not one of ours, or of another origin.
	// Do: sign in.
	SessionMalformed Reason = "session_malformed"
	// The lease has ended.
	// Do: the lease's event says why; sign in again.
	LeaseEnded Reason = "lease_ended"
	// The lease was not used for too long.
	// Do: sign in again.
	LeaseIdle Reason = "lease_idle"
	// No app has that origin.
	// Do: register the app, or correct its `origins`.
	AppUnknown Reason = "app_unknown"
	// The address that the proxy asks about cannot be read in one way only.
	// Do: compare the proxy's configuration with the recipe.
	TargetInvalid Reason = "target_invalid"
	// The check was asked by somebody who is not a trusted proxy.
	// Do: add the proxy to `trusted_proxies`.
	ProxyUntrusted Reason = "proxy_untrusted"
	// The request brings a header that an app could take for one of ours.
	// Do: have the proxy drop it, as the recipe does.
	HeaderAlias Reason = "header_alias"
	// The app does not admit the tenant.
	// Do: add the tenant to `tenants` of the app.
	TenantNotOfApp Reason = "tenant_not_of_app"
	// The person has none of the roles that the app requires.
	// Do: look at `roles` of the policy and `require` of the app.
	RoleMissing Reason = "role_missing"
	// The setup link is not known, or it has expired, was used up, or was taken back.
	// Do: have a new one made: `leasehold setup create`.
	SetupUnknown Reason = "setup_unknown"
	// The setup link was opened in another browser before.
	// Do: go on in that browser; or have the link taken back and a new one made.
	SetupOtherBrowser Reason = "setup_other_browser"
	// The page is for administrators, and the account is none.
	// Do: have an operator appoint the account: `leasehold account appoint`.
	OfficeMissing Reason = "office_missing"
	// The API was asked without a token, or with one that nobody made, that has expired, or that was revoked: itself, or with
	// its tenant or the installation.
	// Do: make another one: `leasehold token create`.
	TokenInvalid Reason = "token_invalid"
	// The token's scope does not hold what was asked for.
	// Do: use a token with that scope: `leasehold token create --scope`.
	ScopeMissing Reason = "scope_missing"
	// Nobody can tell whether the request may go through. Sessions stay as they are.
	// Do: look at /readyz and at the store.
	StoreUnavailable Reason = "store_unavailable"
	// Too many logins were begun from one address, or at one tenant.
	// Do: wait; or look at `limits`.
	RateLimited Reason = "rate_limited"
)

// Refusals of a role for a while.
const (
	// No rule gives the role to the person.
	// Do: look at `elevate` of the policy.
	ElevationRefused Reason = "elevation_refused"
	// The role is not given for that long.
	// Do: ask for less, or look at `max` of the rule.
	ElevationTooLong Reason = "elevation_too_long"
	// No reason was given, or more words than are kept.
	// Do: say why in a sentence.
	ElevationUnexplained Reason = "elevation_unexplained"
	// The rule wants a ticket, and none was named.
	// Do: name the ticket.
	TicketMissing Reason = "ticket_missing"
	// A request for the same role waits already.
	// Do: wait for the approver, or withdraw it.
	ElevationAsked Reason = "elevation_asked"
	// The request was decided already, or waited too long.
	// Do: ask anew.
	ElevationOver Reason = "elevation_over"
	// Whoever decides may not: she asked herself, or is no approver of the rule.
	// Do: look at `approvers` of the rule.
	ApproverRefused Reason = "approver_refused"
	// Refusals of workloads.
	// No rule of that name trusts the token's issuer, or none fits the token.
	// Do: compare `rules` of the tenant with what was asked for.
	RuleUnknown Reason = "rule_unknown"
	// The account that answers for the rule is revoked, suspended, deleted or was never there, or the rule is disabled: it waits.
	// Do: name another `owner` of the rule, or restore the account, or enable the rule.
	RuleHeld Reason = "rule_held"
	// The token lacks a claim that the rule wants.
	// Do: look at the event's check for which; compare it with `match` of the rule.
	ClaimMissing Reason = "claim_missing"
	// A claim of the token is not what the rule wants: another branch, another environment.
	// Do: look at the event's check for which; compare it with `match` of the rule.
	ClaimMismatch Reason = "claim_mismatch"
	// The token was issued too long ago.
	// Do: fetch a new token right before the exchange, or raise `token_age` of the rule.
	TokenStale Reason = "token_stale"
	// The rule does not give the grant that was asked for, or several and none was named.
	// Do: name one of `grants` of the rule as `scope`.
	GrantRefused Reason = "grant_refused"
	// The grant is not for the app, or the app takes no such token.
	// Do: compare `apps` of the grant; set `workloads` or `off_path` of the app.
	AppNotGranted Reason = "app_not_granted"
	// The grant is not for that address at the app.
	// Do: compare `resources` of the grant with what was asked for.
	ResourceNotGranted Reason = "resource_not_granted"
	// The grant wants a purpose, and none was said.
	// Do: send `purpose`.
	PurposeMissing Reason = "purpose_missing"
	// The grant wants a task, and none was named.
	// Do: send `task`, such as the number of the run.
	TaskMissing Reason = "task_missing"
	// The task has ended: nothing begins in it any more.
	// Do: name a new task; a number of the run with that of the attempt is one.
	TaskEnded Reason = "task_ended"
	// The request does not come from an address that the grant is given to.
	// Do: compare `when.addresses` of the grant with the event's address.
	AddressRefused Reason = "address_refused"
	// The workload has as many leases of the grant as it may have at once.
	// Do: end the other task, or raise `concurrent` of the grant.
	TooManyLeases Reason = "too_many_leases"
	// An agent is not commissioned for that long.
	// Do: ask for fewer minutes, a whole one at least, or raise `max_ttl` of the grant.
	AgentTooLong Reason = "agent_too_long"
	// The rule is for agents, and no code of a person was shown, or no token of the agent beside it.
	// Do: send the code as `subject_token` and the agent's own token as `actor_token`.
	AgentIncomplete Reason = "agent_incomplete"
	// The code was not made here, or was cut.
	// Do: copy the whole of it, or commission the agent anew.
	CodeUnknown Reason = "code_unknown"
	// The code was made in another tenant.
	// Do: exchange it at the address of the tenant that it was made in.
	CodeForeign Reason = "code_foreign"
	// The code is for another rule, or its rule is not for agents any more.
	// Do: leave `rule` out, or commission the agent under that rule.
	CodeOfOtherRule Reason = "code_of_other_rule"
	// The code was exchanged already. A code is good once.
	// Do: commission the agent anew; when nobody of yours used it, end the agent at once.
	CodeUsed Reason = "code_used"
	// The code was not exchanged in time.
	// Do: commission the agent anew, and exchange the code within three minutes.
	CodeExpired Reason = "code_expired"
	// The person logged out, was taken her access, or took the code back.
	// Do: log in and commission the agent anew.
	CodeOver Reason = "code_over"
	// What was given here is never exchanged: not for more, and not for longer.
	// Do: commission the agent anew, or exchange a token of the workload's own issuer.
	NotExchangeable Reason = "not_exchangeable"
	// The lease is not renewed: its grant has no renewals left for it, the token is of another workload, or the rules would
	// not give now what it has.
	// Do: raise `renewals` of the grant, or let the workload ask for a new lease.
	RenewalRefused Reason = "renewal_refused"
	// The grant is not given at this time.
	// Do: compare `when.hours` of the grant, with its time zone.
	OutsideHours Reason = "outside_hours"
)

// Cause says why a lease ended.
type Cause string

// The causes.
const (
	// The person logged out, or the workload gave its lease back.
	CauseLogout Cause = "logout"
	// The lease came to its hard end: the policy's, or the identity provider's.
	CauseCeiling Cause = "ceiling"
	// The lease was not used for too long.
	CauseIdle Cause = "idle"
	// Another login in the same browser took its place.
	CauseReplaced Cause = "replaced"
	// The identity provider logged the person out.
	CauseUpstreamLogout Cause = "upstream_logout"
	// The identity provider, asked about the session, refused to renew it, or spoke of somebody else.
	CauseUpstreamRefused Cause = "upstream_refused"
	// The identity provider could not be asked, or did not answer as it should, for longer than `liveness.max_stale`.
	CauseUpstreamStale Cause = "upstream_stale"
	// An administrator ended it.
	CauseAdmin Cause = "admin"
	// The tenant was suspended.
	CauseTenantSuspended Cause = "tenant_suspended"
	// The tenant's contract ended.
	CauseContractEnded Cause = "contract_ended"
	// The domain's proof lapsed.
	CauseDomainLapsed Cause = "domain_lapsed"
	// The connection was switched off.
	CauseConnectionDisabled Cause = "connection_disabled"
	// The connection's trust changed.
	CauseTrustChanged Cause = "trust_changed"
	// The tenant's policy no longer lets it begin.
	CausePolicyTightened Cause = "policy_tightened"
	// The directory took the person out.
	CauseSCIM Cause = "scim"
	// A security signal about the person came in.
	CauseSignal Cause = "signal"
	// The task that it was for is done.
	CauseTaskEnd Cause = "task_end"
	// It was used as often as its grant allows.
	CauseUsedUp Cause = "used_up"
	// The lease above it ended.
	CauseParentEnded Cause = "parent_ended"
	// A sign-in was added to the account, or taken from it.
	CauseLinked Cause = "linked"
	// The ledger was restored from a backup.
	CauseRestored Cause = "restored"
)

// Causes lists every cause there is, in the order of their declaration.
func Causes() []Cause {
	return []Cause{
		CauseLogout, CauseCeiling, CauseIdle, CauseReplaced, CauseUpstreamLogout, CauseUpstreamRefused, CauseUpstreamStale,
		CauseAdmin, CauseTenantSuspended, CauseContractEnded, CauseDomainLapsed, CauseConnectionDisabled, CauseTrustChanged,
		CausePolicyTightened, CauseSCIM, CauseSignal, CauseTaskEnd, CauseUsedUp, CauseParentEnded, CauseLinked, CauseRestored,
	}
}
