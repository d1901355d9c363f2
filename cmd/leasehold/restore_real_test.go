//go:build real

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leasehold/provision/postgres/postgrestest"
)

// TestABackupMovesAnInstallationToPostgreSQLAndBack goes both ways, and nobody's session goes along.
func TestABackupMovesAnInstallationToPostgreSQLAndBack(t *testing.T) {
	server := postgrestest.Start(t, postgrestest.Options{})
	server.Tell(t, "CREATE DATABASE leasehold")
	p := newPlace(t)
	settings, err := os.ReadFile(p.config)
	if err != nil {
		t.Fatal(err)
	}
	account := func() string {
		_, ada, _ := strings.Cut(p.says("account", "list"), "acc_")
		id, _, _ := strings.Cut(ada, " ")
		return id
	}
	before, who := p.mustLogIn("ada"), account()
	if who == "" {
		t.Fatal("nobody has an account")
	}
	for n, database := range []string{server.URL("leasehold"), "sqlite"} {
		file := filepath.Join(t.TempDir(), fmt.Sprint("backup", n))
		if said := p.says("backup", file); !strings.Contains(said, "done") {
			t.Fatal(said)
		}
		p.halt()
		if err := os.WriteFile(p.config, append(settings, "database: "+database+"\n"...), 0o600); err != nil {
			t.Fatal(err)
		}
		if said := p.says("restore", "--force", file); !strings.Contains(said, "done; the ledger is that of") {
			t.Fatalf("restore into %s says %s", database, said)
		}
		if said := p.says("restore", file); !strings.Contains(said, "ledger") || strings.Contains(said, "done") {
			t.Errorf("a second restore into %s says %s", database, said)
		}
		p.start()
		p.becomes(t, http.StatusOK, "ready\n")
		if p.entered(before) {
			t.Errorf("%s: a session from before the backup is let in", database)
		}
		if before = p.mustLogIn("ada"); account() != who {
			t.Errorf("%s: ada is %s, and was %s", database, account(), who)
		}
		if said := p.says("audit", "export"); strings.Count(said, `"via":"restore"`) != n+1 {
			t.Errorf("%s: the audit has no word of it", database)
		}
	}
}
