package broker

import (
	"context"
	"fmt"

	"leasehold/provision"
)

// reloadApps takes over what apps there are. When nobody can tell, no app lets anybody in until somebody can.
func (b *Broker) reloadApps(ctx context.Context) error {
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

// AppAt is the app at an origin, or ErrNotFound.
func (b *Broker) AppAt(_ context.Context, o provision.Origin) (provision.App, error) {
	app, err := b.index.app(o.String())
	if err != nil {
		return provision.App{}, err
	}
	return app.App, nil
}
