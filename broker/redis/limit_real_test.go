//go:build real

package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/broker/redis/redistest"
	"leasehold/provision"
	"leasehold/provision/wiretest"
)

func TestAllReplicasTogetherAllowSoManyAndNoMore(t *testing.T) {
	c := at(redistest.Single(t).Addr)
	c.Secret = make([]byte, 32)
	a, b := open(t, c), open(t, c)
	var allowed, unheard atomic.Int64
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			client := a
			if n%2 == 0 {
				client = b
			}
			for asked := 0; asked < 25; asked++ {
				ok, err := client.Allow(context.Background(), "tenant/acme", 100, time.Hour)
				if err != nil { // on a busy machine it may be counted there, and the answer come too late here
					unheard.Add(1)
					asked--
					time.Sleep(1100 * time.Millisecond)
				}
				if ok {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := allowed.Load(); n > 100 || n < 100-unheard.Load() {
		t.Errorf("%d of 100 were allowed, and %d answers came too late", n, unheard.Load())
	}
	if ok, err := a.Allow(context.Background(), "tenant/other", 1, time.Hour); err != nil || !ok {
		t.Errorf("another's: %v, %v", ok, err)
	}
	if ok, err := a.Allow(context.Background(), "tenant/acme", 100, time.Hour); err != nil || ok {
		t.Errorf("the 101st: %v, %v", ok, err)
	}
}

func TestWhatWasUsedComesBackWithTime(t *testing.T) {
	client := open(t, at(redistest.Single(t).Addr))
	count := func(for_ time.Duration) (n int) {
		for end := time.Now().Add(for_); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if ok, err := client.Allow(context.Background(), "a", 10, 500*time.Millisecond); err == nil && ok {
				n++
			}
		}
		return n
	}
	if n := count(100 * time.Millisecond); n < 10 || n > 15 {
		t.Errorf("%d at first", n)
	}
	if n := count(time.Second); n < 17 || n > 23 { // 20 a second
		t.Errorf("%d in the next second", n)
	}
}

func TestACountOfAClockThatWentBackRefusesNobody(t *testing.T) {
	s := redistest.Single(t)
	client := open(t, at(s.Addr))
	if ok, err := client.Allow(context.Background(), "a", 2, time.Minute); err != nil || !ok {
		t.Fatalf("%v, %v", ok, err)
	}
	key := s.Do("KEYS", "*").([]any)[0]
	for _, forged := range []string{fmt.Sprint(time.Now().Add(time.Hour).UnixMicro()), "junk", "-1", "nan", "inf"} {
		s.Do("SET", key, forged)
		if ok, err := client.Allow(context.Background(), "a", 2, time.Minute); err != nil || !ok {
			t.Errorf("%s: %v, %v", forged, ok, err)
		}
	}
}

func TestARedisThatDoesNotAnswerIsAskedOnceASecondAndWaitedForBriefly(t *testing.T) {
	wire := wiretest.New(t, redistest.Single(t).Addr)
	log, text := lines()
	c := at(wire.Addr)
	c.Log = log
	client := open(t, c)
	allow := func() (time.Duration, error) {
		began := time.Now()
		_, err := client.Allow(context.Background(), "a", 1000, time.Minute)
		return time.Since(began), err
	}
	if took, err := allow(); err != nil {
		t.Fatalf("%v, %v", took, err)
	}
	for name, harm := range map[string]func(){"silence": wire.Silence, "cut": wire.Cut} {
		harm()
		began, slow, asked := time.Now(), time.Duration(0), 0
		for time.Since(began) < 2500*time.Millisecond {
			took, err := allow()
			if !errors.Is(err, provision.ErrUnavailable) {
				t.Fatalf("%s: %v", name, err)
			}
			if slow = max(slow, took); !strings.Contains(err.Error(), "a moment ago") {
				asked++
			}
			time.Sleep(2 * time.Millisecond)
		}
		if slow > 250*time.Millisecond || asked < 2 || asked > 4 { // 50 ms, on a machine that has other things to do
			t.Errorf("%s: asked %d times in 2.5 s, and waited for %v", name, asked, slow)
		}
		wire.Mend()
		redistest.Until(t, "counts after "+name, func() bool { _, err := allow(); return err == nil })
	}
	if n := strings.Count(text.String(), "not counted over all replicas"); n != 1 {
		t.Errorf("%d lines in the log: %s", n, text)
	}
}

func TestWhoLeavesWhileItIsCountedIsNotAFailureOfRedis(t *testing.T) {
	client := open(t, at(redistest.Single(t).Addr))
	gone, leave := context.WithCancel(context.Background())
	leave()
	if _, err := client.Allow(gone, "a", 5, time.Minute); err == nil {
		t.Error("somebody who has left is counted")
	}
	if ok, err := client.Allow(context.Background(), "a", 5, time.Minute); err != nil || !ok {
		t.Errorf("the next: %v, %v", ok, err)
	}
}
