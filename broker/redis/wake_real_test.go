//go:build real

package redis_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"leasehold/broker/redis/redistest"
	"leasehold/provision"
	"leasehold/provision/wiretest"
)

func TestAWakeUpReachesWhomItIsForAndManyAreOne(t *testing.T) {
	s := redistest.Single(t)
	sender, receiver := open(t, at(s.Addr)), open(t, at(s.Addr))
	a, b := receiver.Woken(t.Context(), "a"), receiver.Woken(t.Context(), "b")
	wantWoken(t, a, "the subscription stands")
	wantWoken(t, b, "the subscription stands")
	for range 10 {
		if err := sender.Wake(context.Background(), "a", "nobody"); err != nil {
			t.Fatal(err)
		}
	}
	wantWoken(t, a, "it was woken")
	time.Sleep(100 * time.Millisecond)
	if n := len(a); n > 1 {
		t.Errorf("%d wake-ups wait", n)
	}
	if len(b) != 0 {
		t.Error("another is woken")
	}
	gone, leave := context.WithCancel(context.Background())
	leave()
	for len(a) > 0 {
		<-a
	}
	if err := sender.Wake(gone, "a"); err != nil {
		t.Errorf("of somebody who has left: %v", err)
	}
	wantWoken(t, a, "who woke it had left")
	if err := sender.Wake(context.Background()); err != nil {
		t.Errorf("nobody is woken: %v", err)
	}
}

func TestAfterEveryCutThereIsAWakeUp(t *testing.T) {
	s := redistest.Single(t)
	wire := wiretest.New(t, s.Addr)
	sender, receiver := open(t, at(s.Addr)), open(t, at(wire.Addr))
	woken := receiver.Woken(t.Context(), "a")
	wantWoken(t, woken, "the subscription stands")
	for name, harm := range map[string]func(){"a reset": wire.Drop, "a cut": wire.Cut, "silence": wire.Silence, "answers lost": wire.LoseAnswers} {
		harm()
		if err := sender.Wake(context.Background(), "a"); err != nil { // may be lost
			t.Error(err)
		}
		time.Sleep(3 * time.Second) // until silence is noticed
		for len(woken) > 0 {
			<-woken
		}
		wire.Mend()
		if name == "a reset" {
			wire.Drop()
		}
		wantWoken(t, woken, "the subscription stands anew after "+name)
		for len(woken) > 0 {
			<-woken
		}
		redistest.Until(t, "a wake-up after "+name, func() bool {
			if err := sender.Wake(context.Background(), "a"); err != nil {
				t.Error(err)
			}
			time.Sleep(10 * time.Millisecond)
			return len(woken) > 0
		})
	}
}

func TestASubscriptionOutlivesTheServer(t *testing.T) {
	s := redistest.Single(t)
	client := open(t, at(s.Addr))
	ctx, stop := context.WithCancel(t.Context())
	woken := client.Woken(ctx, "a")
	wantWoken(t, woken, "the subscription stands")
	s.Kill()
	time.Sleep(200 * time.Millisecond)
	if len(woken) != 0 {
		t.Error("a server that is dead wakes")
	}
	s.Start()
	wantWoken(t, woken, "the server is back")
	stop()
	for range 20 { // nobody is woken after the end, and nobody is stuck
		if err := client.Wake(context.Background(), "a"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAWakeUpTakesATenthOfASecondAtMost(t *testing.T) {
	wire := wiretest.New(t, redistest.Single(t).Addr)
	client := open(t, at(wire.Addr))
	if err := client.Wake(context.Background(), "a"); err != nil {
		t.Fatal(err)
	}
	for name, harm := range map[string]func(){"silence": wire.Silence, "cut": wire.Cut} {
		harm()
		for range 3 {
			began := time.Now()
			err := client.Wake(context.Background(), "a", "b", "c")
			if took := time.Since(began); !errors.Is(err, provision.ErrUnavailable) || took > 250*time.Millisecond {
				t.Errorf("%s: %v after %v", name, err, took)
			}
		}
		wire.Mend()
	}
}
