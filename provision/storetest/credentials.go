package storetest

import (
	"context"
	"slices"
	"time"

	"leasehold/provision"
)

// Credentials is what sources of secrets know for leases; the port is its consumer's.
type Credentials interface {
	Credentials(ctx context.Context, f provision.CredentialFilter) ([]provision.Credential, error)
	CountCredentials(ctx context.Context) ([]provision.CredentialCount, error)
}

func credentials() []check {
	return []check{
		{"credentials are due when their lease is over, when they are intended for long, and when it is their turn again", credentialsDue},
		{"the open credentials of a lease are in the state, whoever asks for them, and their end may move", credentialsOfLease},
		{"credentials that were taken back are deleted in time, and others are not", credentialsPast},
	}
}

func (w world) credential(l provision.Lease, state provision.CredentialState) provision.Credential {
	return provision.Credential{
		ID: provision.CredentialID(w.draw("crd_")), Tenant: l.Tenant, Account: l.Account, Lease: l.ID, Source: "reports", Name: "lh_x", State: state, Made: start, Until: start.Add(time.Hour),
	}
}

func (w world) wantCredentials(what string, f provision.CredentialFilter, want ...provision.Credential) {
	found, err := w.store.Credentials(w.t.ctx, f)
	w.t.ok("credentials", err)
	if !slices.EqualFunc(found, want, func(a, b provision.Credential) bool {
		return a.ID == b.ID && a.State == b.State && a.Name == b.Name && a.Until.Equal(b.Until)
	}) {
		w.t.errorf("%s: %+v, want %+v", what, found, want)
	}
}

func credentialsDue(t *probe, a, b Store) {
	w := newWorld(t, a)
	_, hers := w.person("ada", "ada@acme.example")
	_, his := w.person("bob", "bob@rival.example")
	held, intended, waits, back, orphan := w.credential(hers, provision.CredentialIssued), w.credential(hers, provision.CredentialIntended), w.credential(hers, provision.CredentialStuck), w.credential(hers, provision.CredentialRevoked), w.credential(his, provision.CredentialIssued)
	intended.Next, waits.Next, orphan.Lease = start.Add(30*time.Second), start.Add(time.Minute), "rival.gone"
	w.write(provision.Change{Credentials: []provision.Credential{held, intended, waits, back, orphan}})
	w = w.on(b)
	w.wantCredentials("all", provision.CredentialFilter{}, held, intended, waits, back, orphan)
	w.wantCredentials("of a tenant", provision.CredentialFilter{Tenant: rival}, orphan)
	w.wantCredentials("open ones of a lease", provision.CredentialFilter{Lease: hers.ID, Open: true}, held, intended, waits)
	w.wantCredentials("one", provision.CredentialFilter{ID: waits.ID}, waits)
	w.wantCredentials("one of another tenant", provision.CredentialFilter{ID: waits.ID, Tenant: rival})
	w.wantCredentials("stuck ones", provision.CredentialFilter{State: provision.CredentialStuck}, waits)
	w.wantCredentials("those that were taken back", provision.CredentialFilter{State: provision.CredentialRevoked}, back)
	w.wantCredentials("a page", provision.CredentialFilter{After: held.ID, Limit: 1}, intended)
	w.wantCredentials("due: without a lease", provision.CredentialFilter{Due: start}, orphan)
	w.wantCredentials("due: intended for long", provision.CredentialFilter{Due: start.Add(30 * time.Second)}, orphan, intended)
	w.wantCredentials("due: its turn again", provision.CredentialFilter{Due: start.Add(time.Minute)}, orphan, intended, waits)
	w.wantCredentials("due: whose turn it is longest", provision.CredentialFilter{Due: start.Add(time.Minute), Limit: 1}, orphan)
	w.wantCredentials("due: of other sources", provision.CredentialFilter{Due: start.Add(time.Minute), Except: []provision.SecretRef{{Tenant: rival, Source: "reports"}, {Tenant: acme, Source: "others"}}}, intended, waits)
	w.wantCredentials("due: of no source that is left", provision.CredentialFilter{Due: start.Add(time.Minute), Except: []provision.SecretRef{{Tenant: rival, Source: "reports"}, {Tenant: acme, Source: "reports"}}})
	w.wantCredentials("all but of a source", provision.CredentialFilter{Except: []provision.SecretRef{{Tenant: acme, Source: "reports"}}}, orphan)
	w.wantCredentials("due: at its end", provision.CredentialFilter{Due: held.Until}, held, orphan, intended, waits)
	w.on(a).write(w.ended(hers))
	w.wantCredentials("due: with its lease", provision.CredentialFilter{Due: start}, held, orphan)
	held.State = provision.CredentialRevoked
	w.on(a).write(provision.Change{Credentials: []provision.Credential{held}})
	w.wantCredentials("taken back", provision.CredentialFilter{Due: start}, orphan)
}

func credentialsOfLease(t *probe, a, b Store) {
	w := newWorld(t, a)
	_, hers := w.person("ada", "ada@acme.example")
	_, his := w.person("bob", "bob@rival.example")
	held, stuck, back, other := w.credential(hers, provision.CredentialIssued), w.credential(hers, provision.CredentialStuck), w.credential(hers, provision.CredentialRevoked), w.credential(his, provision.CredentialIssued)
	other.Source = "others"
	w.write(provision.Change{Credentials: []provision.Credential{held, stuck, back, other}})
	for asked, want := range map[bool]int{true: 2, false: 0} {
		_, err := b.Amend(t.ctx, provision.Target{Lease: hers.ID, Credentials: asked}, func(s provision.State) (provision.Change, error) {
			if len(s.Credentials) != want || want > 0 && (s.Credentials[0].ID != held.ID || s.Credentials[1].ID != stuck.ID || s.Credentials[1].State != provision.CredentialStuck) {
				t.errorf("asked %t: %+v", asked, s.Credentials)
			}
			return provision.Change{}, nil
		})
		t.ok("amend", err)
	}
	w = w.on(b)
	w.wantCredentials("of a source", provision.CredentialFilter{Source: "others"}, other)
	w.wantCredentials("by its id", provision.CredentialFilter{ID: back.ID}, back)
	w.wantCredentials("in a state", provision.CredentialFilter{State: provision.CredentialStuck}, stuck)
	counts, err := b.CountCredentials(t.ctx)
	t.ok("count", err)
	if want := []provision.CredentialCount{{Tenant: acme, Source: "reports", State: provision.CredentialIssued, N: 1}, {Tenant: acme, Source: "reports", State: provision.CredentialStuck, N: 1}, {Tenant: rival, Source: "others", State: provision.CredentialIssued, N: 1}}; !slices.Equal(counts, want) {
		t.errorf("counted %+v, want %+v", counts, want)
	}
	held.Until = held.Until.Add(time.Hour)
	w.on(a).write(provision.Change{Credentials: []provision.Credential{held}})
	w.wantCredentials("due at its former end", provision.CredentialFilter{Due: start.Add(time.Hour)}, stuck, other)
	w.wantCredentials("due at its end", provision.CredentialFilter{Due: held.Until}, held, stuck, other)
}

func credentialsPast(t *probe, a, b Store) {
	w := newWorld(t, a)
	_, hers := w.person("ada", "ada@acme.example")
	gone, stuck, young := w.credential(hers, provision.CredentialRevoked), w.credential(hers, provision.CredentialStuck), w.credential(hers, provision.CredentialRevoked)
	young.Until = start.Add(3 * time.Hour)
	w.write(provision.Change{Credentials: []provision.Credential{gone, stuck, young}})
	for _, want := range []int{1, 0} {
		if n, err := b.DeletePast(t.ctx, acme, start.Add(2*time.Hour), 10); err != nil || n != want {
			t.errorf("deleted %d, error %v, want %d", n, err, want)
		}
	}
	w.wantCredentials("left", provision.CredentialFilter{}, stuck, young)
}
