package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leasehold/provision"
)

// Setups lists the setup links that a mandate reaches: those that are done or withdrawn when Page.Ended.
func (k *Desk) Setups(ctx context.Context, m Mandate, p provision.Page) (Part[provision.Setup], error) {
	if err := m.May("setups.read"); err != nil {
		return Part[provision.Setup]{}, err
	}
	return partOf(ctx, m, p, func(ctx context.Context, p provision.Page) ([]provision.Setup, error) {
		if k.b.Setups == nil {
			return nil, nil
		}
		return k.b.Setups.Setups(ctx, p)
	}, func(x provision.Setup) string { return string(x.ID) }, nil)
}

// LiveSetups lists the setup links of a tenant that work.
func (k *Desk) LiveSetups(ctx context.Context, m Mandate, p provision.Page) (Part[provision.Setup], error) {
	if err := m.May("setups.read"); err != nil {
		return Part[provision.Setup]{}, err
	}
	if _, err := k.tenant(ctx, m, p.Tenant); err != nil {
		return Part[provision.Setup]{}, err
	}
	if k.b.Setups == nil {
		return Part[provision.Setup]{}, nil
	}
	limit, now := limitOf(p.Limit), k.b.Ledger.Now()
	p.Limit, p.Ended = walkStep, false
	return walk(limit, func() ([]provision.Setup, error) { return k.b.Setups.Setups(ctx, p) },
		func(x provision.Setup) bool { return x.Live(now) },
		func(x provision.Setup) string {
			p.After = string(x.ID)
			return p.After
		})
}

// Setup is one.
func (k *Desk) Setup(ctx context.Context, m Mandate, id provision.SetupID) (provision.Setup, error) {
	if err := m.May("setups.read"); err != nil {
		return provision.Setup{}, err
	}
	return k.setup(ctx, m, id)
}

func (k *Desk) setup(ctx context.Context, m Mandate, id provision.SetupID) (provision.Setup, error) {
	x, err := k.b.setup(ctx, m, id)
	return reach(m, "setup", x, x.Tenant, err)
}

// MakeSetup makes a setup link of a tenant. Its address is returned this once; "" is that the order was done before: then it
// is lost, and the setup to be withdrawn.
func (k *Desk) MakeSetup(ctx context.Context, o Order, n NewSetup) (SetupLink, error) {
	if err := o.May("setups.create"); err != nil {
		return SetupLink{}, err
	}
	if _, err := k.tenant(ctx, o.Mandate, n.Tenant); err != nil {
		return SetupLink{}, err
	}
	switch {
	case n.Connection != "" && !o.Everywhere:
		return SetupLink{}, fmt.Errorf("setup: the id of its connection is drawn; leave it out: %w", ErrInvalid)
	case n.Expires != 0 && (n.Expires < time.Minute || n.Expires > maxSetupLife):
		return SetupLink{}, fmt.Errorf("setup: it works for a minute at least and %s at most: %w", maxSetupLife, ErrInvalid)
	}
	made, err := k.b.makeSetup(ctx, o.Mandate, n, o.deed())
	return made, settled(err)
}

// WithdrawSetup takes a setup link back. What was registered by it stays as it is.
func (k *Desk) WithdrawSetup(ctx context.Context, o Order, id provision.SetupID) error {
	if err := o.May("setups.withdraw"); err != nil {
		return err
	}
	x, err := k.setup(ctx, o.Mandate, id)
	if err != nil {
		return err
	}
	err = k.b.withdrawSetup(ctx, x, o.deed())
	if errors.Is(err, provision.ErrNotFound) {
		return fmt.Errorf("setup: it is %s already: %w", x.State, provision.ErrConflict)
	}
	return err
}
