package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"leasehold/broker"
	"leasehold/provision"
)

var _ broker.Attempts = (*Client)(nil)

// An entry is a head and what is sealed. Its key is made of its id alone, because only that is known to who asks; so the
// list of what a browser has stands in a slot of its own, and one is written after the other.
const (
	headSize = 1 + 16 + 32 // version; end in Unix milliseconds, decimal; hash of the browser's cookie
	version  = "1"

	attemptsPerBrowser = 20
)

// swapScript replaces what is sealed in KEYS[1] by ARGV[2], if it is ARGV[1] and not over at ARGV[3].
const swapScript = `
local now = redis.call('GET', KEYS[1])
if not now or string.sub(now, 1, 1) ~= '1' or tonumber(ARGV[3]) >= (tonumber(string.sub(now, 2, 17)) or 0) then return 0 end
if string.sub(now, 50) ~= ARGV[1] then return 1 end
redis.call('SET', KEYS[1], string.sub(now, 1, 49) .. ARGV[2], 'KEEPTTL')
return 2`

// enlistScript makes ARGV[1] the newest of the list KEYS[1], which lives for ARGV[2] milliseconds at least, and answers
// with those of the oldest that are more than ARGV[3].
const enlistScript = `
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
redis.call('ZADD', KEYS[1], (tonumber(last[2]) or 0) + 1, ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[3])
if over <= 0 then return {} end
local gone = redis.call('ZRANGE', KEYS[1], 0, over - 1)
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, over - 1)
return gone`

// Put implements broker.Attempts. The list comes first: what is put is always on it, and what a failure in between leaves
// on it is a name of nothing.
func (c *Client) Put(ctx context.Context, p broker.Pending) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	key, life := c.entry(p.ID), p.Expires.Sub(c.config.Now())
	if life <= 0 {
		return unavailable("put", c.redis.Del(ctx, key).Err())
	}
	var over []string
	if p.Browser != ([32]byte{}) {
		var err error
		over, err = c.scripts.enlist.Run(ctx, c.redis, []string{c.list(p.Browser)}, key, milliseconds(life), attemptsPerBrowser).StringSlice()
		if err != nil {
			return unavailable("list of a browser", err)
		}
	}
	put := c.redis.Set(ctx, key, head(p)+string(p.Sealed), time.Duration(milliseconds(life))*time.Millisecond)
	for _, old := range over { // what is not reached now ends by itself
		if strings.HasPrefix(old, prefix+"attempt:") { // whoever writes to the list deletes nothing else by our hand
			c.redis.Del(ctx, old)
		}
	}
	return unavailable("put", put.Err())
}

// Get implements broker.Attempts.
func (c *Client) Get(ctx context.Context, id string) (broker.Pending, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return c.read(id, c.redis.Get(ctx, c.entry(id)))
}

// Swap implements broker.Attempts.
func (c *Client) Swap(ctx context.Context, p broker.Pending, sealed []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	done, err := c.scripts.swap.Run(ctx, c.redis, []string{c.entry(p.ID)}, p.Sealed, sealed, c.config.Now().UnixMilli()).Int()
	switch {
	case err != nil:
		return unavailable("swap", err)
	case done == 0:
		return provision.ErrNotFound
	case done == 1:
		return provision.ErrConflict
	}
	return nil
}

// Take implements broker.Attempts. When the answer is lost on the way, so is what was taken, and the login begins again.
func (c *Client) Take(ctx context.Context, id string) (broker.Pending, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := c.read(id, c.redis.GetDel(ctx, c.entry(id)))
	if err == nil && p.Browser != ([32]byte{}) {
		c.redis.ZRem(ctx, c.list(p.Browser), c.entry(id)) // else it counts until the list ends
	}
	return p, err
}

func (c *Client) entry(id string) string { return c.key("attempt", id) }

func (c *Client) list(browser [32]byte) string { return c.key("browser", string(browser[:])) }

// head is what stands before what is sealed.
func head(p broker.Pending) string {
	return fmt.Sprintf("%s%016d%s", version, p.Expires.UnixMilli(), p.Browser[:])
}

// read is what an entry holds. One that is over, or of no shape of ours, is as good as absent.
func (c *Client) read(id string, answer *goredis.StringCmd) (broker.Pending, error) {
	text, err := answer.Result()
	if absent(err) != nil {
		return broker.Pending{}, unavailable("entry", err)
	}
	if err != nil || len(text) < headSize || text[:1] != version {
		return broker.Pending{}, provision.ErrNotFound
	}
	end, err := strconv.ParseInt(text[1:17], 10, 64)
	p := broker.Pending{ID: id, Expires: time.UnixMilli(end), Sealed: []byte(text[headSize:])}
	if err != nil || !c.config.Now().Before(p.Expires) {
		return broker.Pending{}, provision.ErrNotFound
	}
	copy(p.Browser[:], text[17:headSize])
	return p, nil
}

// milliseconds rounds up: Redis must not forget what is not over.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}
