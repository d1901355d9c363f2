package provision

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// DeliveryID names a Delivery, over all its tries.
type DeliveryID string // "dlv_…", made of its event's name and its app's

// DeliveryKind is what an app is told.
type DeliveryKind string

// The kinds of delivery.
const (
	SessionEnded       DeliveryKind = "session.ended"       // a lease that was handed to the app is over
	AccountDeactivated DeliveryKind = "account.deactivated" // nobody came back within the tenant's deprovision_grace
)

// DeliveryState is how far a delivery is.
type DeliveryState string

// The states of a delivery. The zero value is none of them.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryConfirmed DeliveryState = "delivered"
	DeliveryStuck     DeliveryState = "stuck"   // given up; somebody has to look
	DeliveryDropped   DeliveryState = "dropped" // somebody said that it need not be told
)

// Delivery is one thing that one app has to be told about one account. It is written by the change that it tells of,
// and told in the order of those changes: of one app and account, no later one before an earlier one that is pending.
type Delivery struct {
	ID      DeliveryID
	Seq     int64   // that of its event, given by the ledger at commit
	Event   EventID // what it tells of; of the same change
	Kind    DeliveryKind
	App     AppID
	Tenant  TenantID
	Account AccountID
	Lease   LeaseID // of SessionEnded

	// Of ConnectionExpiring, which a tenant is told.
	Connection ConnectionID `json:",omitempty"`
	Expires    time.Time    `json:",omitzero"`
	Days       int          `json:",omitempty"` // ahead

	Cause   Cause
	At      time.Time // when access ended
	Due     time.Time // it is not told before
	State   DeliveryState
	Since   time.Time // from when DeliveryPatience counts
	Next    time.Time // it is not tried before; while it is taken, nobody else tries it before
	Taker   string    // whoever tries it now, or tried it last
	Tries   int
	Fault   string    // what went wrong with the last try, in words without anything personal
	Settled time.Time // when it was confirmed, stuck or dropped
}

// Times of deliveries.
const (
	DeliveryPatience = 24 * time.Hour // how long a delivery is tried
	minBackOff       = time.Second
	maxBackOff       = time.Hour
)

// Notify is how an app asked to be told of ends of access. The zero Notify is that it did not.
type Notify struct {
	URL         string    // where it is told; "": it only listens to the event stream
	Secret      string    // name in Keys of what signs; "": the app is told nothing
	Former      string    // name of the secret before that, which signs too until FormerUntil
	FormerUntil time.Time // wall clock
}

// Listeners are the apps that asked to be told and that know an account.
type Listeners struct {
	Apps    []App   // that asked, and were handed a lease of the account since they were last told that it is gone
	Leaving []AppID // those of Apps for which an AccountDeactivated is pending or stuck
	Entries []Entry // of the account's leases that have not ended
}

// app is one of the listeners, when it was handed the lease.
func (x Listeners) app(e Entry) (App, bool) {
	i := slices.IndexFunc(x.Apps, func(a App) bool { return a.ID == e.App })
	if i < 0 {
		return App{}, false
	}
	return x.Apps[i], true
}

// tell writes that a lease ended to every app that it was handed to (I8). An app that only listens has heard it.
func (x Listeners) tell(change *Change, e Event, l Lease) {
	for _, entry := range x.Entries {
		app, asked := x.app(entry)
		if entry.Lease != l.ID || !asked {
			continue
		}
		d := e.delivery(SessionEnded, app.ID, e.Time)
		d.Lease = l.ID
		if app.Notify.URL == "" {
			d.State, d.Settled = DeliveryConfirmed, e.Time
		}
		change.Deliveries = append(change.Deliveries, d)
	}
}

// dismiss writes that an account is gone to every app that knows it, unless it is to be told already.
func (x Listeners) dismiss(change *Change, e Event, due time.Time) {
	for _, app := range x.Apps {
		if app.Notify.URL != "" && !slices.Contains(x.Leaving, app.ID) {
			change.Deliveries = append(change.Deliveries, e.delivery(AccountDeactivated, app.ID, due))
		}
	}
}

// delivery is what tells an app of e.
func (e Event) delivery(kind DeliveryKind, app AppID, due time.Time) Delivery {
	id := "dlv_" + strings.TrimPrefix(string(e.ID), "evt_") + "_" + string(app)
	return Delivery{
		ID: DeliveryID(id), Event: e.ID, Kind: kind, App: app, Tenant: e.Tenant, Account: e.Account, Cause: Cause(e.Reason),
		At: e.Time, Due: due, State: DeliveryPending, Since: due, Next: due,
	}
}

// Of reports whether d tells of one of events.
func (d Delivery) Of(events []Event) bool {
	return slices.ContainsFunc(events, func(e Event) bool { return e.ID == d.Event })
}

// Open reports whether d may still be told.
func (d Delivery) Open() bool { return d.State == DeliveryPending || d.State == DeliveryStuck }

// Confirmed is d once the app has said that it heard.
func (d Delivery) Confirmed(now time.Time) Delivery {
	d.State, d.Settled, d.Fault = DeliveryConfirmed, now, ""
	return d
}

// Failed is d after a try that came to nothing: it is tried again, from a second to an hour later and up to a quarter
// of that more by jitter (0 to 1), until DeliveryPatience is over. One that is final is not tried again.
func (d Delivery) Failed(fault string, final bool, now time.Time, jitter float64) Delivery {
	d.Fault = fault
	if final || !now.Before(d.Since.Add(DeliveryPatience)) {
		d.State, d.Settled = DeliveryStuck, now
		return d
	}
	wait := maxBackOff
	if n := d.Tries - 1; n < 12 { // 2^12 s are more than an hour
		wait = min(maxBackOff, minBackOff<<max(0, n))
	}
	d.Next = now.Add(wait + time.Duration(jitter*float64(wait)/4))
	return d
}

// RetryDelivery lets a delivery that is stuck, or waits, be tried at once.
func RetryDelivery(s State, a Act) (Change, error) {
	d := s.Delivery
	if !d.Open() {
		return Change{}, fmt.Errorf("delivery that is pending or stuck: %w", ErrNotFound)
	}
	d.State, d.Since, d.Next, d.Settled, d.Tries = DeliveryPending, a.Now, a.Now, time.Time{}, 0
	if d.Due.After(a.Now) {
		d.Since, d.Next = d.Due, d.Due // a grace is not shortened
	}
	return a.delivered(d, "retried"), nil
}

// DropDelivery lets an app not be told. It wants a reason.
func DropDelivery(s State, a Act) (Change, error) {
	d := s.Delivery
	switch {
	case a.Why == "":
		return Change{}, fmt.Errorf("drop delivery: a reason is wanted: %w", ErrConflict)
	case !d.Open():
		return Change{}, fmt.Errorf("delivery that is pending or stuck: %w", ErrNotFound)
	}
	d.State, d.Settled = DeliveryDropped, a.Now
	return a.delivered(d, "dropped"), nil
}

// ForgetDeliveries drops what an app that does not ask any more was to be told, with one event for all of them.
func ForgetDeliveries(deliveries []Delivery, a Act) Change {
	var change Change
	for _, d := range deliveries {
		if d.Open() {
			d.State, d.Settled = DeliveryDropped, a.Now
			change.Deliveries = append(change.Deliveries, d)
		}
	}
	if n := len(change.Deliveries); n > 0 {
		change.Events = []Event{a.event(0, Event{Kind: EventDelivery, App: change.Deliveries[0].App, Outcome: "dropped", Reason: "notify_removed", Count: n})}
	}
	return change
}

func (a Act) delivered(d Delivery, outcome string) Change {
	return Change{Deliveries: []Delivery{d}, Events: []Event{a.event(0, Event{
		Kind: EventDelivery, Tenant: d.Tenant, Account: d.Account, App: d.App, Lease: LeaseRef{ID: d.Lease}, Outcome: outcome, Reason: string(d.Kind),
		Changes: []string{string(d.ID)}, Personal: Personal{Requester: a.Requester, Detail: a.Why},
	})}}
}

// Taking is what to take for telling: of each account only the first that is pending, and only what is due.
type Taking struct {
	App   AppID
	Taker string    // a name that nobody had before
	Now   time.Time // ledger time
	Until time.Time // nobody else is given them before
	Limit int
}

// DeliveryFilter chooses deliveries. Empty fields choose all.
type DeliveryFilter struct {
	ID       DeliveryID
	App      AppID
	Tenant   TenantID
	State    DeliveryState
	Open     bool  // only those that are pending or stuck
	After    int64 // after this Seq, and
	AfterApp AppID // of the same one after this app; "": after all of that Seq
	Latest   bool  // those that were confirmed last, the latest first; of one App
	Limit    int   // 0: 100
}

// Backlog is how much an app is still to be told. Counting stops at MaxBacklog.
type Backlog struct{ Pending, Stuck int }

// MaxBacklog is where counting a backlog stops.
const MaxBacklog = 100_000

// Number gives each new delivery of c the Seq of its event: for stores, once the events have theirs.
func (c *Change) Number() {
	for i, d := range c.Deliveries {
		for _, e := range c.Events {
			if d.Seq == 0 && e.ID == d.Event {
				c.Deliveries[i].Seq = e.Seq
			}
		}
	}
}

// After is n in the place of old. A secret that changes leaves the former one good until a time.
func (n Notify) After(old Notify, until time.Time) Notify {
	switch {
	case old.Secret == "":
	case old.Secret == n.Secret:
		n.Former, n.FormerUntil = old.Former, old.FormerUntil
	default:
		n.Former, n.FormerUntil = old.Secret, until
	}
	return n
}
