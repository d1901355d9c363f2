package broker_test

import (
	"context"
	"testing"

	"leasehold/broker"
	"leasehold/idp"
	"leasehold/provision"
)

func TestAProviderThatWasBeingMadeWhileItsKeysChangedIsMadeAnew(t *testing.T) {
	h := newHouse(t)
	opened, open := 0, h.ports.Open
	h.ports.Open = func(ctx context.Context, c provision.Connection) (idp.Provider, error) {
		if opened++; opened == 1 {
			h.Reopen(c.ID) // the keys change after this one has read them
		}
		return open(ctx, c)
	}
	h.start()
	for range 3 {
		h.begin(broker.Wish{Browser: "b", Connection: "acme"})
	}
	if opened != 2 {
		t.Errorf("made %d times, want 2: the one in between is not kept", opened)
	}
}
