package broker

import (
	"context"
	"errors"
	"sync"

	"leasehold/provision"
)

// takeBackBatch is how many credentials are taken back in one go.
const takeBackBatch = 100

// TakeBack takes back every credential whose lease is over, that nobody was handed, or that its source did not take back
// before. Sources do not wait for each other, and one that hangs is asked once in a turn.
func (b *Broker) TakeBack(ctx context.Context) error {
	due, err := b.Credentials.Credentials(ctx, provision.CredentialFilter{Due: b.Ledger.Now(), Limit: takeBackBatch})
	type place struct {
		tenant provision.TenantID
		source provision.SecretID
	}
	places := map[place][]provision.Credential{}
	for _, c := range due {
		at := place{c.Tenant, c.Source}
		places[at] = append(places[at], c)
	}
	faults := make(chan error, len(places))
	var all sync.WaitGroup
	for _, there := range places {
		all.Go(func() { faults <- b.takeBackAll(ctx, there) })
	}
	all.Wait()
	close(faults)
	for fault := range faults {
		err = errors.Join(err, fault)
	}
	return err
}

// errHangs is what those are told of whose source did not answer the one before them.
var errHangs = errors.New("the source does not answer in time")

// takeBackAll takes back credentials of one source, one after the other.
func (b *Broker) takeBackAll(ctx context.Context, there []provision.Credential) error {
	var faults []error
	hangs := false
	for _, c := range there {
		said := errHangs
		if !hangs {
			said, hangs = b.revoke(ctx, c)
		}
		if ctx.Err() != nil {
			return ctx.Err() // it was we who gave up
		}
		faults = append(faults, b.takenBack(ctx, c, said))
	}
	return errors.Join(faults...)
}

// revoke asks the source of a credential, and reports whether it hung.
func (b *Broker) revoke(ctx context.Context, c provision.Credential) (err error, hangs bool) {
	_, source, err := b.Sources.Source(ctx, c.Tenant, c.Source)
	if err != nil {
		return err, false
	}
	bounded, cancel := context.WithTimeout(ctx, sourceLimit)
	defer cancel()
	err = source.Revoke(bounded, c.Name)
	return err, err != nil && bounded.Err() != nil
}

// takenBack notes what came of it, and alarms when a credential is stuck.
func (b *Broker) takenBack(ctx context.Context, c provision.Credential, said error) error {
	d := Deed{Actor: provision.Actor{Kind: provision.System, Via: "secrets"}}
	was := c.State
	done, err := b.noteCredential(ctx, d, c, func(s provision.State, c provision.Credential, a provision.Act) (provision.Change, error) {
		was = c.State
		return provision.RevokedCredential(s, c, unsaid(said), a), nil
	})
	for _, now := range done.Credentials {
		if now.State == provision.CredentialStuck && was != provision.CredentialStuck {
			b.Log.Error("a credential is stuck: its source does not take it back", "credential", c.ID, "source", c.Source, "user", c.Name, "tries", now.Tried, "error", unsaid(said))
		}
	}
	return err
}
