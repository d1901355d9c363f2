//go:build real

package redis_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"leasehold/broker/redis/redistest"
	"leasehold/provision"
)

func TestAnEndIsForetoldToTheOthersAndToNobodyElse(t *testing.T) {
	s := redistest.Single(t)
	c := at(s.Addr)
	c.Secret = bytes.Repeat([]byte("k"), 32)
	sender, receiver, foreign := open(t, c), open(t, c), open(t, at(s.Addr))
	own, others := sender.Foretold(t.Context()), receiver.Foretold(t.Context())
	wire := goredis.NewClient(&goredis.Options{Addr: s.Addr})
	t.Cleanup(func() { wire.Close() })
	tapped := wire.PSubscribe(t.Context(), "*")
	t.Cleanup(func() { tapped.Close() })
	id := provision.NewLeaseID("t_acme", "0123456789abcdefghijklmn")
	var ids []provision.LeaseID
	for range 500 { // until the subscription stands
		sender.Foretell(context.Background(), []provision.LeaseID{id, "another"})
		select {
		case ids = <-others:
		case <-time.After(20 * time.Millisecond):
			continue
		}
		break
	}
	if len(ids) != 2 || ids[0] != id || ids[1] != "another" {
		t.Errorf("%q", ids)
	}
	select {
	case ids := <-own:
		t.Errorf("who foretold it hears it, too: %q", ids)
	case <-time.After(100 * time.Millisecond):
	}
	said, err := tapped.ReceiveMessage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(said.Payload, string(id)) || strings.Contains(said.Payload, "another") {
		t.Errorf("who listens to Redis reads %q", said.Payload)
	}
	time.Sleep(100 * time.Millisecond)
	for len(others) > 0 {
		<-others
	}
	foreign.Foretell(context.Background(), []provision.LeaseID{id}) // another installation's
	for _, forged := range []string{string(id), "x\n" + string(id), said.Payload[:len(said.Payload)-1], ""} {
		if err := wire.Publish(t.Context(), "leasehold:ends", forged).Err(); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case ids := <-others:
		t.Errorf("without the secret, somebody foretold %q", ids)
	case <-time.After(100 * time.Millisecond):
	}
}

func TestForetellingWaitsForNobody(t *testing.T) {
	s := redistest.Single(t)
	sender := open(t, at(s.Addr))
	s.Kill()
	began := time.Now()
	sender.Foretell(context.Background(), []provision.LeaseID{"a"})
	if took := time.Since(began); took > 5*time.Second { // a tenth of a second, and what a busy machine adds
		t.Errorf("it took %v", took)
	}
}
