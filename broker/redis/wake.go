package redis

import (
	"context"
	"errors"
	"net"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// How a subscription is kept.
const (
	pulse       = time.Second            // of silence, after which it is asked whether it still stands
	firstPause  = 50 * time.Millisecond  // before the first try after a cut
	longestWait = 500 * time.Millisecond // before any further one
)

// Wake wakes replicas that have something to look at. Its error is for a log: a wake-up may be lost, so whoever is to be
// woken looks by itself after a while. It takes a tenth of a second at most, and is sent also when whoever asked is gone.
func (c *Client) Wake(ctx context.Context, replicas ...string) error {
	if len(replicas) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wakeTime)
	defer cancel()
	_, err := c.redis.Pipelined(ctx, func(p goredis.Pipeliner) error {
		for _, replica := range replicas {
			p.Publish(ctx, channel(replica), "")
		}
		return nil
	})
	if err != nil {
		c.waking.log(c.config.Log, "replicas are not woken: Redis does not answer", err)
	}
	return unavailable("wake", err)
}

// Woken has a value when replica was woken since the last one was received; and whenever the subscription stands anew,
// because something may have been missed. It subscribes by itself after every cut, until ctx is over, and is never closed.
func (c *Client) Woken(ctx context.Context, replica string) <-chan struct{} {
	woken := make(chan struct{}, 1)
	go c.subscribe(ctx, channel(replica), func(string) {
		select {
		case woken <- struct{}{}:
		default: // it is woken already
		}
	})
	return woken
}

// subscribe hears what is said on a channel, and "" whenever the subscription stands anew, until ctx is over.
func (c *Client) subscribe(ctx context.Context, channel string, hear func(said string)) {
	wait := firstPause
	for ctx.Err() == nil {
		if c.listen(ctx, channel, hear) {
			wait = firstPause
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, longestWait)
	}
}

// listen is one subscription, until it is cut; it reports whether it ever stood.
func (c *Client) listen(ctx context.Context, channel string, hear func(said string)) (stood bool) {
	s := c.redis.Subscribe(ctx, channel)
	defer s.Close()
	defer context.AfterFunc(ctx, func() { s.Close() })()
	for asked := false; ; {
		said, err := s.ReceiveTimeout(ctx, pulse)
		var silent net.Error
		switch {
		case err == nil:
			asked = false
		case stood && !asked && errors.As(err, &silent) && silent.Timeout() && s.Ping(ctx) == nil:
			asked = true
			continue
		default:
			return stood
		}
		switch said := said.(type) {
		case *goredis.Subscription:
			stood = true
			hear("")
		case *goredis.Message:
			stood = true
			hear(said.Payload)
		}
	}
}

func channel(replica string) string { return prefix + "wake:" + replica }
