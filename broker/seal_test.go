package broker_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// file is a connection of its own to the ledger's file.
func (h *house) file() *sql.DB {
	h.t.Helper()
	db, err := sql.Open("sqlite", "file:"+h.path)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { db.Close() })
	return db
}

// column is what a query finds, as text.
func (h *house) column(query string) string {
	h.t.Helper()
	rows, err := h.file().Query(query)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	var all strings.Builder
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			h.t.Fatal(err)
		}
		fmt.Fprintln(&all, text)
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return all.String()
}

// bytes is everything that stands in the ledger's files.
func (h *house) bytes() []byte {
	h.t.Helper()
	if _, err := h.file().Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		h.t.Fatal(err)
	}
	var all []byte
	for _, suffix := range []string{"", "-wal"} {
		part, err := os.ReadFile(h.path + suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			h.t.Fatal(err)
		}
		all = append(all, part...)
	}
	return all
}

func TestTheAuditHoldsNothingPersonalInTheClear(t *testing.T) {
	h := newHouse(t, withOIDC)
	ctx := context.Background()
	l := h.login(ada())
	h.refused(with(somebody(7), "email", "grace@rival.test"), provision.DomainForeign)
	h.refused(with(ada(), "sub", "mallory-9"), provision.EmailTaken)
	deed := operator()
	deed.Why = "rumours about Ada"
	if _, err := h.Account(ctx, deed, l.Account, provision.SuspendAccount); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"events", "decisions"} {
		text := h.column("SELECT body FROM " + table)
		if !strings.Contains(text, "acme") {
			t.Fatalf("%s are empty", table)
		}
		for _, secret := range []string{"ada@", "Lovelace", "ada-1", "sub-7", "grace@", "mallory", "rumours", "192.0.2.7"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s hold %q", table, secret)
			}
		}
	}
	personal := map[string]bool{}
	for _, e := range h.events("") {
		personal[e.Personal.Email], personal[e.Personal.Subject], personal[e.Personal.Detail], personal[e.Personal.Requester.IP] = true, true, true, true
	}
	for _, want := range []string{"ada@acme.test", "ada-1", "grace@rival.test", "mallory-9", "rumours about Ada", "192.0.2.7"} {
		if !personal[want] {
			t.Errorf("an operator does not read %q", want)
		}
	}
}

func TestSecretsAreNowhereInTheClear(t *testing.T) {
	h := newHouse(t, withOIDC)
	h.wanted.Tenants[0].Connections[2].Secret = []byte("planted-secret-value")
	h.register(h.wanted)
	token := h.entered(h.login(ada()))
	everything := h.bytes()
	for _, secret := range []string{"planted-secret-value", token, string(masterKey[:])} {
		if bytes.Contains(everything, []byte(secret)) {
			t.Errorf("the file holds %q", secret)
		}
	}
	for _, e := range h.events("") {
		if strings.Contains(fmt.Sprint(e), "planted") {
			t.Errorf("event %+v", e)
		}
	}
}

func TestAnotherMasterKeyOpensNothing(t *testing.T) {
	h := newHouse(t)
	h.login(ada())
	if _, err := broker.NewKeyring(t.Context(), h.store, bytes.Repeat([]byte{9}, 32)); !errors.Is(err, provision.ErrCorrupt) {
		t.Errorf("keyring: %v", err)
	}
	for _, size := range []int{0, 16, 31, 33} {
		if _, err := broker.NewKeyring(t.Context(), h.store, make([]byte, size)); err == nil {
			t.Errorf("a key of %d bytes", size)
		}
	}
}

func TestNoKeyPassesForAnother(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	if _, err := h.keys.Named(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	wrapped, err := h.store.Key(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.store.AddKey(ctx, "two", wrapped); err != nil {
		t.Fatal(err)
	}
	if _, err := h.keys.Secret(ctx, "two"); !errors.Is(err, provision.ErrCorrupt) {
		t.Errorf("%v", err)
	}
}

func TestAnEphemeralAccountLeavesNothingPersonal(t *testing.T) {
	h := newHouse(t, policy(func(p *provision.Policy) { p.Mode = provision.Ephemeral }))
	first, second := h.login(ada()), h.login(ada())
	h.clock.pass(time.Minute)
	h.RevokeLease(context.Background(), operator(), first.ID)
	if a := h.account(first.Account); a.State != provision.Active {
		t.Fatalf("with a live lease, the account is %s", a.State)
	}
	h.clock.pass(provision.DefaultIdle + provision.IdleSlack)
	if n := h.reap(); n != 1 {
		t.Fatalf("%d ended", n)
	}
	a := h.account(second.Account)
	if a.State != provision.Deleted || !a.Email.IsZero() || a.Name != "" || len(a.Groups) != 0 || a.Key != nil {
		t.Errorf("account %+v", a)
	}
	if links := h.links(a.ID); len(links) != 1 || links[0].Subject != "" || links[0].Pseudonym == "" {
		t.Errorf("links %+v", links)
	}
	for _, e := range h.events("") {
		if e.Account == a.ID && e.Personal != (provision.Personal{}) {
			t.Errorf("event %s is still read: %+v", e.Kind, e.Personal)
		}
	}
	for _, text := range []string{"ada@acme.test", "Lovelace", "ada-1"} {
		if bytes.Contains(h.bytes(), []byte(text)) {
			t.Errorf("the file holds %q", text)
		}
	}
	if again := h.login(ada()); again.Account == a.ID || len(h.accounts()) != 2 {
		t.Errorf("the same account again")
	}
}

func TestATombstoneStillRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		verb   broker.AccountVerb
		lift   broker.AccountVerb
		reason provision.Reason
	}{
		"suspended": {provision.SuspendAccount, provision.ReleaseAccount, provision.AccountSuspended},
		"revoked":   {provision.RevokeAccount, provision.RestoreAccount, provision.AccountRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, policy(func(p *provision.Policy) { p.Mode = provision.Ephemeral }))
			ctx := context.Background()
			l := h.login(ada())
			if _, err := h.Account(ctx, operator(), l.Account, c.verb); err != nil {
				t.Fatal(err)
			}
			if _, err := h.Account(ctx, operator(), l.Account, provision.DeleteAccount); err != nil && !errors.Is(err, provision.ErrConflict) {
				t.Fatal(err)
			}
			if a := h.account(l.Account); a.State != provision.Deleted || !a.Email.IsZero() {
				t.Fatalf("%+v", a)
			}
			h.refused(ada(), c.reason)
			deed := operator()
			deed.Why = "forgiven"
			if _, err := h.Account(ctx, deed, l.Account, c.lift); err != nil {
				t.Fatal(err)
			}
			if again := h.login(ada()); again.Account == l.Account {
				t.Error("the tombstone came to life")
			}
		})
	}
}

func TestTheEventsOfADeletionAreErasedWithTheAccount(t *testing.T) {
	ctx := context.Background()
	from := provision.Requester{IP: "192.0.2.99"}
	for name, end := range map[string]func(*house, provision.Lease) error{
		"the last log-out of an ephemeral account": func(h *house, l provision.Lease) error {
			return h.Logout(ctx, h.sso(l), originOf(ssoURL), from)
		},
		"a deletion": func(h *house, l provision.Lease) error {
			deed := operator()
			deed.Why, deed.Requester = "she asked for it", from
			_, err := h.Account(ctx, deed, l.Account, provision.DeleteAccount)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, policy(func(p *provision.Policy) { p.Mode = provision.Ephemeral }))
			l := h.login(ada())
			if err := end(h, l); err != nil {
				t.Fatal(err)
			}
			if a := h.account(l.Account); a.State != provision.Deleted {
				t.Fatalf("account is %s", a.State)
			}
			sealed := 0
			for _, e := range h.events("") {
				if e.Account != l.Account {
					continue
				}
				if e.Personal != (provision.Personal{}) {
					t.Errorf("%s is still read: %+v", e.Kind, e.Personal)
				}
				if len(e.Sealed) > 0 {
					sealed++
				}
			}
			if sealed < 2 {
				t.Errorf("%d events held something personal", sealed)
			}
		})
	}
}
