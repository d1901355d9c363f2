package broker

import (
	"context"
	"time"

	"leasehold/provision"
)

// WaitForLanes waits until nothing that Deliver or TakeBack began is under way.
func (b *Broker) WaitForLanes() {
	b.lanes.tasks.Wait()
	b.returns.tasks.Wait()
}

// ForgetUnasked is what Run does each minute.
func (b *Broker) ForgetUnasked(ctx context.Context) error { return b.forgetUnasked(ctx) }

// AtCanarysDoor is the check that only the watch of canaries can make.
func (b *Broker) AtCanarysDoor(ctx context.Context, id provision.LeaseID) Verdict {
	return b.Check(ctx, Ask{Origin: canaryOrigin, Token: b.token(id, canaryOrigin), canary: true})
}

// TokenAt is a token that the process could make, for anything that calls itself an origin.
func (b *Broker) TokenAt(id provision.LeaseID, origin string) string { return b.token(id, origin) }

// Patient is r with so much time to try a policy.
func (r Rules) Patient(d time.Duration) Rules { r.patience = d; return r }

// CanaryOutcome is what a sighting says about a canary.
func CanaryOutcome(c provision.Canary, s provision.Sighting) string { return canaryOutcome(c, s) }

// ExpireElevations is what Run does every few seconds.
func (b *Broker) ExpireElevations(ctx context.Context) error { return b.expireElevations(ctx) }

// Rests reports whether an app's lane rests.
func (b *Broker) Rests(app provision.AppID) bool {
	b.lanes.mu.Lock()
	defer b.lanes.mu.Unlock()
	x := b.lanes.of[app]
	return x != nil && b.Ledger.Now().Before(x.rest)
}

// Trying does something while a policy of a tenant is tried.
func (b *Broker) Trying(t provision.TenantID, do func()) {
	lane := b.trials.of(t)
	lane <- struct{}{}
	defer func() { <-lane }()
	do()
}

// Suspended reports whether checks of a lease wait until its end is committed.
func (b *Broker) Suspended(id provision.LeaseID) bool {
	b.suspense.mu.Lock()
	defer b.suspense.mu.Unlock()
	return b.suspense.leases[id] != nil
}

// SuspendFor sets for how long checks wait, of leases that are not held yet.
func (b *Broker) SuspendFor(d time.Duration) {
	b.suspense.mu.Lock()
	defer b.suspense.mu.Unlock()
	b.suspense.patience = d
}

// RuleElevation is the word of an operator, or of a tenant's administrator, on a request. Whoever asked decides nothing.
func (b *Broker) RuleElevation(ctx context.Context, d Deed, id provision.ElevationID, yes bool) (provision.Elevation, error) {
	e, err := b.elevation(ctx, id)
	if err != nil {
		return e, err
	}
	return b.ruleOn(ctx, d, e, yes, provision.Standing{})
}
