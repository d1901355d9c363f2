package broker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"leasehold/broker"
)

func TestMemoryHoldsSoManyAttemptsAndNoMore(t *testing.T) {
	c := newClock()
	l := broker.NewLocalAttempts(c.Now)
	ctx := context.Background()
	there := func(n int) bool { _, err := l.Get(ctx, fmt.Sprint(n)); return err == nil }
	put := func(n, size int) {
		p := broker.Pending{ID: fmt.Sprint(n), Browser: [32]byte{byte(n), byte(n >> 8), byte(n >> 16), 1}, Expires: c.Now().Add(time.Minute), Sealed: make([]byte, size)}
		if err := l.Put(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 100_001 {
		put(n, 1)
	}
	if there(0) || !there(1) || !there(100_000) {
		t.Error("not the oldest went")
	}
	for n := range 300 {
		put(200_000+n, 1<<20)
	}
	if there(100_000) || there(200_000) || !there(200_299) {
		t.Error("300 attempts of 1 MiB each are all held")
	}
	p, err := l.Get(ctx, "200299")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Swap(ctx, p, make([]byte, 400<<20)); err == nil && there(200_299) {
		t.Error("a swap grows beyond every bound")
	}
}
