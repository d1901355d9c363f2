//go:build real

package console_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"leasehold/provision/postgres"
	"leasehold/provision/postgres/postgrestest"
)

// BenchmarkConsoleOnPostgreSQL is BenchmarkConsole with the ledger in a PostgreSQL of its own, which keeps what it
// acknowledges and has counted its rows.
func BenchmarkConsoleOnPostgreSQL(b *testing.B) {
	url := postgrestest.Start(b, postgrestest.Options{}).Database(b, "")
	store, err := postgres.Open(b.Context(), url, postgres.Options{})
	must(b, err)
	b.Cleanup(func() { store.Close() })
	benchmark(b, townOn(b, store), func() {
		c, err := pgx.Connect(b.Context(), url)
		must(b, err)
		_, err = c.Exec(b.Context(), "VACUUM ANALYZE")
		must(b, err)
		must(b, c.Close(b.Context()))
	})
}
