package broker

import (
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
	// Credentials lists those that a filter chooses, in the order of their ids.
	Credentials(ctx context.Context, f provision.CredentialFilter) ([]provision.Credential, error)
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
	Address string // where, without a password
}

// HandedOver is a credential with its password, which is handed out once and kept nowhere.
type HandedOver struct {
	provision.Credential
	Handed
	Password string
	Expires  time.Time // by the wall clock
}

// sourceLimit is how long a source may take to make a user, or to take one back.
const sourceLimit = 5 * time.Second

// takeBackBatch is how many credentials are taken back in one go.
const takeBackBatch = 100

// Issue hands the holder of a live lease a credential of a source. The intent is committed before the source is asked:
// whatever breaks off in between, somebody knows the name and takes it back.
func (b *Broker) Issue(ctx context.Context, lease provision.LeaseID, id provision.SecretID, from provision.Requester) (HandedOver, error) {
	s, source, err := b.entitled(ctx, lease, id)
	if err != nil {
		return HandedOver{}, err
	}
	open, err := b.Credentials.Credentials(ctx, provision.CredentialFilter{Lease: lease, Open: true})
	if err != nil {
		return HandedOver{}, fmt.Errorf("credentials: %w", err)
	}
	c := provision.Credential{ID: provision.CredentialID("crd_" + draw()), Source: id, Name: "lh_" + draw()}
	d := Deed{Actor: provision.Actor{Kind: provision.Person, ID: string(s.Account.ID), Via: "secrets"}, Requester: from}
	if s.Lease.Kind != provision.SessionLease {
		d.Actor.Kind = provision.Workload
	}
	done, err := b.noteCredential(ctx, d, lease, func(st provision.State, a provision.Act) (provision.Change, error) {
		return provision.IntendCredential(st, c, open, a)
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
	over := HandedOver{Credential: c, Password: rand.Text(), Expires: wall.Add(c.Until.Sub(b.Ledger.Now()))}
	bounded, cancel := context.WithTimeout(ctx, sourceLimit)
	defer cancel()
	var err error
	if over.Handed, err = source.Issue(bounded, UserOrder{c.Name, over.Password, over.Expires}); err != nil {
		_, noted := b.noteCredential(context.WithoutCancel(ctx), d, c.Lease, func(s provision.State, a provision.Act) (provision.Change, error) {
			return provision.FailedCredential(s, c, unsaid(err), a), nil
		})
		b.log("note of a credential", noted) // else it is taken back when its time is over
		return HandedOver{}, fmt.Errorf("source %s: %w: %w", c.Source, provision.ErrUnavailable, err)
	}
	_, err = b.noteCredential(ctx, d, c.Lease, func(s provision.State, a provision.Act) (change provision.Change, _ error) {
		over.Credential, change = provision.IssuedCredential(s, c, a)
		return change, nil
	})
	switch {
	case err != nil:
		return HandedOver{}, err
	case over.State != provision.CredentialIssued:
		return HandedOver{}, &provision.DeniedError{Reason: provision.LeaseEnded, Tenant: c.Tenant}
	}
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

// noteCredential commits what became of a credential of a lease.
func (b *Broker) noteCredential(ctx context.Context, d Deed, lease provision.LeaseID, note func(provision.State, provision.Act) (provision.Change, error)) (provision.Change, error) {
	a, err := b.act(d)
	if err != nil {
		return provision.Change{}, err
	}
	return b.amend(ctx, provision.Target{Lease: lease, Quiet: true}, func(s provision.State) (provision.Change, error) {
		a.Now = b.Ledger.Now()
		return note(s, a)
	})
}

// TakeBack takes back every credential whose lease is over, that nobody was handed, or that its source did not take back
// before. One that hangs holds up the others for sourceLimit at most, and then waits for its next turn.
func (b *Broker) TakeBack(ctx context.Context) error {
	due, err := b.Credentials.Credentials(ctx, provision.CredentialFilter{Due: b.Ledger.Now(), Limit: takeBackBatch})
	faults := []error{err}
	for _, c := range due {
		faults = append(faults, b.takeBack(ctx, c))
	}
	return errors.Join(faults...)
}

func (b *Broker) takeBack(ctx context.Context, c provision.Credential) error {
	_, source, err := b.Sources.Source(ctx, c.Tenant, c.Source)
	if err == nil {
		bounded, cancel := context.WithTimeout(ctx, sourceLimit)
		defer cancel()
		err = source.Revoke(bounded, c.Name)
	}
	if ctx.Err() != nil {
		return ctx.Err() // it was we who gave up
	}
	d := Deed{Actor: provision.Actor{Kind: provision.System, Via: "secrets"}}
	_, noted := b.noteCredential(ctx, d, c.Lease, func(s provision.State, a provision.Act) (provision.Change, error) {
		return provision.RevokedCredential(s, c, unsaid(err), a), nil
	})
	if err != nil && c.Tried+1 >= provision.CredentialTries {
		b.Log.Error("a credential is stuck: its source does not take it back", "credential", c.ID, "source", c.Source, "user", c.Name, "tries", c.Tried+1, "error", unsaid(err))
	}
	return noted
}

// unsaid is an error in few words. A source sees to it that no secret is among them.
func unsaid(err error) string {
	if err == nil {
		return ""
	}
	text := strings.ToValidUTF8(err.Error(), "?")
	return text[:min(len(text), 200)]
}
