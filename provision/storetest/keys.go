package storetest

import (
	"errors"
	"sync"

	"leasehold/provision"
)

func keys() []check {
	return []check{
		{"a key that stands is not replaced, and is gone when it is dropped", keptKey},
		{"racers for one key agree on one value", racedKey},
		{"all keys are wrapped anew, or none", rewrappedKeys},
	}
}

func keptKey(t *probe, a, b Store) {
	if _, err := a.Key(t.ctx, "session"); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("no key: error %v", err)
	}
	for _, value := range []string{"first", "second"} {
		if kept, err := a.AddKey(t.ctx, "session", []byte(value)); err != nil || string(kept) != "first" {
			t.errorf("add %s: %q, error %v", value, kept, err)
		}
	}
	if kept, err := b.Key(t.ctx, "session"); err != nil || string(kept) != "first" {
		t.errorf("key: %q, error %v", kept, err)
	}
	t.ok("drop", b.DropKey(t.ctx, "session"))
	t.ok("drop again", b.DropKey(t.ctx, "session"))
	if _, err := a.Key(t.ctx, "session"); !errors.Is(err, provision.ErrNotFound) {
		t.errorf("dropped key: error %v", err)
	}
}

func rewrappedKeys(t *probe, a, b Store) {
	for _, name := range []string{"one", "two"} {
		_, err := a.AddKey(t.ctx, name, []byte(name))
		t.ok("add", err)
	}
	fault := errors.New("does not open")
	err := a.Rewrap(t.ctx, func(name string, value []byte) ([]byte, error) {
		if name == "two" {
			return nil, fault
		}
		return []byte("fresh"), nil
	})
	if !errors.Is(err, fault) {
		t.errorf("a value that does not open: error %v", err)
	}
	for _, name := range []string{"one", "two"} {
		if value, err := b.Key(t.ctx, name); err != nil || string(value) != name {
			t.errorf("%s after a rewrap that failed: %q, error %v", name, value, err)
		}
	}
	t.ok("rewrap", a.Rewrap(t.ctx, func(name string, value []byte) ([]byte, error) { return append(value, '!'), nil }))
	for _, name := range []string{"one", "two"} {
		if value, err := b.Key(t.ctx, name); err != nil || string(value) != name+"!" {
			t.errorf("%s: %q, error %v", name, value, err)
		}
	}
}

func racedKey(t *probe, a, b Store) {
	var racers sync.WaitGroup
	var mu sync.Mutex
	kept := map[string]int{}
	for n := range 16 {
		racers.Go(func() {
			s := []Store{a, b}[n%2]
			value, err := s.AddKey(t.ctx, "session", []byte{byte(n)})
			if err != nil {
				t.errorf("add: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			kept[string(value)]++
		})
	}
	racers.Wait()
	if len(kept) != 1 {
		t.errorf("%d values were kept under one name", len(kept))
	}
}
