package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/provision"
)

// Copied is a store that copies are made of, and filled from.
type Copied interface {
	Store
	provision.Copies
}

// RunCopies tests provision.Copies: open makes a new store, with nothing in it.
func RunCopies(t *testing.T, open func(*testing.T) Copied) {
	for name, test := range map[string]func(t *probe, from, to Copied){
		"a copy has everything, and a ledger filled from it is the same": copiesWhole,
		"what apps are still to be told is still told by the copy":       copiesTold,
		"a copy that ends early leaves nothing":                          copiesNothing,
		"a ledger that holds something is not filled":                    copiesIntoNothingElse,
	} {
		t.Run(name, func(t *testing.T) {
			from, to := open(t), open(t)
			for _, fault := range (check{name, func(p *probe, _, _ Store) { test(p, from, to) }}).faults(from, to) {
				t.Error(fault)
			}
		})
	}
}

// copyOf is a store's copy, as JSON lines, and as parts.
func copyOf(t *probe, s Copied) (string, []provision.Part) {
	var text bytes.Buffer
	var parts []provision.Part
	err := s.Copy(t.ctx, func(p provision.Part) error {
		p.Time = p.Time.Truncate(0)
		line, err := json.Marshal(p)
		if err != nil {
			return err
		}
		var read provision.Part
		if err := json.Unmarshal(line, &read); err != nil {
			return err
		}
		parts = append(parts, read)
		p.Time = start
		line, err = json.Marshal(p)
		text.Write(append(line, '\n'))
		return err
	})
	t.ok("copy", err)
	return text.String(), parts
}

func each(parts []provision.Part, then error) iter.Seq2[provision.Part, error] {
	return func(yield func(provision.Part, error) bool) {
		for _, p := range parts {
			if !yield(p, nil) {
				return
			}
		}
		if then != nil {
			yield(provision.Part{}, then)
		}
	}
}

// crowdedStore is a store with everything in it, more than one part of some.
func crowdedStore(t *probe, s Copied) {
	w := populated(t, s)
	people := provision.Change{Installation: 7}
	for n := range provision.PartRows + 50 {
		a := w.account(fmt.Sprintf("p%d@acme.example", n), provision.Dormant)
		people.Accounts = append(people.Accounts, a)
		l := link(okta, fmt.Sprint("subject ", n), a)
		l.Subject += " \x00" // JSON can say it, and so a provider can
		people.Links = append(people.Links, l)
		people.Events = append(people.Events, w.event(provision.EventLogin))
	}
	w.write(people)
	tomb := link(okta, "", people.Accounts[0])
	w.write(provision.Change{
		Links: []provision.Link{tomb}, Entries: []provision.Entry{{Lease: "acme.1", App: "chat", At: start}},
		Spent:     []provision.Spent{{Kind: "assertion", Scope: "okta", ID: "_1", Until: start}},
		Tokens:    []provision.Token{token("tok_1", acme), token("tok_2", "")},
		Decisions: []provision.DecisionRow{{ID: "dec_1", Tenant: acme, At: start, Inputs: []byte{0, 1, 2}}},
		Setups:    []provision.Setup{setupAt("one"), setupAt("two")},
	})
	w.write(provision.Change{Credentials: []provision.Credential{{ID: "crd_1", Tenant: acme, Lease: "acme.1", State: provision.CredentialStuck, Until: start}}})
	w.write(provision.Change{Elevations: []provision.Elevation{w.elevation(provision.Lease{ID: "acme.1", Tenant: acme, Account: "acc_1"}, "admin")}})
	w.outboxed()
	t.ok("used", s.UsedToken(t.ctx, "tok_1", start))
	for _, name := range []string{"day/acme/1", "session"} {
		_, err := s.AddKey(t.ctx, name, []byte{0xff, 0, 1})
		t.ok("key", err)
	}
}

// outboxed has apps told, or to be told, of people whose leases are not there any more.
func (w world) outboxed() {
	w.listening()
	for n, told := range []bool{true, false} {
		a := w.account(fmt.Sprintf("left%d@acme.example", n), provision.Dormant)
		l := w.lease(a)
		w.write(provision.Change{Accounts: []provision.Account{a}, Leases: []provision.Lease{l}, Entries: []provision.Entry{{Lease: l.ID, App: wiki, At: start}}})
		w.write(w.ended(l))
		w.tell(a, provision.AccountDeactivated, start)
		if told {
			gone, _ := w.take(start, 1)
			w.t.ok("settle", w.store.Settle(w.t.ctx, []provision.Delivery{gone[0].Confirmed(start)}))
			continue
		}
		_, err := w.store.DeletePast(w.t.ctx, acme, start.Add(1000*time.Hour), 10)
		w.t.ok("past", err)
	}
}

func copiesWhole(t *probe, from, to Copied) {
	crowdedStore(t, from)
	t.ok("canary", from.PutCanary(t.ctx, canaryAt("left-out", start), provision.News{}))
	text, parts := copyOf(t, from)
	t.ok("fill", to.Fill(t.ctx, each(parts, nil)))
	if _, err := to.Canary(t.ctx, ""); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("a canary was copied: %v", err)
	}
	again, _ := copyOf(t, to)
	if text != again {
		t.errorf("a copy of the copy is another: %d and %d bytes", len(text), len(again))
	}
	if len(parts) < 3 {
		t.errorf("only %d parts", len(parts))
	}
	old, err := from.Events(t.ctx, provision.EventFilter{Limit: 10_000})
	t.ok("events", err)
	events, err := to.Events(t.ctx, provision.EventFilter{Limit: 10_000})
	t.ok("events", err)
	if len(events) < provision.PartRows || !slices.EqualFunc(old, events, func(a, b provision.Event) bool { return a.Seq == b.Seq && a.ID == b.ID }) {
		t.errorf("%d events, and %d in the copy", len(old), len(events))
	}
	w := world{t: t, store: to, drawn: new(atomic.Int64)}
	all := provision.DeliveryFilter{Limit: 1000}
	same(t, "what apps are to be told", w.deliveries(all), w.on(from).deliveries(all))
	for _, d := range w.deliveries(all) {
		same(t, "who listens", w.read(provision.Target{Account: d.Account}).Listeners, w.on(from).read(provision.Target{Account: d.Account}).Listeners)
	}
	if got := w.deliveries(provision.DeliveryFilter{Open: true}); len(got) != 1 || len(w.read(provision.Target{Account: got[0].Account}).Listeners.Apps) != 1 {
		t.errorf("what is still to be told is %+v", got)
	}
	if to.Now().Before(parts[0].Time) {
		t.errorf("ledger time went back from %s to %s", parts[0].Time, to.Now())
	}
	written := w.write(provision.Change{Events: []provision.Event{w.event(provision.EventAdmin)}})
	if after, err := to.Events(t.ctx, provision.EventFilter{After: events[len(events)-1].Seq}); err != nil || len(after) != 1 || after[0].ID != written.Events[0].ID {
		t.errorf("the next event is %+v, %v", after, err)
	}
}

func copiesNothing(t *probe, from, to Copied) {
	crowdedStore(t, from)
	text, parts := copyOf(t, from)
	cut := errors.New("cut")
	if err := to.Fill(t.ctx, each(parts[:len(parts)-1], cut)); !errors.Is(err, cut) {
		t.errorf("filled from what is cut: %v", err)
	}
	t.ok("fill", to.Fill(t.ctx, each(parts, nil)))
	if again, _ := copyOf(t, to); text != again {
		t.errorf("what was cut left something")
	}
}

func copiesIntoNothingElse(t *probe, from, to Copied) {
	crowdedStore(t, from)
	_, parts := copyOf(t, from)
	_, err := to.AddKey(context.WithoutCancel(t.ctx), "session", []byte{1})
	t.ok("key", err)
	if err := to.Fill(t.ctx, each(parts, nil)); !errors.Is(err, provision.ErrConflict) {
		t.errorf("filled over a key: %v", err)
	}
	if _, err := to.Tenant(t.ctx, acme); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("something was written: %v", err)
	}
}

// copiesTold has a store with a delivery in every state, an account that wiki knows though its lease is over, and one
// that wiki knows no more though it was handed a lease.
func copiesTold(t *probe, from, to Copied) {
	w := newWorld(t, from)
	w.listening()
	ada, hers := w.person("ada", "ada@acme.example")
	bob, his := w.person("bob", "bob@acme.example")
	eve, eves := w.person("eve", "eve@acme.example")
	for _, l := range []provision.Lease{hers, his, eves} {
		w.write(provision.Change{Entries: []provision.Entry{{Lease: l.ID, App: wiki, At: start}}})
		if l.ID != hers.ID {
			w.write(w.ended(l))
		}
	}
	gone := w.tell(bob, provision.AccountDeactivated, start)
	t.ok("settle", from.Settle(t.ctx, []provision.Delivery{w.takeFirst("bob's", start, gone.ID).Confirmed(start)}))
	stuck := w.tell(eve, provision.SessionEnded, start)
	t.ok("settle", from.Settle(t.ctx, []provision.Delivery{w.takeFirst("eve's", start, stuck.ID).Failed("gone", true, start, 0)}))
	leaving := w.tell(eve, provision.AccountDeactivated, start.Add(time.Hour))
	first, second := w.tell(ada, provision.SessionEnded, start), w.tell(ada, provision.SessionEnded, start)
	w.takeFirst("ada's", start, first.ID) // and whoever took it never comes back

	_, parts := copyOf(t, from)
	t.ok("fill", to.Fill(t.ctx, each(parts, nil)))
	filled := w.on(to)
	for _, a := range []provision.Account{ada, bob, eve} {
		same(t, "listeners", filled.read(provision.Target{Account: a.ID}).Listeners, w.read(provision.Target{Account: a.ID}).Listeners)
	}
	if got := filled.read(provision.Target{Account: eve.ID}).Listeners; len(got.Apps) != 1 || len(got.Leaving) != 1 {
		t.errorf("in the copy these listen for eve: %+v", got)
	}
	same(t, "deliveries", filled.deliveries(provision.DeliveryFilter{}), w.deliveries(provision.DeliveryFilter{}))
	filled.wantTaken("while somebody tells it", start)
	t.ok("settle", to.Settle(t.ctx, []provision.Delivery{filled.takeFirst("ada's again", start.Add(time.Minute), first.ID).Confirmed(start)}))
	filled.wantTaken("what was behind it, and what was not due", start.Add(time.Hour), leaving.ID, second.ID)
}
