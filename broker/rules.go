package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"leasehold/provision"
)

// Rules is the policy of one tenant, with its versions, as far as a mandate reaches it. What the mandate does not reach is
// ErrNotFound.
type Rules struct {
	b *Broker
	m Mandate
	t provision.TenantID

	patience time.Duration // of Try
}

// Rules are those of tenant t for m's holder.
func (b *Broker) Rules(m Mandate, t provision.TenantID) Rules { return Rules{b, m, t, tryFor} }

// Version is one version of a policy, and how it came to be.
type Version struct {
	Policy  provision.Policy
	Current bool // it is in force
	At      time.Time
	By      provision.Actor
	Why     string   // as its author said it; "" also when that was erased
	Changes []string // to the version before, a line each
}

// PolicyError is what is wrong with a policy that was to be tried or saved: each a sentence that begins with its key.
type PolicyError struct{ Faults []string }

func (e *PolicyError) Error() string { return "policy: " + strings.Join(e.Faults, "; ") }

// LockoutError is a policy that would shut out the very administrator who was to save it.
type LockoutError struct{ What string }

func (e *LockoutError) Error() string {
	return e.What + "; change it so that it lets you in, or have an operator save it"
}

// Is makes a LockoutError match ErrConflict.
func (e *LockoutError) Is(target error) bool { return target == provision.ErrConflict }

// Tenant is the tenant, with the policy that is in force.
func (r Rules) Tenant(ctx context.Context) (provision.Tenant, error) {
	if err := r.m.May("policies.read"); err != nil {
		return provision.Tenant{}, err
	}
	if err := r.m.Over(r.t); err != nil {
		return provision.Tenant{}, err
	}
	t, err := r.b.Registry.Tenant(ctx, r.t)
	if err == nil && t.Removal == provision.Removed {
		err = provision.ErrNotFound
	}
	if err != nil {
		return provision.Tenant{}, fmt.Errorf("tenant %s: %w", r.t, err)
	}
	return t, nil
}

// Versions lists the versions below one, the newest first; 0: all. There are at most limit.
func (r Rules) Versions(ctx context.Context, below int64, limit int) ([]Version, error) {
	t, err := r.Tenant(ctx)
	if err != nil {
		return nil, err
	}
	if below <= 0 || below > t.Policy.Version {
		below = t.Policy.Version + 1
	}
	told, err := r.told(ctx, below-int64(limit), below)
	if err != nil {
		return nil, err
	}
	var found []Version
	for n := below - 1; n > 0 && len(found) < limit; n-- {
		v, err := r.version(ctx, t, n, told)
		if errors.Is(err, provision.ErrNotFound) { // of a namesake that is gone
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, v)
	}
	return found, nil
}

// Version is one version; 0: the one that is in force.
func (r Rules) Version(ctx context.Context, n int64) (Version, error) {
	t, err := r.Tenant(ctx)
	if err != nil {
		return Version{}, err
	}
	if n == 0 {
		n = t.Policy.Version
	}
	told, err := r.told(ctx, n, n+1)
	if err != nil {
		return Version{}, err
	}
	return r.version(ctx, t, n, told)
}

func (r Rules) version(ctx context.Context, t provision.Tenant, n int64, told map[int64]provision.Event) (Version, error) {
	v := Version{Current: n == t.Policy.Version}
	var err error
	if v.Policy, err = r.policy(ctx, t, n); err != nil {
		return v, err
	}
	e := told[n]
	v.At, v.By, v.Why, v.Changes = e.Time, e.Actor, e.Personal.Detail, e.Changes
	return v, nil
}

// Policy is one version of the policy, without how it came to be; 0: the one that is in force.
func (r Rules) Policy(ctx context.Context, n int64) (provision.Policy, error) {
	t, err := r.Tenant(ctx)
	if err != nil {
		return provision.Policy{}, err
	}
	return r.policy(ctx, t, n)
}

func (r Rules) policy(ctx context.Context, t provision.Tenant, n int64) (provision.Policy, error) {
	if n == 0 || n == t.Policy.Version {
		return t.Policy, nil
	}
	p, err := r.b.Registry.Policy(ctx, r.t, n)
	if err != nil {
		return p, fmt.Errorf("version %d of the policy of tenant %s: %w", n, r.t, err)
	}
	return p, nil
}

// How the events of a policy's changes are looked for, from the newest on. Of what is farther back nobody knows the author.
const (
	toldStep  = 100 // read at once
	toldSteps = 100 // and how often
)

// told are the events of the policy's changes to the versions from one on and below another. No other is unsealed.
func (r Rules) told(ctx context.Context, from, below int64) (map[int64]provision.Event, error) {
	told, q := map[int64]provision.Event{}, provision.EventQuery{Tenant: r.t, Kind: provision.EventPolicyChanged, Limit: toldStep}
	for range toldSteps {
		events, err := r.b.Search.FindEvents(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
		for _, e := range events {
			n := e.Decision.PolicyVersion
			if _, newer := told[n]; !newer && n >= from && n < below {
				told[n] = r.b.opened(ctx, e)
			}
			if q.Before = e.Seq; n <= from {
				return told, nil
			}
		}
		if len(events) < q.Limit {
			break
		}
	}
	return told, nil
}

// Differences are what a policy says otherwise than another, "key: old → new", a line each.
func Differences(from, to provision.Policy) []string {
	return differences(true, policyFields(from.WithDefaults()), policyFields(to.WithDefaults()))
}

// Save puts p in force in the place of version seen. A policy with a fault is a PolicyError, one that would shut
// its author out a LockoutError; another's change meanwhile, and a tenant that a manifest owns, are
// ErrConflict. One that differs in nothing changes nothing. Live sessions are judged by it within seconds.
func (r Rules) Save(ctx context.Context, p provision.Policy, seen int64, why string) (Version, error) {
	t, err := r.changeable(ctx, p)
	if err != nil {
		return Version{}, err
	}
	if err := r.lockout(ctx, p); err != nil {
		return Version{}, err
	}
	a, err := r.b.act(r.m.Deed(why, ""))
	if err != nil {
		return Version{}, err
	}
	p = p.WithRulesOf(t.Policy)
	if changes := Differences(t.Policy, p); len(changes) > 0 || t.Policy.Version != seen {
		defer r.b.regates.add(r.t) // also when nobody knows whether it was written
		_, err = r.b.amendRegistered(ctx, provision.Target{Tenant: r.t}, func(s provision.State) (provision.Change, error) {
			return provision.ChangePolicy(s, p, seen, Differences(s.Tenant.Policy, p), a)
		})
		if err != nil {
			return Version{}, err
		}
	}
	return r.Version(ctx, 0)
}

// Check is why p could not be saved now by whoever asks, or nil.
func (r Rules) Check(ctx context.Context, p provision.Policy) error {
	if _, err := r.changeable(ctx, p); err != nil {
		return err
	}
	return r.lockout(ctx, p)
}

// Restore puts a former version in force again, as a new one.
func (r Rules) Restore(ctx context.Context, n, seen int64, why string) (Version, error) {
	p, err := r.Policy(ctx, n)
	if err != nil {
		return Version{}, err
	}
	return r.Save(ctx, p, seen, why)
}

// changeable is the tenant, if its policy may be replaced by p.
func (r Rules) changeable(ctx context.Context, p provision.Policy) (provision.Tenant, error) {
	if err := r.m.May("policies.put"); err != nil {
		return provision.Tenant{}, err
	}
	t, err := r.Tenant(ctx)
	if err == nil {
		err = r.b.permits(r.m, "policies.put", t.ID)
	}
	switch {
	case err != nil:
		return t, err
	case t.Owner != "" && t.Owner != provision.ByAPI:
		return t, fmt.Errorf("policy of tenant %s: managed_by_%s: %w", t.ID, t.Owner, provision.ErrConflict)
	}
	return t, r.b.usable(p)
}

// usable is nil when a policy may be saved.
func (b *Broker) usable(p provision.Policy) error {
	if faults := b.faultsOf(p); len(faults) > 0 {
		slices.Sort(faults)
		return &PolicyError{faults}
	}
	return nil
}

// lockout is nil unless p would end the session that the mandate is exercised in, or take its holder's office with it.
func (r Rules) lockout(ctx context.Context, p provision.Policy) error {
	if r.m.Lease == "" {
		return nil
	}
	s, err := r.b.Ledger.Lease(ctx, r.m.Lease)
	if err != nil {
		return fmt.Errorf("session of the administrator: %w", err)
	}
	if s.Tenant.ID != r.t {
		return nil
	}
	f, err := r.b.fate(ctx, s, p)
	switch {
	case err != nil:
		return err
	case f.cause != "":
		return &LockoutError{fmt.Sprintf("it would end the session that it is saved in (%s)", f.cause)}
	case p.Mode == provision.Ephemeral && len(s.Account.Offices) > 0:
		return &LockoutError{"by mode: ephemeral your account would be deleted with your session, and your office with it"}
	}
	return nil
}
