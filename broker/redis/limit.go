package redis

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"leasehold/broker"
)

var _ broker.Shared = (*Client)(nil)

// countScript is GCRA: KEYS[1] holds the time at which everything that was allowed is paid off, in microseconds of
// Redis's own clock. ARGV[1] is a whole allowance of time in microseconds, ARGV[2] how many it is for. A time that no
// allowance reaches is of a clock that went back since, and counts for nothing.
const countScript = `
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local per = tonumber(ARGV[1])
local paid = tonumber(redis.call('GET', KEYS[1]) or 0) or 0
if not (paid >= now and paid <= now + per) then paid = now end
paid = paid + per / tonumber(ARGV[2])
if paid - now > per + 1 then return 0 end
redis.call('SET', KEYS[1], string.format('%.0f', paid), 'PX', math.ceil((paid - now) / 1000))
return 1`

// pause is how long nothing is counted in a Redis that did not answer.
const pause = time.Second

// errPaused is that Redis did not answer a moment ago.
var errPaused = errors.New("it did not answer a moment ago")

// Allow implements broker.Shared. Nobody waits for long, and after a failure nobody waits at all, for a second: who asks
// goes by the count of this process then.
func (c *Client) Allow(ctx context.Context, key string, n int, per time.Duration) (bool, error) {
	if !c.counts.closed(time.Now()) {
		return false, unavailable("count", errPaused)
	}
	bounded, cancel := context.WithTimeout(ctx, limitTime)
	defer cancel()
	allowed, err := c.scripts.count.Run(bounded, c.redis, []string{c.key("limit", key)}, per.Microseconds(), n).Int()
	switch {
	case err == nil:
		c.counts.good()
	case ctx.Err() == nil: // who asked is still there: it is Redis
		c.counts.bad(time.Now())
		c.counting.log(c.config.Log, "logins are not counted over all replicas: Redis does not answer", err)
	}
	return allowed == 1, unavailable("count", err)
}

// breaker remembers that something did not answer. Nobody asks before the pause is over, and then one does.
type breaker struct {
	until atomic.Int64 // Unix nanoseconds; 0: it answers
}

// closed reports whether to ask.
func (b *breaker) closed(now time.Time) bool {
	until := b.until.Load()
	return until == 0 || now.UnixNano() >= until && b.until.CompareAndSwap(until, now.Add(pause).UnixNano())
}

func (b *breaker) good() {
	if b.until.Load() != 0 {
		b.until.Store(0)
	}
}

func (b *breaker) bad(now time.Time) { b.until.Store(now.Add(pause).UnixNano()) }
