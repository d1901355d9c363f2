//go:build real

package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/provision/postgres"
)

func migrations(t *testing.T) []string {
	t.Helper()
	all, err := postgres.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestANewerSchemaIsRefused(t *testing.T) {
	url := ledger(t)
	all := migrations(t)
	_, err := postgres.OpenAt(t.Context(), url, all[:len(all)-1])
	if err == nil || !strings.Contains(err.Error(), "was written by a newer leasehold") || !strings.Contains(err.Error(), "database test") {
		t.Errorf("error %v, want a sentence that names the database and what is newer", err)
	}
}

// rowsOfTheFirst are rows as the first schema has them.
var rowsOfTheFirst = []string{
	"INSERT INTO meta (name, value) VALUES ('installation', 3)",
	"INSERT INTO keys (name, value) VALUES ('session', 'wrapped')",
	`INSERT INTO tenants (id, generation, revision, seats, body) VALUES ('acme', 2, 5, 0, '{"ID": "acme", "Generation": 2, "Revision": 5}')`,
	`INSERT INTO policies (tenant, version, body) VALUES ('acme', 1, '{"Version": 1}')`,
	`INSERT INTO connections (id, tenant, generation, revision, first, body) VALUES ('acme-okta', 'acme', 1, 1, false, '{"ID": "acme-okta", "Tenant": "acme"}')`,
	"INSERT INTO connection_domains (domain, connection) VALUES ('acme.example', 'acme-okta')",
	`INSERT INTO apps (id, revision, tenants, body) VALUES ('wiki', 1, '{acme}', '{"ID": "wiki"}')`,
	"INSERT INTO app_origins (origin, app) VALUES ('https://wiki.example', 'wiki')",
	`INSERT INTO claims (domain, tenant, owns, opens, generation, revision, body) VALUES ('acme.example', 'acme', true, true, 1, 1, '{"Tenant": "acme", "Domain": "acme.example", "State": "verified"}')`,
	`INSERT INTO accounts (id, tenant, state, email, used, generation, body) VALUES ('acc_1', 'acme', 'active', 'ada@acme.example', 0, 1, '{"ID": "acc_1", "Tenant": "acme", "State": "active"}')`,
	"INSERT INTO links (connection, subject, pseudonym, account, created) VALUES ('acme-okta', 'ada', 'p', 'acc_1', 0)",
	`INSERT INTO leases (id, tenant, account, connection, domain, parent, installation_generation, tenant_generation, connection_generation, domain_generation, account_generation, seen, idle, ends, due, ended, body)
		VALUES ('acme.1', 'acme', 'acc_1', 'acme-okta', 'acme.example', '', 3, 2, 1, 1, 1, 7, 0, 100, 100, false, '{"ID": "acme.1", "Tenant": "acme", "Account": "acc_1"}')`,
	"INSERT INTO entries (lease, app, at) VALUES ('acme.1', 'wiki', 5)",
	"INSERT INTO spent (kind, scope, id, until) VALUES ('assertion', 'acme-okta', '_1', 100)",
	"INSERT INTO decisions (id, tenant, at, body) VALUES ('dec_1', 'acme', 1, '{}')",
	"INSERT INTO revocations (id, settled, body) VALUES ('rev_1', false, '{\"ID\": \"rev_1\"}')",
	`INSERT INTO inbox (at, resets, tenant, kind, ref, body) VALUES (1, 0, 'acme', 'login', 'evt_2', '{"ID": "evt_2"}')`,
	`INSERT INTO events (seq, tenant, kind, ref, body) VALUES (1, 'acme', 'login', 'evt_1', '{"ID": "evt_1"}')`,
}

// TestTheSchemaIsBroughtUpToDateFromEveryEarlierOne fills the first schema with rows, goes through every one that came
// after it, and finds all of them.
func TestTheSchemaIsBroughtUpToDateFromEveryEarlierOne(t *testing.T) {
	url := server(t).Database(t, "")
	all := migrations(t)
	for version := 1; version <= len(all); version++ {
		s, err := postgres.OpenAt(t.Context(), url, all[:version])
		if err != nil {
			t.Fatalf("to schema %d: %v", version, err)
		}
		for _, row := range rowsOfTheFirst {
			if version > 1 {
				break
			}
			if err := s.Tell(t.Context(), row); err != nil {
				t.Fatalf("%s: %v", row, err)
			}
		}
		var at int
		if err := s.Ask(t.Context(), &at, "SELECT value FROM meta WHERE name = 'schema'"); err != nil || at != version {
			t.Errorf("the database is at schema %d, error %v, want %d", at, err, version)
		}
		s.Close()
	}
	s := open(t, url, postgres.Options{})
	st, err := s.Lease(t.Context(), "acme.1")
	if err != nil || st.Account.ID != "acc_1" || st.Tenant.Generation != 2 || st.Connection.ID != "acme-okta" || st.Claim.Tenant != "acme" || st.Installation != 3 || len(st.Entries) != 1 {
		t.Errorf("lease %+v, error %v", st, err)
	}
	if events, err := s.Events(t.Context(), provision.EventFilter{}); err != nil || len(events) != 2 || events[1].ID != "evt_2" || events[1].Seq != 2 {
		t.Errorf("events %v, error %v", events, err)
	}
	amend(t, s, people(0, 1))
}

func TestAMigrationThatFailsLeavesTheSchemaAsItWas(t *testing.T) {
	url := ledger(t)
	all := append(migrations(t), "CREATE TABLE half (n int); SELECT 1/0")
	if _, err := postgres.OpenAt(t.Context(), url, all); err == nil {
		t.Fatal("no error")
	}
	s := open(t, url, postgres.Options{})
	var there bool
	if err := s.Ask(t.Context(), &there, "SELECT to_regclass('half') IS NOT NULL"); err != nil || there {
		t.Errorf("half of the migration is there: %t, error %v", there, err)
	}
}

func TestManyProcessesMayStartAtOnceOnAnEmptyDatabase(t *testing.T) {
	url := server(t).Database(t, "")
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			s, err := postgres.Open(t.Context(), url, postgres.Options{Connections: 2})
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			s.Close()
		})
	}
	group.Wait()
}

func TestNoErrorOfOpeningHoldsThePassword(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for _, url := range []string{"postgres://u:hunter2@127.0.0.1:1/x", "postgres://u:hunter2@127.0.0.1:x/x", "postgres://u:hunter2@127.0.0.1:1/x?pool_max_conns=none"} {
		if s, err := postgres.Open(ctx, url, postgres.Options{}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v, error %v", s, err)
		}
	}
}

func TestEverySessionIsDurableBoundedAndNamed(t *testing.T) {
	url := ledger(t)
	s := open(t, url+"&synchronous_commit=off&statement_timeout=0", postgres.Options{})
	for name, want := range map[string]string{
		"synchronous_commit": "on", "application_name": "leasehold", "statement_timeout": "10s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "3s",
		"default_transaction_isolation": "read committed", "tcp_user_timeout": "5000",
	} {
		var got string
		if err := s.Ask(t.Context(), &got, "SELECT current_setting($1)", name); err != nil || got != want {
			t.Errorf("%s is %q, error %v, want %q", name, got, err, want)
		}
	}
}

// TestLedgerTimeIsTheServersAndNeverGoesBack lets the server's clock stand in 2031 once, and go back.
func TestLedgerTimeIsTheServersAndNeverGoesBack(t *testing.T) {
	url := ledger(t)
	boot := time.Minute
	o := postgres.Options{Boottime: func() time.Duration { return boot }}
	s := open(t, url, o)
	expect := func(s *postgres.Store, want time.Time) {
		t.Helper()
		if got := s.Now(); !got.Equal(want) {
			t.Errorf("ledger time is %s, want %s", got, want)
		}
	}
	if wall := time.Now(); s.Now().Sub(wall).Abs() > time.Minute {
		t.Fatalf("ledger time is %s, and the server's clock near %s", s.Now(), wall)
	}
	s.Learn(began, 0)
	expect(s, began)
	boot += 8 * time.Hour // asleep
	expect(s, began.Add(8*time.Hour))
	boot = 0 // a clock that cannot be read
	expect(s, began.Add(8*time.Hour))
	boot = 8*time.Hour + time.Minute
	s.Learn(began.Add(8*time.Hour-time.Second), 0) // this machine's clock runs a little faster: it waits
	expect(s, began.Add(8*time.Hour))
	boot += 2 * time.Second
	expect(s, began.Add(8*time.Hour+time.Second))
	s.Learn(began, 0) // put back
	boot += time.Second
	last := began.Add(8*time.Hour + 2*time.Second)
	expect(s, last)
	amend(t, s, provision.Change{Events: []provision.Event{{ID: "evt_1"}}}) // the server's clock is in 2026
	expect(s, last)
	late := open(t, url, o)
	expect(late, last) // what a commit knew is known after a restart
	if _, err := s.Events(t.Context(), provision.EventFilter{}); err != nil {
		t.Fatal(err)
	}
	boot += time.Second
	if err := s.Mark(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(open(t, url, o), last.Add(time.Second))
	if err := s.ResetClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	amend(t, late, provision.Change{}) // the other process learns of it with its next commit
	for i, each := range []*postgres.Store{s, late, open(t, url, o)} {
		if got := each.Now(); time.Until(got).Abs() > time.Minute {
			t.Errorf("after a reset, ledger time of %d is %s", i, got)
		}
	}
}

func TestAStoreThatCannotAnswerIsUnavailable(t *testing.T) {
	s := open(t, ledger(t), postgres.Options{})
	amend(t, s, people(0, 1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, read := s.Lease(t.Context(), leaseOf(0))
	_, write := s.Amend(t.Context(), provision.Target{}, func(provision.State) (provision.Change, error) { return provision.Change{}, nil })
	_, events := s.Events(t.Context(), provision.EventFilter{})
	for what, err := range map[string]error{"Lease": read, "Amend": write, "Events": events, "Used": s.Used(t.Context(), map[provision.LeaseID]time.Time{leaseOf(0): began})} {
		if !errors.Is(err, provision.ErrUnavailable) || errors.Is(err, provision.ErrNotFound) {
			t.Errorf("%s of a closed store: %v, want unavailable", what, err)
		}
	}
}

func TestAnUnreadableRowIsCorrupt(t *testing.T) {
	s := open(t, ledger(t), postgres.Options{})
	amend(t, s, people(0, 1))
	for _, column := range []string{"accounts", "leases"} {
		if err := s.Tell(t.Context(), "UPDATE "+column+" SET body = '[]'"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Lease(t.Context(), leaseOf(0)); !errors.Is(err, provision.ErrCorrupt) || errors.Is(err, provision.ErrUnavailable) {
			t.Errorf("error %v, want corrupt", err)
		}
		if _, err := login(t, s, 0, column); !errors.Is(err, provision.ErrCorrupt) {
			t.Errorf("a login: error %v, want corrupt", err)
		}
	}
}

// TestWhatNoTextOfTheDatabaseMayHoldIsKept: a subject is whatever the provider says, byte for byte.
func TestWhatNoTextOfTheDatabaseMayHoldIsKept(t *testing.T) {
	s := open(t, ledger(t), postgres.Options{})
	c := people(0, 1)
	c.Links[0].Subject = "nul \x00 and no UTF-8 \xff"
	c.Spent = []provision.Spent{{Kind: "assertion", Scope: "\x00", ID: "\xff\x00"}}
	amend(t, s, c)
	_, links, _, err := s.Account(t.Context(), accountOf(0))
	if err != nil || len(links) != 1 || links[0].Subject != c.Links[0].Subject {
		t.Errorf("links %q, error %v", links, err)
	}
	var found provision.State
	_, err = s.Amend(t.Context(), provision.Target{Link: c.Links[0].LinkKey, Spend: c.Spent}, func(now provision.State) (provision.Change, error) {
		found = now
		return provision.Change{}, nil
	})
	if err != nil || found.Account.ID != accountOf(0) || len(found.Spent) != 1 {
		t.Errorf("account %q, spent %q, error %v", found.Account.ID, found.Spent, err)
	}
}
