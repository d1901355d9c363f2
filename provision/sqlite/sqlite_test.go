package sqlite_test

import (
	"path/filepath"
	"testing"

	"leasehold/provision/sqlite"
	"leasehold/provision/storetest"
)

func TestTheSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) (storetest.Store, storetest.Store) {
		path := filepath.Join(t.TempDir(), "leasehold.db")
		return open(t, path, sqlite.Options{}), open(t, path, sqlite.Options{})
	})
}

// open opens a store until the test is over.
func open(t testing.TB, path string, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestCopies(t *testing.T) {
	storetest.RunCopies(t, func(t *testing.T) storetest.Copied {
		return open(t, filepath.Join(t.TempDir(), "leasehold.db"), sqlite.Options{})
	})
}
