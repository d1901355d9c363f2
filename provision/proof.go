package provision

import (
	"fmt"
	"time"
)

// Answer is what came of looking for a claim's proof. The zero Answer changes nothing.
type Answer string

// The answers.
const (
	Proved   Answer = "proved"   // the record is there
	Absent   Answer = "absent"   // the zone answered, without the record
	Wildcard Answer = "wildcard" // the zone has the record under any name, which proves nothing
	Foreign  Answer = "foreign"  // the record is there, and another tenant owns the domain
	Unknown  Answer = "unknown"  // nobody could tell
	Attested Answer = "attested" // nobody was asked: the operator's word
)

// FailingAfter is how far apart two failures are that make a claim fail, and how long a claim that nobody could prove
// yet is tried often.
const FailingAfter = time.Hour

// DefaultGrace is how long after its first failure a claim lapses.
const DefaultGrace = 72 * time.Hour

// ProofName is where the record that proves d stands.
func ProofName(d Domain) string { return "_leasehold." + d.String() }

// ProofValue is what that TXT record has to be: exactly this, among others.
func ProofValue(token string) string { return "leasehold-proof=" + token }

// NextTry is when c is due to be looked at again, or the zero time when it never is. Claims that stand are due together,
// once in every, so that a round of them shows whether it is the domains that fail or the resolver.
func (c Claim) NextTry(every time.Duration) time.Time {
	switch {
	case c.Proof != ProofDNS:
		return time.Time{}
	case c.LastTried.IsZero():
		return c.Created
	case c.State == ClaimPending && c.LastTried.Sub(c.Created) < FailingAfter:
		return c.LastTried.Truncate(time.Minute).Add(time.Minute)
	case c.State == ClaimVerified && c.FirstFail.IsZero() && c.Unchecked.IsZero():
		return c.LastTried.Truncate(every).Add(every)
	}
	return c.LastTried.Add(min(every, FailingAfter))
}

// NewClaim is a tenant's word that a domain is theirs, to be proved by DNS: s.Tenant's. A claim that was attested goes
// over to DNS and stands until DNS says otherwise; but only by an operator's word: what one said, nobody else sets aside.
func NewClaim(s State, d Domain, token string, a Act) (Change, error) {
	c := s.OwnClaim
	switch {
	case s.Tenant.ID == "" || s.Tenant.Removal != "":
		return Change{}, fmt.Errorf("tenant: %w", ErrNotFound)
	case d.IsZero() || token == "":
		return Change{}, fmt.Errorf("claim of %s: a domain and a token are wanted: %w", s.Tenant.ID, ErrConflict)
	case c.State != "" && c.Proof == ProofDNS:
		return Change{}, fmt.Errorf("%s has claimed %s already: %w", s.Tenant.ID, d, ErrConflict)
	case c.Proof == ProofOperator && c.State != ClaimLapsed && a.Actor.Kind != Operator:
		return Change{}, fmt.Errorf("an operator has attested that %s is %s's; only an operator has it proved by DNS instead: %w", d, s.Tenant.ID, ErrConflict)
	case c.State == "" || c.Withdrawn():
		c = s.claimOn(d, a)
	}
	if c.Token == "" {
		c.Token = token
	}
	c.Proof, c.Note, c.Answer, c.LastTried, c.Revision = ProofDNS, "", "", time.Time{}, c.Revision+1
	return Change{Claims: []Claim{c}, Events: []Event{a.claimed(0, c, "")}}, nil
}

// AttestClaim takes the operator's word that a domain is s.Tenant's. Nobody checks it, now or later, and the audit says
// so.
func AttestClaim(s State, d Domain, a Act) (Change, error) {
	c := s.OwnClaim
	switch {
	case a.Actor.Kind != Operator:
		return Change{}, fmt.Errorf("attest %s: only the operator may: %w", d, ErrDenied)
	case s.Tenant.ID == "" || s.Tenant.Removal != "":
		return Change{}, fmt.Errorf("tenant: %w", ErrNotFound)
	case d.IsZero():
		return Change{}, fmt.Errorf("claim of %s: a domain is wanted: %w", s.Tenant.ID, ErrConflict)
	case c.Proof == ProofOperator && c.State == ClaimVerified:
		return Change{}, fmt.Errorf("%s is attested already: %w", d, ErrConflict)
	case c.State == "" || c.Withdrawn():
		c = s.claimOn(d, a)
	}
	change, ok := s.displace(&c, a)
	if !ok {
		return Change{}, fmt.Errorf("another tenant owns %s: %w", d, ErrConflict)
	}
	c = c.stand(a)
	c.Proof, c.Answer, c.Note, c.Revision = ProofOperator, Attested, "attested by "+a.Actor.Kind+" "+a.Actor.ID, c.Revision+1
	change.Claims = append(change.Claims, c)
	change.Events = append(change.Events, a.claimed(len(change.Events), c, ""))
	return change, nil
}

// Try is one look for a claim's proof.
type Try struct {
	Claim      Claim // as it was when the question was asked
	Answer     Answer
	Grace      time.Duration // from the first failure to the lapse; 0: DefaultGrace
	Revocation RevocationID  // of the leases that end if the claim lapses
}

// ProveClaim is what an answer makes of the claim, s.OwnClaim: the last of the change's claims. The arrows are
//
//	pending, verified, failing, lapsed -> verified   the record is there
//	verified -> failing                              two failures, FailingAfter apart
//	failing -> lapsed                                a failure, Grace after the first one
//	lapsed -> pending                                another tenant's record is there, and takes the domain
//
// A claim that changed since the question was asked is ErrConflict: the answer may be older than what is known.
func ProveClaim(s State, t Try, a Act) (Change, error) {
	c := s.OwnClaim
	switch {
	case c.State == "" || c.Tenant != t.Claim.Tenant || c.Domain != t.Claim.Domain:
		return Change{}, fmt.Errorf("claim of %s on %s: %w", t.Claim.Tenant, t.Claim.Domain, ErrNotFound)
	case c.Proof != ProofDNS || c.Token == "":
		return Change{}, fmt.Errorf("claim of %s on %s is not proved by DNS: %w", c.Tenant, c.Domain, ErrConflict)
	case c.Revision != t.Claim.Revision || c.Token != t.Claim.Token:
		return Change{}, fmt.Errorf("claim of %s on %s changed meanwhile: %w", c.Tenant, c.Domain, ErrConflict)
	}
	c.LastTried, c.Answer, c.Revision = a.Now, t.Answer, c.Revision+1
	switch t.Answer {
	case Proved:
		return s.proved(c, a), nil
	case Absent, Wildcard:
		return c.failed(t, a), nil
	case Unknown:
		if c.Unchecked.IsZero() {
			c.Unchecked = a.Now
		}
		return Change{Claims: []Claim{c}}, nil
	}
	return Change{}, fmt.Errorf("answer %q about %s: %w", t.Answer, c.Domain, ErrConflict)
}

// proved makes the claim its domain's one owner, unless another tenant's claim stands. That is said once, not every
// time.
func (s State) proved(c Claim, a Act) Change {
	c.Unchecked = time.Time{}
	change, ok := s.displace(&c, a)
	if !ok {
		c.Answer = Foreign
		change.Claims = []Claim{c}
		if s.OwnClaim.Answer != Foreign {
			refused := a.claimed(0, c, DomainForeign)
			refused.Outcome = string(Denied)
			change.Events = []Event{refused}
		}
		return change
	}
	c = c.stand(a)
	change.Claims = append(change.Claims, c)
	if s.OwnClaim.State != ClaimVerified {
		change.Events = append(change.Events, a.claimed(len(change.Events), c, ""))
	}
	return change
}

// displace makes way for c: it is true when nobody owns the domain, when c does, or when the owner's claim has lapsed.
// Then the owner's goes back to pending, and its leases are past: they ended when it lapsed, and as both generations
// are above theirs, nothing wakes them. Accounts stay where they are.
func (s State) displace(c *Claim, a Act) (Change, bool) {
	owner := s.Claim
	switch {
	case !owner.Owns():
		return Change{}, !c.Owns() // an owner that the state does not know of is a state that nothing follows from
	case owner.Domain != c.Domain:
		return Change{}, false
	case owner.Tenant == c.Tenant:
		return Change{}, true
	case owner.State != ClaimLapsed:
		return Change{}, false
	}
	owner.State, owner.Answer, owner.FirstFail, owner.LastFail = ClaimPending, Foreign, time.Time{}, time.Time{}
	owner.Generation, owner.Revision = max(owner.Generation, c.Generation)+1, owner.Revision+1
	c.Generation = owner.Generation
	a.Requester, a.Why = Requester{}, "" // the other tenant's, and none of this one's business
	return Change{Claims: []Claim{owner}, Events: []Event{a.claimed(0, owner, DomainForeign)}}, true
}

// stand is c, verified.
func (c Claim) stand(a Act) Claim {
	c.State, c.Verified, c.FirstFail, c.LastFail, c.Unchecked = ClaimVerified, a.Now, time.Time{}, time.Time{}, time.Time{}
	return c
}

// failed takes down that the zone answered without the proof. A claim that never was proved has nothing to lose.
func (c Claim) failed(t Try, a Act) Change {
	c.Unchecked = time.Time{}
	if !c.Owns() {
		return Change{Claims: []Claim{c}}
	}
	if c.FirstFail.IsZero() {
		c.FirstFail = a.Now
	}
	c.LastFail = a.Now
	grace := t.Grace
	if grace == 0 {
		grace = DefaultGrace
	}
	since := a.Now.Sub(c.FirstFail)
	switch {
	case c.State == ClaimVerified && since >= FailingAfter:
		c.State = ClaimFailing
		return Change{Claims: []Claim{c}, Events: []Event{a.claimed(0, c, DomainFailing)}}
	case c.State == ClaimFailing && since >= grace:
		return c.lapse(t.Revocation, a)
	}
	return Change{Claims: []Claim{c}}
}

// lapse refuses the domain's logins and ends every lease of it, in one change with one event.
func (c Claim) lapse(id RevocationID, a Act) Change {
	c.State, c.Generation = ClaimLapsed, c.Generation+1
	revocation := Revocation{ID: id, Tenant: c.Tenant, Scope: Scope{Domain: c.Domain}, Cause: CauseDomainLapsed, Actor: a.Actor, Requested: a.Now}
	event := a.claimed(0, c, DomainLapsed)
	event.Revocation = revocation.ref(a)
	return Change{Claims: []Claim{c}, Revocations: []Revocation{revocation}, Events: []Event{event}}
}

// claimOn is a first claim of s.Tenant, or one that is new after another was withdrawn.
func (s State) claimOn(d Domain, a Act) Claim {
	return Claim{Tenant: s.Tenant.ID, Domain: d, State: ClaimPending, Created: a.Now, Generation: s.OwnClaim.Generation + 1, Revision: s.OwnClaim.Revision}
}

// claimed is the n-th event of a change: what became of c, by which answer.
func (a Act) claimed(n int, c Claim, reason Reason) Event {
	return a.event(n, Event{
		Kind: EventDomainClaim, Tenant: c.Tenant, Domain: c.Domain, Outcome: string(c.State), Reason: string(reason),
		Check: string(c.Answer), Personal: Personal{Requester: a.Requester, Detail: a.Why},
	})
}
