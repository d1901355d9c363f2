package broker

import (
	"context"
	"fmt"

	"leasehold/provision"
)

// Person is an account with its sign-ins and its live leases.
type Person struct {
	provision.Account
	Links  []provision.Link
	Leases []provision.Lease
}

// Accounts lists the accounts that a mandate reaches.
func (k *Desk) Accounts(ctx context.Context, m Mandate, p provision.Page) (Part[provision.Account], error) {
	if err := m.May("accounts.read"); err != nil {
		return Part[provision.Account]{}, err
	}
	return partOf(ctx, m, p, k.b.Registry.Accounts, func(a provision.Account) string { return string(a.ID) }, nil)
}

// Account is one, with its sign-ins and live leases.
func (k *Desk) Account(ctx context.Context, m Mandate, id provision.AccountID) (Person, error) {
	if err := m.May("accounts.read"); err != nil {
		return Person{}, err
	}
	return k.account(ctx, m, id)
}

func (k *Desk) account(ctx context.Context, m Mandate, id provision.AccountID) (Person, error) {
	a, links, leases, err := k.b.Registry.Account(ctx, id)
	return reach(m, "account", Person{a, provision.SignIns(links), leases}, a.Tenant, err)
}

// CreateAccount makes an account before its first login.
func (k *Desk) CreateAccount(ctx context.Context, o Order, n NewAccount) (provision.Account, error) {
	if err := o.May("accounts.create"); err != nil {
		return provision.Account{}, err
	}
	if _, err := k.tenant(ctx, o.Mandate, n.Tenant); err != nil {
		return provision.Account{}, err
	}
	own, err := k.prover.Show(ctx, n.Tenant, n.Email.Domain())
	if err != nil || !own.Claim.Owns() { // in the same words whoever owns it
		return provision.Account{}, fmt.Errorf("%s is not a domain of %s: %w", n.Email.Domain(), n.Tenant, provision.ErrConflict)
	}
	if n.Link != (provision.LinkKey{}) {
		if err := k.ownConnection(ctx, n.Tenant, n.Link); err != nil {
			return provision.Account{}, err
		}
	}
	a, err := k.b.CreateAccount(ctx, o.deed(), n)
	return a, settled(err)
}

// ownConnection is nil when a sign-in is at a connection of the tenant.
func (k *Desk) ownConnection(ctx context.Context, t provision.TenantID, key provision.LinkKey) error {
	c, err := k.connection(ctx, Mandate{Tenant: t}, key.Connection)
	switch {
	case err != nil:
		return err
	case c.Removal != "" || key.Subject == "":
		return fmt.Errorf("sign-in: a connection in use and a subject are wanted: %w", ErrInvalid)
	}
	return nil
}

// AccountVerbs are the verbs on one account that want nothing but a reason, by the name of their right.
func AccountVerbs() map[Right]AccountVerb {
	return map[Right]AccountVerb{
		"accounts.approve": provision.ApproveAccount, "accounts.suspend": provision.SuspendAccount, "accounts.release": provision.ReleaseAccount,
		"accounts.revoke": provision.RevokeAccount, "accounts.restore": provision.RestoreAccount, "accounts.end": provision.EndAccount, "accounts.delete": provision.DeleteAccount,
	}
}

// OnAccount does one of AccountVerbs.
func (k *Desk) OnAccount(ctx context.Context, o Order, r Right, id provision.AccountID) (provision.Account, error) {
	verb, ok := AccountVerbs()[r]
	if !ok {
		return provision.Account{}, fmt.Errorf("verb: %w", provision.ErrNotFound)
	}
	return k.onAccount(ctx, o, r, id, func(Person) (provision.Account, error) { return k.b.Account(ctx, o.deed(), id, verb) })
}

func (k *Desk) onAccount(ctx context.Context, o Order, r Right, id provision.AccountID, do func(Person) (provision.Account, error)) (provision.Account, error) {
	if err := o.May(r); err != nil {
		return provision.Account{}, err
	}
	who, err := k.account(ctx, o.Mandate, id)
	if err == nil {
		err = k.b.permitsOn(o.Mandate, r, who.Account)
	}
	if err != nil {
		return provision.Account{}, err
	}
	a, err := do(who)
	return a, settled(err)
}

// LinkAccount gives an account a further sign-in at a connection of its tenant.
func (k *Desk) LinkAccount(ctx context.Context, o Order, id provision.AccountID, key provision.LinkKey) (provision.Account, error) {
	if err := o.May("accounts.link"); err != nil {
		return provision.Account{}, err
	}
	who, err := k.account(ctx, o.Mandate, id)
	if err == nil {
		err = k.b.permitsOn(o.Mandate, "accounts.link", who.Account)
	}
	if err == nil {
		err = k.ownConnection(ctx, who.Tenant, key)
	}
	if err != nil {
		return provision.Account{}, err
	}
	a, err := k.b.LinkAccount(ctx, o.deed(), id, key)
	return a, settled(err)
}

// UnlinkAccount takes a sign-in from an account.
func (k *Desk) UnlinkAccount(ctx context.Context, o Order, id provision.AccountID, key provision.LinkKey) (provision.Account, error) {
	return k.onAccount(ctx, o, "accounts.unlink", id, func(Person) (provision.Account, error) { return k.b.UnlinkAccount(ctx, o.deed(), id, key) })
}

// Appoint gives an account an office, or takes it away.
func (k *Desk) Appoint(ctx context.Context, o Order, id provision.AccountID, office provision.Office, holds bool) (provision.Account, error) {
	return k.onAccount(ctx, o, "accounts.appoint", id, func(Person) (provision.Account, error) { return k.b.Appoint(ctx, o, id, office, holds) })
}

// Leases lists the leases that a mandate reaches.
func (k *Desk) Leases(ctx context.Context, m Mandate, p provision.Page) (Part[provision.Lease], error) {
	if err := m.May("leases.read"); err != nil {
		return Part[provision.Lease]{}, err
	}
	return partOf(ctx, m, p, k.b.Registry.Leases, func(l provision.Lease) string { return string(l.ID) }, nil)
}

// Lease is one, as it stands.
func (k *Desk) Lease(ctx context.Context, m Mandate, id provision.LeaseID) (provision.Standing, error) {
	if err := m.May("leases.read"); err != nil {
		return provision.Standing{}, err
	}
	return k.lease(ctx, m, id)
}

func (k *Desk) lease(ctx context.Context, m Mandate, id provision.LeaseID) (provision.Standing, error) {
	s, err := k.b.Ledger.Lease(ctx, id)
	return reach(m, "lease", s, s.Lease.Tenant, err)
}

// EndLease ends one lease and everything below it. One that has ended stays so.
func (k *Desk) EndLease(ctx context.Context, o Order, id provision.LeaseID) error {
	if err := o.May("leases.end"); err != nil {
		return err
	}
	if _, err := k.lease(ctx, o.Mandate, id); err != nil {
		return err
	}
	return settled(k.b.RevokeLease(ctx, o.deed(), id))
}

// Revoke ends everything below a tenant, a connection or a domain that a mandate reaches.
func (k *Desk) Revoke(ctx context.Context, o Order, scope provision.Scope) (provision.RevocationID, error) {
	if err := o.May("leases.revoke"); err != nil {
		return "", err
	}
	err := fmt.Errorf("revoke: exactly one of a tenant, a connection and a domain: %w", ErrInvalid)
	switch scope {
	case provision.Scope{}:
	case provision.Scope{Tenant: scope.Tenant}:
		_, err = k.tenant(ctx, o.Mandate, scope.Tenant)
	case provision.Scope{Connection: scope.Connection}:
		_, err = k.connection(ctx, o.Mandate, scope.Connection)
	case provision.Scope{Domain: scope.Domain}:
		var owner provision.TenantID
		if owner, err = k.b.ownerOf(ctx, scope.Domain); err == nil && owner == "" {
			err = provision.ErrNotFound
		}
		_, err = reach(o.Mandate, "domain", owner, owner, err)
	}
	if err != nil {
		return "", err
	}
	id, err := k.b.Revoke(ctx, o.deed(), scope, provision.CauseAdmin)
	return id, settled(err)
}
