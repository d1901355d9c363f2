package broker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"leasehold/provision"
)

// What an app is told, and how fast.
const (
	deliverEvery = 250 * time.Millisecond
	takeBatch    = 32               // what is taken for one app at a time
	takeTime     = time.Minute      // for which nobody else is given it; then whoever took it is taken for dead
	takeMargin   = 10 * time.Second // before that time is over nothing is begun
	tellTogether = 8                // messages to one app at the same time
	tellTime     = 5 * time.Second  // for one of them
	maxLaneRest  = time.Minute      // between two tries of an app that does not answer
)

// lanes keep apart what apps are told: one that hangs or is down holds up nobody but itself.
type lanes struct {
	mu    sync.Mutex
	of    map[provision.AppID]*lane
	tasks sync.WaitGroup
}

// lane is one app's. After a failure one message at a time is tried, further and further apart.
type lane struct {
	busy   bool
	failed int
	rest   time.Time // ledger time
}

// enter reports whether an app's lane is free, takes it, and says how much may be tried.
func (l *lanes) enter(app provision.AppID, now time.Time) (limit int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[provision.AppID]*lane{}
	}
	x := l.of[app]
	if x == nil {
		x = &lane{}
		l.of[app] = x
	}
	switch {
	case x.busy || now.Before(x.rest):
		return 0, false
	case x.failed > 0:
		limit = 1
	default:
		limit = takeBatch
	}
	x.busy = true
	return limit, true
}

// leave frees a lane. One whose app did not answer rests.
func (l *lanes) leave(app provision.AppID, answered bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.of[app]
	if x.busy = false; answered {
		x.failed, x.rest = 0, time.Time{}
		return
	}
	wait := min(maxLaneRest, time.Second<<min(x.failed, 10))
	x.failed, x.rest = x.failed+1, now.Add(wait+rand.N(wait/4))
}

// open ends the rest of an app's lane, or of all.
func (l *lanes) open(app provision.AppID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, x := range l.of {
		if app == "" || id == app {
			x.rest = time.Time{}
		}
	}
}

// Deliver begins to tell every app what is due for it, and does not wait for any.
func (b *Broker) Deliver(ctx context.Context) error {
	hooks, err := b.tenantHooks(ctx)
	if err != nil {
		b.log("read tenants that are told", err) // and apps are told meanwhile
	}
	for _, app := range append(b.index.all(), hooks...) {
		if app.Notify.URL == "" || app.Notify.Secret == "" {
			continue
		}
		limit, ok := b.lanes.enter(app.ID, b.Ledger.Now())
		if !ok {
			continue
		}
		b.lanes.tasks.Go(func() {
			answered, err := b.deliverTo(ctx, app, limit)
			b.lanes.leave(app.ID, answered, b.Ledger.Now())
			if err != nil && ctx.Err() == nil {
				b.Log.Error("tell app", "app", app.ID, "error", err)
			}
		})
	}
	return nil
}

// deliverTo tells an app what is due for it, until nothing is or nobody answers.
func (b *Broker) deliverTo(ctx context.Context, app provision.App, limit int) (answered bool, err error) {
	for ctx.Err() == nil {
		now := b.Ledger.Now()
		taken, err := b.Outbox.Take(ctx, provision.Taking{App: app.ID, Taker: draw(), Now: now, Until: now.Add(takeTime), Limit: limit})
		if err != nil || len(taken) == 0 {
			return true, err // whatever is wrong, it is not the app
		}
		told, answered := b.tellAll(ctx, app, taken)
		always, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTime) // what was told is not told again
		err = b.Outbox.Settle(always, told)
		cancel()
		if err != nil || !answered {
			return answered, err
		}
		limit = takeBatch
	}
	return true, nil
}

// tellAll tells an app several things at the same time, and returns what became of those that were tried.
func (b *Broker) tellAll(ctx context.Context, app provision.App, taken []provision.Delivery) (told []provision.Delivery, answered bool) {
	secrets, err := b.hookSecrets(ctx, app)
	if err != nil {
		b.log("tell apps", err)
		for _, d := range taken {
			told = append(told, d.Failed("the secret that signs cannot be read", false, b.Ledger.Now(), rand.Float64()))
		}
		return told, false
	}
	var mu sync.Mutex
	var telling sync.WaitGroup
	together := make(chan struct{}, tellTogether)
	for _, d := range taken {
		together <- struct{}{}
		if ctx.Err() != nil || !b.Ledger.Now().Before(d.Next.Add(-takeMargin)) {
			<-together
			break // what is not tried is taken again
		}
		telling.Go(func() {
			defer func() { <-together }()
			after, heard := b.tellOne(ctx, Message{URL: app.Notify.URL, Secrets: secrets, Sent: b.Now(), Delivery: d})
			mu.Lock()
			defer mu.Unlock()
			if ctx.Err() == nil || after.State == provision.DeliveryConfirmed { // else it is we who gave up
				told = append(told, after)
			}
			answered = answered || heard
		})
	}
	telling.Wait()
	return told, answered
}

// tellOne tells an app one thing.
func (b *Broker) tellOne(ctx context.Context, m Message) (after provision.Delivery, answered bool) {
	ctx, cancel := context.WithTimeout(ctx, tellTime)
	defer cancel()
	err := b.Messenger.Tell(ctx, m)
	now, app := b.Ledger.Now(), string(m.Delivery.App)
	if err == nil {
		b.Count.Told(app, string(provision.DeliveryConfirmed), max(0, now.Sub(m.Delivery.Due)))
		return m.Delivery.Confirmed(now), true
	}
	gone := errors.Is(err, ErrGone)
	after = m.Delivery.Failed(err.Error(), gone, now, rand.Float64())
	if after.State == provision.DeliveryStuck {
		b.Log.Warn("a delivery is stuck: the app was not told", "app", app, "delivery", after.ID, "fault", after.Fault)
		b.Count.Told(app, string(provision.DeliveryStuck), 0)
		return after, gone
	}
	b.Count.Told(app, "failed", 0)
	return after, false
}

// hookSecrets are what signs for an app: the secret, and the one before it while that is still good.
func (b *Broker) hookSecrets(ctx context.Context, app provision.App) ([][]byte, error) {
	secret, err := b.Keys.Secret(ctx, app.Notify.Secret)
	if err != nil {
		return nil, fmt.Errorf("secret of app %s: %w", app.ID, err)
	}
	secrets := [][]byte{secret}
	if app.Notify.Former != "" && b.Now().Before(app.Notify.FormerUntil) {
		if former, err := b.Keys.Secret(ctx, app.Notify.Former); err == nil {
			secrets = append(secrets, former)
		}
	}
	return secrets, nil
}
