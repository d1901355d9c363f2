//go:build real

package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"leasehold/cmd/leasehold/internal/peers"
	"leasehold/provision/postgres/postgrestest"
)

// TestTheWholePathOnPostgreSQL: a login, checks, a restart of the database under them, a revocation, and the
// audit, once with the server and once without.
func TestTheWholePathOnPostgreSQL(t *testing.T) {
	database := postgrestest.Start(t, postgrestest.Options{})
	g := begin(t, scene{database: database.Database(t, ""), uncached: true})
	here := g.url(appHost) + "/here"
	alice := peers.Walk(t, g.ca)
	page, err := alice.Login(here, "alice@acme.test", peers.Password)
	if err != nil || page.Status != http.StatusOK || page.URL.String() != here {
		t.Fatalf("came to %+v: %v", page, err)
	}
	inside := func() (bool, int) {
		page, err := alice.Open(here)
		if err != nil {
			t.Fatal(err)
		}
		return page.Status == http.StatusOK && page.URL.String() == here, page.Status
	}
	if err := database.Stop(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if in, status := inside(); in || status < 500 { // what nginx makes of a check that cannot be answered
			t.Errorf("a check without the database: inside %t, %d", in, status)
		}
	}
	if err := database.Launch(); err != nil {
		t.Fatal(err)
	}
	g.until("checks to pass again", func() bool { in, _ := inside(); return in })
	g.operator("account", "revoke", string(g.account().ID), "--reason", "a test")
	if in, status := inside(); in || status >= 500 {
		t.Errorf("after the revocation: inside %t, %d", in, status)
	}
	g.told("login created", "lease.ended admin", "account.state revoked admin")
	exported := g.operator("audit", "export") // reads the database itself
	if n := strings.Count(exported, "\n"); n != len(g.events()) {
		t.Errorf("%d events were exported, and the audit has %d", n, len(g.events()))
	}
	g.crowds(here)
}

// crowds lets one person log in for the first time many times at once.
func (g *gatewayUnderTest) crowds(here string) {
	g.t.Helper()
	const logins = 30
	var people sync.WaitGroup
	for range logins {
		walker := peers.Walk(g.t, g.ca)
		people.Go(func() {
			if page, err := walker.Login(here, "bob@acme.test", peers.Password); err != nil || page.Status != http.StatusOK || page.URL.String() != here {
				g.t.Errorf("came to %+v: %v", page, err)
			}
		})
	}
	people.Wait()
	if count := g.counted(); count["login created"] != 2 || count["login resumed"] != logins-1 {
		g.t.Errorf("the audit counts %v", count)
	}
}

// TestAnotherProcessOnTheDatabaseNeedsTheSameMasterKey starts a second server with a folder of its own: it has no key,
// then a wrong one, then the right one.
func TestAnotherProcessOnTheDatabaseNeedsTheSameMasterKey(t *testing.T) {
	database := postgrestest.Start(t, postgrestest.Options{NoSync: true})
	url := database.Database(t, "")
	place := func() (folder, config string) {
		folder = t.TempDir()
		config = filepath.Join(folder, "leasehold.yaml")
		text := "url: https://sso.example.com\nlisten: 127.0.0.1:0\nops_listen: 127.0.0.1:0\ndata: data\nmanifests: []\ndatabase: " + url + "\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return folder, config
	}
	serve := func(config string, as func(stop context.CancelFunc)) error {
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		if as != nil {
			go as(stop)
		}
		var said lockedBuffer
		return run(ctx, []string{"serve", "--config", config}, nil, &said, &said)
	}
	verb := func(config string) error {
		var said, complained lockedBuffer
		return run(t.Context(), []string{"tenant", "list", "--config", config}, nil, &said, &complained)
	}
	until := func(config string) func(context.CancelFunc) {
		return func(stop context.CancelFunc) {
			defer stop()
			for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && verb(config) != nil; {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
	first, firstConfig := place()
	if err := serve(firstConfig, until(firstConfig)); err != nil {
		t.Fatalf("the first server: %v", err)
	}
	second, secondConfig := place()
	if err := serve(secondConfig, nil); err == nil || !strings.Contains(err.Error(), "is missing, and ") {
		t.Errorf("without a key: %v", err)
	}
	if _, err := writeMasterKey(filepath.Join(second, "data", "master.key")); err != nil {
		t.Fatal(err)
	}
	if err := serve(secondConfig, nil); err == nil || !strings.Contains(err.Error(), "is not the master key of ") {
		t.Errorf("with another key: %v", err)
	}
	key, err := os.ReadFile(filepath.Join(first, "data", "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(second, "data", "master.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	err = serve(firstConfig, func(stopFirst context.CancelFunc) { // both at once
		defer stopFirst()
		if err := serve(secondConfig, until(secondConfig)); err != nil {
			t.Errorf("the second server, with the key: %v", err)
		}
	})
	if err != nil {
		t.Errorf("the first server, beside another: %v", err)
	}
}
