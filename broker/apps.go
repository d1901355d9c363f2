package broker

import (
	"context"
	"fmt"

	"leasehold/provision"
)

// reloadApps takes over what apps there are. When nobody can tell, no app lets anybody in until somebody can.
func (b *Broker) reloadApps(ctx context.Context) error {
	b.appsRead.Lock()
	defer b.appsRead.Unlock()
	apps, err := all(ctx, b.Registry.Apps, func(a provision.App) string { return string(a.ID) })
	if err != nil {
		b.index.apps.Store(nil)
		return fmt.Errorf("apps: %w", err)
	}
	byOrigin := map[string]*door{}
	for _, a := range apps {
		d := newDoor(a)
		for _, o := range a.Origins {
			byOrigin[o.String()] = d
		}
	}
	b.index.apps.Store(&byOrigin)
	return nil
}

// recoverApps reads the apps again if they could not be read.
func (b *Broker) recoverApps(ctx context.Context) error {
	b.registers.Lock()
	defer b.registers.Unlock()
	if b.index.apps.Load() != nil {
		return nil
	}
	return b.reloadApps(ctx)
}

// door is the app at an origin, as memory has it, or as the ledger says.
func (b *Broker) door(ctx context.Context, origin string, remembered bool) (*door, error) {
	if remembered {
		return b.index.app(origin)
	}
	o, err := provision.ParseOrigin(origin)
	if err != nil {
		return nil, provision.ErrNotFound
	}
	a, err := b.Registry.AppByOrigin(ctx, o)
	if err != nil {
		return nil, err
	}
	return newDoor(a), nil
}

// AppAt is the app at an origin, or ErrNotFound.
func (b *Broker) AppAt(ctx context.Context, o provision.Origin) (provision.App, error) {
	app, err := b.door(ctx, o.String(), b.fresh())
	if err != nil {
		return provision.App{}, err
	}
	return app.App, nil
}
