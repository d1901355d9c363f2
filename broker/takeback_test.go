package broker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// cellars are sources of acme by their names.
type cellars map[provision.SecretID]*cellar

// Source implements broker.Sources.
func (c cellars) Source(_ context.Context, t provision.TenantID, id provision.SecretID) (provision.Secret, broker.Source, error) {
	if t != "acme" || c[id] == nil {
		return provision.Secret{}, nil, provision.ErrNotFound
	}
	return provision.Secret{ID: id, Tenant: t, Roles: []string{"engineer", "deployer"}}, c[id], nil
}

// cellar is a source that says nothing for as long as it waits for something.
type cellar struct {
	revoking, renewed atomic.Int64
	until             <-chan struct{} // what it waits for; nil: nothing
	deaf              bool            // it does not hear that nobody listens any more
	asked             func()          // when it is asked to renew
	heard             func()          // when it has answered that
}

func (c *cellar) wait(ctx context.Context) error {
	switch {
	case c.until == nil:
		return nil
	case c.deaf:
		<-c.until
		return errors.New("too late")
	}
	select {
	case <-c.until:
		return errors.New("too late")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *cellar) Issue(context.Context, broker.UserOrder) (broker.Handed, error) {
	return broker.Handed{}, nil
}

func (c *cellar) Renew(ctx context.Context, _ string, _ time.Time) error {
	if c.asked != nil {
		c.asked()
	}
	if c.heard == nil {
		return c.wait(ctx)
	}
	defer c.heard()
	select {
	case <-c.until:
		c.renewed.Add(1)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *cellar) Revoke(ctx context.Context, _ string) error {
	c.revoking.Add(1)
	return c.wait(ctx)
}

// due leaves n credentials of a source to take back, of a lease that is over.
func (h *house) due(over provision.Lease, id provision.SecretID, n int) {
	h.t.Helper()
	var all []provision.Credential
	for range n {
		name := fmt.Sprintf("%s_%05d", id, h.drawn.Add(1))
		all = append(all, provision.Credential{
			ID: provision.CredentialID("crd_" + name), Tenant: "acme", Account: over.Account, Lease: over.ID, Source: id, Name: "lh_" + name, State: provision.CredentialIssued, Told: true, Made: over.Start, Until: over.End,
		})
	}
	_, err := h.store.Amend(context.Background(), provision.Target{}, func(provision.State) (provision.Change, error) {
		return provision.Change{Credentials: all}, nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// left counts what is open of a source.
func (h *house) left(id provision.SecretID) int {
	h.t.Helper()
	all, err := h.store.Credentials(context.Background(), provision.CredentialFilter{Source: id, Open: true, Limit: 1000})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(all)
}

// overLease is a lease that has ended.
func (h *house) overLease() provision.Lease {
	h.t.Helper()
	l := h.login(ada())
	if err := h.RevokeLease(context.Background(), operator(), l.ID); err != nil {
		h.t.Fatal(err)
	}
	return l
}

func TestASourceThatHangsWithManyThatAreDueTakesNobodysTurn(t *testing.T) {
	t.Parallel()
	answers := make(chan struct{})
	slow, fast := &cellar{until: answers}, new(cellar)
	h := newHouse(t, func(h *house) { h.sources = cellars{"a-slow": slow, "z-fast": fast} })
	over := h.overLease()
	h.due(over, "a-slow", 250)
	for turn := range 3 {
		h.due(over, "z-fast", 2)
		began := time.Now()
		if err := h.TakeBack(context.Background()); err != nil {
			t.Fatal(err)
		}
		for h.left("z-fast") > 0 && time.Since(began) < 2*time.Second {
			time.Sleep(5 * time.Millisecond)
		}
		if n := h.left("z-fast"); n > 0 || time.Since(began) > 3*time.Second {
			t.Errorf("turn %d: %d of the source that answers are left after %s", turn, n, time.Since(began))
		}
	}
	if n := slow.revoking.Load(); n != 1 {
		t.Errorf("the one that hangs was asked %d times meanwhile", n)
	}
	close(answers)
	h.WaitForLanes()
	asked := slow.revoking.Load()
	if h.takeBack(); slow.revoking.Load() == asked || h.left("a-slow") != 250 {
		t.Errorf("when it answers it is not asked again; %d are left", h.left("a-slow"))
	}
}

func TestRunWaitsForWhatIsBeingTakenBack(t *testing.T) {
	t.Parallel()
	answers := make(chan struct{})
	slow := &cellar{until: answers, deaf: true}
	h := newHouse(t, func(h *house) { h.sources = cellars{"slow": slow} })
	h.due(h.overLease(), "slow", 1)
	ctx, cancel := context.WithCancel(context.Background())
	if err := h.TakeBack(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	ended := make(chan struct{})
	go func() { h.Run(ctx); close(ended) }()
	select {
	case <-ended:
		t.Error("it ended in the middle")
	case <-time.After(200 * time.Millisecond):
	}
	close(answers)
	<-ended
}

func TestASourceThatHangsKeepsNoOtherFromARenewal(t *testing.T) {
	t.Parallel()
	asked, answered := make(chan struct{}), make(chan struct{}) // the one waits until the other is asked, and that for its answer
	fast := &cellar{until: asked, heard: sync.OnceFunc(func() { close(answered) })}
	sources := cellars{"fast": fast, "slow": {until: answered, asked: sync.OnceFunc(func() { close(asked) })}}
	h := newWorkloadHouse(t, withRenewals, func(h *house) { h.sources = sources })
	got := h.exchanged()
	for id := range sources {
		if _, err := h.HandOver(context.Background(), "acme", id, got.Token, provision.Requester{}); err != nil {
			t.Fatal(err)
		}
	}
	h.clock.pass(4 * time.Minute)
	renewed, err := h.renewed(got.Token)
	if err != nil {
		t.Fatal(err)
	}
	all, err := h.store.Credentials(context.Background(), provision.CredentialFilter{Source: "fast"})
	if err != nil || len(all) != 1 || !all[0].Until.Equal(renewed.Lease.Until()) || fast.renewed.Load() != 1 {
		t.Errorf("the one that answers was told %d times, the ledger has %+v, %v", fast.renewed.Load(), all, err)
	}
}

func TestACredentialThatItsSourceWouldNotGiveAnyMoreIsNotProlonged(t *testing.T) {
	t.Parallel()
	v := new(vault)
	h := newWorkloadHouse(t, withRenewals, withVault(v))
	v.roles = []string{"deployer"}
	got := h.exchanged()
	over, err := h.HandOver(context.Background(), "acme", "reports", got.Token, provision.Requester{})
	if err != nil {
		t.Fatal(err)
	}
	h.clock.pass(4 * time.Minute)
	v.roles = []string{"of others"}
	if _, err := h.renewed(got.Token); err != nil { // the lease goes on all the same
		t.Fatal(err)
	}
	if c := h.credential(); len(v.renewed) != 0 || !c.Until.Equal(over.Until) {
		t.Errorf("the source was told %v, the ledger has %+v", v.renewed, c)
	}
	h.clock.pass(time.Minute)
	h.takeBack()
	if h.wantReach(h.reach(got.Token, deployURL, "/"), ""); len(v.users) != 0 {
		t.Errorf("the source knows %v after the end that it was told", v.users)
	}
}
