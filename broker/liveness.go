package broker

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"leasehold/idp"
	"leasehold/provision"
)

const (
	askEvery  = time.Second
	askBatch  = 64          // leases that are asked about, and whose answers are written, in one commit each
	askAtOnce = 32          // questions to one connection's provider
	askGiveUp = 16          // questions without an answer, one after the other, after which a batch is not asked on
	askClaim  = time.Minute // far longer than a question takes: within it nobody else asks about the lease
)

// liveness knows which connections' providers are asked, and where somebody is asking.
type liveness struct {
	mu      sync.Mutex
	list    []provision.ConnectionID
	listed  time.Time
	changes uint64 // the index's, when they were listed
	asking  map[provision.ConnectionID]bool
}

// jittered is about d, so that what begins together is not asked about together.
func jittered(d time.Duration) time.Duration {
	return d - d/10 + time.Duration(rand.Int64N(int64(d/5)+1))
}

// Ask asks the providers of connections with liveness about every lease that is due, and returns when they have
// answered. What a provider refuses ends; what it cannot be asked about ends when that has lasted too long.
func (b *Broker) Ask(ctx context.Context) error {
	var asked sync.WaitGroup
	defer asked.Wait()
	return b.ask(ctx, &asked)
}

// ask begins to ask, at each connection where nobody is asking: a provider that hangs holds up no other one.
func (b *Broker) ask(ctx context.Context, asked *sync.WaitGroup) error {
	list, err := b.lively(ctx)
	if err != nil {
		return err
	}
	for _, id := range list {
		if !b.alive.begin(id) {
			continue
		}
		asked.Go(func() {
			defer b.alive.end(id)
			if err := b.askAt(ctx, id); ctx.Err() == nil {
				b.log("ask identity provider", err)
			}
		})
	}
	return nil
}

func (l *liveness) begin(id provision.ConnectionID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asking[id] {
		return false
	}
	if l.asking == nil {
		l.asking = map[provision.ConnectionID]bool{}
	}
	l.asking[id] = true
	return true
}

func (l *liveness) end(id provision.ConnectionID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.asking, id)
}

// lively lists the connections whose providers are asked. Looking costs nothing while nothing was registered.
func (b *Broker) lively(ctx context.Context) ([]provision.ConnectionID, error) {
	changes, now := b.index.changes.Load(), b.Now() // before the list is read, so that nothing is missed
	b.alive.mu.Lock()
	list, good := b.alive.list, !b.alive.listed.IsZero() && b.alive.changes == changes && now.Sub(b.alive.listed) < listAge
	b.alive.mu.Unlock()
	if good {
		return list, nil
	}
	connections, err := all(ctx, b.Registry.Connections, func(c provision.Connection) string { return string(c.ID) })
	if err != nil {
		return nil, err
	}
	list = nil
	for _, c := range connections {
		if c.Liveness.On() && !c.Disabled {
			list = append(list, c.ID)
		}
	}
	b.alive.mu.Lock()
	defer b.alive.mu.Unlock()
	b.alive.list, b.alive.changes, b.alive.listed = list, changes, now
	return list, nil
}

// askAt asks one connection's provider about all that is due, batch by batch.
func (b *Broker) askAt(ctx context.Context, id provision.ConnectionID) error {
	c, err := b.Registry.Connection(ctx, id)
	if err != nil {
		return err
	}
	for {
		due, err := b.Upstreams.Asked(ctx, id, b.Ledger.Now(), askBatch)
		if err != nil || len(due) == 0 {
			return err
		}
		claimed, err := b.claim(ctx, due)
		if err != nil {
			return err
		}
		if err := b.conclude(ctx, c, b.askAbout(ctx, c, claimed)); err != nil {
			return err
		}
		if len(due) < askBatch || len(claimed) == 0 || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// claim moves the next question of leases on, for those about which nobody else began to ask meanwhile: of several
// replicas one asks, because a refresh token is good for one question.
func (b *Broker) claim(ctx context.Context, due []provision.Lease) ([]provision.Lease, error) {
	seen := map[provision.LeaseID]provision.Lease{}
	var ids []provision.LeaseID
	for _, l := range due {
		seen[l.ID], ids = l, append(ids, l.ID)
	}
	until := b.Ledger.Now().Add(askClaim)
	won := map[provision.LeaseID]provision.Lease{}
	err := b.write(ctx, ids, func(id provision.LeaseID, s provision.State, _ provision.IDs) provision.Change {
		delete(won, id)
		l := s.Former.Lease
		if !l.EndedAt.IsZero() || !l.Asks.Equal(seen[id].Asks) {
			return provision.Change{}
		}
		l.Asks = until
		won[id] = l
		return provision.Change{Leases: []provision.Lease{l}}
	})
	if err != nil {
		return nil, err
	}
	var claimed []provision.Lease
	for _, l := range won {
		claimed = append(claimed, l)
	}
	return claimed, nil
}

// word is what came of asking about a lease.
type word struct {
	lease  provision.Lease // as it was claimed
	before provision.Upstream
	was    provision.UpstreamSession
	now    provision.UpstreamSession
	err    error // nil: the provider stands by the session
}

// askAbout asks about leases, so many at once. A provider that does not answer several in a row is not asked about the rest:
// what holds for them holds for those.
func (b *Broker) askAbout(ctx context.Context, c provision.Connection, leases []provision.Lease) []word {
	words := make([]word, len(leases))
	room := make(chan struct{}, askAtOnce)
	var asked sync.WaitGroup
	var mu sync.Mutex
	silent := 0
	for i, l := range leases {
		room <- struct{}{}
		asked.Go(func() {
			defer func() { <-room }()
			mu.Lock()
			giveUp := silent >= askGiveUp
			mu.Unlock()
			words[i] = word{lease: l, err: provision.ErrUnavailable}
			if giveUp {
				return
			}
			words[i] = b.askOne(ctx, c, l)
			mu.Lock()
			defer mu.Unlock()
			if silent++; words[i].err == nil || refuses(words[i].err) {
				silent = 0
			}
		})
	}
	asked.Wait()
	return words
}

// refuses reports whether an error is a provider's no.
func refuses(err error) bool {
	var no *idp.Rejected
	return errors.As(err, &no)
}

func (b *Broker) askOne(ctx context.Context, c provision.Connection, l provision.Lease) word {
	w := word{lease: l}
	if w.was, w.before, _, w.err = b.upstream(ctx, l.ID); w.err != nil {
		return w
	}
	provider, err := b.providers.of(ctx, c)
	if err != nil {
		w.err = err
		return w
	}
	asker, ok := provider.(idp.Refresher)
	if !ok {
		w.err = provision.ErrUnavailable
		return w
	}
	if w.now, w.err = asker.Refresh(ctx, w.was); w.err != nil {
		b.Log.Info("an identity provider does not vouch for a session", "connection", c.ID, "lease", l.ID, "error", w.err)
	}
	return w
}

// conclude writes what came of asking: the time of the good answer with the next token, or the end.
func (b *Broker) conclude(ctx context.Context, c provision.Connection, words []word) error {
	if len(words) == 0 {
		return nil
	}
	of := map[provision.LeaseID]word{}
	var ids []provision.LeaseID
	for _, w := range words {
		of[w.lease.ID], ids = w, append(ids, w.lease.ID)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second) // a token that was changed upstream is kept, also when we stop
	defer cancel()
	now := b.Ledger.Now()
	return b.write(ctx, ids, func(id provision.LeaseID, s provision.State, draws provision.IDs) provision.Change {
		w, l := of[id], s.Former.Lease
		stale := l.Vouched.Add(c.Liveness.MaxStale)
		switch {
		case !l.EndedAt.IsZero() || !l.Asks.Equal(w.lease.Asks): // over, or somebody else's to ask about by now
			return provision.Change{}
		case w.err == nil:
			return b.vouched(w, s, now.Add(jittered(c.Liveness.Every)), now)
		case refuses(w.err):
			return b.endedUpstream(id, s, draws, c.ID, provision.CauseUpstreamRefused)
		case !now.Before(stale):
			return b.endedUpstream(id, s, draws, c.ID, provision.CauseUpstreamStale)
		}
		if l.Asks = now.Add(jittered(c.Liveness.Every)); l.Asks.After(stale) {
			l.Asks = stale
		}
		return provision.Change{Leases: []provision.Lease{l}}
	})
}

// vouched is a lease that its provider stands by, with the token for the next question.
func (b *Broker) vouched(w word, s provision.State, next, now time.Time) provision.Change {
	l := s.Former.Lease
	l.Asks, l.Vouched = next, now
	change := provision.Change{Leases: []provision.Lease{l}}
	if w.now.Refresh == w.was.Refresh {
		return change
	}
	u := w.before
	u.Session = w.now
	sealed, err := b.Keys.sealUpstream(u, s.Former.Account.Key)
	if err != nil { // the next question will be refused, and that ends the lease
		b.log("seal a refresh token", err)
		return change
	}
	change.Upstreams = []provision.Upstream{sealed}
	return change
}
