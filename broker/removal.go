package broker

import (
	"context"
	"errors"
	"fmt"

	"leasehold/provision"
)

// DeleteConnection deletes a connection that is switched off, and every sign-in at it. Accounts stay, and those without
// another sign-in wait for one. What was begun and not finished goes on when it is asked for again.
func (b *Broker) DeleteConnection(ctx context.Context, d Deed, id provision.ConnectionID) error {
	d.Once = "" // asked for again, it goes on: no part of it is done only once
	c, err := b.Registry.Connection(ctx, id)
	if err == nil {
		err = b.removal(ctx, d, provision.Target{Connection: id}, provision.RemoveConnection)
	}
	if err != nil {
		return fmt.Errorf("connection %s: %w", id, err)
	}
	err = inBatches(func() (int, error) {
		accounts, err := b.Leftovers.Linked(ctx, id, eraseBatch)
		for n, account := range accounts {
			if _, err := b.change(ctx, d, provision.Target{Account: account, Connection: id}, provision.LeaveConnection); err != nil {
				return n, err
			}
		}
		return len(accounts), err
	})
	if err == nil && c.ClientSecret != "" {
		err = b.Keys.Drop(ctx, c.ClientSecret)
	}
	if err == nil {
		err = b.removal(ctx, d, provision.Target{Connection: id}, provision.FinishConnection)
	}
	if err != nil {
		return fmt.Errorf("delete connection %s: %w", id, err)
	}
	b.providers.forget(id)
	return nil
}

// DeleteTenant deletes a suspended tenant and all that is its own: accounts and connections, and its claims, so that
// its domains are free. It, too, goes on when it is asked for again.
func (b *Broker) DeleteTenant(ctx context.Context, d Deed, id provision.TenantID) error {
	d.Once = "" // as there
	target := provision.Target{Tenant: id}
	if err := b.removal(ctx, d, target, provision.RemoveTenant); err != nil {
		return fmt.Errorf("tenant %s: %w", id, err)
	}
	for _, part := range []func(context.Context, Deed, provision.TenantID) error{b.deleteAccounts, b.deleteConnections, b.withdrawClaims} {
		if err := part(ctx, d, id); err != nil {
			return fmt.Errorf("delete tenant %s: %w", id, err)
		}
	}
	if err := b.Keys.Drop(ctx, pseudonymKeyName(id)); err != nil && !errors.Is(err, provision.ErrNotFound) { // nobody is known again
		return fmt.Errorf("delete tenant %s: %w", id, err)
	}
	return b.removal(ctx, d, target, provision.FinishTenant)
}

// removal is one step of a deletion, for which somebody has to say why.
func (b *Broker) removal(ctx context.Context, d Deed, t provision.Target, step AccountVerb) error {
	if d.Why == "" {
		return fmt.Errorf("delete: a reason is wanted: %w", provision.ErrConflict)
	}
	a, err := b.act(d)
	if err != nil {
		return err
	}
	_, err = b.amendRegistered(ctx, t, func(s provision.State) (provision.Change, error) { return step(s, a) })
	return err
}

// deleteAccounts deletes a tenant's accounts, a page at a time.
func (b *Broker) deleteAccounts(ctx context.Context, d Deed, t provision.TenantID) error {
	p := provision.Page{Tenant: t, Limit: eraseBatch}
	for {
		accounts, err := b.Registry.Accounts(ctx, p)
		if err != nil || len(accounts) == 0 {
			return err
		}
		for _, a := range accounts {
			p.After = string(a.ID)
			if !a.State.Living() {
				continue
			}
			if _, err := b.Account(ctx, d, a.ID, provision.DeleteAccount); err != nil {
				return err
			}
		}
	}
}

func (b *Broker) deleteConnections(ctx context.Context, d Deed, t provision.TenantID) error {
	connections, err := all(ctx, func(ctx context.Context, p provision.Page) ([]provision.Connection, error) {
		p.Tenant = t
		return b.Registry.Connections(ctx, p)
	}, func(c provision.Connection) string { return string(c.ID) })
	for _, c := range connections {
		if err != nil {
			break
		}
		if c.Removal != provision.Removed {
			err = b.DeleteConnection(ctx, d, c.ID)
		}
	}
	return err
}

func (b *Broker) withdrawClaims(ctx context.Context, d Deed, t provision.TenantID) error {
	claims, err := all(ctx, func(ctx context.Context, p provision.Page) ([]provision.Claim, error) {
		p.Tenant = t
		return b.Registry.Claims(ctx, p)
	}, func(c provision.Claim) string { return c.Domain.String() + "/" + string(c.Tenant) })
	for _, c := range claims {
		if err != nil {
			break
		}
		err = b.removal(ctx, d, provision.Target{Tenant: t, Domain: c.Domain}, provision.WithdrawClaim)
	}
	return err
}
