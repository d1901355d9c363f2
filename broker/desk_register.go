package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"leasehold/provision"
)

// Which revision an object has to have for a change, beside a number of its own.
const (
	IsNew  int64 = 0  // it is not there yet
	AnyOne int64 = -1 // it is there, whichever it is
)

// alter registers single objects on the API's behalf: all that plan notes, in one commit, or nothing.
func (b *Broker) alter(ctx context.Context, d Deed, plan func(*registration)) error {
	b.registers.Lock()
	defer b.registers.Unlock()
	for try := 1; ; try++ {
		if done, err := b.Done(ctx, d); done || err != nil {
			return err
		}
		a, err := b.act(d)
		if err != nil {
			return err
		}
		r := &registration{b: b, act: a, plan: Plan{Owner: provision.ByAPI}}
		plan(r)
		if err := errors.Join(r.faults...); err != nil || len(r.change.Events) == 0 {
			return err
		}
		if err = r.commit(ctx, d); err == nil || try == registerTries || !errors.Is(err, provision.ErrConflict) {
			return err
		}
	}
}

// at notes a fault when an object is not of the revision that somebody saw.
func (r *registration) at(name string, there bool, revision, seen int64) bool {
	if there && seen == AnyOne || !there && seen == IsNew || there && seen != IsNew && revision == seen {
		return true
	}
	r.fault("%s: %w", name, ErrStale)
	return false
}

// known is an object of the registry; false is a fault, or that there is none.
func known[T any](r *registration, name string, item T, err error) (T, bool) {
	return item, r.found(name, err)
}

// TenantOrder is a tenant as it is to be, but for its policy.
type TenantOrder struct {
	Tenant  provision.Tenant
	Webhook *string // where it is warned: nil keeps what there is, "" is nowhere
	Secret  []byte  // what signs that; none: what signed before
}

// webhook is t with where it is to be warned.
func (r *registration) webhook(t provision.Tenant, o TenantOrder) provision.Tenant {
	switch {
	case o.Webhook != nil && *o.Webhook == "":
		t.Hook = provision.Notify{}
	case o.Webhook != nil:
		t.Hook.URL = *o.Webhook
	}
	switch {
	case t.Hook.URL == "" && len(o.Secret) > 0:
		r.fault("tenant: webhook_url wanted, of what the secret signs: %w", ErrInvalid)
	case t.Hook.URL != "" && !provision.IsWebURL(t.Hook.URL):
		r.fault("tenant: webhook_url: write https://…, or http:// on a loopback name: %w", ErrInvalid)
	case t.Hook.URL != "" && t.Hook.Secret == "" && len(o.Secret) == 0:
		r.fault("tenant: the webhook wants a secret that signs: %w", ErrInvalid)
	}
	return t
}

// PutTenant makes a tenant, or changes it: its name, contact, contract, retention and webhook. Its policy stays.
func (k *Desk) PutTenant(ctx context.Context, o Order, n TenantOrder, seen int64) (provision.Tenant, error) {
	t := n.Tenant
	if err := o.May("tenants.put"); err != nil {
		return provision.Tenant{}, err
	}
	if !provision.ValidName(string(t.ID)) || t.Retention < 0 {
		return provision.Tenant{}, fmt.Errorf("tenant: an id of lower-case letters, digits and hyphens is wanted, and no time below 0: %w", ErrInvalid)
	}
	err := k.b.alter(ctx, o.deed(), func(r *registration) {
		old, err := k.b.Registry.Tenant(ctx, t.ID)
		old, there := known(r, "tenant", old, err)
		there = there && old.Removal != provision.Removed
		wanted := provision.Tenant{ID: t.ID}
		if there {
			wanted = old
		}
		wanted.Name, wanted.Contact, wanted.ContractEnd, wanted.Retention = t.Name, t.Contact, t.ContractEnd, t.Retention
		if old.Removal == provision.Removing {
			r.fault("tenant: is being deleted: %w", provision.ErrConflict)
		} else if r.mine("tenant", old.Owner) && r.at("tenant", there, old.Revision, seen) {
			r.tenant(ctx, WantedTenant{Tenant: r.webhook(wanted, n)}, n.Secret)
		}
	})
	if err != nil {
		return provision.Tenant{}, err
	}
	return k.tenant(ctx, o.Mandate, t.ID)
}

// PutPolicy changes a tenant's policy: seen is the version that it replaces. Live leases are judged by it at once.
func (k *Desk) PutPolicy(ctx context.Context, o Order, id provision.TenantID, p provision.Policy, seen int64) (provision.Policy, error) {
	if err := o.May("policies.put"); err != nil {
		return provision.Policy{}, err
	}
	if _, err := k.tenant(ctx, o.Mandate, id); err != nil {
		return provision.Policy{}, err
	}
	if err := k.b.permits(o.Mandate, "policies.put", id); err != nil {
		return provision.Policy{}, err
	}
	if faults := k.b.faultsOf(p); len(faults) > 0 {
		return provision.Policy{}, fmt.Errorf("%s: %w", strings.Join(faults, "; "), ErrInvalid)
	}
	if err := k.b.Rules(o.Mandate, id).lockout(ctx, p); err != nil {
		return provision.Policy{}, err
	}
	err := k.b.alter(ctx, o.deed(), func(r *registration) {
		t, err := k.tenant(ctx, o.Mandate, id)
		switch {
		case err != nil:
			r.faults = append(r.faults, err)
		case t.Removal != "":
			r.fault("tenant: is being deleted: %w", provision.ErrConflict)
		case r.mine("policy", t.Owner) && r.at("policy", true, t.Policy.Version, seen):
			t.Policy = p.WithRulesOf(t.Policy)
			r.tenant(ctx, WantedTenant{Tenant: t}, nil)
		}
	})
	if err != nil {
		return provision.Policy{}, err
	}
	t, err := k.tenant(ctx, o.Mandate, id)
	return t.Policy, err
}

// PutApp makes an app, or changes it. hook is what signs what it is told; none: what signed before, if it is told at all.
func (k *Desk) PutApp(ctx context.Context, o Order, app provision.App, hook []byte, seen int64) (provision.App, error) {
	if err := o.May("apps.put"); err != nil {
		return provision.App{}, err
	}
	if faults := app.Faults(k.b.URL); len(faults) > 0 {
		return provision.App{}, fmt.Errorf("%s: %w", strings.Join(faults, "; "), ErrInvalid)
	}
	err := k.b.alter(ctx, o.deed(), func(r *registration) {
		old, err := k.b.Registry.App(ctx, app.ID)
		old, there := known(r, "app", old, err)
		there = there && old.Removal == ""
		if !r.mine("app", old.Owner) || !r.at("app", there, old.Revision, seen) {
			return
		}
		wanted := app
		if len(hook) == 0 && (wanted.Notify.URL != "" || old.Notify.URL == "") {
			wanted.Notify.Secret, wanted.Notify.Former, wanted.Notify.FormerUntil = old.Notify.Secret, old.Notify.Former, old.Notify.FormerUntil
		}
		if wanted.Notify.URL != "" && len(hook) == 0 && wanted.Notify.Secret == "" {
			r.fault("app: notify wants a secret that signs: %w", ErrInvalid)
		}
		r.app(ctx, wanted, hook)
		apps, err := all(ctx, k.b.Registry.Apps, func(a provision.App) string { return string(a.ID) })
		if err != nil {
			r.fault("apps: %w", err)
		}
		r.origins(apps)
	})
	if err != nil {
		return provision.App{}, err
	}
	k.b.Changed()
	return k.b.Registry.App(ctx, app.ID)
}

// ConnectionOrder is a connection as it is to be.
type ConnectionOrder struct {
	Connection provision.Connection
	Secret     *string // of an OIDC client: nil keeps the one there is, "" is a public client
	Keys       *string // of a workload's issuer: nil keeps those there are, "" is those that it publishes
}

// CreateConnection makes a connection of a tenant. Only who reaches every tenant may choose its id: one that is taken would
// tell of another tenant's.
func (k *Desk) CreateConnection(ctx context.Context, o Order, c ConnectionOrder) (provision.Connection, error) {
	if err := o.May("connections.create"); err != nil {
		return provision.Connection{}, err
	}
	if _, err := k.tenant(ctx, o.Mandate, c.Connection.Tenant); err != nil {
		return provision.Connection{}, err
	}
	if err := k.b.permits(o.Mandate, "connections.create", c.Connection.Tenant); err != nil {
		return provision.Connection{}, err
	}
	id := &c.Connection.ID
	switch {
	case *id == "":
		drawn := draw()
		if o.Once != "" {
			drawn = k.b.derived(o.deed(), "connection")
		}
		tenant := string(c.Connection.Tenant)
		*id = provision.ConnectionID(tenant[:min(len(tenant), 40)] + "-" + drawn[:12])
	case !o.Everywhere:
		return provision.Connection{}, fmt.Errorf("connection: its id is drawn; leave it out: %w", ErrInvalid)
	case !provision.ValidName(string(*id)):
		return provision.Connection{}, fmt.Errorf("connection: an id of lower-case letters, digits and hyphens is wanted: %w", ErrInvalid)
	}
	made, err := k.putConnection(ctx, o, c, IsNew)
	if errors.Is(err, ErrStale) {
		err = fmt.Errorf("connection %s: is there already: %w", *id, provision.ErrConflict)
	}
	return made, err
}

// PutConnection changes a connection that there is. Its tenant and its protocol stay.
func (k *Desk) PutConnection(ctx context.Context, o Order, c ConnectionOrder, seen int64) (provision.Connection, error) {
	if err := o.May("connections.put"); err != nil {
		return provision.Connection{}, err
	}
	old, err := k.connection(ctx, o.Mandate, c.Connection.ID)
	if err == nil {
		err = k.b.permits(o.Mandate, "connections.put", old.Tenant)
	}
	if err != nil {
		return provision.Connection{}, err
	}
	c.Connection.Tenant = old.Tenant
	return k.putConnection(ctx, o, c, seen)
}

func (k *Desk) putConnection(ctx context.Context, o Order, c ConnectionOrder, seen int64) (provision.Connection, error) {
	if c.Connection.Protocol == provision.Workloads && c.Secret != nil && *c.Secret != "" {
		return provision.Connection{}, fmt.Errorf("client_secret: it is of oidc: %w", ErrInvalid)
	}
	if c.Keys != nil && *c.Keys != "" {
		c.Connection.KeySet = []byte(*c.Keys)
	}
	if err := k.usable(ctx, c.Connection); err != nil {
		return provision.Connection{}, err
	}
	err := k.b.alter(ctx, o.deed(), func(r *registration) { k.registerConnection(ctx, r, c, seen) })
	if err != nil {
		return provision.Connection{}, err
	}
	k.b.Changed()
	return k.connection(ctx, o.Mandate, c.Connection.ID)
}

func (k *Desk) registerConnection(ctx context.Context, r *registration, c ConnectionOrder, seen int64) {
	wanted := WantedConnection{Connection: c.Connection}
	old, err := k.b.Registry.Connection(ctx, c.Connection.ID)
	old, there := known(r, "connection", old, err)
	there = there && old.Removal != provision.Removed
	t, err := k.b.Registry.Tenant(ctx, c.Connection.Tenant)
	switch {
	case err != nil:
		r.fault("tenant: %w", err)
		return
	case t.Removal != "" || old.Removal == provision.Removing:
		r.fault("connection: it, or its tenant, is being deleted: %w", provision.ErrConflict)
		return
	case !r.mine("connection", old.Owner) || !r.at("connection", there, old.Revision, seen):
		return
	}
	if c.Keys == nil {
		wanted.Connection.KeySet = old.KeySet
	}
	switch {
	case c.Secret != nil:
		wanted.Secret = []byte(*c.Secret)
	case old.ClientSecret != "" && (c.Connection.Issuer != old.Issuer || c.Connection.ClientID != old.ClientID): // it is sent to no other issuer
		r.fault("connection: client_secret wanted: issuer or client_id is another one: %w", ErrInvalid)
		return
	default:
		wanted.Connection.ClientSecret = old.ClientSecret
	}
	r.connection(ctx, t.ID, wanted)
}

// usable is nil when a connection could be used as it is described.
func (k *Desk) usable(ctx context.Context, c provision.Connection) error {
	faults := c.Faults()
	if len(c.Metadata) > 0 {
		if err := k.b.Documents.Follows(nil, c.Metadata); err != nil {
			faults = append(faults, "metadata: "+err.Error())
		}
	}
	if c.Protocol != provision.SAML && len(faults) == 0 {
		if _, err := k.b.Open(ctx, c); err != nil { // asks nothing of the network
			faults = append(faults, err.Error())
		}
	}
	own, err := all(ctx, func(ctx context.Context, p provision.Page) ([]provision.Claim, error) {
		p.Tenant = c.Tenant
		return k.b.Registry.Claims(ctx, p)
	}, func(c provision.Claim) string { return c.Domain.String() + "/" + string(c.Tenant) })
	if err != nil {
		return err
	}
	for _, d := range c.Domains {
		if !slices.ContainsFunc(own, func(claim provision.Claim) bool { return claim.Domain == d && !claim.Withdrawn() }) {
			faults = append(faults, "domains: "+d.String()+" is not claimed by the tenant")
		}
	}
	if c.Default {
		twice, err := k.defaults(ctx, c)
		if err != nil {
			return err
		}
		faults = append(faults, twice...)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%s: %w", strings.Join(faults, "; "), ErrInvalid)
	}
	return nil
}

// defaults are the domains of which another connection is the default already.
func (k *Desk) defaults(ctx context.Context, c provision.Connection) (faults []string, err error) {
	others, err := all(ctx, func(ctx context.Context, p provision.Page) ([]provision.Connection, error) {
		p.Tenant = c.Tenant
		return k.b.Registry.Connections(ctx, p)
	}, func(c provision.Connection) string { return string(c.ID) })
	for _, other := range others {
		for _, d := range c.Domains {
			if other.ID != c.ID && other.Default && other.Removal == "" && other.Asserts(d) {
				faults = append(faults, fmt.Sprintf("default: %s is the default for %s already", other.ID, d))
			}
		}
	}
	return faults, err
}
