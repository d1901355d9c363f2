package broker_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

// overtaken is a ledger where another process was faster with the first changes: it refuses them as one that compares
// revisions does.
type overtaken struct {
	provision.Ledger
	by    func()
	times int
}

func (o *overtaken) Amend(ctx context.Context, t provision.Target, amend func(provision.State) (provision.Change, error)) (provision.Change, error) {
	if o.times == 0 {
		return o.Ledger.Amend(ctx, t, amend)
	}
	o.times--
	o.by()
	return provision.Change{}, fmt.Errorf("tenant acme was changed meanwhile: %w", provision.ErrConflict)
}

// TestRegisteringThatWasOvertakenReadsAgainAndUndoesNothing: another process revokes and suspends the tenant while this
// one is about to write what it read before.
func TestRegisteringThatWasOvertakenReadsAgainAndUndoesNothing(t *testing.T) {
	h := newHouse(t)
	other, err := broker.New(t.Context(), h.ports)
	if err != nil {
		t.Fatal(err)
	}
	ports := h.ports
	slow := &overtaken{Ledger: h.store, times: 1, by: func() {
		if _, err := other.SuspendTenant(t.Context(), operator(), "acme"); err != nil {
			t.Error(err)
		}
	}}
	ports.Ledger = slow
	here, err := broker.New(t.Context(), ports)
	if err != nil {
		t.Fatal(err)
	}
	before, err := h.store.Tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	w := h.wanted
	w.Tenants = slices.Clone(w.Tenants)
	w.Tenants[0].Tenant.Name = "Acme & Sons"
	done, err := here.Register(t.Context(), operator(), w, broker.Plan{Owner: provision.ByManifest})
	if err != nil || len(done.Changes) == 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	after, err := h.store.Tenant(t.Context(), "acme")
	if err != nil || after.Name != "Acme & Sons" || !after.Suspended || after.Generation != before.Generation+1 || after.Revision != before.Revision+2 {
		t.Errorf("tenant %+v, error %v; want it renamed, and suspended under the next generation", after, err)
	}
	slow.times = 100
	slow.by = func() {}
	w.Tenants[0].Tenant.Name = "Acme"
	if _, err := here.Register(t.Context(), operator(), w, broker.Plan{Owner: provision.ByManifest}); err == nil || slow.times != 95 {
		t.Errorf("overtaken for ever: error %v, %d tries left of a hundred", err, slow.times)
	}
}
