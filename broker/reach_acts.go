package broker

import (
	"context"
	"errors"
	"fmt"

	"leasehold/provision"
)

// may is nil when the mandate holds a right on something of a tenant.
func (r Reach) may(right Right, t provision.TenantID) error {
	if err := r.m.Over(t); err != nil {
		return err
	}
	return r.b.permits(r.m, right, t)
}

// mayOn is an account on which the mandate holds a right.
func (r Reach) mayOn(ctx context.Context, right Right, id provision.AccountID) (provision.Account, error) {
	x, err := r.Account(ctx, id)
	if err == nil {
		err = r.b.permitsOn(r.m, right, x.Account)
	}
	return x.Account, err
}

// Can reports whether the mandate holds a right on something of a tenant.
func (r Reach) Can(right Right, t provision.TenantID) bool { return r.may(right, t) == nil }

// CanOn reports whether the mandate holds a right on an account.
func (r Reach) CanOn(right Right, a provision.Account) bool {
	return r.m.Over(a.Tenant) == nil && r.b.permitsOn(r.m, right, a) == nil
}

// Do does one of AccountVerbs, with every lease that ends by it.
func (r Reach) Do(ctx context.Context, id provision.AccountID, right Right, why string) (provision.Account, error) {
	verb, ok := AccountVerbs()[right]
	if !ok {
		return provision.Account{}, fmt.Errorf("verb: %w", provision.ErrNotFound)
	}
	if _, err := r.mayOn(ctx, right, id); err != nil {
		return provision.Account{}, err
	}
	return r.b.Account(ctx, r.m.Deed(why, ""), id, verb)
}

// Create makes an account before its first login.
func (r Reach) Create(ctx context.Context, n NewAccount, why string) (provision.Account, error) {
	if err := r.may("accounts.create", n.Tenant); err != nil {
		return provision.Account{}, err
	}
	if n.Link.Connection != "" {
		if c, err := r.Connection(ctx, n.Link.Connection); err != nil || c.Tenant != n.Tenant {
			return provision.Account{}, fmt.Errorf("connection %s of tenant %s: %w", n.Link.Connection, n.Tenant, provision.ErrNotFound)
		}
	}
	return r.b.CreateAccount(ctx, r.m.Deed(why, ""), n)
}

// Link gives an account a sign-in at a connection of its tenant, or takes one from it.
func (r Reach) Link(ctx context.Context, id provision.AccountID, key provision.LinkKey, has bool, why string) (provision.Account, error) {
	right := Right("accounts.unlink")
	if has {
		right = "accounts.link"
	}
	x, err := r.mayOn(ctx, right, id)
	if err != nil {
		return provision.Account{}, err
	}
	if !has {
		return r.b.UnlinkAccount(ctx, r.m.Deed(why, ""), id, key)
	}
	if c, err := r.Connection(ctx, key.Connection); err != nil || c.Tenant != x.Tenant {
		return provision.Account{}, fmt.Errorf("connection %s: %w", key.Connection, provision.ErrNotFound)
	}
	return r.b.LinkAccount(ctx, r.m.Deed(why, ""), id, key)
}

// Appoint gives an account an office, or takes it away.
func (r Reach) Appoint(ctx context.Context, id provision.AccountID, o provision.Office, holds bool, why string) (provision.Account, error) {
	return r.b.Appoint(ctx, r.m, id, o, holds, why)
}

// EndLease ends one lease, and what is below it.
func (r Reach) EndLease(ctx context.Context, id provision.LeaseID, why string) error {
	s, err := r.Lease(ctx, id)
	if err == nil {
		err = r.may("leases.end", s.Lease.Tenant)
	}
	if err != nil {
		return err
	}
	return r.b.RevokeLease(ctx, r.m.Deed(why, ""), id)
}

// ConnectionVerb is what is done about a connection.
type ConnectionVerb func(*Broker, context.Context, Deed, provision.ConnectionID) error

// OnConnection does something about a connection, by the right to it.
func (r Reach) OnConnection(ctx context.Context, id provision.ConnectionID, right Right, do ConnectionVerb, why string) error {
	c, err := r.Connection(ctx, id)
	if err == nil {
		err = r.may(right, c.Tenant)
	}
	if err != nil {
		return err
	}
	return do(r.b, ctx, r.m.Deed(why, ""), id)
}

// HoldTenant suspends a tenant, or resumes it: an operator's.
func (r Reach) HoldTenant(ctx context.Context, id provision.TenantID, suspended bool, why string) error {
	if _, err := r.Tenant(ctx, id); err != nil {
		return err
	}
	right := Right("tenants.resume")
	if suspended {
		right = "tenants.suspend"
	}
	if err := r.may(right, id); err != nil {
		return err
	}
	if !suspended {
		return r.b.ResumeTenant(ctx, r.m.Deed(why, ""), id)
	}
	_, err := r.b.SuspendTenant(ctx, r.m.Deed(why, ""), id)
	return err
}

// LookFor looks for the proof of a tenant's claim now.
func (r Reach) LookFor(ctx context.Context, p *Prover, t provision.TenantID, d provision.Domain, why string) (Finding, error) {
	if _, err := r.Claim(ctx, t, d); err != nil {
		return Finding{}, err
	}
	if err := r.may("domains.check", t); err != nil {
		return Finding{}, err
	}
	return p.Check(ctx, r.m.Deed(why, ""), t, d)
}

// Attest takes an operator's word for a claim.
func (r Reach) Attest(ctx context.Context, p *Prover, t provision.TenantID, d provision.Domain, why string) error {
	if _, err := r.Claim(ctx, t, d); err != nil {
		return err
	}
	if err := r.may("domains.attest", t); err != nil {
		return err
	}
	_, err := p.Attest(ctx, r.m.Deed(why, ""), t, d)
	return err
}

// MayDeliver is nil when the mandate may have deliveries tried again, and give them up.
func (r Reach) MayDeliver() error {
	return errors.Join(r.m.May("deliveries.retry"), r.m.May("deliveries.drop"))
}

// Deliver has a delivery tried again at once, or gives it up.
func (r Reach) Deliver(ctx context.Context, id provision.DeliveryID, again bool, why string) error {
	right := Right("deliveries.drop")
	if again {
		right = "deliveries.retry"
	}
	found, err := r.Deliveries(ctx, provision.DeliveryFilter{ID: id, Limit: 1})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("delivery %s: %w", id, provision.ErrNotFound)
	}
	if err == nil {
		err = r.may(right, found[0].Tenant)
	}
	if err != nil {
		return err
	}
	if again {
		return r.b.RetryDelivery(ctx, r.m.Deed(why, ""), id)
	}
	return r.b.DropDelivery(ctx, r.m.Deed(why, ""), id)
}
