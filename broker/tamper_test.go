package broker_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// tampered is a store of attempts that somebody else writes to: he has everything that ever was in it, and puts what he
// likes under any name, for as long as he likes.
type tampered struct {
	broker.Attempts
	mu  sync.Mutex
	was []broker.Pending
}

func (s *tampered) Put(ctx context.Context, p broker.Pending) error {
	s.mu.Lock()
	s.was = append(s.was, p)
	s.mu.Unlock()
	return s.Attempts.Put(ctx, p)
}

func (s *tampered) Swap(ctx context.Context, p broker.Pending, sealed []byte) error {
	err := s.Attempts.Swap(ctx, p, sealed)
	if p.Sealed = sealed; err == nil {
		s.mu.Lock()
		s.was = append(s.was, p)
		s.mu.Unlock()
	}
	return err
}

// restore puts everything back that ever was there, the newest last, and makes it live for ever.
func (s *tampered) restore(t *testing.T) {
	t.Helper()
	for _, p := range s.was {
		p.Expires = p.Expires.Add(1000 * time.Hour)
		if err := s.Attempts.Put(context.Background(), p); err != nil {
			t.Fatal(err)
		}
	}
}

// newTampered is a house whose attempts somebody else writes to.
func newTampered(t *testing.T) (*house, *tampered) {
	h := newHouse(t)
	s := &tampered{Attempts: h.attempts}
	h.ports.Attempts = s
	h.start()
	return h, s
}

func TestWhoWritesToTheStoreOfAttemptsLetsNobodyInTwice(t *testing.T) {
	h, s := newTampered(t)
	ctx := context.Background()
	going, err := h.Begin(ctx, broker.Wish{Browser: "b", Connection: "acme-saml"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := h.Receive(ctx, "acme-saml", h.saml.Answer(t, going.URL, adaBySAML()), provision.Requester{})
	if err != nil {
		t.Fatal(err)
	}
	back := broker.Return{Connection: "acme-saml", Attempt: id, Browser: "b"}
	if _, err := h.Login(ctx, back); err != nil {
		t.Fatal(err)
	}
	s.restore(t)
	l, err := h.Login(ctx, back) // its answer is parked in it again
	if wantDenied(t, provision.Replayed, l, err); len(s.was) < 2 {
		t.Errorf("%d versions were there", len(s.was))
	}
	h.clock.pass(11 * time.Minute)
	s.restore(t)
	l, err = h.Login(ctx, back)
	wantDenied(t, provision.AttemptUnknown, l, err) // nor does it live longer than it says itself
}

func TestWhatIsMovedOrForgedInTheStoreOfAttemptsIsAsGoodAsAbsent(t *testing.T) {
	h, s := newTampered(t)
	ctx := context.Background()
	going, err := h.Begin(ctx, broker.Wish{Browser: "ada", Connection: "acme-saml"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Receive(ctx, "acme-saml", h.saml.Answer(t, going.URL, adaBySAML()), provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	parked := s.was[len(s.was)-1] // Ada's login, but for her browser
	thiefs := h.begin(broker.Wish{Browser: "thief", Connection: "acme-saml"})
	own := s.was[len(s.was)-1]
	flipped := append([]byte(nil), own.Sealed...)
	flipped[len(flipped)-1] ^= 1
	for name, sealed := range map[string][]byte{
		"moved": parked.Sealed, "flipped": flipped, "cut": own.Sealed[:len(own.Sealed)-1], "empty": nil, "in the clear": []byte(`{"Parked":{}}`),
	} {
		p := own
		p.Sealed = sealed
		if err := s.Attempts.Put(ctx, p); err != nil {
			t.Fatal(err)
		}
		l, err := h.Login(ctx, broker.Return{Connection: "acme-saml", Attempt: thiefs, Browser: "thief"})
		t.Log(name)
		wantDenied(t, provision.AttemptUnknown, l, err)
	}
	// As a landing or as a code it is nothing either.
	p := parked
	p.ID = "landing/" + string(thiefs)
	if err := s.Attempts.Put(ctx, p); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Landing(ctx, thiefs, "thief"); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("landing: %v", err)
	}
	sum := sha256.Sum256([]byte("code"))
	p.ID = "code/" + string(sum[:])
	if err := s.Attempts.Put(ctx, p); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Redeem(ctx, "code", "start", originOf(wikiURL)); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("code: %v", err)
	}
}

func TestACodeThatIsPutBackIsForItsOwnBrowserAndItsOwnMinute(t *testing.T) {
	h, s := newTampered(t)
	ctx := context.Background()
	l := h.login(ada())
	start := sha256.Sum256([]byte("start cookie"))
	code, err := h.Enter(ctx, h.sso(l), originOf(wikiURL), "/", hex.EncodeToString(start[:]), provision.Requester{})
	if err != nil {
		t.Fatal(err)
	}
	redeem := func(start string) error {
		token, _, err := h.Redeem(ctx, code, start, originOf(wikiURL))
		if err != nil && token != "" {
			t.Errorf("%v, with a cookie", err)
		}
		return err
	}
	s.restore(t)
	if err := redeem(strings.Repeat("0", 64)); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("another browser: %v", err)
	}
	s.restore(t)
	h.clock.pass(59 * time.Second)
	if err := redeem(hex.EncodeToString(start[:])); err != nil {
		t.Errorf("within its minute: %v", err)
	}
	s.restore(t)
	h.clock.pass(time.Second)
	if err := redeem(hex.EncodeToString(start[:])); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("after its minute: %v", err)
	}
}
