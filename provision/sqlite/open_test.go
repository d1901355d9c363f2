package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/provision/sqlite"
)

// raw runs statements on the file behind the store's back.
func raw(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
}

func TestANewerSchemaIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leasehold.db")
	open(t, path, sqlite.Options{}).Close()
	raw(t, path, "PRAGMA user_version = 99")
	_, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err == nil || !strings.Contains(err.Error(), "newer") || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want a sentence that names the file and what is newer", err)
	}
}

func TestALedgerOfTheFirstSchemaIsBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leasehold.db")
	first, err := os.ReadFile("migrations/0001_ledger.sql")
	if err != nil {
		t.Fatal(err)
	}
	raw(t, path, string(first), "PRAGMA user_version = 1",
		`INSERT INTO leases (id, tenant, account, connection, domain, start, due, ended, body) VALUES ('acme.old', 'acme', 'acc_1', 'acme-saml', 'acme.test', 1, 2, 0, '{"ID":"acme.old","Tenant":"acme","Account":"acc_1","Connection":"acme-saml"}')`)
	s := open(t, path, sqlite.Options{Now: func() time.Time { return began }})
	if st, err := s.Lease(t.Context(), "acme.old"); err != nil || st.Lease.Connection != "acme-saml" || !st.Lease.Asks.IsZero() {
		t.Errorf("the lease of before is %+v, error %v", st.Lease, err)
	}
	if asked, err := s.Asked(t.Context(), "acme-saml", began.Add(time.Hour), 10); err != nil || len(asked) != 0 {
		t.Errorf("asked about are %+v, error %v", asked, err)
	}
	c := provision.Change{Upstreams: []provision.Upstream{{Lease: "acme.old", Account: "acc_1", Handles: []string{"h"}}}}
	if _, err := s.Amend(t.Context(), provision.Target{}, func(provision.State) (provision.Change, error) { return c, nil }); err != nil {
		t.Fatal(err)
	}
	if found, err := s.Handled(t.Context(), "h", 10); err != nil || len(found) != 1 {
		t.Errorf("found by a handle are %v, error %v", found, err)
	}
}

func TestAClockThatWasPutBackRevivesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leasehold.db")
	wall, boot := began, time.Minute
	o := sqlite.Options{Now: func() time.Time { return wall }, Boottime: func() time.Duration { return boot }}
	expect := func(s *sqlite.Store, want time.Time) {
		t.Helper()
		if got := s.Now(); !got.Equal(want) {
			t.Errorf("ledger time is %s, want %s", got, want)
		}
	}
	s := open(t, path, o)
	expect(s, began)
	wall, boot = began.Add(-24*time.Hour), boot+time.Second
	expect(s, began.Add(time.Second))
	boot += 8 * time.Hour // asleep
	expect(s, began.Add(8*time.Hour+time.Second))
	if err := s.Mark(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Close()
	boot = 0 // the machine was started anew
	s = open(t, path, o)
	expect(s, began.Add(8*time.Hour+time.Second))
	boot = time.Hour
	expect(s, began.Add(9*time.Hour+time.Second))
	boot = 0 // a clock that cannot be read
	expect(s, began.Add(9*time.Hour+time.Second))
	wall = began.Add(100 * time.Hour)
	expect(s, wall)
	wall = began
	if err := s.ResetClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(s, began)
	s.Close()
	expect(open(t, path, o), began)
}

func TestEveryCommitKeepsLedgerTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leasehold.db")
	wall := began
	o := sqlite.Options{Now: func() time.Time { return wall }, Boottime: func() time.Duration { return 0 }}
	s := open(t, path, o)
	if _, err := s.Amend(t.Context(), provision.Target{}, func(provision.State) (provision.Change, error) { return people(0, 1), nil }); err != nil {
		t.Fatal(err)
	}
	s.Close()
	wall = began.Add(-time.Hour)
	if got := open(t, path, o).Now(); !got.Equal(began) {
		t.Errorf("ledger time is %s after a restart, want that of the last commit, %s", got, began)
	}
}

func TestAStoreThatCannotAnswerIsUnavailable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leasehold.db")
	s := open(t, path, sqlite.Options{})
	if _, err := s.Amend(t.Context(), provision.Target{}, func(provision.State) (provision.Change, error) { return people(0, 1), nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, read := s.Lease(t.Context(), leaseOf(0))
	_, write := s.Amend(t.Context(), provision.Target{}, func(provision.State) (provision.Change, error) { return provision.Change{}, nil })
	for what, err := range map[string]error{"Lease": read, "Amend": write, "Used": s.Used(t.Context(), map[provision.LeaseID]time.Time{leaseOf(0): began})} {
		if !errors.Is(err, provision.ErrUnavailable) || errors.Is(err, provision.ErrNotFound) {
			t.Errorf("%s of a closed store: %v, want unavailable", what, err)
		}
	}
}

func TestACallerWhoGivesUpWhileAnotherWritesIsToldUnavailable(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "leasehold.db"), sqlite.Options{})
	_, err := s.Amend(t.Context(), provision.Target{}, func(provision.State) (provision.Change, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := s.Used(ctx, map[provision.LeaseID]time.Time{"acme.1": began})
		if !errors.Is(err, provision.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want unavailable, for the deadline", err)
		}
		return provision.Change{}, nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := s.Mark(t.Context()); err != nil {
		t.Errorf("the next writer: %v", err)
	}
}

func TestAnUnreadableRowIsCorrupt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leasehold.db")
	s := open(t, path, sqlite.Options{})
	if _, err := s.Amend(t.Context(), provision.Target{}, func(provision.State) (provision.Change, error) { return people(0, 1), nil }); err != nil {
		t.Fatal(err)
	}
	raw(t, path, "UPDATE leases SET body = '{'")
	if _, err := s.Lease(t.Context(), leaseOf(0)); !errors.Is(err, provision.ErrCorrupt) || errors.Is(err, provision.ErrUnavailable) {
		t.Errorf("error %v, want corrupt", err)
	}
}
