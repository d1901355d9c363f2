package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"leasehold/provision"
)

func outbox() []check {
	return []check{
		{"what apps are to be told is written with its event, or not at all", toldOrNothing},
		{"those who listen are the apps that asked and that know the account", listeners},
		{"of each account only the first is taken, when it is due", inTurn},
		{"what is taken is given to nobody else until that time is over", takenOnce},
		{"two that take at once take nothing twice", takersMeet},
		{"only who took a delivery last settles it", settledByTaker},
		{"what no app has confirmed is void when somebody comes back, also while it is told", voided},
		{"an app that confirmed that an account is gone does not know it any more", parted},
		{"an app that was deleted and made anew knows nobody", madeAnew},
		{"deliveries are listed in order, a page at a time", listedDeliveries},
		{"what was told is deleted in batches after its time, and nothing else is", deletedTold},
	}
}

// told is a change that tells wiki of a new event about an account.
func (w world) told(a provision.Account, kind provision.DeliveryKind, due time.Time) provision.Change {
	e := w.event(provision.EventLeaseEnded)
	e.Account = a.ID
	return provision.Change{Events: []provision.Event{e}, Deliveries: []provision.Delivery{{
		ID: provision.DeliveryID("dlv_" + e.ID + "_wiki"), Event: e.ID, Kind: kind, App: wiki, Tenant: a.Tenant, Account: a.ID,
		Cause: provision.CauseLogout, At: start, Due: due, State: provision.DeliveryPending, Since: due, Next: due,
	}}}
}

// tell writes it and returns the delivery as it is then.
func (w world) tell(a provision.Account, kind provision.DeliveryKind, due time.Time) provision.Delivery {
	done := w.write(w.told(a, kind, due))
	if len(done.Deliveries) != 1 {
		w.t.fatalf("%d deliveries were written of one", len(done.Deliveries))
	}
	return w.first("what was written", provision.DeliveryFilter{ID: done.Deliveries[0].ID}) // it may have got its number later
}

// take takes what is due at a time, for a minute, and returns the names in order.
func (w world) take(at time.Time, limit int) ([]provision.Delivery, []provision.DeliveryID) {
	x := provision.Taking{App: wiki, Taker: w.draw("taker"), Now: at, Until: at.Add(time.Minute), Limit: limit}
	taken, err := w.store.Take(w.t.ctx, x)
	w.t.ok("take", err)
	for _, d := range taken {
		if d.Taker != x.Taker || !d.Next.Equal(x.Until) || d.Tries < 1 {
			w.t.errorf("taken is %+v", d)
		}
	}
	return taken, names(taken)
}

func names(deliveries []provision.Delivery) (ids []provision.DeliveryID) {
	for _, d := range deliveries {
		ids = append(ids, d.ID)
	}
	return ids
}

// takeFirst is wantTaken, and the first of them; the check ends without one.
func (w world) takeFirst(what string, at time.Time, want ...provision.DeliveryID) provision.Delivery {
	taken := w.wantTaken(what, at, want...)
	if len(taken) == 0 {
		w.t.fatalf("%s: took nothing", what)
	}
	return taken[0]
}

// first is the first of a filter; the check ends without one.
func (w world) first(what string, f provision.DeliveryFilter) provision.Delivery {
	found := w.deliveries(f)
	if len(found) == 0 {
		w.t.fatalf("%s is not there", what)
	}
	return found[0]
}

func (w world) wantTaken(what string, at time.Time, want ...provision.DeliveryID) []provision.Delivery {
	taken, got := w.take(at, 10)
	if slices.Sort(got); !slices.Equal(got, want) {
		w.t.errorf("%s: took %v, want %v", what, got, want)
	}
	return taken
}

// all are the deliveries of a filter.
func (w world) deliveries(f provision.DeliveryFilter) []provision.Delivery {
	found, _, err := w.store.Deliveries(w.t.ctx, f)
	w.t.ok("deliveries", err)
	return found
}

// listening makes wiki an app that asked to be told.
func (w world) listening() provision.App {
	app := provision.App{ID: wiki, Origins: []provision.Origin{origin("https://wiki.example")}, Tenants: []provision.TenantID{acme}, Notify: provision.Notify{URL: "https://wiki.example/hook", Secret: "secret/wiki/1"}, Revision: 2}
	w.write(provision.Change{Apps: []provision.App{app}})
	return app
}

func toldOrNothing(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, _ := w.person("ada", "ada@acme.example")
	before := len(w.gapless())
	for what, spoil := range map[string]func(*provision.Change){
		"told twice of one event": func(c *provision.Change) {
			twin := c.Deliveries[0]
			twin.ID += "again"
			c.Deliveries = append(c.Deliveries, twin)
		},
		"told of no event": func(c *provision.Change) { c.Deliveries[0].Event = "evt_none" },
	} {
		c := w.told(ada, provision.SessionEnded, start)
		spoil(&c)
		if _, err := w.change(c); !errors.Is(err, provision.ErrConflict) {
			t.errorf("%s: error %v, want a conflict", what, err)
		}
	}
	if left := w.on(b).deliveries(provision.DeliveryFilter{}); len(left) > 0 || len(w.gapless()) != before {
		t.errorf("%d deliveries and %d events of changes that failed", len(left), len(w.gapless())-before)
	}
	d := w.tell(ada, provision.SessionEnded, start)
	if d.Seq != int64(before+1) {
		t.errorf("the delivery has Seq %d, its event %d", d.Seq, before+1)
	}
	kept := w.on(b).deliveries(provision.DeliveryFilter{})
	same(t, "deliveries", kept, []provision.Delivery{d})
	same(t, "delivery of the target", w.on(b).read(provision.Target{Delivery: d.ID}).Delivery, d)
}

func listeners(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, l := w.person("ada", "ada@acme.example")
	eve, eves := w.person("eve", "eve@acme.example")
	w.write(provision.Change{Apps: []provision.App{{ID: "mute", Origins: []provision.Origin{origin("https://mute.example")}}}})
	entry := provision.Entry{Lease: l.ID, App: wiki, At: start}
	w.write(provision.Change{Entries: []provision.Entry{entry, {Lease: l.ID, App: "mute", At: start}}})
	if got := w.read(provision.Target{Account: ada.ID}).Listeners; len(got.Apps) != 0 {
		t.errorf("apps that did not ask listen: %+v", got)
	}
	app := w.listening()
	w = w.on(b)
	want := provision.Listeners{Apps: []provision.App{app}, Entries: []provision.Entry{entry}}
	got := w.read(provision.Target{Account: ada.ID}).Listeners
	got.Entries = slices.DeleteFunc(got.Entries, func(e provision.Entry) bool { return e.App != wiki })
	same(t, "listeners", got, want)
	s := w.read(provision.Target{Lease: l.ID, Intent: provision.Intent{Account: eve.ID, Lease: eves.ID}})
	if len(s.FormerListeners.Apps) != 1 || len(s.IntendedListeners.Apps) != 0 || len(s.Listeners.Apps) != 0 {
		t.errorf("of the former lease %+v listen, of the intent's %+v", s.FormerListeners, s.IntendedListeners)
	}
	if s := w.read(provision.Target{Lease: eves.ID, Intent: provision.Intent{Account: ada.ID, Lease: l.ID}}); len(s.IntendedListeners.Apps) != 1 {
		t.errorf("of the intent's lease %+v listen", s.IntendedListeners)
	}
	if s := w.read(provision.Target{Account: ada.ID, Lease: l.ID, Quiet: true}); len(s.Listeners.Apps)+len(s.FormerListeners.Apps) > 0 {
		t.errorf("a quiet target reads who listens")
	}
	w.write(w.ended(l)) // it knows her after that, too
	w.tell(ada, provision.AccountDeactivated, start)
	if got := w.read(provision.Target{Account: ada.ID}).Listeners; len(got.Apps) != 1 || len(got.Entries) != 0 || !slices.Equal(got.Leaving, []provision.AppID{wiki}) {
		t.errorf("after the last end: %+v", got)
	}
	ada.State = provision.Deleted
	w.write(provision.Change{Accounts: []provision.Account{ada}})
	if got := w.read(provision.Target{Account: ada.ID}).Listeners; len(got.Apps) != 0 {
		t.errorf("of a deleted account: %+v", got)
	}
}

func inTurn(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, _ := w.person("ada", "ada@acme.example")
	eve, _ := w.person("eve", "eve@acme.example")
	one, two, three := w.tell(ada, provision.SessionEnded, start), w.tell(ada, provision.SessionEnded, start), w.tell(ada, provision.AccountDeactivated, start.Add(time.Hour))
	hers := w.tell(eve, provision.SessionEnded, start)
	w = w.on(b)
	w.wantTaken("before", start.Add(-1))
	taken, first := w.take(start, 1)
	if len(first) != 1 || first[0] != one.ID {
		t.fatalf("took %v, want %s alone", first, one.ID)
	}
	w.wantTaken("the other one's", start, hers.ID)
	t.ok("settle", w.store.Settle(t.ctx, []provision.Delivery{taken[0].Failed("down", false, start, 0)}))
	at := start.Add(time.Second)
	w.wantTaken("too early", at.Add(-1))
	taken[0] = w.takeFirst("again", at, one.ID)
	if taken[0].Tries != 2 {
		t.errorf("%d tries, want 2", taken[0].Tries)
	}
	t.ok("settle", w.store.Settle(t.ctx, []provision.Delivery{taken[0].Confirmed(at)}))
	taken[0] = w.takeFirst("the next", at, two.ID)
	t.ok("settle", w.store.Settle(t.ctx, []provision.Delivery{taken[0].Failed("gone", true, at, 0)}))
	w.wantTaken("before the third is due", at)
	w.wantTaken("what is stuck holds up nobody", start.Add(time.Hour), three.ID, hers.ID)
}

func takenOnce(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, _ := w.person("ada", "ada@acme.example")
	d := w.tell(ada, provision.SessionEnded, start)
	w.wantTaken("first", start, d.ID)
	w.on(b).wantTaken("while it is taken", start.Add(time.Minute-1))
	w.on(b).wantTaken("after that", start.Add(time.Minute), d.ID)
}

func takersMeet(t *probe, a, b Store) {
	w := newWorld(t, a)
	const people, each = 20, 3
	for n := range people {
		p, _ := w.person(fmt.Sprint("p", n), fmt.Sprintf("p%d@acme.example", n))
		for range each {
			w.tell(p, provision.SessionEnded, start)
		}
	}
	told := make(chan provision.Delivery, 400*each)
	race(w, w.on(b), func(_ int, w world) {
		for idle, takes := 0, 0; idle < 3 && takes < 100; takes++ {
			taken, _ := w.take(start, 4)
			if len(taken) == 0 {
				idle++
				continue
			}
			for i := range taken {
				told <- taken[i] // there is room
				taken[i] = taken[i].Confirmed(start)
			}
			t.ok("settle", w.store.Settle(t.ctx, taken))
		}
	})
	close(told)
	last := map[provision.AccountID]int64{}
	n := 0
	for d := range told {
		if n++; d.Seq <= last[d.Account] {
			t.errorf("%s was told with Seq %d after %d", d.ID, d.Seq, last[d.Account])
		}
		last[d.Account] = d.Seq
	}
	if n != people*each {
		t.errorf("%d were told of %d", n, people*each)
	}
}

func settledByTaker(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, _ := w.person("ada", "ada@acme.example")
	d := w.tell(ada, provision.SessionEnded, start)
	slow := w.takeFirst("first", start, d.ID)
	quick := w.on(b).takeFirst("second", start.Add(time.Hour), d.ID)
	t.ok("settle", w.store.Settle(t.ctx, []provision.Delivery{slow.Failed("late", true, start, 0)}))
	if got := w.deliveries(provision.DeliveryFilter{ID: d.ID}); len(got) != 1 || got[0].State != provision.DeliveryPending {
		t.errorf("settled by whoever took it before: %+v", got)
	}
	t.ok("settle", w.store.Settle(t.ctx, []provision.Delivery{quick.Confirmed(start.Add(time.Hour))}))
	t.ok("settle", w.store.Settle(t.ctx, []provision.Delivery{quick.Failed("again", true, start, 0)}))
	if got := w.on(b).deliveries(provision.DeliveryFilter{ID: d.ID}); len(got) != 1 || got[0].State != provision.DeliveryConfirmed {
		t.errorf("after it was confirmed: %+v", got)
	}
}

func voided(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, l := w.person("ada", "ada@acme.example")
	eve, _ := w.person("eve", "eve@acme.example")
	w.write(provision.Change{Entries: []provision.Entry{{Lease: l.ID, App: wiki, At: start}}})
	app := w.listening()
	ended, gone, hers := w.tell(ada, provision.SessionEnded, start), w.tell(ada, provision.AccountDeactivated, start), w.tell(eve, provision.AccountDeactivated, start)
	t.ok("settle", a.Settle(t.ctx, []provision.Delivery{w.takeFirst("first", start, ended.ID, hers.ID).Confirmed(start)}))
	taken := []provision.Delivery{w.takeFirst("gone", start, gone.ID)}
	w.on(b).write(provision.Change{Voids: []provision.AccountID{ada.ID}})
	t.ok("settle", a.Settle(t.ctx, []provision.Delivery{taken[0].Confirmed(start)}))
	dropped := taken[0] // by whoever read it before
	dropped.State, dropped.Settled = provision.DeliveryDropped, start
	if _, err := w.change(provision.Change{Deliveries: []provision.Delivery{dropped}}); !errors.Is(err, provision.ErrConflict) {
		t.errorf("what is void was dropped: %v", err)
	}
	left := names(w.on(b).deliveries(provision.DeliveryFilter{}))
	if !slices.Equal(left, []provision.DeliveryID{ended.ID, hers.ID}) {
		t.errorf("left are %v", left)
	}
	if got := w.read(provision.Target{Account: ada.ID}).Listeners; len(got.Leaving) != 0 || len(got.Apps) != 1 || got.Apps[0].ID != app.ID {
		t.errorf("after the void: %+v", got)
	}
}

func parted(t *probe, a, b Store) {
	w := newWorld(t, a)
	w.listening()
	ada, l := w.person("ada", "ada@acme.example")
	enter := provision.Change{Entries: []provision.Entry{{Lease: l.ID, App: wiki, At: start}}}
	w.write(enter)
	knows := func(what string, want int) {
		if got := w.on(b).read(provision.Target{Account: ada.ID}).Listeners; len(got.Apps) != want {
			t.errorf("%s: %+v", what, got)
		}
	}
	gone := w.tell(ada, provision.AccountDeactivated, start)
	taken := []provision.Delivery{w.takeFirst("gone", start, gone.ID)}
	t.ok("settle", a.Settle(t.ctx, []provision.Delivery{taken[0].Failed("down", true, start, 0)}))
	knows("stuck", 1)
	gone = taken[0]
	gone.State = provision.DeliveryDropped
	w.write(provision.Change{Deliveries: []provision.Delivery{gone}})
	knows("dropped", 0)
	again := w.lease(ada)
	w.write(provision.Change{Leases: []provision.Lease{again}, Entries: []provision.Entry{{Lease: again.ID, App: wiki, At: start}}})
	knows("entered again", 1)
	d := w.tell(ada, provision.AccountDeactivated, start)
	t.ok("settle", a.Settle(t.ctx, []provision.Delivery{w.takeFirst("gone again", start, d.ID).Confirmed(start)}))
	knows("confirmed", 0)
}

func listedDeliveries(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, _ := w.person("ada", "ada@acme.example")
	var want []provision.DeliveryID
	for range 5 {
		c := w.told(ada, provision.SessionEnded, start)
		twin := c.Deliveries[0]
		twin.App, twin.ID = "zoo", twin.ID+"zoo"
		c.Deliveries = append(c.Deliveries, twin)
		want = append(want, names(w.write(c).Deliveries)...)
	}
	var got []provision.DeliveryID
	f := provision.DeliveryFilter{Limit: 3}
	for {
		page, last, err := b.Deliveries(t.ctx, f)
		t.ok("deliveries", err)
		if n := len(w.gapless()); last != int64(n) {
			t.errorf("the last event is %d, told as %d", n, last)
		}
		if len(page) == 0 {
			break
		}
		got = append(got, names(page)...)
		f.After, f.AfterApp = page[len(page)-1].Seq, page[len(page)-1].App
	}
	if !slices.Equal(got, want) {
		t.errorf("listed are %v, want %v", got, want)
	}
	if len(want) != 10 {
		t.fatalf("%d were written of ten", len(want))
	}
	if late := w.deliveries(provision.DeliveryFilter{App: wiki, After: w.first("third", provision.DeliveryFilter{ID: want[4]}).Seq}); len(late) != 2 {
		t.errorf("%d of wiki after the third, want 2", len(late))
	}
	one := w.takeFirst("wiki's", start, want[0])
	t.ok("settle", a.Settle(t.ctx, []provision.Delivery{one.Confirmed(start.Add(time.Second))}))
	two := w.takeFirst("wiki's", start, want[2])
	t.ok("settle", a.Settle(t.ctx, []provision.Delivery{two.Confirmed(start.Add(2 * time.Second))}))
	three := w.takeFirst("wiki's", start, want[4])
	t.ok("settle", a.Settle(t.ctx, []provision.Delivery{three.Failed("no", true, start, 0)}))
	if latest := names(w.deliveries(provision.DeliveryFilter{App: wiki, Latest: true, Limit: 5})); !slices.Equal(latest, []provision.DeliveryID{two.ID, one.ID}) {
		t.errorf("latest are %v", latest)
	}
	if open := w.deliveries(provision.DeliveryFilter{App: wiki, Open: true}); len(open) != 3 {
		t.errorf("%d open, want 3", len(open))
	}
	if stuck := names(w.deliveries(provision.DeliveryFilter{State: provision.DeliveryStuck})); !slices.Equal(stuck, []provision.DeliveryID{three.ID}) {
		t.errorf("stuck are %v", stuck)
	}
	n, err := b.Backlog(t.ctx, wiki)
	if t.ok("backlog", err); n != (provision.Backlog{Pending: 2, Stuck: 1}) {
		t.errorf("backlog %+v", n)
	}
}

func deletedTold(t *probe, a, b Store) {
	w := newWorld(t, a)
	for n := range 4 {
		p, _ := w.person(fmt.Sprint("p", n), fmt.Sprintf("p%d@acme.example", n))
		w.tell(p, provision.SessionEnded, start)
	}
	taken, _ := w.take(start, 3)
	for i := range taken {
		taken[i] = taken[i].Confirmed(start.Add(time.Duration(i) * time.Minute))
	}
	t.ok("settle", a.Settle(t.ctx, taken))
	for _, want := range []int{1, 1, 0} {
		if n, err := b.DeleteTold(t.ctx, wiki, start.Add(2*time.Minute), 1); n != want || err != nil {
			t.errorf("deleted %d, error %v, want %d", n, err, want)
		}
	}
	if left := w.deliveries(provision.DeliveryFilter{}); len(left) != 2 {
		t.errorf("%d are left, want the pending one and the one that is too young", len(left))
	}
}
