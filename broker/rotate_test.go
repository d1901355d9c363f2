package broker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

func TestARotatedSessionKeyKeepsCookiesOnceAndNotTwice(t *testing.T) {
	h := newHouse(t)
	deed := broker.Deed{Actor: provision.Actor{Kind: provision.Operator, ID: "uid:0"}}
	old := h.entered(h.login(ada()))
	h.wantAllow(old)
	if err := h.Rotate(t.Context(), deed, broker.SessionKey); err != nil {
		t.Fatal(err)
	}
	h.wantAllow(old)
	h.restart() // the keys are the ledger's
	h.wantAllow(old)
	fresh := h.entered(h.login(ada()))
	if err := h.Rotate(t.Context(), deed, broker.SessionKey); err != nil {
		t.Fatal(err)
	}
	h.wantReason(old, provision.SessionMalformed)
	h.wantAllow(fresh)
	if n := h.count(provision.EventAdmin, "key.rotated"); n != 2 {
		t.Errorf("%d events instead of 2", n)
	}
	if err := h.Rotate(t.Context(), deed, "no such key"); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestARotatedAssertionKeyStandsBesideTheFormer(t *testing.T) {
	h := newHouse(t)
	deed := broker.Deed{Actor: provision.Actor{Kind: provision.Operator}}
	var seen []string
	for turn := range 3 {
		var set struct{ Keys []struct{ Kid string } }
		if err := json.Unmarshal(h.JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		if len(set.Keys) != min(turn+1, 2) {
			t.Fatalf("turn %d: %d keys", turn, len(set.Keys))
		}
		if turn > 0 && set.Keys[1].Kid != seen[turn-1] {
			t.Errorf("turn %d: the former key is not there", turn)
		}
		seen = append(seen, set.Keys[0].Kid)
		if err := h.Rotate(t.Context(), deed, broker.AssertionKey); err != nil {
			t.Fatal(err)
		}
	}
}

func TestANewMasterKeyOpensEverythingAndTheFormerNothing(t *testing.T) {
	h := newHouse(t)
	token := h.entered(h.login(ada()))
	master := bytes.Repeat([]byte{7}, 32)
	if err := h.keys.Rewrap(context.Background(), master); err != nil {
		t.Fatal(err)
	}
	h.wantAllow(token)
	h.login(ada()) // new events are sealed, and old account keys still open
	if _, err := broker.NewKeyring(t.Context(), h.store, masterKey[:]); !errors.Is(err, provision.ErrCorrupt) {
		t.Errorf("the former key: %v", err)
	}
	keys, err := broker.NewKeyring(t.Context(), h.store, master)
	if err != nil {
		t.Fatal(err)
	}
	events, err := broker.Audit{Ledger: h.store, Registry: h.store, Keys: keys}.Events(t.Context(), provision.EventFilter{Kind: provision.EventLogin})
	if err != nil || len(events) != 2 {
		t.Fatalf("%d events, error %v", len(events), err)
	}
	for _, e := range events {
		if e.Personal.Email == "" {
			t.Errorf("event %s does not open", e.ID)
		}
	}
}
