package broker

import (
	"context"
	"errors"
	"time"

	"leasehold/provision"
)

// Outbox keeps what apps are still to be told. Its rows are written by the changes that they tell of.
type Outbox interface {
	// Take takes what is due for one app, of each account the first that is pending. Nobody else is given it meanwhile.
	Take(ctx context.Context, x provision.Taking) ([]provision.Delivery, error)
	// Settle writes what became of what was taken. What is void, or was taken by somebody else since, stays as it is.
	Settle(ctx context.Context, told []provision.Delivery) error
	// Deliveries lists deliveries, in the order of what they tell of, and the Seq of the last event there is.
	Deliveries(ctx context.Context, f provision.DeliveryFilter) (found []provision.Delivery, last int64, err error)
	// Backlog counts what an app is still to be told.
	Backlog(ctx context.Context, app provision.AppID) (provision.Backlog, error)
}

// Messenger carries a message to an app. A nil error is that the app has heard it; ErrGone, that nobody is there any
// more. Its errors hold nothing personal.
type Messenger interface {
	Tell(ctx context.Context, m Message) error
}

// ErrGone is an app that says that it does not want to be told.
var ErrGone = errors.New("the app says that it is gone")

// Message is a delivery on its way.
type Message struct {
	URL      string
	Secrets  [][]byte // each of them signs
	Sent     time.Time
	Delivery provision.Delivery
}

// Deliveries is a part of what apps were or are to be told.
func (b *Broker) Deliveries(ctx context.Context, f provision.DeliveryFilter) ([]provision.Delivery, error) {
	found, _, err := b.Outbox.Deliveries(ctx, f)
	return found, err
}

// RetryDelivery has a delivery that is stuck, or waits, tried at once. DropDelivery gives it up.
func (b *Broker) RetryDelivery(ctx context.Context, d Deed, id provision.DeliveryID) error {
	return b.onDelivery(ctx, d, id, func(s provision.State, a provision.Act) (provision.Change, error) {
		c, err := provision.RetryDelivery(s, a)
		if err == nil {
			b.lanes.open(s.Delivery.App)
		}
		return c, err
	})
}

// DropDelivery lets an app not be told.
func (b *Broker) DropDelivery(ctx context.Context, d Deed, id provision.DeliveryID) error {
	return b.onDelivery(ctx, d, id, provision.DropDelivery)
}

func (b *Broker) onDelivery(ctx context.Context, d Deed, id provision.DeliveryID, do AccountVerb) error {
	a, err := b.act(d)
	if err != nil {
		return err
	}
	t := provision.Target{Delivery: id, Quiet: true}
	_, err = b.amend(ctx, t, b.once(d, &t, func(s provision.State) (provision.Change, error) { return do(s, a) }))
	return err
}

// Confirmations is how an app confirms what it is told.
type Confirmations struct {
	provision.Backlog
	Last     time.Time       // when it last confirmed something; zero: not within what is kept
	Latency  time.Duration   // of that: from when it was due
	Measured []time.Duration // of the last ones, at most a thousand, the latest first
}

// maxMeasured is how many confirmations are looked at.
const maxMeasured = 1000

// Confirmations is how an app confirms what it is told.
func (b *Broker) Confirmations(ctx context.Context, app provision.AppID) (c Confirmations, err error) {
	if c.Backlog, err = b.Outbox.Backlog(ctx, app); err != nil {
		return c, err
	}
	latest, err := b.Deliveries(ctx, provision.DeliveryFilter{App: app, Latest: true, Limit: maxMeasured})
	for i, d := range latest {
		took := max(0, d.Settled.Sub(d.Due))
		if c.Measured = append(c.Measured, took); i == 0 {
			c.Last, c.Latency = d.Settled, took
		}
	}
	return c, err
}

// deliveriesKept is how long what was told is kept.
const deliveriesKept = 24 * time.Hour

// eraseTold deletes what was told long enough ago.
func (b *Broker) eraseTold(ctx context.Context) error {
	var faults []error
	before := b.Ledger.Now().Add(-deliveriesKept)
	hooks, err := b.tenantHooks(ctx)
	faults = append(faults, err)
	for _, app := range append(b.index.all(), hooks...) {
		faults = append(faults, inBatches(func() (int, error) { return b.Leftovers.DeleteTold(ctx, app.ID, before, eraseBatch) }))
	}
	return errors.Join(faults...)
}

// forgetUnasked drops what apps were to be told that do not ask any more, with an event a batch.
func (b *Broker) forgetUnasked(ctx context.Context) error {
	var faults []error
	for _, app := range b.index.all() {
		if app.Notify.URL != "" {
			continue
		}
		faults = append(faults, inBatches(func() (int, error) { return b.forgetBatch(ctx, app.ID) }))
	}
	return errors.Join(faults...)
}

func (b *Broker) forgetBatch(ctx context.Context, app provision.AppID) (int, error) {
	open, err := b.Deliveries(ctx, provision.DeliveryFilter{App: app, Open: true, Limit: eraseBatch})
	if err != nil || len(open) == 0 {
		return 0, err
	}
	a, err := b.act(Deed{Actor: provision.Actor{Kind: provision.System, Via: "outbox"}})
	if err != nil {
		return 0, err
	}
	done, err := b.amend(ctx, provision.Target{App: app, Quiet: true}, func(s provision.State) (provision.Change, error) {
		if s.App.Notify.URL != "" {
			return provision.Change{}, nil // asks again
		}
		return provision.ForgetDeliveries(open, a), nil
	})
	return len(done.Deliveries), err
}

// Told are the apps that are told of ends.
func (b *Broker) Told() []provision.AppID {
	var apps []provision.AppID
	for _, app := range b.index.all() {
		if app.Notify.URL != "" {
			apps = append(apps, app.ID)
		}
	}
	return apps
}
