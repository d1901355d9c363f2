package broker

import (
	"context"
	"fmt"
	"time"

	"leasehold/provision"
)

// Setups finds setups. Only a ledger's changes write them.
type Setups interface {
	// Setup is one by its name, or ErrNotFound.
	Setup(ctx context.Context, id provision.SetupID) (provision.Setup, error)
	// Setups lists them; those that are done or revoked when Page.Ended.
	Setups(ctx context.Context, p provision.Page) ([]provision.Setup, error)
}

// How long a setup link works.
const (
	SetupLife    = 72 * time.Hour      // unless said otherwise
	maxSetupLife = 31 * 24 * time.Hour // at most
)

// NewSetup describes a setup to make.
type NewSetup struct {
	Tenant     provision.TenantID
	Connection provision.ConnectionID // what it is to make; "": an id is drawn
	Expires    time.Duration          // from now; 0: SetupLife
}

// SetupLink is a setup's link. It is shown once.
type SetupLink struct {
	Setup provision.Setup
	URL   string // "": it was made before, by the same order
}

// MakeSetup makes a setup link of a tenant that m reaches. Whoever opens it may register one connection of that tenant,
// and come in by it as its administrator.
func (b *Broker) MakeSetup(ctx context.Context, m Mandate, n NewSetup, why string) (SetupLink, error) {
	return b.makeSetup(ctx, m, n, m.Deed(why, ""))
}

func (b *Broker) makeSetup(ctx context.Context, m Mandate, n NewSetup, d Deed) (SetupLink, error) {
	if b.Setups == nil {
		return SetupLink{}, fmt.Errorf("setups: %w", provision.ErrNotFound)
	}
	if err := m.Over(n.Tenant); err != nil {
		return SetupLink{}, err
	}
	if err := b.permits(m, "setups.create", n.Tenant); err != nil {
		return SetupLink{}, err
	}
	switch {
	case n.Expires == 0:
		n.Expires = SetupLife
	case n.Expires < time.Minute || n.Expires > maxSetupLife:
		return SetupLink{}, fmt.Errorf("a setup link works for a minute at least and %s at most: %w", maxSetupLife, provision.ErrConflict)
	}
	if n.Connection == "" || !m.Everywhere { // whoever may name one learns which there are
		n.Connection = freshConnection(n.Tenant)
	}
	token := draw() + draw() // 260 bits
	if d.Once != "" {
		token = b.derived(d, "setup") + b.derived(d, "setup, second half")
	}
	x := provision.Setup{ID: provision.SetupOf(token), Tenant: n.Tenant, Connection: n.Connection}
	a, err := b.act(d)
	if err != nil {
		return SetupLink{}, err
	}
	x.Expires = a.Now.Add(n.Expires)
	return b.writeSetup(ctx, x, d, a, token)
}

func (b *Broker) writeSetup(ctx context.Context, x provision.Setup, d Deed, a provision.Act, token string) (SetupLink, error) {
	t := provision.Target{Tenant: x.Tenant, Connection: x.Connection, Setup: x.ID}
	change := b.once(d, &t, func(s provision.State) (provision.Change, error) {
		if s.Connection.ID != "" { // also one of another tenant, of which nothing is said
			s.Tenant.ID = x.Tenant
		}
		return provision.NewSetup(s, x, a)
	})
	done, err := b.amendRegistered(ctx, t, change)
	switch {
	case err != nil:
		return SetupLink{}, err
	case len(done.Setups) == 0:
		x, err = b.Setups.Setup(ctx, x.ID)
		return SetupLink{Setup: x}, err
	}
	return SetupLink{done.Setups[0], b.URL.String() + "/setup/" + token}, nil
}

// freshConnection is an id that no connection has, short enough for whatever tenant.
func freshConnection(t provision.TenantID) provision.ConnectionID {
	return provision.ConnectionID(string(t[:min(len(t), 50)]) + "-" + draw()[:8])
}

// amendSetup writes a change of a setup, and of the connection that it makes.
func (b *Broker) amendSetup(ctx context.Context, x provision.Setup, change changing) (provision.Change, error) {
	t := provision.Target{Tenant: x.Tenant, Connection: x.Connection, Domain: x.Domain, Setup: x.ID}
	return b.amendRegistered(ctx, t, change)
}

// RevokeSetup takes a setup back. What it registered stays as it is.
func (b *Broker) RevokeSetup(ctx context.Context, m Mandate, id provision.SetupID, why string) error {
	x, err := b.setup(ctx, m, id)
	if err == nil {
		err = m.May("setups.withdraw")
	}
	if err != nil {
		return err
	}
	return b.withdrawSetup(ctx, x, m.Deed(why, ""))
}

func (b *Broker) withdrawSetup(ctx context.Context, x provision.Setup, d Deed) error {
	a, err := b.act(d)
	if err != nil {
		return err
	}
	t := provision.Target{Tenant: x.Tenant, Connection: x.Connection, Domain: x.Domain, Setup: x.ID}
	change := b.once(d, &t, func(s provision.State) (provision.Change, error) { return provision.RevokeSetup(s, a) })
	_, err = b.amendRegistered(ctx, t, change)
	return err
}

// setup is one that m reaches.
func (b *Broker) setup(ctx context.Context, m Mandate, id provision.SetupID) (provision.Setup, error) {
	if b.Setups == nil {
		return provision.Setup{}, fmt.Errorf("setup %s: %w", id, provision.ErrNotFound)
	}
	x, err := b.Setups.Setup(ctx, id)
	if err == nil && m.Over(x.Tenant) != nil {
		err = provision.ErrNotFound
	}
	if err != nil {
		return provision.Setup{}, fmt.Errorf("setup %s: %w", id, err)
	}
	return x, nil
}

// ListSetups lists setups of the tenants that m reaches.
func (b *Broker) ListSetups(ctx context.Context, m Mandate, p provision.Page) ([]provision.Setup, error) {
	var err error
	if p.Tenant, err = m.Within(p.Tenant); err != nil || b.Setups == nil {
		return nil, err
	}
	return b.Setups.Setups(ctx, p)
}
