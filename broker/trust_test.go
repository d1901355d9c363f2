package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/idp"
	"leasehold/idp/oidc/oidctest"
	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// served is the metadata that a URL serves.
type served struct{ document []byte }

func (s *served) Fetch(context.Context, string) ([]byte, error) {
	if s.document == nil {
		return nil, errors.New("no network")
	}
	return s.document, nil
}

func (s *served) Follows(old, new []byte) error {
	if len(old) == 0 {
		_, err := saml.ParseMetadata(new, time.Now())
		return err
	}
	err := saml.Refreshed(old, new, time.Now())
	if errors.Is(err, saml.ErrNotChained) {
		return fmt.Errorf("%w: %w", broker.ErrNotChained, err)
	}
	return err
}

func (*served) Tell(document []byte) string { return saml.Tell(document) }

// newServedHouse is a house whose acme-saml has its metadata at a URL, if it is at one, or else in its manifest.
func newServedHouse(t *testing.T, url string, change ...func(*house)) (*house, *served) {
	t.Helper()
	h := newHouse(t, append(change, func(h *house) {
		h.wanted.Tenants[0].Tenant.Policy.Idle, h.wanted.Tenants[0].Tenant.Policy.MaxSession = 20*time.Hour, 24*time.Hour
		if url != "" {
			c := &h.wanted.Tenants[0].Connections[1].Connection
			c.MetadataURL, c.Metadata = url, nil
		}
	})...)
	at := &served{h.saml.Metadata()}
	h.ports.Documents = at
	h.start()
	h.refresh()
	return h, at
}

func (h *house) refresh() {
	h.t.Helper()
	h.clock.pass(time.Hour)
	if err := h.Refresh(context.Background()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) connection(id provision.ConnectionID) provision.Connection {
	h.t.Helper()
	c, err := h.store.Connection(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// wantHeld wants logins by acme-saml refused as held, each with its event, and what lives left alone.
func (h *house) wantHeld(id provision.ConnectionID, token string) {
	h.t.Helper()
	before := h.countHeld(id)
	_, err := h.Begin(context.Background(), broker.Wish{Browser: "held", Connection: id})
	wantDenied(h.t, provision.ConnectionHeld, provision.Lease{}, err)
	h.flush()
	if n := h.countHeld(id); n != before+1 {
		h.t.Errorf("%d refusals have events, want %d", n, before+1)
	}
	h.wantAllow(token)
	h.reap()
	h.wantAllow(token)
}

func (h *house) countHeld(id provision.ConnectionID) (n int) {
	for _, e := range h.events("") {
		if e.Connection == id && e.Reason == string(provision.ConnectionHeld) && e.Outcome == string(provision.Denied) {
			n++
		}
	}
	return n
}

// flush writes what Run writes once a minute, by the end of a Run.
func (h *house) flush() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h.Run(ctx)
}

// held is the event of a hold.
func (h *house) held(id provision.ConnectionID) provision.Event {
	h.t.Helper()
	var found []provision.Event
	for _, e := range h.events(provision.EventConnectionChanged) {
		if e.Outcome == "held" && e.Connection == id {
			found = append(found, e)
		}
	}
	if len(found) == 0 {
		h.t.Fatal("nothing says that it is held")
	}
	return found[len(found)-1]
}

func because(why string) broker.Deed {
	d := operator()
	d.Why = why
	return d
}

func TestMetadataThatDoNotFollowPutTheConnectionOnHoldAndEndNothing(t *testing.T) {
	h, at := newServedHouse(t, "https://idp.acme.test/metadata")
	l, err := h.loginBySAML("b", adaBySAML())
	if err != nil {
		t.Fatal(err)
	}
	token := h.entered(l)
	h.clock.pass(time.Hour)
	attempt := h.begin(broker.Wish{Browser: "w", Connection: "acme"}) // by another connection: goes on
	going, err := h.Begin(context.Background(), broker.Wish{Browser: "under way", Connection: "acme-saml"})
	if err != nil {
		t.Fatal(err)
	}

	eve := samltest.New(t)
	eve.EntityID, eve.Now = h.saml.EntityID, h.clock.Now
	at.document = eve.Metadata()
	if err := h.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	h.wantHeld("acme-saml", token)
	e := h.held("acme-saml")
	if len(e.Changes) != 1 || !strings.Contains(e.Changes[0], saml.Tell(h.saml.Metadata())+" → "+saml.Tell(eve.Metadata())) || e.Tenant != "acme" {
		t.Errorf("event %+v", e)
	}
	// A login that was under way is refused by the gate, whoever signed it.
	id, err := h.Receive(context.Background(), "acme-saml", h.saml.Answer(t, going.URL, adaBySAML()), provision.Requester{})
	if err != nil {
		t.Fatal(err)
	}
	l2, err := h.resume("under way", id)
	wantDenied(t, provision.ConnectionHeld, l2, err)
	if _, err := h.Login(context.Background(), broker.Return{Connection: "acme", Attempt: attempt, Browser: "w", Answer: somebody(2)}); err != nil {
		t.Errorf("another connection: %v", err)
	}

	// What waits is what was looked at: a second document does not take its place.
	mallory := samltest.New(t)
	at.document = mallory.Metadata()
	h.refresh()
	if c := h.connection("acme-saml"); !bytes.Equal(c.Proposed, eve.Metadata()) || !bytes.Equal(c.Metadata, h.saml.Metadata()) {
		t.Error("the proposal was exchanged")
	}

	if err := h.RejectTrust(context.Background(), operator(), "acme-saml"); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("rejected without a reason: %v", err)
	}
	if err := h.RejectTrust(context.Background(), because("not ours"), "acme-saml"); err != nil {
		t.Fatal(err)
	}
	at.document = eve.Metadata()
	h.refresh()
	if c := h.connection("acme-saml"); c.Held || c.Proposed != nil {
		t.Error("what was rejected is proposed again")
	}
	h.wantAllow(token)
	if l, err = h.loginBySAML("b", adaBySAML()); err != nil || l.ID == "" {
		t.Errorf("the next honest login: %v", err)
	}
	at.document = h.saml.Metadata()
	h.refresh()
	at.document = eve.Metadata()
	h.refresh()
	if !h.connection("acme-saml").Held {
		t.Error("what was rejected once is never looked at again")
	}
}

func TestConfirmedTrustIsInForceAndLeasesOfTheFormerOneEnd(t *testing.T) {
	h, at := newServedHouse(t, "https://idp.acme.test/metadata")
	l, err := h.loginBySAML("b", adaBySAML())
	if err != nil {
		t.Fatal(err)
	}
	token, bystander := h.entered(l), h.entered(h.login(somebody(2)))
	former := *h.saml
	rebuilt := samltest.New(t)
	rebuilt.EntityID, rebuilt.Now = "https://new.acme.test/metadata", h.clock.Now
	at.document = rebuilt.Metadata()
	h.refresh()
	h.wantHeld("acme-saml", token)
	before := h.connection("acme-saml")
	if _, err := h.ConfirmTrust(context.Background(), operator(), "acme-saml"); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("confirmed without a reason: %v", err)
	}
	id, err := h.ConfirmTrust(context.Background(), because("rebuilt on Monday"), "acme-saml")
	if err != nil {
		t.Fatal(err)
	}
	h.wantReason(token, provision.LeaseEnded)
	h.wantAllow(bystander)
	h.reap()
	ended := h.events(provision.EventLeaseEnded)
	if len(ended) != 1 || ended[0].Reason != string(provision.CauseTrustChanged) || ended[0].Revocation.ID != id || ended[0].Lease.ID != l.ID {
		t.Errorf("ends %+v", ended)
	}
	if c := h.connection("acme-saml"); c.Held || c.Proposed != nil || c.Generation != before.Generation+1 || !bytes.Equal(c.Metadata, at.document) {
		t.Errorf("connection %+v", c)
	}
	if h.count(provision.EventConnectionChanged, "confirmed") != 1 {
		t.Error("no event of the confirmation")
	}
	l, err = h.loginBySAML("old", adaBySAML()) // by the keys of before
	wantDenied(t, provision.SignatureInvalid, l, err)
	h.saml = rebuilt
	if again, err := h.loginBySAML("b", adaBySAML()); err != nil || again.Account == "" {
		t.Errorf("by the new keys: %v", err)
	}
	h.saml = &former
	if _, err := h.ConfirmTrust(context.Background(), because("again"), "acme-saml"); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("confirmed twice: %v", err)
	}
}

// Whoever held the former keys may have had an answer parked while they were in force: it opens nothing afterwards.
func TestAnAnswerFromBeforeARevocationOrOtherTrustOpensNothing(t *testing.T) {
	h, at := newServedHouse(t, "https://idp.acme.test/metadata")
	parked := func(browser string) idp.AttemptID {
		_, id, err := h.post(browser, adaBySAML(), broker.Wish{})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	id := parked("revoked")
	if _, err := h.Revoke(context.Background(), because("drill"), provision.Scope{Connection: "acme-saml"}, provision.CauseAdmin); err != nil {
		t.Fatal(err)
	}
	l, err := h.resume("revoked", id)
	wantDenied(t, provision.AttemptUnknown, l, err)

	id = parked("of a revoked tenant")
	if _, err := h.Revoke(context.Background(), because("drill"), provision.Scope{Tenant: "acme"}, provision.CauseAdmin); err != nil {
		t.Fatal(err)
	}
	l, err = h.resume("of a revoked tenant", id)
	wantDenied(t, provision.AttemptUnknown, l, err)

	id = parked("of a revoked domain") // begun at a connection: nobody knew of which domain it would be
	late, err := h.Begin(context.Background(), broker.Wish{Browser: "answered late", Connection: "acme-saml"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Revoke(context.Background(), because("drill"), provision.Scope{Domain: domain("acme.test")}, provision.CauseAdmin); err != nil {
		t.Fatal(err)
	}
	h.wanted.Tenants[0].Tenant.Contact = "somebody@acme.test"
	h.register(h.wanted) // a registration in between undoes nothing of it
	l, err = h.resume("of a revoked domain", id)
	wantDenied(t, provision.AttemptUnknown, l, err)
	if id, err = h.Receive(context.Background(), "acme-saml", h.saml.Answer(t, late.URL, adaBySAML()), provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	l, err = h.resume("answered late", id)
	wantDenied(t, provision.AttemptUnknown, l, err)

	h.clock.pass(time.Hour)
	if _, err := h.loginBySAML("after the revocations", adaBySAML()); err != nil {
		t.Errorf("begun after them: %v", err)
	}
	id = parked("confirmed")
	rebuilt := samltest.New(t)
	rebuilt.EntityID, rebuilt.Now = h.saml.EntityID, h.clock.Now
	at.document = rebuilt.Metadata()
	if err := h.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.ConfirmTrust(context.Background(), because("the former keys were stolen"), "acme-saml"); err != nil {
		t.Fatal(err)
	}
	l, err = h.resume("confirmed", id)
	wantDenied(t, provision.AttemptUnknown, l, err)

	h.saml = rebuilt
	if _, err := h.loginBySAML("anew", adaBySAML()); err != nil {
		t.Errorf("begun afterwards: %v", err)
	}
}

func TestAChainedRotationIsTakenOverByItself(t *testing.T) {
	h, at := newServedHouse(t, "https://idp.acme.test/metadata")
	l, err := h.loginBySAML("b", adaBySAML())
	if err != nil {
		t.Fatal(err)
	}
	token := h.entered(l)
	next := samltest.New(t)
	next.Now = h.clock.Now
	next.Certificates = append(next.Certificates, h.saml.Certificates...)
	at.document = next.Metadata()
	h.refresh()
	h.saml = next
	if _, err := h.loginBySAML("c", adaBySAML()); err != nil {
		t.Errorf("by the next key: %v", err)
	}
	h.wantAllow(token)
	if h.connection("acme-saml").Held {
		t.Error("held")
	}
}

func TestAManifestWithOtherKeysIsHeldUntilItIsConfirmedOrWithdrawn(t *testing.T) {
	t.Parallel()
	h, _ := newServedHouse(t, "")
	l, err := h.loginBySAML("b", adaBySAML())
	if err != nil {
		t.Fatal(err)
	}
	token := h.entered(l)
	other := samltest.New(t)
	other.Now = h.clock.Now
	wanted := &h.wanted.Tenants[0].Connections[1].Connection
	wanted.Metadata = other.Metadata()
	done := h.register(h.wanted)
	if text := strings.Join(done.Changes, "\n"); !strings.Contains(text, "connection acme-saml: held:") || !strings.Contains(text, "leasehold connection confirm acme-saml") {
		t.Errorf("changes %q", done.Changes)
	}
	h.wantHeld("acme-saml", token)
	events := len(h.events(provision.EventConnectionChanged))
	if again := h.register(h.wanted); len(again.Changes) == 0 || len(h.events(provision.EventConnectionChanged)) != events {
		t.Errorf("the same again: %q", again.Changes)
	}
	wanted.MetadataURL, wanted.Metadata = "https://idp.acme.test/metadata", nil // no way round: what is in force stays in force
	h.register(h.wanted)
	h.wantHeld("acme-saml", token)

	wanted.MetadataURL, wanted.Metadata = "", h.saml.Metadata()
	h.register(h.wanted)
	if c := h.connection("acme-saml"); c.Held || c.Proposed != nil {
		t.Error("withdrawn, and still held")
	}
	if _, err := h.loginBySAML("b", adaBySAML()); err != nil {
		t.Errorf("withdrawn: %v", err)
	}
	wanted.Metadata = other.Metadata()
	h.register(h.wanted)
	if _, err := h.ConfirmTrust(context.Background(), because("moved"), "acme-saml"); err != nil {
		t.Fatal(err)
	}
	h.saml = other
	if _, err := h.loginBySAML("d", adaBySAML()); err != nil {
		t.Errorf("confirmed: %v", err)
	}
	if again := h.register(h.wanted); len(again.Changes) != 0 {
		t.Errorf("after the confirmation: %q", again.Changes)
	}
}

func TestAnotherIssuerIsHeldUntilItIsConfirmed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withOIDC)
	l, err := h.loginByOIDC("b", broker.Wish{})
	if err != nil {
		t.Fatal(err)
	}
	token, former := h.entered(l), h.oidc
	moved := oidctest.New(t)
	moved.Now = h.clock.Now
	wanted := &h.wanted.Tenants[0].Connections[2].Connection
	wanted.Issuer = moved.URL
	h.register(h.wanted)
	h.wantHeld("acme-oidc", token)
	if e := h.held("acme-oidc"); !strings.Contains(strings.Join(e.Changes, "\n"), "issuer "+former.URL+" → issuer "+moved.URL) {
		t.Errorf("changes %q", e.Changes)
	}
	if err := h.RejectTrust(context.Background(), because("a typo"), "acme-oidc"); err != nil {
		t.Fatal(err)
	}
	h.restart() // the manifest still wants it
	if done := h.register(h.wanted); h.connection("acme-oidc").Held || !strings.Contains(strings.Join(done.Changes, "\n"), "rejected") {
		t.Errorf("rejected, and proposed again: %q", done.Changes)
	}
	if _, err := h.loginByOIDC("b", broker.Wish{}); err != nil {
		t.Errorf("by the former issuer: %v", err)
	}
	wanted.Issuer = former.URL
	h.register(h.wanted)
	wanted.Issuer = moved.URL
	h.register(h.wanted)
	if _, err := h.ConfirmTrust(context.Background(), because("moved indeed"), "acme-oidc"); err != nil {
		t.Fatal(err)
	}
	h.wantReason(token, provision.LeaseEnded)
	h.oidc = moved
	if _, err := h.loginByOIDC("c", broker.Wish{}); err != nil {
		t.Errorf("by the new issuer: %v", err)
	}
}

func TestAConnectionDoesNotChangeItsProtocol(t *testing.T) {
	h := newHouse(t, withOIDC)
	h.wanted.Tenants[0].Connections[2].Connection.Protocol = stub
	h.wantNothing(h.wanted, broker.Plan{}, "connection acme-oidc: speaks oidc")
}
