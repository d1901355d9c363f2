package broker

import (
	"context"
	"fmt"

	"leasehold/provision"
)

// claim makes the claims that are not there yet. What became of one is the proof's business, not the manifest's.
func (r *registration) claim(ctx context.Context, t provision.Tenant, w WantedClaim) {
	name := fmt.Sprintf("tenant %s: domain %s", t.ID, w.Domain)
	known, err := r.b.Claims(ctx, w.Domain)
	if err != nil {
		r.fault("%s: %w", name, err)
		return
	}
	s := provision.State{Tenant: t}
	for _, c := range append(known, r.change.Claims...) { // what this run makes comes last, and counts
		if c.Domain != w.Domain {
			continue
		}
		if c.Tenant == t.ID {
			s.OwnClaim = c
		}
		if c.Owns() {
			s.Claim = c
		}
	}
	if s.OwnClaim.Proof == w.Proof {
		return
	}
	act, first := r.act, len(r.change.Events)
	act.IDs.Event = func(n int) provision.EventID { return r.act.IDs.Event(first + n) }
	var made provision.Change
	if w.Proof == provision.ProofOperator {
		act.Actor.Kind = provision.Operator // who writes the manifests attests
		made, err = provision.AttestClaim(s, w.Domain, act)
	} else {
		made, err = provision.NewClaim(s, w.Domain, draw(), act)
	}
	if err != nil {
		r.fault("%s: %w", name, err)
		return
	}
	for _, c := range made.Claims {
		r.report.Changes = append(r.report.Changes, fmt.Sprintf("tenant %s: domain %s: %s (%s)", c.Tenant, c.Domain, c.State, c.Proof))
	}
	if !r.looked {
		if r.owned, err = listLooks(ctx, r.b.Registry); err != nil {
			r.fault("%s: %w", name, err)
			return
		}
		r.looked = true
	}
	warnings := r.owned.warn(t.ID, w.Domain)
	r.owned = r.owned.with(made.Claims...)
	made.Events[len(made.Events)-1].Changes = warnings
	r.remark("tenant "+string(t.ID), warnings)
	r.change.Claims = append(r.change.Claims, made.Claims...)
	r.change.Revocations = append(r.change.Revocations, made.Revocations...)
	r.change.Events = append(r.change.Events, made.Events...)
}
