package broker

import (
	"context"
	"errors"
	"fmt"

	"leasehold/provision"
)

// Domains lists the claims that a mandate reaches.
func (k *Desk) Domains(ctx context.Context, m Mandate, p provision.Page) (Part[provision.Claim], error) {
	if err := m.May("domains.read"); err != nil {
		return Part[provision.Claim]{}, err
	}
	return partOf(ctx, m, p, k.b.Registry.Claims, func(c provision.Claim) string { return c.Domain.String() + "/" + string(c.Tenant) }, func(c provision.Claim) bool { return !c.Withdrawn() })
}

// Domain is one claim, and what it wants published.
func (k *Desk) Domain(ctx context.Context, m Mandate, t provision.TenantID, d provision.Domain) (Showing, error) {
	if err := m.May("domains.read"); err != nil {
		return Showing{}, err
	}
	return k.domain(ctx, m, t, d)
}

func (k *Desk) domain(ctx context.Context, m Mandate, t provision.TenantID, d provision.Domain) (Showing, error) {
	err := m.Over(t)
	var s Showing
	if err == nil {
		s, err = k.prover.Show(ctx, t, d)
	}
	if err == nil && s.Claim.Withdrawn() {
		err = provision.ErrNotFound
	}
	return reach(m, "domain", s, t, err)
}

// ClaimDomain makes a tenant's claim, to be proved by DNS.
func (k *Desk) ClaimDomain(ctx context.Context, o Order, t provision.TenantID, d provision.Domain) (Showing, error) {
	if err := o.May("domains.claim"); err != nil {
		return Showing{}, err
	}
	if _, err := k.tenant(ctx, o.Mandate, t); err != nil {
		return Showing{}, err
	}
	if s, err := k.domain(ctx, o.Mandate, t, d); err == nil && s.Claim.Proof == provision.ProofDNS {
		return s, nil // it is claimed already
	}
	if err := k.prover.bounded(ctx, t, d); err != nil {
		return Showing{}, err
	}
	if _, err := k.prover.Claim(ctx, o.deed(), t, d); err != nil {
		return Showing{}, settled(err)
	}
	k.b.Changed()
	return k.domain(ctx, o.Mandate, t, d)
}

// CheckDomain looks for a claim's proof now.
func (k *Desk) CheckDomain(ctx context.Context, o Order, t provision.TenantID, d provision.Domain) (Finding, error) {
	if err := o.May("domains.check"); err != nil {
		return Finding{}, err
	}
	if _, err := k.domain(ctx, o.Mandate, t, d); err != nil {
		return Finding{}, err
	}
	f, err := k.prover.Check(ctx, o.deed(), t, d)
	return f, settled(err)
}

// AttestDomain takes an operator's word that a domain is a tenant's.
func (k *Desk) AttestDomain(ctx context.Context, o Order, t provision.TenantID, d provision.Domain) (Showing, error) {
	if err := o.May("domains.attest"); err != nil {
		return Showing{}, err
	}
	if _, err := k.tenant(ctx, o.Mandate, t); err != nil {
		return Showing{}, err
	}
	if s, err := k.domain(ctx, o.Mandate, t, d); err == nil && s.Claim.Proof == provision.ProofOperator && s.Claim.State == provision.ClaimVerified {
		return s, nil // it is attested already
	}
	if _, err := k.prover.Attest(ctx, o.deed(), t, d); err != nil {
		return Showing{}, settled(err)
	}
	return k.domain(ctx, o.Mandate, t, d)
}

// DropDomain ends a tenant's claim, and before that everything that hangs on it.
func (k *Desk) DropDomain(ctx context.Context, o Order, t provision.TenantID, d provision.Domain) error {
	if err := o.May("domains.drop"); err != nil {
		return err
	}
	s, err := k.domain(ctx, o.Mandate, t, d)
	switch {
	case err != nil:
		return err
	case o.Why == "":
		return fmt.Errorf("drop domain: a reason is wanted: %w", ErrInvalid)
	}
	deed := o.deed()
	deed.Once = "" // asked for again, it goes on
	if s.Claim.Owns() {
		if err := k.endDomain(ctx, deed, d); err != nil {
			return err
		}
	}
	a, err := k.b.act(deed)
	if err != nil {
		return err
	}
	_, err = k.b.amendRegistered(ctx, provision.Target{Tenant: t, Domain: d}, func(s provision.State) (provision.Change, error) { return provision.DropClaim(s, a) })
	return err
}

// endDomain ends all that hangs on a domain, to the last row: without an owner nobody would find them.
func (k *Desk) endDomain(ctx context.Context, deed Deed, d provision.Domain) error {
	id, err := k.b.Revoke(ctx, deed, provision.Scope{Domain: d}, provision.CauseAdmin)
	for err == nil {
		var over bool
		if over, err = k.b.Settled(ctx, id); over || err != nil {
			break
		}
		_, err = k.b.Reap(ctx)
		err = errors.Join(err, ctx.Err())
	}
	return err
}
