//go:build real

package postgres_test

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"leasehold/provision/postgres"
	"leasehold/provision/postgres/postgrestest"
	"leasehold/provision/storetest"
)

// shared is the server of all tests that crash nothing, with an empty ledger in the database "template".
var shared = sync.OnceValues(func() (*postgrestest.Server, error) {
	return postgrestest.Begin(postgrestest.Options{NoSync: true})
})

var template sync.Once

func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := shared(); err != nil || s.End() != nil {
		fmt.Fprintln(os.Stderr, "PostgreSQL:", err)
		code = 1
	}
	os.Exit(code)
}

func server(t testing.TB) *postgrestest.Server {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ledger is the address of a database with an empty ledger.
func ledger(t testing.TB) string {
	t.Helper()
	s := server(t)
	template.Do(func() {
		s.Tell(t, "CREATE DATABASE template")
		made, err := postgres.Open(t.Context(), s.URL("template"), postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		made.Close()
	})
	return s.Database(t, "template")
}

// open opens a store until the test is over.
func open(t testing.TB, url string, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestTheSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (storetest.Store, storetest.Store) {
		url := ledger(t)
		return open(t, url, postgres.Options{}), open(t, url, postgres.Options{})
	})
}
