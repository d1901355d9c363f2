package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"
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
	c.mark, c.marked = moment(stored), c.boot()
	return c, nil
}

// read is ledger time.
func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	boot := max(c.boot(), c.marked) // one that cannot be read has not moved
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
func (w writer) mark(now time.Time) error {
	return w.exec("INSERT INTO meta (name, value) VALUES ('clock', ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)", stamp(now))
}

// Mark stores ledger time when nothing else has been written for a while, and takes back the room that was given up,
// once there is enough.
func (s *Store) Mark(ctx context.Context) error {
	if err := s.room.refill(); err != nil {
		return err
	}
	return s.commit(ctx, growth, func(writer, *need) error { return nil })
}

// ResetClock makes ledger time the wall clock again, also where that goes back: for a clock that ran ahead. Whoever
// calls it ends every lease before and after.
func (s *Store) ResetClock(ctx context.Context) error {
	var wall time.Time
	held := false
	err := s.write.transact(ctx, func(on *session) error {
		s.clock.mu.Lock() // from here until the commit is over: nobody stores the old time after it
		held = true
		wall = s.clock.now().UTC().Round(0)
		return writer{reader{ctx, on}}.exec("INSERT INTO meta (name, value) VALUES ('clock', ?) ON CONFLICT DO UPDATE SET value = excluded.value", stamp(wall))
	})
	if !held {
		return err
	}
	defer s.clock.mu.Unlock()
	if err == nil {
		s.clock.mark, s.clock.marked = wall, s.clock.boot()
	}
	return err
}

// stamp is a time as it is stored: nanoseconds since 1970, UTC; 0 for the zero time, and the last there is for all that
// are beyond it.
func stamp(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Unix() >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	}
	return t.UnixNano()
}

// moment is the time of a stamp.
func moment(stamp int64) time.Time {
	if stamp == 0 {
		return time.Time{}
	}
	return time.Unix(0, stamp).UTC()
}
