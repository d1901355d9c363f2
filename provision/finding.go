package provision

import (
	"fmt"
	"strings"
	"time"
)

// finding says what a refusal expected and what came, for the login doctor. It is personal, and never shown to a browser.
func (d *draft) finding(reason Reason) string {
	s, r := d.State, d.Request
	p := s.Tenant.Policy.WithDefaults()
	switch reason {
	case Replayed:
		return fmt.Sprintf("used up already: %s", spentNames(s.Spent))
	case EmailInvalid, DomainPublic:
		_, err := ParseEmail(r.Facts.Email)
		return fmt.Sprintf("%q: %v", brief(r.Facts.Email), err)
	case EmailMissing:
		if name := s.Connection.Attributes["email"]; name != "" {
			return fmt.Sprintf("the assertion holds no e-mail address under %q, the name that connection %s has for it", name, s.Connection.ID)
		}
		return "the assertion holds no e-mail address under any of the usual names"
	case EmailUnverified:
		return fmt.Sprintf("%q came without email_verified, and connection %s does not trust its addresses (trust_email)", brief(r.Facts.Email), s.Connection.ID)
	case EmailTaken:
		return fmt.Sprintf("%q is held by account %s, which subject %q is not linked to", brief(r.Facts.Email), s.EmailHolder.ID, brief(r.Facts.Subject))
	case SubjectTransient:
		return "the NameID is transient: another one at each login; ask the provider for a persistent one, or name a stable attribute"
	case DomainUnknown, DomainForeign, DomainUnverified, DomainFailing, DomainLapsed, DomainNotOfConnection:
		return d.domainFinding(reason)
	case GroupMissing, GroupForbidden:
		return fmt.Sprintf("wanted any of [%s], all of [%s], none of [%s]; came [%s]",
			strings.Join(p.Groups.Any, ", "), strings.Join(p.Groups.All, ", "), strings.Join(p.Groups.None, ", "), brief(strings.Join(r.Facts.Groups, ", ")))
	case ACRInsufficient:
		return fmt.Sprintf("wanted one of [%s]; came %q", strings.Join(p.ACR, ", "), brief(r.Authn.ACR))
	case AuthTooOld:
		return fmt.Sprintf("authenticated at %s; the limit is %s, when a sign-in is added %s", instant(r.Authn.At), p.MaxAuthAge, LinkAuthAge)
	case ConditionFalse:
		return fmt.Sprintf("`when` of version %d: %s", p.Version, d.State.Unmet)
	case SessionOver:
		return fmt.Sprintf("the session may last until %s (provider) and %s (contract); it is %s", instant(r.Authn.SessionEnd), instant(s.Tenant.ContractEnd), instant(d.now))
	case SeatsFull:
		return fmt.Sprintf("%d of %d seats are taken", s.Seats, p.Seats)
	case CreationDisabled, InviteRequired:
		return fmt.Sprintf("subject %q is unknown; policy: create %s, mode %s", brief(r.Facts.Subject), p.Create, p.Mode)
	case AccountSuspended, AccountRevoked, ApprovalPending:
		return fmt.Sprintf("account %s is %s", s.Account.ID, s.Account.State)
	}
	return ""
}

func (d *draft) domainFinding(reason Reason) string {
	c, domain := d.State.Claim, d.email.Domain()
	switch reason {
	case DomainForeign:
		return fmt.Sprintf("%s is owned by tenant %s; connection %s is one of tenant %s", domain, c.Tenant, d.State.Connection.ID, d.State.Tenant.ID)
	case DomainUnverified:
		return fmt.Sprintf("tenant %s claimed %s at %s and has not proved it yet", c.Tenant, domain, instant(c.Created))
	case DomainFailing, DomainLapsed:
		return fmt.Sprintf("the proof of %s fails since %s; it was last good at %s", domain, instant(c.FirstFail), instant(c.Verified))
	case DomainNotOfConnection:
		return fmt.Sprintf("connection %s may assert %v; came %s", d.State.Connection.ID, d.State.Connection.Domains, domain)
	}
	return fmt.Sprintf("no tenant has proved %s", domain)
}

func spentNames(spent []Spent) string {
	var names []string
	for _, x := range spent {
		names = append(names, x.Kind+" "+x.ID)
	}
	return strings.Join(names, ", ")
}

func instant(t time.Time) string {
	if t.IsZero() {
		return "no time"
	}
	return t.UTC().Format(time.RFC3339)
}

// brief is as much of a text from outside as an event has room for.
func brief(s string) string {
	const most = 300
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
