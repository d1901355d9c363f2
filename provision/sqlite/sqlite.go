// Package sqlite keeps the ledger in one SQLite file, for one process: write-ahead log, every commit on disk before it
// is acknowledged, one writer at a time. Who reads sees a whole snapshot.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"runtime"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"leasehold/provision"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options are what a Store may be told. The zero value is for production.
type Options struct {
	Now      func() time.Time     // wall clock; nil: time.Now
	Boottime func() time.Duration // time since some moment, also while the machine sleeps; nil: CLOCK_BOOTTIME
}

// Store is a ledger, a registry and a key store in one file.
type Store struct {
	write *sql.DB // one connection: writers wait for each other
	read  *sql.DB
	clock *clock
}

var (
	_ provision.Ledger   = (*Store)(nil)
	_ provision.Registry = (*Store)(nil)
	_ provision.Keys     = (*Store)(nil)
)

// Open opens the file at path, makes it when it is not there, and brings its schema up to date. A schema that is newer
// than this program is refused.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	write, err := connect(path, "immediate")
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	if err := migrate(ctx, write); err != nil {
		return nil, errors.Join(fmt.Errorf("ledger %s: %w", path, err), write.Close())
	}
	read, err := connect(path, "deferred")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(max(4, runtime.NumCPU()))
	s := &Store{write: write, read: read}
	if s.clock, err = openClock(ctx, write, o); err != nil {
		return nil, errors.Join(fmt.Errorf("ledger %s: %w", path, err), s.Close())
	}
	return s, nil
}

func connect(path, lock string) (*sql.DB, error) {
	q := url.Values{"_txlock": {lock}, "_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "temp_store(MEMORY)", "cache_size(-32768)"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	return db, nil
}

// Close ends everything. What was acknowledged is on disk already.
func (s *Store) Close() error { return errors.Join(s.read.Close(), s.write.Close()) }

// migrate applies the migrations that the file has not seen, each in a transaction of its own.
func migrate(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	names, err := fs.Glob(migrations, "migrations/*.sql") // sorted: their names begin with their number
	if err != nil {
		return err
	}
	if version > len(names) {
		return fmt.Errorf("was written by a newer leasehold (schema %d, this one knows %d): run that one, or restore a backup", version, len(names))
	}
	for i, name := range names[version:] {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if err := migrateTo(ctx, db, version+i+1, string(text)); err != nil {
			return fmt.Errorf("migration %s: %w", name, err)
		}
	}
	return nil
}

func migrateTo(ctx context.Context, db *sql.DB, version int, text string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, text); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return err
	}
	return tx.Commit()
}

// fault turns a driver's error into one of provision's. A broken unique index is a lost race.
func fault(err error) error {
	var no *driver.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return provision.ErrNotFound
	case errors.As(err, &no) && (no.Code() == lib.SQLITE_CONSTRAINT_UNIQUE || no.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY):
		return fmt.Errorf("%w: %w", provision.ErrConflict, err)
	case errors.Is(err, provision.ErrNotFound), errors.Is(err, provision.ErrConflict), errors.Is(err, provision.ErrCorrupt):
		return err
	}
	return fmt.Errorf("%w: %w", provision.ErrUnavailable, err)
}
