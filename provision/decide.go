package provision

import (
	"slices"
	"time"
)

// LinkAuthAge is how old an authentication may be when a sign-in is added: at both connections.
const LinkAuthAge = 5 * time.Minute

// attemptLife is how long the second login of a link may take beyond LinkAuthAge of the first.
const attemptLife = 10 * time.Minute

// Decide is the gate: every access passes it (I16). It is pure, and answers to the zero State and the zero Request with
// a refusal. now is ledger time. The first refusal that applies is the reason:
//
//	refusal                                    login  link  exchange
//	replayed                                     x     x      x
//	tenant and connection: unknown, suspended,
//	  ended, disabled, held                      x     x      x
//	the trust rule: unknown, held, its claims                 x
//	subject: missing                             x     x      x
//	subject: transient                           x     x
//	e-mail: missing, invalid, unverified         x     x
//	domain: public, unknown, foreign,
//	  unverified, lapsed, not of connection      x     x
//	account: revoked, suspended                  x     x      x
//	groups, acr, age of the authentication       x     x
//	the policy's condition                       x     x
//	session over                                 x     x
//	session over                                 x     x      x
//	the link's own rules                               x
//	known subject: approval pending              x     x      x
//	known subject: seats                         x     x
//	unknown subject: e-mail taken, domain
//	  failing, creation, seats                   x
//	target, context and time of the grant                     x
//	of a renewal: the lease, its holder, what
//	  it has left of renewals                                 x
func Decide(s State, r Request, ids IDs, now time.Time) Decision {
	s = s.strange(r.Pseudonym)
	d := draft{State: s, Request: r, ids: ids, now: now}
	if r.Occasion.OfWorkload() {
		return d.exchange()
	}
	email, err := ParseEmail(r.Facts.Email)
	d.email = email
	policy := s.Tenant.Policy.WithDefaults()
	end, _ := ceiling(s.Tenant, r.Authn, now)
	groups := policy.Groups.refuses(r.Facts.Groups)
	claim := claimRefuses(s, email.Domain())

	switch {
	case replayed(s):
		return d.deny(Replayed)
	case s.Connection.ID == "" || s.Connection.ID != r.Facts.Connection || s.Tenant.ID == "" || s.Tenant.ID != s.Connection.Tenant, s.Connection.Protocol == Workloads:
		return d.deny(TenantUnknown)
	case s.Tenant.Suspended:
		return d.deny(TenantSuspended)
	case contractEnded(s.Tenant, now):
		return d.deny(ContractEnded)
	case s.Connection.Disabled:
		return d.deny(ConnectionDisabled)
	case s.Connection.Held:
		return d.deny(ConnectionHeld)
	case r.Facts.Subject == "":
		return d.deny(SubjectMissing)
	case r.Facts.Transient:
		return d.deny(SubjectTransient)
	case r.Facts.Email == "":
		return d.deny(EmailMissing)
	case err != nil:
		return d.deny(emailReason(err))
	case !r.Facts.EmailVerified:
		return d.deny(EmailUnverified)
	case claim != "":
		return d.deny(claim)
	case !s.Connection.Asserts(email.Domain()):
		return d.deny(DomainNotOfConnection)
	case s.Account.ID != "" && s.Account.Tenant != s.Tenant.ID: // I11; a link never leads abroad
		return d.deny(TenantUnknown)
	case s.Account.is(Revoked):
		return d.deny(AccountRevoked) // I17
	case s.Account.is(Suspended):
		return d.deny(AccountSuspended)
	case r.Facts.GroupsOverage:
		return d.deny(GroupsOverage)
	case groups != "":
		return d.deny(groups)
	case len(policy.ACR) > 0 && !slices.Contains(policy.ACR, r.Authn.ACR):
		return d.deny(ACRInsufficient)
	case policy.MaxAuthAge > 0 && olderThan(r.Authn.At, policy.MaxAuthAge, now):
		return d.deny(AuthTooOld)
	case policy.unmet(s.Met):
		return d.deny(ConditionFalse)
	case !now.Before(end) || slices.ContainsFunc(s.Spent, loggedOut):
		return d.deny(SessionOver)
	}
	switch {
	case r.Occasion != OnLogin && r.Occasion != OnLink:
		return d.deny(LinkRefused)
	case s.Account.State.Living():
		return d.known(policy)
	case r.Occasion == OnLink:
		return d.link()
	}
	return d.unknown(policy)
}

// known judges a subject whose link leads to a living account.
func (d *draft) known(p Policy) Decision {
	switch {
	case d.Request.Occasion == OnLink && d.Request.Intent.Account != d.State.Account.ID:
		return d.deny(LinkRefused)
	case d.State.Account.State != Active && d.State.Account.State != Dormant: // Pending, or a state that nobody knows
		return d.deny(ApprovalPending)
	case d.State.Account.State != Active && seatsFull(d.State, p):
		return d.deny(SeatsFull)
	}
	return d.letIn(Resumed, d.State.Account)
}

// link judges a person's wish to add this unknown subject to an account of hers.
func (d *draft) link() Decision {
	s, r := d.State, d.Request
	account := s.Intended.Account
	switch {
	case r.Intent.Account == "" || r.Intent.Account != account.ID || s.Intended.Lease.ID != r.Intent.Lease:
		return d.deny(LinkRefused)
	case s.Intended.Refuses(d.now) != "" || account.Tenant != s.Tenant.ID || account.Email != d.email:
		return d.deny(LinkRefused)
	case s.EmailHolder.ID != account.ID:
		return d.deny(EmailTaken)
	case olderThan(r.Authn.At, LinkAuthAge, d.now) || olderThan(s.Intended.Lease.Authn.At, LinkAuthAge+attemptLife, d.now):
		return d.deny(AuthTooOld)
	}
	return d.letIn(Linked, account)
}

// unknown judges a subject that no link knows.
func (d *draft) unknown(p Policy) Decision {
	s := d.State
	switch {
	case s.EmailHolder.ID != "":
		return d.deny(EmailTaken)
	case s.Claim.State != ClaimVerified:
		return d.deny(DomainFailing)
	case p.Mode == Provisioned:
		return d.deny(CreationDisabled)
	case s.invites(d.Request, d.now):
		if seatsFull(s, p) {
			return d.deny(SeatsFull)
		}
		return d.letIn(Created, d.newAccount(Active))
	case p.Create == CreateInvite:
		return d.deny(InviteRequired)
	case p.Create != CreateAllow && p.Create != CreateApprove:
		return d.deny(CreationDisabled)
	case seatsFull(s, p):
		return d.deny(SeatsFull)
	case p.Create == CreateApprove:
		return d.hold()
	}
	return d.letIn(Created, d.newAccount(Active))
}

// claimRefuses is why the domain of an address gives no way in, or "".
func claimRefuses(s State, domain Domain) Reason {
	switch c := s.Claim; {
	case domain.IsZero() || c.Domain != domain || c.Tenant == "":
		return DomainUnknown
	case c.Tenant != s.Tenant.ID:
		if c.Owns() {
			return DomainForeign
		}
		return DomainUnknown
	case c.State == ClaimPending:
		return DomainUnverified
	case c.State == ClaimLapsed:
		return DomainLapsed
	case c.State != ClaimVerified && c.State != ClaimFailing:
		return DomainUnverified
	}
	return ""
}

// ceiling is when a session that begins now must end, and what that end stands for: the earliest of what upstream said,
// the policy and the contract. Upstream can only shorten, and gets no skew.
func ceiling(t Tenant, a Authn, now time.Time) (time.Time, Cause) {
	end, cause := now.Add(t.Policy.WithDefaults().MaxSession), CauseCeiling
	if !a.SessionEnd.IsZero() && a.SessionEnd.Before(end) {
		end = a.SessionEnd
	}
	if !t.ContractEnd.IsZero() && t.ContractEnd.Before(end) {
		end, cause = t.ContractEnd, CauseContractEnded
	}
	return end, cause
}

func contractEnded(t Tenant, now time.Time) bool {
	return !t.ContractEnd.IsZero() && !now.Before(t.ContractEnd)
}

// invites reports whether the request carries an invitation that nobody has used. It is found by its token, never by an
// address, and counts once.
func (s State) invites(r Request, now time.Time) bool {
	return r.Setup != "" && s.Setup.ID == r.Setup && s.setupStands(now) && s.Setup.Invites(s.Connection, now) && !slices.ContainsFunc(s.Spent, invited)
}

// seatsFull reports whether one more live account would be above the cap.
func seatsFull(s State, p Policy) bool { return p.Seats > 0 && s.Seats >= p.Seats }

// olderThan reports whether an authentication at t is older than age. An unknown time is.
func olderThan(t time.Time, age time.Duration, now time.Time) bool {
	return t.IsZero() || now.Sub(t) > age
}

func emailReason(err error) Reason {
	if e, ok := err.(*EmailError); ok && e.Reason != "" {
		return e.Reason
	}
	return EmailInvalid
}
