package broker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/provision/memory"
)

// slowKeys has something happen between the reading of a key and its answer.
type slowKeys struct {
	provision.Keys
	read func(name string)
}

func (s *slowKeys) Key(ctx context.Context, name string) ([]byte, error) {
	value, err := s.Keys.Key(ctx, name)
	s.read(name)
	return value, err
}

func TestAKeyThatIsDestroyedWhileItIsReadIsGoneFromMemoryToo(t *testing.T) {
	store, master := memory.New(nil), make([]byte, 32)
	first, err := broker.NewKeyring(t.Context(), store, master)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Named(t.Context(), "secret"); err != nil {
		t.Fatal(err)
	}
	slow := &slowKeys{store, func(string) {}}
	keys, err := broker.NewKeyring(t.Context(), slow, master)
	if err != nil {
		t.Fatal(err)
	}
	dropped := make(chan error, 1)
	slow.read = func(string) {
		slow.read = func(string) {}
		go func() { dropped <- keys.Drop(context.WithoutCancel(t.Context()), "secret") }()
		time.Sleep(50 * time.Millisecond)
	}
	if _, err := keys.Secret(t.Context(), "secret"); err != nil {
		t.Fatal(err)
	}
	if err := <-dropped; err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Secret(t.Context(), "secret"); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("a destroyed key: %v", err)
	}
}
