package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"leasehold/provision"
)

// Charge is a trust rule with the account that answers for it.
type Charge struct {
	provision.TrustRule
	Version int64              // of the policy that it is a part of
	Owner   provision.Account  // zero: nobody has the address
	By      provision.Owner    // of the tenant, and so of the rule
	Tenant  provision.TenantID // whose it is
}

// Held reports whether nobody gets in by the rule though it is not disabled: who answers for it is not in force.
func (c Charge) Held() bool {
	return !c.Answered(c.Owner)
}

// TrustRules lists the trust rules of a tenant.
func (k *Desk) TrustRules(ctx context.Context, m Mandate, id provision.TenantID) ([]Charge, error) {
	if err := m.May("rules.read"); err != nil {
		return nil, err
	}
	t, err := k.tenant(ctx, m, id)
	if err != nil {
		return nil, err
	}
	return k.charges(ctx, t, t.Policy.Trust)
}

// TrustRule is one.
func (k *Desk) TrustRule(ctx context.Context, m Mandate, id provision.TenantID, rule string) (Charge, error) {
	if err := m.May("rules.read"); err != nil {
		return Charge{}, err
	}
	t, err := k.tenant(ctx, m, id)
	if err != nil {
		return Charge{}, err
	}
	return k.rule(ctx, t, rule)
}

func (k *Desk) rule(ctx context.Context, t provision.Tenant, rule string) (Charge, error) {
	r := t.Policy.Rule(rule)
	if r.ID == "" {
		return Charge{}, fmt.Errorf("rule: %w", provision.ErrNotFound)
	}
	all, err := k.charges(ctx, t, []provision.TrustRule{r})
	if err != nil {
		return Charge{}, err
	}
	return all[0], nil
}

// charges are rules with whose they are: the living account with the address of the owner, as the gate finds it. Each owner is
// looked up once, and nobody who writes waits for it.
func (k *Desk) charges(ctx context.Context, t provision.Tenant, rules []provision.TrustRule) ([]Charge, error) {
	var all []Charge
	owners := map[provision.Email]provision.Account{}
	for _, r := range rules {
		owner, known := owners[r.Owner]
		if !known && !r.Owner.IsZero() {
			found, err := k.b.Search.FindAccounts(ctx, provision.AccountQuery{Tenant: t.ID, Email: r.Owner, Limit: 1})
			if err != nil {
				return nil, fmt.Errorf("owner of rule %s: %w", r.ID, err)
			}
			if len(found) > 0 {
				owner = found[0]
			}
			owners[r.Owner] = owner
		}
		all = append(all, Charge{TrustRule: r, Version: t.Policy.Version, By: t.Owner, Tenant: t.ID, Owner: owner})
	}
	return all, nil
}

// PutTrustRule makes a trust rule, or changes it: seen is the version of the policy that it is a part of. Whether it is
// disabled stays.
func (k *Desk) PutTrustRule(ctx context.Context, o Order, id provision.TenantID, r provision.TrustRule, seen int64) (Charge, error) {
	err := k.changeRules(ctx, o, "rules.put", id, func(t provision.Tenant, reg *registration) (provision.Policy, bool) {
		old := t.Policy.Rule(r.ID)
		if !reg.at("rule", old.ID != "", t.Policy.Version, seen) {
			return t.Policy, false
		}
		r.Disabled = old.Disabled
		p := t.Policy.WithRule(r)
		faults, err := k.ruleFaults(ctx, t, r)
		if err != nil {
			reg.fault("rule: %w", err)
		}
		return p, reg.sound(slices.Concat(faults, newFaults(p, t.Policy)))
	})
	return k.changedRule(ctx, o, id, r.ID, err)
}

func (k *Desk) changedRule(ctx context.Context, o Order, id provision.TenantID, rule string, err error) (Charge, error) {
	if err != nil {
		return Charge{}, err
	}
	t, err := k.tenant(ctx, o.Mandate, id)
	if err != nil {
		return Charge{}, err
	}
	return k.rule(ctx, t, rule)
}

// SwitchTrustRule disables a trust rule, also one that manifests own, or enables it again. What came by it ends.
func (k *Desk) SwitchTrustRule(ctx context.Context, o Order, id provision.TenantID, rule string, on bool) (Charge, error) {
	right := Right("rules.disable")
	if on {
		right = "rules.enable"
	}
	err := k.changeRules(ctx, o, right, id, func(t provision.Tenant, reg *registration) (provision.Policy, bool) {
		r := t.Policy.Rule(rule)
		switch {
		case r.ID == "":
			reg.fault("rule: %w", provision.ErrNotFound)
		case r.Disabled == !on:
			reg.fault("rule %s: it is so already: %w", rule, provision.ErrConflict)
		}
		r.Disabled = !on
		reg.plan.Owner, reg.switching = t.Owner, true
		return t.Policy.WithRule(r), len(reg.faults) == 0
	})
	return k.changedRule(ctx, o, id, rule, err)
}

// DeleteTrustRule deletes a trust rule: what came by it ends.
func (k *Desk) DeleteTrustRule(ctx context.Context, o Order, id provision.TenantID, rule string) error {
	return k.changeRules(ctx, o, "rules.delete", id, func(t provision.Tenant, reg *registration) (provision.Policy, bool) {
		if t.Policy.Rule(rule).ID == "" {
			reg.fault("rule: %w", provision.ErrNotFound)
			return t.Policy, false
		}
		return t.Policy.WithoutRule(rule), true
	})
}

// Grants lists the grants of a tenant, with the version of the policy that they are a part of.
func (k *Desk) Grants(ctx context.Context, m Mandate, id provision.TenantID) (provision.Tenant, error) {
	if err := m.May("grants.read"); err != nil {
		return provision.Tenant{}, err
	}
	return k.tenant(ctx, m, id)
}

// PutGrant makes a grant, or changes it: seen is the version of the policy that it is a part of.
func (k *Desk) PutGrant(ctx context.Context, o Order, id provision.TenantID, g provision.GrantRule, seen int64) (provision.Tenant, error) {
	err := k.changeRules(ctx, o, "grants.put", id, func(t provision.Tenant, reg *registration) (provision.Policy, bool) {
		if !reg.at("grant", t.Policy.Grant(g.ID).ID != "", t.Policy.Version, seen) {
			return t.Policy, false
		}
		p := t.Policy.WithGrant(g)
		faults, err := k.grantFaults(ctx, t, g)
		if err != nil {
			reg.fault("grant: %w", err)
		}
		return p, reg.sound(slices.Concat(faults, newFaults(p, t.Policy)))
	})
	if err != nil {
		return provision.Tenant{}, err
	}
	return k.tenant(ctx, o.Mandate, id)
}

// DeleteGrant deletes a grant that no rule names.
func (k *Desk) DeleteGrant(ctx context.Context, o Order, id provision.TenantID, grant string) error {
	return k.changeRules(ctx, o, "grants.delete", id, func(t provision.Tenant, reg *registration) (provision.Policy, bool) {
		if t.Policy.Grant(grant).ID == "" {
			reg.fault("grant: %w", provision.ErrNotFound)
		}
		for _, r := range t.Policy.Trust {
			if slices.Contains(r.Grants, grant) {
				reg.fault("grant %s: rule %s names it: %w", grant, r.ID, provision.ErrConflict)
			}
		}
		return t.Policy.WithoutGrant(grant), len(reg.faults) == 0
	})
}

// changeRules changes the rules of workloads in a tenant's policy, which becomes the next version. Live leases are judged by
// it at once.
func (k *Desk) changeRules(ctx context.Context, o Order, r Right, id provision.TenantID, change func(provision.Tenant, *registration) (provision.Policy, bool)) error {
	if err := o.May(r); err != nil {
		return err
	}
	if _, err := k.tenant(ctx, o.Mandate, id); err != nil {
		return err
	}
	if err := k.b.permits(o.Mandate, r, id); err != nil {
		return err
	}
	return k.b.alter(ctx, o.deed(), func(reg *registration) {
		t, err := k.tenant(ctx, o.Mandate, id)
		switch {
		case err != nil:
			reg.faults = append(reg.faults, err)
			return
		case t.Removal != "":
			reg.fault("tenant: is being deleted: %w", provision.ErrConflict)
			return
		}
		p, ok := change(t, reg)
		if ok && reg.mine("rules", t.Owner) {
			t.Policy = p
			reg.tenant(ctx, WantedTenant{Tenant: t}, nil)
		}
	})
}

// sound notes what is wrong with the input, and reports whether nothing is.
func (r *registration) sound(faults []string) bool {
	if len(faults) > 0 {
		r.fault("%s: %w", strings.Join(faults, "; "), ErrInvalid)
	}
	return len(r.faults) == 0
}

// newFaults are what is wrong with the rules of workloads of p that was not wrong before.
func newFaults(p, old provision.Policy) []string {
	known := old.WorkloadFaults()
	return slices.DeleteFunc(p.WorkloadFaults(), func(fault string) bool { return slices.Contains(known, fault) })
}

// ruleFaults are what is wrong with a rule beside its tenant's other objects.
func (k *Desk) ruleFaults(ctx context.Context, t provision.Tenant, r provision.TrustRule) (faults []string, err error) {
	if !provision.ValidName(r.ID) {
		faults = append(faults, "id: lower-case letters, digits and hyphens are wanted")
	}
	c, err := k.connection(ctx, Mandate{Tenant: t.ID}, r.Connection)
	switch {
	case err != nil && !errors.Is(err, provision.ErrNotFound):
		return nil, err
	case err != nil || c.Protocol != provision.Workloads || c.Removal != "":
		faults = append(faults, "connection: it is no connection of this tenant with protocol workload")
	case strings.TrimSuffix(c.Issuer, "/") == provision.GitHubIssuer && slices.Contains(r.Subject, "sub"):
		faults = append(faults, "subject: sub of GitHub names a branch or an environment, so that one workflow would be many accounts; write repository_id and workflow")
	}
	own, err := k.prover.Show(ctx, t.ID, r.Owner.Domain())
	switch {
	case errors.Is(err, provision.ErrNotFound) || err == nil && own.Claim.Withdrawn():
		faults = append(faults, "owner: its domain is none of the tenant's, so that no account can have the address")
	case err != nil:
		return nil, err
	}
	return faults, nil
}

// grantFaults are what is wrong with a grant beside the apps that there are: one that does not admit the tenant is not there.
func (k *Desk) grantFaults(ctx context.Context, t provision.Tenant, g provision.GrantRule) (faults []string, err error) {
	if !provision.ValidName(g.ID) {
		faults = append(faults, "id: lower-case letters, digits and hyphens are wanted")
	}
	for _, id := range g.Apps {
		a, err := k.b.Registry.App(ctx, id)
		switch {
		case err != nil && !errors.Is(err, provision.ErrNotFound):
			return nil, err
		case err != nil || !a.Admits(t.ID):
			faults = append(faults, fmt.Sprintf("apps: %q is no app that admits this tenant", id))
		}
	}
	return faults, nil
}
