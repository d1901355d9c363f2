package broker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"leasehold/provision"
)

// listless is a registry that cannot list tenants for a number of times.
type listless struct {
	provision.Registry
	faults atomic.Int64
}

func (f *listless) Tenants(ctx context.Context, p provision.Page) ([]provision.Tenant, error) {
	if f.faults.Add(-1) >= 0 {
		return nil, errors.Join(provision.ErrUnavailable, errors.New("disk"))
	}
	return f.Registry.Tenants(ctx, p)
}

func TestWhoCannotListTheTenantsAtItsStartJudgesThemLater(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	tenants := slices.Clone(h.wanted.Tenants)
	tenants[0].Tenant.Policy.Groups.All = []string{"nobody-has-it"}
	h.wanted.Tenants = tenants
	h.register(h.wanted)
	h.restart() // before anybody was judged anew
	registry := &listless{Registry: h.store}
	registry.faults.Store(1)
	h.ports.Registry = registry
	h.start()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	defer func() { stop(); running.Wait() }()
	eventually(t, "the lease has ended", func() bool { return h.lease(l.ID).EndReason == provision.CausePolicyTightened })
	if registry.faults.Load() >= 0 {
		t.Error("nothing failed")
	}
}
