package storetest

import (
	"slices"

	"leasehold/provision"
)

// madeAnew has another app keep what it knows.
func madeAnew(t *probe, a, b Store) {
	w := newWorld(t, a)
	ada, l := w.person("ada", "ada@acme.example")
	app := w.listening()
	other := provision.App{ID: "other", Notify: app.Notify, Revision: 1}
	w.write(provision.Change{Apps: []provision.App{other}, Entries: []provision.Entry{{Lease: l.ID, App: wiki, At: start}}})
	w.write(provision.Change{Entries: []provision.Entry{{Lease: l.ID, App: other.ID, At: start}}})
	if got := w.read(provision.Target{Account: ada.ID}).Listeners; len(got.Apps) != 2 || len(got.Entries) < 2 {
		t.errorf("before: %+v", got)
	}
	w.write(provision.Change{Apps: []provision.App{{ID: wiki, Removal: provision.Removed, Revision: app.Revision + 1}}})
	app.Revision += 2
	w.write(provision.Change{Apps: []provision.App{app}})
	got := w.on(b).read(provision.Target{Account: ada.ID}).Listeners
	of := func(e provision.Entry) bool { return e.App == wiki }
	if len(got.Apps) != 1 || got.Apps[0].ID != other.ID || slices.ContainsFunc(got.Entries, of) || len(got.Entries) == 0 {
		t.errorf("who listens to Ada: %+v", got)
	}
	if s, err := b.Lease(t.ctx, l.ID); err != nil || slices.ContainsFunc(s.Entries, of) {
		t.errorf("her lease was handed to %+v, error %v", s.Entries, err)
	}
}
