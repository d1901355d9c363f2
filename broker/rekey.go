package broker

import (
	"context"
	"fmt"
	"slices"

	"leasehold/provision"
)

// rekeySample is how many accounts of an issuer are looked at: all of them are known by the same claims.
const rekeySample = 20

// rekeys are the rules of p by which workloads of an issuer would be known by other claims than the accounts that they
// have: they would become other accounts, and outlive the revocation of these. No two rules of an issuer differ in that.
func (b *Broker) rekeys(ctx context.Context, p, old provision.Policy) (faults []string, err error) {
	for _, r := range p.Trust {
		same := func(x provision.TrustRule) bool { return x.Connection == r.Connection && x.KnowsAs(r) }
		if slices.ContainsFunc(old.Trust, same) {
			continue
		}
		id, subject, err := b.knownOtherwise(ctx, r)
		if err != nil {
			return nil, err
		}
		if id != "" {
			faults = append(faults, fmt.Sprintf("rules: %s: subject: workloads of connection %s are known by other claims already, as account %s (%s); "+
				"they would become other accounts, and outlive the revocation of these. Keep the claims, or use another connection", r.ID, r.Connection, id, subject))
		}
	}
	return faults, nil
}

// sameSubjects notes a fault when those who come by a connection would become other accounts, or somebody else's: a subject
// of one protocol is nobody in the other, and what one claim says of somebody may be what another says of somebody else.
func (r *registration) sameSubjects(ctx context.Context, name string, c, old provision.Connection) bool {
	if old.Protocol != c.Protocol {
		r.fault("%s: speaks %s; give the new one another id: %w", name, old.Protocol, provision.ErrConflict)
		return false
	}
	if old.Subject == c.Subject || r.b.Leftovers == nil {
		return true
	}
	known, err := r.b.Leftovers.Linked(ctx, c.ID, 1)
	switch {
	case err != nil:
		r.fault("%s: accounts: %w", name, err)
	case len(known) > 0:
		r.fault("%s: subject: people are known by %s already, as account %s; give the new one another id: %w", name, old.Subject, known[0], provision.ErrConflict)
	}
	return err == nil && len(known) == 0
}

// rekeyed notes a fault for each rule that would make other accounts of the workloads that there are.
func (r *registration) rekeyed(ctx context.Context, name string, p, old provision.Policy) {
	faults, err := r.b.rekeys(ctx, p, old)
	if err != nil {
		r.fault("%s: %w", name, err)
	}
	for _, fault := range faults {
		r.fault("%s: %s: %w", name, fault, provision.ErrConflict)
	}
}

// knownOtherwise is an account at r's issuer that is known by other claims than r's, and what it is known as; "": none.
func (b *Broker) knownOtherwise(ctx context.Context, r provision.TrustRule) (provision.AccountID, string, error) {
	if b.Leftovers == nil {
		return "", "", nil
	}
	ids, err := b.Leftovers.Linked(ctx, r.Connection, rekeySample)
	if err != nil {
		return "", "", fmt.Errorf("accounts of connection %s: %w", r.Connection, err)
	}
	for _, id := range ids {
		_, links, _, err := b.Registry.Account(ctx, id)
		if err != nil {
			return "", "", fmt.Errorf("account %s: %w", id, err)
		}
		for _, l := range links {
			if l.Connection == r.Connection && l.Subject != "" && !r.Names(l.Subject) {
				return id, l.Subject, nil
			}
		}
	}
	return "", "", nil
}
