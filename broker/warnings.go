package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"leasehold/provision"
)

// Expiries lists connections in force of the tenants that m reaches whose certificates or metadata run out within 30 days,
// the first first.
func (b *Broker) Expiries(ctx context.Context, m Mandate, t provision.TenantID) ([]Expiry, error) {
	within, err := m.Within(t)
	if err != nil {
		return nil, err
	}
	return b.expiries(ctx, within)
}

func (b *Broker) expiries(ctx context.Context, t provision.TenantID) ([]Expiry, error) {
	connections, err := all(ctx, func(ctx context.Context, p provision.Page) ([]provision.Connection, error) {
		p.Tenant = t
		return b.Registry.Connections(ctx, p)
	}, func(c provision.Connection) string { return string(c.ID) })
	if err != nil {
		return nil, err
	}
	now := b.Now()
	var found []Expiry
	for _, c := range connections {
		if c.Protocol != provision.SAML || c.Disabled || c.Removal != "" {
			continue
		}
		until, known := b.expiryOf(c)
		if known && provision.WarnedAt(until, now) > 0 {
			found = append(found, Expiry{Connection: c.ID, Tenant: c.Tenant, Revision: c.Revision, At: until})
		}
	}
	slices.SortFunc(found, func(x, y Expiry) int {
		return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.Connection, y.Connection))
	})
	return found, nil
}

// Expirer is a Documents that can say when what it reads runs out.
type Expirer interface {
	Expires(document []byte) (time.Time, bool)
}

// expiring remembers when connections run out, by the revision that was read.
type expiring struct {
	mu    sync.Mutex
	known map[provision.ConnectionID]expires
}

type expires struct {
	revision int64
	until    time.Time
	ok       bool
}

func (b *Broker) expiryOf(c provision.Connection) (time.Time, bool) {
	b.expiring.mu.Lock()
	defer b.expiring.mu.Unlock()
	e, known := b.expiring.known[c.ID]
	if !known || e.revision != c.Revision {
		reader, ok := b.Documents.(Expirer)
		if !ok || len(c.Metadata) == 0 {
			return time.Time{}, false
		}
		e = expires{revision: c.Revision}
		e.until, e.ok = reader.Expires(c.Metadata)
		if b.expiring.known == nil {
			b.expiring.known = map[provision.ConnectionID]expires{}
		}
		b.expiring.known[c.ID] = e
	}
	return e.until, e.ok
}

// Warn writes the warnings that are due: each once, whoever looks and however often.
func (b *Broker) Warn(ctx context.Context) error {
	due, err := b.expiries(ctx, "")
	if err != nil {
		return err
	}
	var faults []error
	for _, e := range due {
		if err := b.warn(ctx, e); err != nil {
			faults = append(faults, fmt.Errorf("warning of connection %s: %w", e.Connection, err))
		}
	}
	return errors.Join(faults...)
}

func (b *Broker) warn(ctx context.Context, e Expiry) error {
	a, err := b.act(Deed{Actor: provision.Actor{Kind: provision.System, Via: "certificates"}})
	if err != nil {
		return err
	}
	t := provision.Target{Connection: e.Connection, Tenant: e.Tenant, Spend: []provision.Spent{provision.Warning(e.Connection, e.At, a.Now)}, Quiet: true}
	done, err := b.amend(ctx, t, func(s provision.State) (provision.Change, error) { return provision.WarnOfExpiry(s, e.At, a) })
	if len(done.Events) > 0 {
		b.Log.Warn("what a connection is believed by runs out", "connection", e.Connection, "tenant", e.Tenant, "until", e.At)
	}
	return err
}

// hooks are the tenants that asked to be warned, as whom messages are told to: read again when something that is
// registered changed, and now and then.
type hooks struct {
	mu      sync.Mutex
	told    []provision.App
	changes uint64
	read    time.Time
}

// tenantHooks are the tenants that asked to be warned.
func (b *Broker) tenantHooks(ctx context.Context) ([]provision.App, error) {
	changes, now := b.index.changes.Load(), b.Now()
	b.hooks.mu.Lock()
	defer b.hooks.mu.Unlock()
	if !b.hooks.read.IsZero() && b.hooks.changes == changes && now.Sub(b.hooks.read) < hooksAge && now.After(b.hooks.read.Add(-hooksAge)) {
		return b.hooks.told, nil
	}
	tenants, err := all(ctx, b.Registry.Tenants, func(t provision.Tenant) string { return string(t.ID) })
	if err != nil {
		return nil, err
	}
	b.hooks.told = nil
	for _, t := range tenants {
		if t.Hook.URL != "" || t.Hook.Former != "" {
			b.hooks.told = append(b.hooks.told, provision.App{ID: provision.HookOf(t.ID), Notify: t.Hook})
		}
	}
	b.hooks.changes, b.hooks.read = changes, now
	return b.hooks.told, nil
}

// hooksAge is how old the list of tenants that asked may grow.
const hooksAge = time.Minute

// warnEvery is how often it is looked for what runs out.
const warnEvery = 10 * time.Minute
