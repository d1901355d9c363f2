package provision

import "time"

// Over is why a lease has to end at now, or "" when it does not have to, and the revocation that it falls under. A
// lease that has not ended is over exactly when it gives no access (Standing.Refuses).
func Over(s Standing, open []Revocation, now time.Time) (Cause, RevocationRef) {
	l := s.Lease
	if l.ID == "" || !l.EndedAt.IsZero() {
		return "", RevocationRef{}
	}
	for _, r := range open {
		if r.covers(s) {
			return r.Cause, RevocationRef{ID: r.ID, Cause: r.Cause, RequestedAt: r.Requested, EffectiveAt: r.Requested}
		}
	}
	switch {
	case l.Generations != s.generations():
		return CauseAdmin, RevocationRef{}
	case !now.Before(l.End) && l.Ceiling != "":
		return l.Ceiling, RevocationRef{}
	case !now.Before(l.Until()):
		return CauseCeiling, RevocationRef{}
	case contractEnded(s.Tenant, now):
		return CauseContractEnded, RevocationRef{}
	case !l.IdleAt().IsZero() && !now.Before(l.IdleAt()):
		return CauseIdle, RevocationRef{}
	case s.Refuses(now) != "":
		return CauseAdmin, RevocationRef{}
	}
	return "", RevocationRef{}
}

// covers reports whether the lease began before the revocation of something that it hangs on.
func (r Revocation) covers(s Standing) bool {
	l, now := s.Lease, s.generations()
	switch {
	case r.Scope.Connection != "":
		return l.Connection == r.Scope.Connection && l.Generations.Connection < now.Connection
	case !r.Scope.Domain.IsZero():
		return l.Domain == r.Scope.Domain && l.Generations.Domain < now.Domain
	case r.Scope.Account != "":
		return l.Account == r.Scope.Account && l.Generations.Account < now.Account
	case r.Scope.Tenant != "":
		return l.Tenant == r.Scope.Tenant && l.Generations.Tenant < now.Tenant
	}
	return l.Generations.Installation < now.Installation
}
