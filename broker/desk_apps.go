package broker

import (
	"context"
	"fmt"
	"slices"

	"leasehold/provision"
)

// DeleteApp deletes an app that the API registered, that lets nobody in any more, and that is told of every end: with it goes
// the only address where its sessions could be ended. What is made anew under its name starts from nothing.
func (k *Desk) DeleteApp(ctx context.Context, o Order, id provision.AppID) error {
	if err := o.May("apps.delete"); err != nil {
		return err
	}
	err := k.b.alter(ctx, o.deed(), func(r *registration) {
		a, err := k.appOf(ctx, id)
		if err != nil {
			r.faults = append(r.faults, err)
			return
		}
		if r.mine("app", a.Owner) && k.unused(ctx, r, a) {
			r.change.Apps = append(r.change.Apps, provision.App{ID: id, Removal: provision.Removed, Revision: a.Revision + 1})
			r.note(provision.Event{Kind: provision.EventAppChanged, App: id, Outcome: "deleted"}, "app "+string(id), []string{"deleted"})
		}
	})
	if err == nil {
		k.b.Changed()
	}
	return err
}

// appOf is an app that was not deleted.
func (k *Desk) appOf(ctx context.Context, id provision.AppID) (provision.App, error) {
	a, err := k.b.Registry.App(ctx, id)
	if err == nil && a.Removal != "" {
		err = provision.ErrNotFound
	}
	if err != nil {
		return a, fmt.Errorf("app: %w", err)
	}
	return a, nil
}

// unused notes what an app is still needed for, and reports whether it is for nothing.
func (k *Desk) unused(ctx context.Context, r *registration, a provision.App) bool {
	if len(a.Tenants) > 0 || len(a.Public) > 0 {
		r.fault("app %s: it lets people in; take its tenants and its public paths from it first: %w", a.ID, provision.ErrConflict)
	}
	waiting, err := k.b.Deliveries(ctx, provision.DeliveryFilter{App: a.ID, Open: true, Limit: 1})
	switch {
	case err != nil:
		r.fault("deliveries: %w", err)
	case len(waiting) > 0:
		r.fault("app %s: it is still to be told of ends; wait, or drop these deliveries: %w", a.ID, provision.ErrConflict)
	}
	tenants, err := all(ctx, k.b.Registry.Tenants, func(t provision.Tenant) string { return string(t.ID) })
	if err != nil {
		r.fault("tenants: %w", err)
	}
	for _, t := range tenants {
		for _, g := range t.Policy.Grants {
			if slices.Contains(g.Apps, a.ID) {
				r.fault("app %s: grant %s of tenant %s names it: %w", a.ID, g.ID, t.ID, provision.ErrConflict)
			}
		}
	}
	return len(r.faults) == 0
}
