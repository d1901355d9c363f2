package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationLock is the advisory lock that migrations are applied under.
const migrationLock = 0x1ea5e401d

// readMigrations are the texts of all migrations, in order.
func readMigrations() ([]string, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql") // sorted: their names begin with their number
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

// migrate applies those of all that the database has not seen, each in a transaction of its own together with its
// version. Of several processes that start, one at a time does so.
func migrate(ctx context.Context, pool *pgxpool.Pool, all []string) error {
	for done := false; !done; {
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) (err error) {
			done, err = migrateOnce(ctx, tx, all)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// migrateOnce applies the next migration, and says whether there was none.
func migrateOnce(ctx context.Context, tx pgx.Tx, all []string) (done bool, err error) {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
		return false, err
	}
	version, err := schemaVersion(ctx, tx)
	switch {
	case err != nil:
		return false, err
	case version > len(all):
		return false, fmt.Errorf("was written by a newer leasehold (schema %d, this one knows %d): run that one, or restore a backup", version, len(all))
	case version == len(all):
		return true, nil
	}
	if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil { // an index on much takes its time
		return false, err
	}
	if _, err := tx.Conn().PgConn().Exec(ctx, all[version]).ReadAll(); err != nil {
		return false, fmt.Errorf("migration %d: %w", version+1, err)
	}
	_, err = tx.Exec(ctx, "INSERT INTO meta (name, value) VALUES ('schema', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value", version+1)
	return false, err
}

// schemaVersion is how many migrations the database has seen.
func schemaVersion(ctx context.Context, tx pgx.Tx) (version int, err error) {
	var table *string
	if err := tx.QueryRow(ctx, "SELECT to_regclass('meta')::text").Scan(&table); err != nil || table == nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, "SELECT value FROM meta WHERE name = 'schema'").Scan(&version)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return version, err
}
