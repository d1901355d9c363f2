package provision

import "fmt"

// RevokeScope ends everything below a tenant, a connection or a domain: its generation rises in this one change, with
// one event that names the cause, and from then on every lease below is dead. The rows are settled afterwards.
func RevokeScope(s State, scope Scope, cause Cause, id RevocationID, a Act) (Change, error) {
	var change Change
	tenant := s.Tenant.ID
	switch {
	case scope.Account != "": // has its own verbs, and must not fall through to everybody
		return Change{}, fmt.Errorf("account %s: revoke or end the account: %w", scope.Account, ErrConflict)
	case scope.Connection != "":
		c := s.Connection
		if c.ID != scope.Connection {
			return Change{}, fmt.Errorf("connection %s: %w", scope.Connection, ErrNotFound)
		}
		c.Generation, c.Revision, tenant = c.Generation+1, c.Revision+1, c.Tenant
		change.Connections = []Connection{c}
		if c.Protocol == Workloads { // leases by which its agents act are of people, and settled one by one
			change.News.Judge = []TenantID{c.Tenant}
		}
	case !scope.Domain.IsZero():
		c, t := s.Claim, s.Tenant
		if c.Domain != scope.Domain || !c.Owns() || c.Tenant != t.ID {
			return Change{}, fmt.Errorf("owner of %s: %w", scope.Domain, ErrNotFound)
		}
		c.Generation, c.Revision = c.Generation+1, c.Revision+1
		t.Voided, t.Revision = t.Voided+1, t.Revision+1 // of which domain a login under way will be, nobody knows
		change.Claims, change.Tenants = []Claim{c}, []Tenant{t}
	case scope.Tenant != "":
		t := s.Tenant
		if t.ID != scope.Tenant {
			return Change{}, fmt.Errorf("tenant %s: %w", scope.Tenant, ErrNotFound)
		}
		t.Generation, t.Revision = t.Generation+1, t.Revision+1
		change.Tenants = []Tenant{t}
	default:
		change.Installation = s.Installation + 1
	}
	revocation := Revocation{ID: id, Tenant: tenant, Scope: scope, Cause: cause, Note: a.Why, Actor: a.Actor, Requested: a.Now}
	change.Revocations = []Revocation{revocation}
	change.Events = []Event{a.event(0, Event{
		Kind: EventRevocation, Tenant: tenant, Connection: scope.Connection, Domain: scope.Domain, Reason: string(cause),
		Revocation: revocation.ref(a), Personal: Personal{Requester: a.Requester, Detail: a.Why},
	})}
	return change, nil
}

func (r Revocation) ref(a Act) RevocationRef {
	return RevocationRef{ID: r.ID, Cause: r.Cause, RequestedAt: r.Requested, EffectiveAt: a.Now}
}
