//go:build real

package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"leasehold/provision/postgres"
)

// waitFor wants a query to count so many.
func (f *fleet) waitFor(n int, sql string, args ...any) {
	f.t.Helper()
	for range 500 {
		if f.count(sql, args...) == n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	f.t.Fatalf("it never came to %d: %s", n, sql)
}

const waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

func TestATimeFromBeforeAResetIsNotStoredAfterIt(t *testing.T) {
	f := newFleet(t)
	resets, marks := open(t, f.url, postgres.Options{}), open(t, f.url, postgres.Options{})
	if err := marks.Mark(t.Context()); err != nil { // so that the row is there
		t.Fatal(err)
	}
	f.exec("UPDATE meta SET value = value + 1000000000 * 3600::bigint WHERE name = 'clock'")
	ahead := open(t, f.url, postgres.Options{}) // it takes over what is stored
	hold, err := f.sql.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hold.Exec(t.Context(), "SELECT FROM meta WHERE name = 'clock' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 2)
	go func() { done <- resets.ResetClock(context.Background()) }()
	f.waitFor(1, waiting)
	go func() { done <- ahead.Mark(context.Background()) }()
	f.waitFor(2, waiting)
	if err := errors.Join(hold.Commit(t.Context()), <-done, <-done); err != nil {
		t.Fatal(err)
	}
	if now := open(t, f.url, postgres.Options{}).Now(); time.Until(now) > time.Minute {
		t.Errorf("the next process begins at %s", now)
	}
}

func TestWhoRenewsHearsThatTheClockWasReset(t *testing.T) {
	f := newFleet(t)
	a := f.process()
	f.exec("INSERT INTO meta (name, value) VALUES ('clock', (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint + 1000000000 * 3600::bigint)")
	b := f.process()
	b.renew()
	if time.Until(b.store.Now()) < time.Minute {
		t.Fatal("its clock is not ahead")
	}
	if err := a.store.ResetClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.renew()
	if now := b.store.Now(); time.Until(now) > time.Minute {
		t.Errorf("it still has %s", now)
	}
}

func TestAServerThatCannotBeWrittenToIsNoLedger(t *testing.T) {
	f := newFleet(t)
	var name string
	if err := f.sql.QueryRow(t.Context(), "SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	f.exec("ALTER DATABASE " + name + " SET default_transaction_read_only = on") // as a standby has it
	if other, err := postgres.Open(t.Context(), f.url, postgres.Options{}); err == nil {
		other.Close()
		t.Error("what it shows may be old, and is believed")
	}
}
