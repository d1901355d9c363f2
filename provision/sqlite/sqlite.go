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
	Reserve  int64                // bytes of the disk that are kept for ends of access, in a file beside the ledger; 0: none
}

// Store is a ledger, a registry and a key store in one file.
type Store struct {
	write *pool // of one: writers wait for each other
	read  *pool
	clock *clock
	room  *room
}

var (
	_ provision.Ledger   = (*Store)(nil)
	_ provision.Registry = (*Store)(nil)
	_ provision.Keys     = (*Store)(nil)
)

// Open opens the file at path, makes it when it is not there, and brings its schema up to date. A schema that is newer
// than this program is refused.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	db, err := connect(path)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	s, err := open(ctx, db, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ledger %s: %w", path, err), db.Close())
	}
	s.room = openRoom(path, o.Reserve)
	return s, nil
}

func open(ctx context.Context, db *sql.DB, o Options) (s *Store, err error) {
	if err := migrate(ctx, db); err != nil {
		return nil, err
	}
	s = &Store{}
	if s.clock, err = openClock(ctx, db, o); err != nil {
		return nil, err
	}
	if s.write, err = openPool(ctx, db, "BEGIN IMMEDIATE", 1); err != nil {
		return nil, err
	}
	s.read, err = openPool(ctx, db, "BEGIN", max(4, runtime.NumCPU()))
	return s, err
}

// connect describes the connections: durable at every commit, and patient when another process reads a backup.
func connect(path string) (*sql.DB, error) {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "secure_delete(ON)", "temp_store(MEMORY)", "cache_size(-32768)"}}
	return sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
}

// Close waits for what is under way. What was acknowledged is on disk already.
func (s *Store) Close() error { return errors.Join(s.read.shut(), s.write.shut()) }

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
	case errors.As(err, &no) && (no.Code() == lib.SQLITE_CONSTRAINT_UNIQUE || no.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY):
		return fmt.Errorf("%w: %w", provision.ErrConflict, err)
	case errors.Is(err, provision.ErrNotFound), errors.Is(err, provision.ErrConflict), errors.Is(err, provision.ErrCorrupt):
		return err
	}
	return fmt.Errorf("%w: %w", provision.ErrUnavailable, err)
}
