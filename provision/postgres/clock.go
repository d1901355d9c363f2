package postgres

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// putBack is how far the server's clock may be behind ledger time as a clock that runs a little slower than this
// machine's. One that is further behind was put back, and is not believed.
const putBack = 2 * time.Second

// clock is ledger time: the server's clock as it was last learnt, and the time since then by this machine's. A server
// whose clock is put back, also across a restart or by a failover, revives nothing (I13).
type clock struct {
	boot func() time.Duration

	mu     sync.Mutex
	base   time.Time     // what was learnt
	based  time.Duration // when, by boot
	last   time.Time     // what was said last
	resets int64         // how often ledger time was reset, as far as this process knows
}

// read is ledger time.
func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at()
}

func (c *clock) at() time.Time {
	boot := max(c.boot(), c.based) // one that cannot be read has not moved
	if at := c.base.Add(boot - c.based); at.After(c.last) {
		c.last = at
	}
	return c.last
}

// learn takes over what the server says. After a reset by whatever process, that is believed whatever it is.
func (c *clock) learn(server time.Time, resets int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	server = server.UTC().Round(0)
	if now := c.at(); resets > c.resets {
		c.last, c.resets = server, resets
	} else if now.Sub(server) > putBack {
		server = now
	}
	c.base, c.based = server, max(c.boot(), c.based)
}

// known is ledger time, and after how many resets.
func (c *clock) known() (time.Time, int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at(), c.resets
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

// serverTime is the server's clock, the highest ledger time that is stored, and how often it was reset.
const serverTime = `SELECT clock_timestamp(), greatest(
	coalesce((SELECT value FROM meta WHERE name = 'clock'), 0),
	coalesce((SELECT max(at) FROM inbox WHERE resets = coalesce((SELECT value FROM meta WHERE name = 'resets'), 0)), 0)),
	coalesce((SELECT value FROM meta WHERE name = 'resets'), 0)`

// askTime learns the server's time and what is stored.
func (s *Store) askTime(ctx context.Context) error {
	return s.reading(ctx, func(r reader) error {
		var at time.Time
		var stored, resets int64
		if err := r.row(serverTime, nil, &at, &stored, &resets); err != nil {
			return err
		}
		if mark := moment(stored); mark.After(at) {
			at = mark
		}
		s.clock.learn(at, resets)
		return nil
	})
}

// Mark stores ledger time when nothing else has been written for a while, and does what can wait: it numbers events and
// forgets old receipts.
func (s *Store) Mark(ctx context.Context) error {
	if err := s.number(ctx); err != nil {
		return err
	}
	err := s.transact(ctx, func(w *work) error {
		at, resets := s.clock.known()
		w.queue("SELECT pg_advisory_xact_lock($1)", int64(numberLock)) // whoever resets the clock meanwhile has done so
		w.queue(`INSERT INTO meta (name, value) SELECT 'clock', $1 WHERE coalesce((SELECT value FROM meta WHERE name = 'resets'), 0) = $2
			ON CONFLICT (name) DO UPDATE SET value = greatest(meta.value, excluded.value)`, stamp(at), resets)
		w.queue("DELETE FROM receipts WHERE at < now() - interval '1 day'")
		return w.send()
	})
	if err != nil {
		return err
	}
	return s.askTime(ctx)
}

// ResetClock makes ledger time the server's clock again, also where that goes back: for a clock that ran ahead. Other
// processes follow with their next renewal or commit. Whoever calls it ends every lease before and after.
func (s *Store) ResetClock(ctx context.Context) error {
	err := s.transact(ctx, func(w *work) error {
		w.queue("SELECT pg_advisory_xact_lock($1)", int64(numberLock)) // nobody stores the former time after this
		w.queue("INSERT INTO meta (name, value) VALUES ('resets', 1) ON CONFLICT (name) DO UPDATE SET value = meta.value + 1")
		w.queue(`INSERT INTO meta (name, value) VALUES ('clock', (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`)
		return w.send()
	})
	if err != nil {
		return err
	}
	return s.askTime(ctx)
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
