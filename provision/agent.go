package provision

import (
	"slices"
	"time"
)

// Both hang below a person's session, and end with it.
const (
	// CommissionLease is a person's word that an agent may act for her. It opens nothing: whoever shows its code, and is the
	// agent, exchanges it once for an AgentLease.
	CommissionLease LeaseKind = "commission"
	// AgentLease is what an agent may do for a person: hers, at one resource, shown as a handle like a workload's.
	AgentLease LeaseKind = "agent"
)

// Agent is the workload that acts under a lease, with the generations of its account and of its issuer when the lease
// began. The lease lives while neither has moved.
type Agent struct {
	Account              AccountID
	Connection           ConnectionID
	AccountGeneration    Generation
	ConnectionGeneration Generation
}

// Acting is an Agent as it stands now.
type Acting struct {
	Account    Account
	Connection Connection
}

// IsErrand reports whether a lease of this kind is for an errand: bound to apps, and shown as a handle.
func (k LeaseKind) IsErrand() bool { return k == WorkloadLease || k == AgentLease }

// Worker is the account of the workload that uses the lease: the agent's of an agent's, else its own.
func (l Lease) Worker() AccountID {
	if l.Kind == AgentLease {
		return l.Agent.Account
	}
	return l.Account
}

// acts reports whether the agent of an agent's lease is in force. Other leases have none.
func (s Standing) acts() bool {
	l, a := s.Lease, s.Agent
	if l.Kind != AgentLease {
		return l.Agent == Agent{}
	}
	return l.Parent != "" && l.Agent.Account != "" && l.Agent.Account != l.Account && a.inForce(l.Tenant) && a.names() == l.Agent
}

// inForce reports whether the account and the issuer of an agent are those of a tenant, and neither was taken away.
func (a Acting) inForce(t TenantID) bool {
	return a.Account.ID != "" && a.Account.Tenant == t && (a.Account.State == Active || a.Account.State == Dormant) && a.Account.Email.IsZero() &&
		a.Connection.ID != "" && a.Connection.Tenant == t && !a.Connection.Disabled
}

// Vanishes reports whether the account may be deleted with its last lease while it acts for others: that of a workload, in an
// ephemeral tenant.
func (s Standing) Vanishes() bool {
	return s.Account.ID != "" && s.Account.Email.IsZero() && s.Tenant.Policy.Mode == Ephemeral
}

// names are a as a lease beginning now would carry it.
func (a Acting) names() Agent {
	return Agent{a.Account.ID, a.Connection.ID, a.Account.Generation, a.Connection.Generation}
}

// above is how the lease that s hangs on stands: of the same account, by the same connection. Without one it is the zero
// Standing, which refuses.
func (s Standing) above() Standing {
	if len(s.Ancestors) == 0 || s.Ancestors[0].ID != s.Lease.Parent {
		return Standing{}
	}
	up := s
	up.Lease, up.Ancestors, up.Agent, up.Elevations, up.Entries = s.Ancestors[0], s.Ancestors[1:], Acting{}, nil, nil
	return up
}

// regateCommission judges a commission by the rules as they are now.
func (s Standing) regateCommission(now time.Time) (Lease, Cause) {
	l := s.Lease
	rule, grant := s.Tenant.Policy.Rule(l.Grant.Rule), s.Tenant.Policy.Grant(l.Grant.Of)
	if !rule.Agent || rule.Disabled || rule.Terms() != l.Grant.Terms || !slices.Contains(rule.Grants, grant.ID) || l.Grant.For > grant.TTL() {
		return l, CausePolicyTightened
	}
	return s.withinParent(l, now)
}

// withinParent lets a lease end with the one above it at the latest (I6).
func (s Standing) withinParent(l Lease, now time.Time) (Lease, Cause) {
	up := s.above().Lease
	if up.ID == "" {
		return l, CauseParentEnded
	}
	if up.End.Before(l.End) {
		l.End, l.Ceiling = up.End, CauseParentEnded
	}
	if !now.Before(l.End) {
		return l, l.Ceiling
	}
	return l, ""
}
