package provision

import (
	"slices"
	"time"
)

// Regate judges a live lease under the rules as they are now (I16): the cause for which it has to end, or the lease as
// it may go on. Its end may move earlier, never later (I5).
func Regate(s Standing, now time.Time) (Lease, Cause) {
	l, policy := s.Lease, s.Tenant.Policy.WithDefaults()
	if reason := s.Refuses(now); reason != "" && reason != LeaseIdle {
		cause, _ := Over(s, nil, now)
		return l, cause
	}
	switch l.Kind {
	case WorkloadLease, AgentLease:
		return regateWorkload(s, now)
	case CommissionLease:
		return s.regateCommission(now)
	}
	switch {
	case !s.Connection.Asserts(l.Domain),
		policy.Groups.refuses(s.Account.Groups) != "",
		len(policy.ACR) > 0 && !slices.Contains(policy.ACR, l.Authn.ACR),
		policy.MaxAuthAge > 0 && olderThan(l.Authn.At, policy.MaxAuthAge, l.Start),
		policy.unmet(s.Met):
		return l, CausePolicyTightened
	}
	if l.Kind == ElevationLease {
		return s.regateElevation(now)
	}
	if end := l.Start.Add(policy.MaxSession); end.Before(l.End) {
		l.End, l.Ceiling = end, CauseCeiling
	}
	if end := s.Tenant.ContractEnd; !end.IsZero() && end.Before(l.End) {
		l.End, l.Ceiling = end, CauseContractEnded
	}
	if policy.Idle < l.Idle {
		l.Idle = policy.Idle
	}
	if !now.Before(l.End) {
		return l, l.Ceiling
	}
	return l, ""
}
