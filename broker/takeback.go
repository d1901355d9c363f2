package broker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"leasehold/provision"
)

// takeBackBatch is how many credentials are taken back in one go.
const takeBackBatch = 100

// returns are the sources that are being asked to take credentials back. One that hangs holds up nobody but itself.
type returns struct {
	mu    sync.Mutex
	busy  map[provision.SecretRef]bool
	tasks sync.WaitGroup
}

// enter takes a source's lane, unless somebody is in it.
func (r *returns) enter(at provision.SecretRef) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[at] {
		return false
	}
	if r.busy == nil {
		r.busy = map[provision.SecretRef]bool{}
	}
	r.busy[at] = true
	return true
}

func (r *returns) leave(at provision.SecretRef) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.busy, at)
}

// under lists the sources whose lanes are taken.
func (r *returns) under() []provision.SecretRef {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.busy))
}

// TakeBack begins to take back every credential whose lease is over, that nobody was handed, or that its source did not take
// back before, and waits for no source. Each has a lane of its own, and gets a turn however many are due of others.
func (b *Broker) TakeBack(ctx context.Context) error {
	for passed := b.returns.under(); ; {
		due, err := b.Credentials.Credentials(ctx, provision.CredentialFilter{Due: b.Ledger.Now(), Except: passed, Limit: takeBackBatch})
		if err != nil || len(due) == 0 {
			return err
		}
		places := map[provision.SecretRef][]provision.Credential{}
		for _, c := range due {
			places[c.Ref()] = append(places[c.Ref()], c)
		}
		for at, there := range places {
			passed = append(passed, at)
			b.takeBackApart(ctx, at, there)
		}
		if len(due) < takeBackBatch {
			return nil
		}
	}
}

// takeBackApart takes back credentials of one source in its lane, unless that is taken: then they have their turn again.
func (b *Broker) takeBackApart(ctx context.Context, at provision.SecretRef, there []provision.Credential) {
	if !b.returns.enter(at) {
		return
	}
	b.returns.tasks.Go(func() {
		defer b.returns.leave(at)
		if err := b.takeBackAll(ctx, there); ctx.Err() == nil { // else it is we who gave up
			b.log("take back credentials", err)
		}
	})
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
