package storetest

import (
	"errors"
	"time"

	"leasehold/provision"
)

func canaries() []check {
	return []check{
		{"the newest canary is found, as it was written last", canaryNewest},
		{"what each process saw of a canary is its row, and goes with the canary", canarySightings},
		{"a canary is no lease, and nothing that lists or counts knows of it", canaryApart},
	}
}

func canaryAt(name string, at time.Time) provision.Canary {
	return provision.Canary{ID: provision.NewCanaryID(name), Planted: at}
}

func canaryNewest(t *probe, a, b Store) {
	if _, err := b.Canary(t.ctx, ""); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("the newest of none: %v", err)
	}
	one, two := canaryAt("one", start), canaryAt("two", start.Add(time.Minute))
	for _, c := range []provision.Canary{two, one} {
		t.ok("put", a.PutCanary(t.ctx, c, provision.News{}))
	}
	two.Ended = two.Planted.Add(2 * time.Second)
	t.ok("end", a.PutCanary(t.ctx, two, provision.News{ID: "news", Leases: []provision.LeaseID{two.ID}}))
	newest, err := b.Canary(t.ctx, "")
	t.ok("newest", err)
	same(t, "the newest", newest, two)
	former, err := b.Canary(t.ctx, one.ID)
	t.ok("canary", err)
	same(t, "the former", former, one)
	if _, err := b.Canary(t.ctx, provision.NewCanaryID("none")); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("one that there is not: %v", err)
	}
	if reason := former.Standing().Refuses(start); reason != "" {
		t.errorf("a live one is refused: %s", reason)
	}
	if reason := newest.Standing().Refuses(newest.Planted); reason != provision.LeaseEnded {
		t.errorf("one that has ended is refused with %q", reason)
	}
}

func canarySightings(t *probe, a, b Store) {
	c := canaryAt("one", start)
	t.ok("put", a.PutCanary(t.ctx, c, provision.News{}))
	mine, other := provision.Sighting{Canary: c.ID, Process: "a", Allowed: start}, provision.Sighting{Canary: c.ID, Process: "b", Allowed: start, Refused: start}
	for _, x := range []provision.Sighting{other, mine} {
		t.ok("saw", a.SawCanary(t.ctx, x))
	}
	mine.Refused = start.Add(time.Second)
	t.ok("saw", b.SawCanary(t.ctx, mine))
	found, err := b.Sightings(t.ctx, c.ID)
	t.ok("sightings", err)
	same(t, "sightings", found, []provision.Sighting{mine, other})

	young := canaryAt("two", start.Add(provision.CanariesKept))
	t.ok("put", a.PutCanary(t.ctx, young, provision.News{}))
	if _, err := b.Canary(t.ctx, c.ID); err != nil {
		t.errorf("one that is kept long enough is gone too early: %v", err)
	}
	young = canaryAt("three", start.Add(provision.CanariesKept+1))
	t.ok("put", a.PutCanary(t.ctx, young, provision.News{}))
	if _, err := b.Canary(t.ctx, c.ID); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("an old one: %v", err)
	}
	if found, err := b.Sightings(t.ctx, c.ID); err != nil || len(found) > 0 {
		t.errorf("%d sightings of an old one, %v", len(found), err)
	}
}

func canaryApart(t *probe, a, b Store) {
	w := populated(t, a)
	before, people, events := w.every(provision.Page{}), peopleOf(t, b), len(w.gapless())
	c := canaryAt("one", start)
	t.ok("put", a.PutCanary(t.ctx, c, provision.News{}))
	t.ok("used", a.Used(t.ctx, map[provision.LeaseID]time.Time{c.ID: start}))
	if _, err := b.Lease(t.ctx, c.ID); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("it is a lease: %v", err)
	}
	if due, err := b.Due(t.ctx, start.Add(24*time.Hour), 1000); err != nil || len(due) != 3 {
		t.errorf("%d leases are due of three, %v", len(due), err)
	}
	same(t, "lists", w.on(b).every(provision.Page{}), before)
	same(t, "census", peopleOf(t, b), people)
	if n := len(w.gapless()); n != events {
		t.errorf("%d events of it", n-events)
	}
}

func peopleOf(t *probe, s Store) provision.Census {
	c, err := s.Census(t.ctx)
	t.ok("census", err)
	return c
}
