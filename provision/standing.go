package provision

import (
	"slices"
	"time"
)

// Standing is how a lease stands: it and everything that a check reads, as one snapshot.
type Standing struct {
	Lease        Lease
	Ancestors    []Lease // parent first
	Account      Account
	Tenant       Tenant
	Connection   Connection
	Claim        Claim // the owner's claim on the lease's domain
	Installation Generation
	Entries      []Entry // into which apps the lease was handed, and when
	Met          bool    // the policy's condition was found to hold; no ledger says so, and Regate alone looks
	Elevations   []Lease // below the lease, that have not ended; Elevated says what they give
	Agent        Acting  // of an agent's lease: who acts, as the ledger knows it now
}

// Refuses is the reason for which s gives no access at now (ledger time), or "" when it does: invariants I1, I10, I11.
// The zero Standing refuses.
func (s Standing) Refuses(now time.Time) Reason {
	l := s.Lease
	switch {
	case l.ID == "" || l.Account == "" || l.Tenant == "":
		return SessionMissing
	case !l.EndedAt.IsZero() || !now.Before(l.Until()):
		return LeaseEnded
	case s.Account.ID != l.Account || s.Tenant.ID != l.Tenant || s.Account.Tenant != l.Tenant:
		return LeaseEnded
	case s.Connection.ID != l.Connection || s.Connection.Tenant != l.Tenant:
		return LeaseEnded
	case l.Generations != s.generations():
		return LeaseEnded
	case s.Tenant.Suspended:
		return TenantSuspended
	case !s.Tenant.ContractEnd.IsZero() && !now.Before(s.Tenant.ContractEnd):
		return ContractEnded
	case s.Connection.Disabled: // one that is held keeps its leases: odd metadata end nobody's session
		return LeaseEnded
	case l.Kind == WorkloadLease && !l.Domain.IsZero(): // a workload is of no domain
		return LeaseEnded
	case l.Kind != WorkloadLease && !s.claimed():
		return LeaseEnded
	case !s.acts():
		return LeaseEnded
	case s.Account.State != Active:
		return LeaseEnded
	case !l.IdleAt().IsZero() && !now.Before(l.IdleAt()):
		return LeaseIdle
	}
	return s.ancestorsRefuse(now)
}

// claimed reports whether the tenant still owns the domain that the lease began with.
func (s Standing) claimed() bool {
	l, c := s.Lease, s.Claim
	return c.Tenant == l.Tenant && c.Domain == l.Domain && (c.State == ClaimVerified || c.State == ClaimFailing)
}

// ancestorsRefuse walks up from the lease: each named parent must be there, and live.
func (s Standing) ancestorsRefuse(now time.Time) Reason {
	parent := s.Lease.Parent
	for _, a := range s.Ancestors {
		if a.ID != parent || a.Tenant != s.Lease.Tenant || !a.EndedAt.IsZero() || !now.Before(a.Until()) {
			return LeaseEnded
		}
		parent = a.Parent
	}
	if parent != "" {
		return LeaseEnded
	}
	return ""
}

// generations are those that a lease beginning now would carry.
func (s Standing) generations() Generations {
	return Generations{
		Installation: s.Installation,
		Tenant:       s.Tenant.Generation,
		Connection:   s.Connection.Generation,
		Domain:       s.Claim.Generation,
		Account:      s.Account.Generation,
	}
}

// Roles are the lease's own roles as far as the policy allows them now (I12), and of an agent's lease as far as the session
// above has them. Effective has those that it has for a while, too.
func (s Standing) Roles() []string {
	roles := s.Tenant.Policy.Roles.Within(s.Lease.Grant.Roles)
	if s.Lease.Kind != AgentLease {
		return roles
	}
	hers := s.above().Lease.Grant.Roles
	return slices.DeleteFunc(roles, func(role string) bool { return !slices.Contains(hers, role) })
}

// Entered is when the lease was handed to an app, or the zero time.
func (s Standing) Entered(app AppID) time.Time {
	for _, e := range s.Entries {
		if e.App == app {
			return e.At
		}
	}
	return time.Time{}
}
