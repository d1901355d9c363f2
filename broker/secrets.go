package broker

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"leasehold/provision"
)

// Credentials lists what sources of secrets know for leases.
type Credentials interface {
	// Credentials lists those that a filter chooses, in the order of their ids, or of their turns when they are due.
	Credentials(ctx context.Context, f provision.CredentialFilter) ([]provision.Credential, error)
	// CountCredentials counts those that are open, by tenant, source and state.
	CountCredentials(ctx context.Context) ([]provision.CredentialCount, error)
}

// Sources finds what credentials come from. One that is not there is ErrNotFound.
type Sources interface {
	Source(ctx context.Context, t provision.TenantID, id provision.SecretID) (provision.Secret, Source, error)
}

// Source makes users at one place, a database say, and takes them back. An error of any verb leaves the caller not knowing
// whether it was done; each may be said again.
type Source interface {
	// Issue makes the user that an order names.
	Issue(ctx context.Context, o UserOrder) (Handed, error)
	// Renew lets a user that was made be until another time. A source whose users have no end of their own only says that he
	// is there.
	Renew(ctx context.Context, name string, until time.Time) error
	// Revoke sees to it that the source knows the user no more, and that nothing of his goes on there.
	Revoke(ctx context.Context, name string) error
}

// UserOrder is a user to make.
type UserOrder struct {
	Name     string
	Password string
	Until    time.Time // by the wall clock; from then on the source itself lets him in no more
}

// Handed is what whoever asked needs to use a credential, beside its name and password.
type Handed struct {
	Address  string // where, without a password
	Username string // "": the name that was ordered
	Password string // of a source that makes its own; "": the one that was ordered
}

// HandedOver is a credential with its password, which is handed out once and kept nowhere.
type HandedOver struct {
	provision.Credential
	Handed
	Expires time.Time // by the wall clock
}

// sourceLimit is how long a source may take to make a user, or to take one back.
const sourceLimit = 5 * time.Second

// Issue hands the holder of a live lease a credential of a source. The intent is committed before the source is asked:
// whatever breaks off in between, somebody knows the name and takes it back.
func (b *Broker) Issue(ctx context.Context, lease provision.LeaseID, id provision.SecretID, from provision.Requester) (HandedOver, error) {
	s, source, err := b.entitled(ctx, lease, id)
	if err != nil {
		return HandedOver{}, err
	}
	c := provision.Credential{ID: provision.CredentialID("crd_" + draw()), Lease: lease, Source: id, Name: "lh_" + draw()}
	d := Deed{Actor: provision.Actor{Kind: provision.Person, ID: string(s.Account.ID), Via: "secrets"}, Requester: from}
	if s.Lease.Kind != provision.SessionLease {
		d.Actor.Kind = provision.Workload
	}
	done, err := b.noteCredential(ctx, d, c, func(st provision.State, _ provision.Credential, a provision.Act) (provision.Change, error) {
		return provision.IntendCredential(st, c, a)
	})
	if err != nil {
		return HandedOver{}, err
	}
	return b.issued(ctx, d, done.Credentials[0], source)
}

// HandOver is Issue for the workload whose handle this is.
func (b *Broker) HandOver(ctx context.Context, t provision.TenantID, id provision.SecretID, bearer string, from provision.Requester) (HandedOver, error) {
	if !strings.HasPrefix(bearer, HandlePrefix) {
		return HandedOver{}, &provision.DeniedError{Reason: provision.SessionMissing}
	}
	s, err := b.workloadOf(ctx, t, bearer, false)
	if errors.Is(err, provision.ErrNotFound) {
		return HandedOver{}, &provision.DeniedError{Reason: provision.SessionMissing}
	}
	if err != nil {
		return HandedOver{}, err
	}
	return b.Issue(ctx, s.Lease.ID, id, from)
}

// issued asks the source, and notes what it said.
func (b *Broker) issued(ctx context.Context, d Deed, c provision.Credential, source Source) (HandedOver, error) {
	wall := b.Now()
	over := HandedOver{Credential: c, Expires: wall.Add(c.Until.Sub(b.Ledger.Now()))}
	order := UserOrder{c.Name, rand.Text(), over.Expires}
	bounded, cancel := context.WithTimeout(ctx, sourceLimit)
	defer cancel()
	var err error
	if over.Handed, err = source.Issue(bounded, order); err != nil {
		_, noted := b.noteCredential(context.WithoutCancel(ctx), d, c, func(s provision.State, c provision.Credential, a provision.Act) (provision.Change, error) {
			return provision.FailedCredential(s, c, unsaid(err), a), nil
		})
		b.log("note of a credential", noted) // else it is taken back when its time is over
		return HandedOver{}, fmt.Errorf("source %s: %w: %w", c.Source, provision.ErrUnavailable, err)
	}
	_, err = b.noteCredential(ctx, d, c, func(s provision.State, c provision.Credential, a provision.Act) (change provision.Change, _ error) {
		over.Credential, change = provision.IssuedCredential(s, c, a)
		return change, nil
	})
	switch {
	case err != nil:
		return HandedOver{}, err
	case over.State != provision.CredentialIssued:
		return HandedOver{}, &provision.DeniedError{Reason: provision.LeaseEnded, Tenant: c.Tenant}
	}
	over.Username, over.Password = cmp.Or(over.Username, order.Name), cmp.Or(over.Password, order.Password)
	return over, nil
}

// entitled is how a lease stands that may have a credential of a source now, and the source.
func (b *Broker) entitled(ctx context.Context, lease provision.LeaseID, id provision.SecretID) (provision.Standing, Source, error) {
	s, err := b.Ledger.Lease(ctx, lease)
	if errors.Is(err, provision.ErrNotFound) {
		return s, nil, &provision.DeniedError{Reason: provision.LeaseEnded}
	}
	if err != nil {
		return s, nil, err
	}
	now := b.Ledger.Now()
	if reason := s.Refuses(now); reason != "" {
		return s, nil, &provision.DeniedError{Reason: reason, Tenant: s.Tenant.ID}
	}
	secret, source, err := b.Sources.Source(ctx, s.Tenant.ID, id)
	if err == nil && !secret.Gives(s) {
		err = &provision.DeniedError{Reason: provision.RoleMissing, Tenant: s.Tenant.ID}
	}
	return s, source, err
}

// noteCredential commits what became of a credential, by what it is then: the zero one when it is not open any more.
func (b *Broker) noteCredential(ctx context.Context, d Deed, c provision.Credential, note func(provision.State, provision.Credential, provision.Act) (provision.Change, error)) (provision.Change, error) {
	a, err := b.act(d)
	if err != nil {
		return provision.Change{}, err
	}
	return b.amend(ctx, provision.Target{Lease: c.Lease, Quiet: true, Credentials: true}, func(s provision.State) (provision.Change, error) {
		a.Now = b.Ledger.Now()
		return note(s, s.Credential(c.ID), a)
	})
}

// unsaid is an error in few words. A source sees to it that no secret is among them.
func unsaid(err error) string {
	if err == nil {
		return ""
	}
	text := strings.ToValidUTF8(err.Error(), "?")
	return text[:min(len(text), 200)]
}
