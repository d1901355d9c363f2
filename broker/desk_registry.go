package broker

import (
	"context"
	"fmt"
	"slices"

	"leasehold/provision"
)

// Tenants lists the tenants that a mandate reaches.
func (k *Desk) Tenants(ctx context.Context, m Mandate, p provision.Page) (Part[provision.Tenant], error) {
	if err := m.May("tenants.read"); err != nil {
		return Part[provision.Tenant]{}, err
	}
	return partOf(ctx, m, p, k.b.Registry.Tenants, func(t provision.Tenant) string { return string(t.ID) }, func(t provision.Tenant) bool { return t.Removal != provision.Removed })
}

// Tenant is one.
func (k *Desk) Tenant(ctx context.Context, m Mandate, id provision.TenantID) (provision.Tenant, error) {
	if err := m.May("tenants.read"); err != nil {
		return provision.Tenant{}, err
	}
	return k.tenant(ctx, m, id)
}

func (k *Desk) tenant(ctx context.Context, m Mandate, id provision.TenantID) (provision.Tenant, error) {
	t, err := k.b.Registry.Tenant(ctx, id)
	if err == nil && t.Removal == provision.Removed {
		err = provision.ErrNotFound
	}
	return reach(m, "tenant", t, t.ID, err)
}

// SuspendTenant and ResumeTenant keep everybody of a tenant out, and let them log in again.
func (k *Desk) SuspendTenant(ctx context.Context, o Order, id provision.TenantID) (provision.RevocationID, error) {
	if err := o.May("tenants.suspend"); err != nil {
		return "", err
	}
	if _, err := k.tenant(ctx, o.Mandate, id); err != nil {
		return "", err
	}
	revocation, err := k.b.SuspendTenant(ctx, o.deed(), id)
	return revocation, settled(err)
}

// ResumeTenant lifts SuspendTenant.
func (k *Desk) ResumeTenant(ctx context.Context, o Order, id provision.TenantID) error {
	if err := o.May("tenants.resume"); err != nil {
		return err
	}
	if _, err := k.tenant(ctx, o.Mandate, id); err != nil {
		return err
	}
	return settled(k.b.ResumeTenant(ctx, o.deed(), id))
}

// DeleteTenant deletes a suspended tenant that the API registered; at the host, one of the manifests, too.
func (k *Desk) DeleteTenant(ctx context.Context, o Order, id provision.TenantID) error {
	if err := o.May("tenants.delete"); err != nil {
		return err
	}
	t, err := k.tenant(ctx, o.Mandate, id)
	if err == nil && !o.Host {
		err = unmanaged(t.Owner)
	}
	if err != nil {
		return err
	}
	return k.b.DeleteTenant(ctx, o.deed(), id)
}

// unmanaged is nil for what is the API's own.
func unmanaged(owner provision.Owner) error {
	if owner == provision.ByManifest {
		return fmt.Errorf("managed_by_%s: %w", owner, ErrManaged)
	}
	return nil
}

// Connections lists the connections that a mandate reaches.
func (k *Desk) Connections(ctx context.Context, m Mandate, p provision.Page) (Part[provision.Connection], error) {
	if err := m.May("connections.read"); err != nil {
		return Part[provision.Connection]{}, err
	}
	return partOf(ctx, m, p, k.b.Registry.Connections, func(c provision.Connection) string { return string(c.ID) }, func(c provision.Connection) bool { return c.Removal != provision.Removed })
}

// Connection is one.
func (k *Desk) Connection(ctx context.Context, m Mandate, id provision.ConnectionID) (provision.Connection, error) {
	if err := m.May("connections.read"); err != nil {
		return provision.Connection{}, err
	}
	return k.connection(ctx, m, id)
}

func (k *Desk) connection(ctx context.Context, m Mandate, id provision.ConnectionID) (provision.Connection, error) {
	c, err := k.b.Registry.Connection(ctx, id)
	if err == nil && c.Removal == provision.Removed {
		err = provision.ErrNotFound
	}
	return reach(m, "connection", c, c.Tenant, err)
}

// onConnection does a verb on a connection that a mandate reaches.
func (k *Desk) onConnection(ctx context.Context, o Order, r Right, id provision.ConnectionID, do func(provision.Connection) error) error {
	if err := o.May(r); err != nil {
		return err
	}
	c, err := k.connection(ctx, o.Mandate, id)
	if err == nil {
		err = k.b.permits(o.Mandate, r, c.Tenant)
	}
	if err != nil {
		return err
	}
	return settled(do(c))
}

// EnableConnection lifts DisableConnection.
func (k *Desk) EnableConnection(ctx context.Context, o Order, id provision.ConnectionID) error {
	return k.onConnection(ctx, o, "connections.enable", id, func(provision.Connection) error { return k.b.EnableConnection(ctx, o.deed(), id) })
}

// DisableConnection keeps everybody who would come by a connection out, and ends what they have.
func (k *Desk) DisableConnection(ctx context.Context, o Order, id provision.ConnectionID) (revocation provision.RevocationID, err error) {
	err = k.onConnection(ctx, o, "connections.disable", id, func(provision.Connection) (err error) {
		revocation, err = k.b.DisableConnection(ctx, o.deed(), id)
		return err
	})
	return revocation, err
}

// ConfirmTrust puts the trust in force that a held connection waits for.
func (k *Desk) ConfirmTrust(ctx context.Context, o Order, id provision.ConnectionID) (revocation provision.RevocationID, err error) {
	err = k.onConnection(ctx, o, "connections.confirm", id, func(provision.Connection) (err error) {
		revocation, err = k.b.ConfirmTrust(ctx, o.deed(), id)
		return err
	})
	return revocation, err
}

// RejectTrust keeps the trust in force of a held connection.
func (k *Desk) RejectTrust(ctx context.Context, o Order, id provision.ConnectionID) error {
	return k.onConnection(ctx, o, "connections.reject", id, func(provision.Connection) error { return k.b.RejectTrust(ctx, o.deed(), id) })
}

// DeleteConnection deletes a connection that is switched off and that the API registered; at the host, one of the manifests, too.
func (k *Desk) DeleteConnection(ctx context.Context, o Order, id provision.ConnectionID) error {
	return k.onConnection(ctx, o, "connections.delete", id, func(c provision.Connection) error {
		if err := unmanaged(c.Owner); err != nil && !o.Host {
			return err
		}
		return k.b.DeleteConnection(ctx, o.deed(), id)
	})
}

// Apps lists the apps that a mandate reaches: those that admit its tenant.
func (k *Desk) Apps(ctx context.Context, m Mandate, p provision.Page) (Part[provision.App], error) {
	if err := m.May("apps.read"); err != nil {
		return Part[provision.App]{}, err
	}
	part, err := partOf(ctx, m, p, k.b.Registry.Apps, func(a provision.App) string { return string(a.ID) }, func(a provision.App) bool { return a.Removal == "" })
	for i := range part.Items {
		part.Items[i] = m.part(part.Items[i])
	}
	return part, err
}

// App is one, as far as a mandate sees it.
func (k *Desk) App(ctx context.Context, m Mandate, id provision.AppID) (provision.App, error) {
	if err := m.May("apps.read"); err != nil {
		return provision.App{}, err
	}
	a, err := k.b.Registry.App(ctx, id)
	if err == nil && a.Removal != "" {
		err = provision.ErrNotFound
	}
	of := m.Tenant
	if err == nil && !m.Everywhere && !a.Admits(m.Tenant) {
		of = ""
	}
	a, err = reach(m, "app", a, of, err)
	return m.part(a), err
}

// part is what a mandate sees of an app: not which other tenants it admits, nor how it is told of ends.
func (m Mandate) part(a provision.App) provision.App {
	if m.Everywhere {
		return a
	}
	a.Tenants = slices.DeleteFunc(slices.Clone(a.Tenants), func(t provision.TenantID) bool { return t != m.Tenant })
	a.Notify, a.Revision = provision.Notify{}, 0
	return a
}
