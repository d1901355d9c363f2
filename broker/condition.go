package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leasehold/provision"
)

// Conditions evaluates what tenants write as `when` into their policies.
type Conditions interface {
	// Fault is what is wrong with a condition, or nil: then it is true or false of every case, at a bounded cost.
	Fault(when string) error
	// Holds reports whether a condition is true of a case. With an error nobody can tell.
	Holds(ctx context.Context, when string, c provision.Case) (bool, error)
	// Uses is what a condition looks at that may change, or has to be fetched.
	Uses(when string) Uses
}

// Uses is what a condition looks at, beside what a lease's standing holds.
type Uses struct {
	Time   bool // it may cease to hold by itself
	Whence bool // where the session began
}

// noConditions is where nobody can evaluate one: none can be saved, and none holds.
type noConditions struct{}

var errNoConditions = errors.New("conditions cannot be evaluated here")

func (noConditions) Fault(string) error { return errNoConditions }
func (noConditions) Holds(context.Context, string, provision.Case) (bool, error) {
	return false, errNoConditions
}
func (noConditions) Uses(string) Uses { return Uses{} }

// decide asks the gate, with the policy's condition evaluated on the same state.
func (b *Broker) decide(ctx context.Context, s provision.State, r provision.Request, ids provision.IDs) provision.Decision {
	now := b.Ledger.Now() // asked here: a clock that was reset meanwhile counts
	return provision.Decide(b.judged(ctx, s, r, now), r, ids, now)
}

// judged is s with what the policy's condition comes to.
func (b *Broker) judged(ctx context.Context, s provision.State, r provision.Request, now time.Time) provision.State {
	if when := s.Tenant.Policy.When; when != "" {
		var err error
		if s.Met, err = b.Conditions.Holds(ctx, when, r.Case(s, now)); err != nil {
			s.Unmet = fmt.Sprintf("%q %v", when, err)
		} else if !s.Met {
			s.Unmet = fmt.Sprintf("%q was false of a login from %s", when, r.Requester.IP)
		}
	}
	return s
}

// faultsOf is what is wrong with a policy: each a sentence that begins with the key.
func (b *Broker) faultsOf(p provision.Policy) []string {
	faults := p.Faults()
	if p.When != "" && len(p.When) <= provision.MaxWhen {
		if err := b.Conditions.Fault(p.When); err != nil {
			faults = append(faults, "when: "+err.Error())
		}
	}
	return faults
}
