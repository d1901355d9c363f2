package main

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/provision/sqlite"
)

func TestNoProviderIsAskedAboutALeaseOfABackup(t *testing.T) {
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "leasehold.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	lease := provision.Lease{ID: "acme.1", Tenant: "acme", Account: "acc_1", Connection: "okta", End: time.Now().Add(time.Hour), Asks: time.Now()}
	_, err = store.Amend(t.Context(), provision.Target{}, func(provision.State) (provision.Change, error) {
		return provision.Change{Leases: []provision.Lease{lease}, Upstreams: []provision.Upstream{{Lease: lease.ID, Account: lease.Account, Sealed: []byte("planted-refresh-token")}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if _, err := writeBackup(t.Context(), &backup, store); err != nil {
		t.Fatal(err)
	}
	planted{"what it remembers": []byte("planted-refresh-token")}.wantNone(t, "the backup", backup.Bytes())
	from, err := readBackup(&backup)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for part := range from.restored(t.Context(), filepath.Join(t.TempDir(), "master.key"), "nothing") {
		for _, l := range part.Leases {
			if found++; !l.Asks.IsZero() {
				t.Errorf("%s is to be asked about at %v, with nothing", l.ID, l.Asks)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d leases came back of one", found)
	}
}
