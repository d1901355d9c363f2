package provision_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"leasehold/provision"
)

// outbox is the part of a ledger that is for apps.
type outbox struct {
	entries    []provision.Entry
	met        map[provision.AccountID]map[provision.AppID]bool
	deliveries []provision.Delivery
	voids      int
}

// apps are one that is told, one that only listens, and one that did not ask.
func apps() map[provision.AppID]provision.App {
	return map[provision.AppID]provision.App{
		"wiki": {ID: "wiki", Notify: provision.Notify{URL: "https://wiki.test/hook", Secret: "secret/wiki/1"}},
		"zoo":  {ID: "zoo", Notify: provision.Notify{Secret: "secret/zoo/1"}},
		"mute": {ID: "mute"},
	}
}

func (l *ledger) listeners(a provision.AccountID) (x provision.Listeners) {
	for _, app := range slices.Sorted(maps.Keys(l.outbox.met[a])) {
		if asked := apps()[app]; asked.Notify.Secret != "" {
			x.Apps = append(x.Apps, asked)
		}
	}
	for _, d := range l.outbox.deliveries {
		if d.Account == a && d.Kind == provision.AccountDeactivated && d.Open() {
			x.Leaving = append(x.Leaving, d.App)
		}
	}
	for _, e := range l.outbox.entries {
		if held := l.leases[e.Lease]; held.Account == a && held.EndedAt.IsZero() {
			x.Entries = append(x.Entries, e)
		}
	}
	return x
}

func (o *outbox) apply(c provision.Change) {
	o.deliveries = slices.DeleteFunc(o.deliveries, func(d provision.Delivery) bool {
		void := d.Kind == provision.AccountDeactivated && d.Open() && slices.Contains(c.Voids, d.Account)
		if void {
			o.voids++
		}
		return void
	})
	o.deliveries = append(o.deliveries, c.Deliveries...)
}

// tellingFaults lists what a change does not tell of the ends that it writes, and what it tells beyond them (I8).
func (l *ledger) tellingFaults(c provision.Change) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	told := map[string]int{}
	for _, d := range c.Deliveries {
		i := slices.IndexFunc(c.Events, func(e provision.Event) bool { return e.ID == d.Event })
		if i < 0 || d.ID == "" || d.Account != c.Events[i].Account || d.Tenant != c.Events[i].Tenant || string(d.Cause) != c.Events[i].Reason || !d.At.Equal(l.now) {
			fault("%s tells of no event of the change: %+v", d.ID, d)
			continue
		}
		kind := map[provision.DeliveryKind]string{provision.SessionEnded: provision.EventLeaseEnded, provision.AccountDeactivated: provision.EventAccountState}[d.Kind]
		if c.Events[i].Kind != kind || c.Events[i].Lease.ID != d.Lease {
			fault("%s tells of another event: %+v", d.ID, c.Events[i])
		}
		if grace := d.Due.Sub(l.now); (d.Kind == provision.SessionEnded && grace != 0) || (d.Kind == provision.AccountDeactivated && grace != l.tenants[d.Tenant].Policy.WithDefaults().DeprovisionGrace) {
			fault("%s is due after %s", d.ID, grace)
		}
		told[fmt.Sprintf("%s %s %s", d.Kind, d.Lease, d.App)]++
	}
	for _, x := range c.Leases {
		if x.EndedAt.IsZero() || !l.leases[x.ID].EndedAt.IsZero() {
			continue
		}
		for _, e := range l.outbox.entries {
			if e.Lease == x.ID && apps()[e.App].Notify.Secret != "" {
				key := fmt.Sprintf("%s %s %s", provision.SessionEnded, x.ID, e.App)
				if told[key] != 1 {
					fault("I8: %s was told %d times of the end of %s", e.App, told[key], x.ID)
				}
				delete(told, key)
			}
		}
	}
	for key, n := range told {
		if n > 1 || key[:len(provision.SessionEnded)] == string(provision.SessionEnded) {
			fault("told without an end, or twice: %s, %d times", key, n)
		}
	}
	return faults
}

// untoldFaults lists accounts that are gone, or back, without the apps that know them being told.
func (l *ledger) untoldFaults() (faults []string) {
	for id, a := range l.accounts {
		for app := range l.outbox.met[id] {
			open := 0
			for _, d := range l.outbox.deliveries {
				if d.Account == id && d.App == app && d.Kind == provision.AccountDeactivated && d.Open() {
					open++
				}
			}
			want := 0
			if a.State != provision.Active && apps()[app].Notify.URL != "" {
				want = 1
			}
			if open != want {
				faults = append(faults, fmt.Sprintf("I8: account %s is %s, and %s is told %d times that it is gone, want %d", id, a.State, app, open, want))
			}
		}
	}
	return faults
}

// enter hands a random live lease to a random app.
func (w *world) enter() {
	id := anyOf(w, w.leases, "lease")
	if w.standing(id).Refuses(w.now) != "" {
		return
	}
	e := provision.Entry{Lease: id, App: anyOf(w, apps(), "app"), At: w.now}
	same := func(x provision.Entry) bool { return x.Lease == e.Lease && x.App == e.App }
	if !slices.ContainsFunc(w.outbox.entries, same) {
		w.outbox.entries = append(w.outbox.entries, e)
	}
	account := w.leases[id].Account
	if w.outbox.met == nil {
		w.outbox.met = map[provision.AccountID]map[provision.AppID]bool{}
	}
	if w.outbox.met[account] == nil {
		w.outbox.met[account] = map[provision.AppID]bool{}
	}
	w.outbox.met[account][e.App] = true
}

// deliver tells what is due, and notes what the histories came to.
func (w *world) deliver() {
	w.seen["void"] += w.outbox.voids
	for i, d := range w.outbox.deliveries {
		w.seen[string(d.Kind)]++
		if d.State != provision.DeliveryPending || d.Due.After(w.now) {
			continue
		}
		w.outbox.deliveries[i] = d.Confirmed(w.now)
		if d.Kind == provision.AccountDeactivated {
			delete(w.outbox.met[d.Account], d.App)
			w.seen["told that it is gone"]++
		}
	}
}

func TestADeliveryIsTriedFromASecondToAnHourApartForADay(t *testing.T) {
	d := provision.Delivery{State: provision.DeliveryPending, Since: noon(), Next: noon()}
	now, tries := noon(), 0
	for d.State == provision.DeliveryPending {
		tries++
		d.Tries++
		d = d.Failed("down", false, now, 0)
		wait := d.Next.Sub(now)
		if want := min(time.Hour, time.Second<<min(tries-1, 20)); d.State == provision.DeliveryPending && wait != want {
			t.Fatalf("after %d tries it waits %s, want %s", tries, wait, want)
		}
		now = d.Next
	}
	if d.State != provision.DeliveryStuck || d.Fault != "down" || d.Settled.Sub(noon()) < 24*time.Hour || tries < 24 || tries > 40 {
		t.Errorf("after %d tries and %s it is %s", tries, d.Settled.Sub(noon()), d.State)
	}
	late := provision.Delivery{Since: noon(), Tries: 100}.Failed("down", false, noon(), 1)
	if wait := late.Next.Sub(noon()); wait != time.Hour+15*time.Minute {
		t.Errorf("with all the jitter it waits %s", wait)
	}
	if gone := (provision.Delivery{Since: noon(), Tries: 1}).Failed("410", true, noon(), 0); gone.State != provision.DeliveryStuck {
		t.Errorf("what is final is %s", gone.State)
	}
}

func TestADeliveryThatIsStuckIsRetriedOrDroppedByWord(t *testing.T) {
	stuck := provision.Delivery{ID: "dlv_1", App: "wiki", Tenant: "acme", Account: "acc_1", Kind: provision.SessionEnded, State: provision.DeliveryStuck, Tries: 30, Since: noon(), Settled: noon(), Due: noon()}
	a := act("1", noon().Add(48*time.Hour))
	c, err := provision.RetryDelivery(provision.State{Delivery: stuck}, a)
	if err != nil || len(c.Deliveries) != 1 || len(c.Events) != 1 {
		t.Fatalf("retry: %+v, error %v", c, err)
	}
	if d := c.Deliveries[0]; d.State != provision.DeliveryPending || !d.Next.Equal(a.Now) || !d.Since.Equal(a.Now) || d.Tries != 0 || !d.Settled.IsZero() {
		t.Errorf("retried is %+v", d)
	}
	if e := c.Events[0]; e.Kind != provision.EventDelivery || e.Outcome != "retried" || e.App != "wiki" || e.Account != "acc_1" || e.Personal.Detail != a.Why {
		t.Errorf("the event of a retry is %+v", e)
	}
	grace := stuck
	grace.State, grace.Due = provision.DeliveryPending, a.Now.Add(time.Minute)
	if c, err := provision.RetryDelivery(provision.State{Delivery: grace}, a); err != nil || !c.Deliveries[0].Next.Equal(grace.Due) {
		t.Errorf("a retry shortens a grace: %+v, error %v", c, err)
	}
	c, err = provision.DropDelivery(provision.State{Delivery: stuck}, a)
	if err != nil || c.Deliveries[0].State != provision.DeliveryDropped || c.Events[0].Outcome != "dropped" {
		t.Errorf("drop: %+v, error %v", c, err)
	}
	silent := a
	silent.Why = ""
	if _, err := provision.DropDelivery(provision.State{Delivery: stuck}, silent); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("dropped without a reason: %v", err)
	}
	for _, d := range []provision.Delivery{{}, stuck.Confirmed(noon())} {
		if _, err := provision.RetryDelivery(provision.State{Delivery: d}, a); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("retried %+v: %v", d, err)
		}
		if _, err := provision.DropDelivery(provision.State{Delivery: d}, a); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("dropped %+v: %v", d, err)
		}
	}
}

func TestWhatAnAppThatNoLongerAsksWasToBeToldIsDroppedWithOneEvent(t *testing.T) {
	open := provision.Delivery{ID: "dlv_1", App: "wiki", State: provision.DeliveryPending}
	c := provision.ForgetDeliveries([]provision.Delivery{open, open, {State: provision.DeliveryConfirmed}}, act("1", noon()))
	if len(c.Deliveries) != 2 || len(c.Events) != 1 || c.Events[0].Count != 2 || c.Events[0].Reason != "notify_removed" || c.Deliveries[1].State != provision.DeliveryDropped {
		t.Errorf("forgotten: %+v", c)
	}
	if c := provision.ForgetDeliveries(nil, act("1", noon())); len(c.Events) != 0 {
		t.Errorf("an event of nothing: %+v", c.Events)
	}
}
