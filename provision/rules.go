package provision

import "fmt"

// ChangePolicy puts p in force as the next version of s's tenant's policy. seen is the version that it replaces: whoever
// saw another one is refused, and so is whoever changes what a manifest owns. changes say what differs, a line each. No
// version that was in force is ever changed.
func ChangePolicy(s State, p Policy, seen int64, changes []string, a Act) (Change, error) {
	t := s.Tenant
	switch {
	case t.ID == "" || t.Removal != "":
		return Change{}, fmt.Errorf("tenant: %w", ErrNotFound)
	case t.Owner != "" && t.Owner != ByAPI:
		return Change{}, fmt.Errorf("policy of tenant %s: managed_by_%s: %w", t.ID, t.Owner, ErrConflict)
	case t.Policy.Version != seen:
		return Change{}, fmt.Errorf("policy of tenant %s: version %d is in force, not %d: %w", t.ID, t.Policy.Version, seen, ErrConflict)
	}
	p = p.WithDefaults().WithRulesOf(t.Policy)
	if faults := p.Faults(); len(faults) > 0 {
		return Change{}, fmt.Errorf("policy of tenant %s: %s: %w", t.ID, faults[0], ErrConflict)
	}
	p.Version, t.Revision = t.Policy.Version+1, t.Revision+1
	t.Policy = p
	return Change{Tenants: []Tenant{t}, News: News{Judge: []TenantID{t.ID}}, Events: []Event{a.event(0, Event{
		Kind: EventPolicyChanged, Tenant: t.ID, Decision: DecisionRef{PolicyVersion: p.Version}, Changes: changes,
		Personal: Personal{Requester: a.Requester, Detail: a.Why},
	})}}, nil
}
