package broker

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"leasehold/provision"
)

// Canaries keeps leases that nobody holds. Each minute one is made and ended, and every process that shares the ledger
// watches by checks how soon it is refused (docs/design/0010-canary.md).
type Canaries interface {
	// PutCanary writes a canary as it is now, with what the other processes have to hear of it in the same commit.
	PutCanary(ctx context.Context, c provision.Canary, n provision.News) error

	// Canary is one, or ErrNotFound. "" is the newest.
	Canary(ctx context.Context, id provision.LeaseID) (provision.Canary, error)

	// SawCanary writes what a process saw of a canary, in its row. Sightings are all that was seen of it.
	SawCanary(ctx context.Context, s provision.Sighting) error
	Sightings(ctx context.Context, id provision.LeaseID) ([]provision.Sighting, error)
}

// Times of a canary.
const (
	canaryEvery    = time.Minute
	canaryLook     = time.Second // between two looks for a new one
	canaryRest     = 2 * time.Second
	canaryCheck    = 5 * time.Millisecond
	canaryPatience = 10 * time.Second       // of a process that is not refused
	canarySlack    = 100 * time.Millisecond // by so much two processes may take ledger time for another
)

// canaryOrigin is what a canary's token is bound to. It is no origin, and none reads as it.
const canaryOrigin = "canary"

// What a process saw of a canary.
const (
	CanaryRefused = "refused" // it was let in, and then no more
	CanaryLate    = "late"    // it was let in by a check that was sent after its end was acknowledged. This must never be
	CanaryUnseen  = "unseen"  // nobody can tell: it was noticed too late, was never ended, or the ledger did not answer
)

// aviary is what a process does with canaries. One task at a time looks after it.
type aviary struct {
	process string // a name that no other process has
	door    *door
	tasks   sync.WaitGroup
	seen    provision.LeaseID // the last one that was noticed
	tried   time.Time         // when this process last tried to make one
}

func newAviary() aviary { return aviary{process: draw(), door: newDoor(provision.CanaryDoor())} }

// canary looks for a new canary, and watches it until it is refused. Who leads makes it.
func (b *Broker) canary(ctx context.Context) error {
	c, err := b.Canaries.Canary(ctx, "")
	if err != nil && !errors.Is(err, provision.ErrNotFound) {
		return err
	}
	if now := b.Ledger.Now(); b.Leads() && now.Sub(c.Planted).Abs() >= canaryEvery && now.Sub(b.aviary.tried).Abs() >= canaryEvery {
		b.aviary.tried = now
		b.tellOfCanary(ctx, c)
		if c, err = b.plantCanary(ctx, now); err != nil {
			return err
		}
	}
	if c.ID == "" || c.ID == b.aviary.seen {
		return nil
	}
	b.aviary.seen = c.ID
	if !c.Ended.IsZero() {
		b.Count.Canary(CanaryUnseen, 0)
		return nil
	}
	return b.judgeCanary(ctx, b.watchCanary(ctx, c.ID))
}

// plantCanary makes a canary, and ends it when the others have had time to notice it.
func (b *Broker) plantCanary(ctx context.Context, now time.Time) (provision.Canary, error) {
	c := provision.Canary{ID: provision.NewCanaryID(draw()), Planted: now}
	if err := b.Canaries.PutCanary(ctx, c, provision.News{}); err != nil {
		return c, err
	}
	b.aviary.tasks.Go(func() {
		select {
		case <-ctx.Done(): // it ends by itself
		case <-time.After(canaryRest):
			b.log("end canary", b.endCanary(ctx, c))
		}
	})
	return c, nil
}

// endCanary ends a canary as a revocation ends a lease: with its news in the commit, forgotten here, and acknowledged
// when the other processes have forgotten it, too.
func (b *Broker) endCanary(ctx context.Context, c provision.Canary) error {
	c.Ended = b.Ledger.Now()
	news := provision.News{}
	if !b.alone() {
		news = provision.News{ID: provision.NewsID(draw()), Leases: []provision.LeaseID{c.ID}}
	}
	b.foretell(ctx, c.ID)
	err := b.Canaries.PutCanary(ctx, c, news)
	b.index.drop(c.ID)
	b.suspense.release(c.ID)
	if err != nil {
		return err
	}
	b.settled(ctx, news)
	c.Acknowledged = b.Ledger.Now()
	return b.Canaries.PutCanary(ctx, c, provision.News{})
}

// watchCanary checks a canary again and again until it is refused, or for as long as is borne.
func (b *Broker) watchCanary(ctx context.Context, id provision.LeaseID) provision.Sighting {
	s := provision.Sighting{Canary: id, Process: b.aviary.process}
	ask := Ask{Origin: canaryOrigin, Path: "/", Method: http.MethodGet, Token: b.token(id, canaryOrigin), canary: true}
	over := time.Now().Add(canaryPatience)
	for ctx.Err() == nil && time.Now().Before(over) {
		sent := b.Ledger.Now()
		v := b.Check(ctx, ask)
		switch {
		case v.Allow:
			s.Sent, s.Allowed = sent, b.Ledger.Now()
		case v.Reason != provision.StoreUnavailable:
			s.Refused = b.Ledger.Now()
			return s
		}
		time.Sleep(canaryCheck)
	}
	return s
}

// judgeCanary holds what this process saw against what became of the canary, counts it, and writes it.
func (b *Broker) judgeCanary(ctx context.Context, s provision.Sighting) error {
	c, err := b.Canaries.Canary(ctx, s.Canary)
	for try := 0; err == nil && c.Acknowledged.IsZero() && !c.Ended.IsZero() && try < 3 && ctx.Err() == nil; try++ {
		time.Sleep(newsWait / 2) // whoever ended it still waits for somebody
		c, err = b.Canaries.Canary(ctx, s.Canary)
	}
	if ctx.Err() != nil {
		return nil
	}
	outcome := canaryOutcome(c, s)
	if err != nil {
		outcome = CanaryUnseen
	}
	if outcome == CanaryLate {
		b.Log.Error("a canary was let in by a check that was sent after its end was acknowledged", "canary", s.Canary, "acknowledged", c.Acknowledged, "sent", s.Sent, "allowed", s.Allowed, "refused", s.Refused)
	}
	b.Count.Canary(outcome, max(0, s.Allowed.Sub(c.Ended)))
	return errors.Join(err, b.Canaries.SawCanary(ctx, s))
}

// canaryOutcome is what a sighting says about a canary.
func canaryOutcome(c provision.Canary, s provision.Sighting) string {
	switch {
	case !c.Acknowledged.IsZero() && s.Sent.After(c.Acknowledged.Add(canarySlack)):
		return CanaryLate
	case s.Allowed.IsZero() || s.Refused.IsZero() || c.Ended.IsZero():
		return CanaryUnseen
	}
	return CanaryRefused
}

// tellOfCanary logs what all processes saw of a canary, for whoever looks closer.
func (b *Broker) tellOfCanary(ctx context.Context, c provision.Canary) {
	if c.Ended.IsZero() {
		return
	}
	found, err := b.Canaries.Sightings(ctx, c.ID)
	slowest := time.Duration(0)
	for _, s := range found {
		slowest = max(slowest, s.Allowed.Sub(c.Ended))
	}
	b.Log.Debug("canary", "canary", c.ID, "processes", len(found), "slowest", slowest, "acknowledged after", c.Acknowledged.Sub(c.Ended), "error", err)
}
