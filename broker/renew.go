package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"leasehold/provision"
)

// extend lets the lease whose handle a workload holds go on, for another token of its own. The gate judges it as an exchange
// for all that the lease has, by the rules as they are now, and as a renewal.
func (b *Broker) extend(ctx context.Context, x Trade) (Traded, error) {
	s, err := b.renewable(ctx, x)
	if err != nil {
		return Traded{}, err
	}
	g := s.Lease.Grant
	x.Rule, x.Grant, x.Purpose, x.Task = g.Rule, g.Of, g.Purpose, g.Task
	asked, err := b.introduced(ctx, x)
	if err != nil {
		return Traded{}, err
	}
	asked.Occasion, asked.Replaces = provision.OnRenewal, s.Lease.ID
	asked.Errand.Audience, asked.Errand.Resources, asked.Apps = g.Audience, g.Resources, g.Audience
	d, err := b.decided(ctx, asked)
	if err != nil {
		return Traded{}, err
	}
	b.follow(ctx, d.Lease, x.Requester)
	return b.issue(x, d.Lease)
}

// renewable is the live lease whose handle a trade shows. A lease's id does not do, and no signed token, which says its own
// end for itself.
func (b *Broker) renewable(ctx context.Context, x Trade) (provision.Standing, error) {
	if !strings.HasPrefix(x.Renew, HandlePrefix) {
		return provision.Standing{}, &provision.DeniedError{Reason: provision.SessionMissing}
	}
	s, err := b.workloadOf(ctx, x.Tenant, x.Renew, false)
	if errors.Is(err, provision.ErrNotFound) {
		return s, &provision.DeniedError{Reason: provision.SessionMissing}
	}
	if err != nil {
		return s, err
	}
	if s.Lease.Kind == provision.AgentLease { // and the gate says so, too
		return s, &provision.DeniedError{Reason: provision.NotExchangeable, Tenant: s.Tenant.ID}
	}
	if reason := s.Refuses(b.Ledger.Now()); reason != "" {
		return s, &provision.DeniedError{Reason: reason, Tenant: s.Tenant.ID}
	}
	return s, nil
}

// follow tells the sources of a lease's credentials that it goes on, each by itself within sourceLimit. One that does not
// hear of it, that would not give the holder a credential any more, or that we do not get to note, keeps the end that it was
// told before, and is taken back then.
func (b *Broker) follow(ctx context.Context, l provision.Lease, from provision.Requester) {
	if b.Credentials == nil || b.Sources == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*sourceLimit) // to read, and for sources
	defer cancel()
	open, err := b.Credentials.Credentials(ctx, provision.CredentialFilter{Lease: l.ID, State: provision.CredentialIssued})
	if err != nil || len(open) == 0 {
		b.log("credentials of a renewed lease", err)
		return
	}
	s, err := b.Ledger.Lease(ctx, l.ID)
	if err != nil {
		b.log("renewal of credentials", err)
		return
	}
	places := map[provision.SecretRef][]provision.Credential{}
	for _, c := range open {
		if c.Until.Before(l.Until()) {
			places[c.Ref()] = append(places[c.Ref()], c)
		}
	}
	d := Deed{Actor: workloadActor(l), Requester: from}
	var all sync.WaitGroup
	for _, there := range places {
		all.Go(func() { b.prolongAll(ctx, d, s, there) })
	}
	all.Wait()
}

// prolongAll tells one source of some credentials of the lease of s that it goes on, one after the other.
func (b *Broker) prolongAll(ctx context.Context, d Deed, s provision.Standing, there []provision.Credential) {
	ctx, cancel := context.WithTimeout(ctx, sourceLimit)
	defer cancel()
	for _, c := range there {
		b.log("renewal of a credential", b.prolong(ctx, d, s, c))
	}
}

// prolong tells a source first, and the ledger then: broken off in between, the credential is taken back too early.
func (b *Broker) prolong(ctx context.Context, d Deed, s provision.Standing, c provision.Credential) error {
	secret, source, err := b.Sources.Source(ctx, c.Tenant, c.Source)
	if err != nil {
		return err
	}
	if !secret.Gives(s) {
		return fmt.Errorf("credential %s ends when it would have: %w", c.ID, &provision.DeniedError{Reason: provision.RoleMissing, Tenant: c.Tenant})
	}
	until := s.Lease.Until()
	if err := source.Renew(ctx, c.Name, b.Now().Add(until.Sub(b.Ledger.Now()))); err != nil {
		return err
	}
	_, err = b.noteCredential(ctx, d, c, func(s provision.State, c provision.Credential, a provision.Act) (provision.Change, error) {
		return provision.RenewedCredential(s, c, until, a), nil
	})
	return err
}
