package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// clock is ledger time: the larger of the wall clock and the highest time that was ever stored plus the time since. A
// clock that is put back, also across a restart, revives nothing (I13).
type clock struct {
	now  func() time.Time
	boot func() time.Duration

	mu     sync.Mutex
	mark   time.Time     // the highest time known
	marked time.Duration // when, by boot
}

func openClock(ctx context.Context, db *sql.DB, o Options) (*clock, error) {
	c := &clock{now: o.Now, boot: o.Boottime}
	if c.now == nil {
		c.now = time.Now
	}
	if c.boot == nil {
		c.boot = boottime
	}
	var stored int64
	err := db.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'clock'").Scan(&stored)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	c.mark, c.marked = time.Unix(0, stored).UTC(), c.boot()
	return c, nil
}

// read is ledger time.
func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	boot := c.boot()
	at := c.mark.Add(boot - c.marked)
	if wall := c.now().UTC().Round(0); wall.After(at) {
		at = wall
	}
	c.mark, c.marked = at, boot
	return at
}

// boottime is the time since the machine was started, with the time that it slept.
func boottime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// Now implements provision.Ledger.
func (s *Store) Now() time.Time { return s.clock.read() }

// mark stores ledger time in a commit.
func (s *Store) mark(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO meta (name, value) VALUES ('clock', ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)", s.Now().UnixNano())
	return err
}

// Mark stores ledger time when nothing else has been written for a while.
func (s *Store) Mark(ctx context.Context) error {
	return s.inTx(ctx, func(*sql.Tx) error { return nil })
}

// ResetClock makes ledger time the wall clock again, also where that goes back: for a clock that ran ahead. Whoever
// calls it ends every lease before and after.
func (s *Store) ResetClock(ctx context.Context) error {
	tx, err := s.write.BeginTx(ctx, nil) // no other writer from here on
	if err != nil {
		return fault(err)
	}
	defer tx.Rollback()
	s.clock.mu.Lock() // nobody stores the old time between the commit and the new one
	defer s.clock.mu.Unlock()
	wall, boot := s.clock.now().UTC().Round(0), s.clock.boot()
	if _, err := tx.ExecContext(ctx, "INSERT INTO meta (name, value) VALUES ('clock', ?) ON CONFLICT DO UPDATE SET value = excluded.value", wall.UnixNano()); err != nil {
		return fault(err)
	}
	if err := tx.Commit(); err != nil {
		return fault(err)
	}
	s.clock.mark, s.clock.marked = wall, boot
	return nil
}
