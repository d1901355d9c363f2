package broker

import (
	"context"
	"errors"
	"fmt"

	"leasehold/provision"
)

// Versions lists the versions of a tenant's policy below one, the newest first; 0: all. There are at most limit.
func (k *Desk) Versions(ctx context.Context, m Mandate, id provision.TenantID, below int64, limit int) ([]Version, error) {
	if err := m.May("policies.read"); err != nil {
		return nil, err
	}
	if _, err := k.tenant(ctx, m, id); err != nil {
		return nil, err
	}
	return k.b.Rules(m, id).Versions(ctx, below, limitOf(limit))
}

// Version is one; 0: the one in force.
func (k *Desk) Version(ctx context.Context, m Mandate, id provision.TenantID, n int64) (Version, error) {
	if err := m.May("policies.read"); err != nil {
		return Version{}, err
	}
	if _, err := k.tenant(ctx, m, id); err != nil {
		return Version{}, err
	}
	v, err := k.b.Rules(m, id).Version(ctx, n)
	return reach(m, "policy", v, id, err)
}

// Policy is one version without how it came to be; 0: the one in force.
func (k *Desk) Policy(ctx context.Context, m Mandate, id provision.TenantID, n int64) (provision.Policy, error) {
	if err := m.May("policies.read"); err != nil {
		return provision.Policy{}, err
	}
	if _, err := k.tenant(ctx, m, id); err != nil {
		return provision.Policy{}, err
	}
	p, err := k.b.Rules(m, id).Policy(ctx, n)
	return reach(m, "policy", p, id, err)
}

// Try is what p would do to a tenant's live sessions after a lease, and what it says otherwise than the policy in force. Nothing
// is changed.
func (k *Desk) Try(ctx context.Context, m Mandate, id provision.TenantID, p provision.Policy, after provision.LeaseID) (Impact, []string, error) {
	if err := m.May("policies.try"); err != nil {
		return Impact{}, nil, err
	}
	t, err := k.tenant(ctx, m, id)
	if err != nil {
		return Impact{}, nil, err
	}
	impact, err := k.b.Rules(m, id).Try(ctx, p, after)
	var faulty *PolicyError
	if errors.As(err, &faulty) {
		err = fmt.Errorf("%w: %w", err, ErrInvalid)
	}
	return impact, Differences(t.Policy, p.WithRulesOf(t.Policy)), err
}
