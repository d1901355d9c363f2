package broker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// tallied is what all replicas together count: it leaves n, and tells nothing while it is away.
type tallied struct {
	left, asked int
	key         string
	away        error
}

func (s *tallied) Allow(_ context.Context, key string, n int, per time.Duration) (bool, error) {
	s.asked++
	s.key = fmt.Sprint(key, " ", n, " ", per)
	if s.away != nil {
		return false, s.away
	}
	s.left--
	return s.left >= 0, nil
}

func TestATenantsPaceIsThatOfAllReplicasTogetherAndOfOneWhenNobodyCanTell(t *testing.T) {
	h := newHouse(t)
	shared := &tallied{left: 1}
	h.ports.Shared, h.ports.Pace = shared, broker.Pace{N: 3, Per: time.Hour}
	h.start()
	ctx := context.Background()
	begin := func() error {
		_, err := h.Begin(ctx, broker.Wish{Browser: "b", Connection: "acme"})
		return err
	}
	if err := begin(); err != nil {
		t.Fatal(err)
	}
	if shared.key != "tenant/acme 3 1h0m0s" {
		t.Errorf("counted as %q", shared.key)
	}
	wantDenied(t, provision.RateLimited, provision.Lease{}, begin()) // others used it up
	shared.away = provision.ErrUnavailable
	if err := begin(); err != nil {
		t.Errorf("the third of three here, and nobody can tell: %v", err)
	}
	asked := shared.asked
	for range 3 { // what this replica refuses by itself is not asked about: a flood ends here
		wantDenied(t, provision.RateLimited, provision.Lease{}, begin())
	}
	if shared.asked != asked {
		t.Errorf("asked %d times about what was refused already", shared.asked-asked)
	}
}
