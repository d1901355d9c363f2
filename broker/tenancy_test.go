package broker_test

import (
	"context"
	"crypto/rand"
	"net/url"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/idp"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// twins is a house in which acme and rival trust one SAML provider: the same entityID, the same keys.
func twins(h *house) {
	c := h.wanted.Tenants[0].Connections[1].Connection
	c.ID, c.Domains = "rival-saml", []provision.Domain{domain("rival.test")}
	rival := &h.wanted.Tenants[1]
	rival.Connections = append(rival.Connections, broker.WantedConnection{Connection: c})
}

// errand is a login under way at a connection, with the answer that its provider gave.
type errand struct {
	connection provision.ConnectionID
	browser    string
	attempt    idp.AttemptID
	form       url.Values
}

func (h *house) errand(c provision.ConnectionID, who samltest.Person) errand {
	h.t.Helper()
	e := errand{connection: c, browser: "b-" + rand.Text()}
	going, err := h.Begin(context.Background(), broker.Wish{Browser: e.browser, Connection: c})
	if err != nil {
		h.t.Fatal(err)
	}
	e.form = h.saml.Answer(h.t, going.URL, who)
	e.attempt = idp.AttemptID(e.form.Get("RelayState"))
	return e
}

// finish posts the answer and comes back for the lease.
func (h *house) finish(e errand) (provision.Lease, error) {
	ctx := context.Background()
	id, err := h.Receive(ctx, e.connection, e.form, provision.Requester{IP: "192.0.2.9"})
	if err != nil {
		return provision.Lease{}, err
	}
	return h.Login(ctx, broker.Return{Connection: e.connection, Attempt: id, Browser: e.browser})
}

// wantRefusal wants a refusal with its reason, and its event at that connection.
func (h *house) wantRefusal(c provision.ConnectionID, reason provision.Reason, try func() (provision.Lease, error)) {
	h.t.Helper()
	seen := func() (n int) {
		h.flush()
		for _, e := range h.events("") {
			if e.Reason == string(reason) && e.Outcome == string(provision.Denied) && e.Connection == c {
				n += max(1, e.Count)
			}
		}
		return n
	}
	before, accounts := seen(), len(h.accounts())
	l, err := try()
	wantDenied(h.t, reason, l, err)
	if n := seen(); n != before+1 {
		h.t.Errorf("%d events of %s at %s, want %d", n, reason, c, before+1)
	}
	if n := len(h.accounts()); n != accounts {
		h.t.Errorf("%d accounts, there were %d", n, accounts)
	}
}

func person(sub, email string) samltest.Person {
	return samltest.Person{Subject: sub, Email: email, Name: "Somebody"}
}

func TestOneProviderInTwoTenantsIsTwoProviders(t *testing.T) {
	h := newHouse(t, twins)
	ctx := context.Background()
	ada, bob := person("one", "ada@acme.test"), person("one", "bob@rival.test") // the same subject, even
	honest := func() {
		t.Helper()
		a, err := h.finish(h.errand("acme-saml", ada))
		if err != nil {
			t.Fatalf("the honest login at acme: %v", err)
		}
		b, err := h.finish(h.errand("rival-saml", bob))
		if err != nil {
			t.Fatalf("the honest login at rival: %v", err)
		}
		if a.Account == b.Account || h.account(a.Account).Tenant != "acme" || h.account(b.Account).Tenant != "rival" {
			t.Fatal("one account for two tenants")
		}
	}
	honest()
	for name, swap := range map[string]struct {
		at     provision.ConnectionID
		reason provision.Reason
		try    func() (provision.Lease, error)
	}{
		"a response at the other's ACS": {"rival-saml", provision.AttemptUnknown, func() (provision.Lease, error) {
			e := h.errand("acme-saml", ada)
			e.connection = "rival-saml"
			return h.finish(e)
		}},
		"a response at the other's ACS, for an attempt of the other": {"rival-saml", provision.DestinationMismatch, func() (provision.Lease, error) {
			e, other := h.errand("acme-saml", ada), h.errand("rival-saml", bob)
			other.form.Set("SAMLResponse", e.form.Get("SAMLResponse"))
			return h.finish(other)
		}},
		"a response addressed to the other's ACS": {"rival-saml", provision.InResponseToMismatch, func() (provision.Lease, error) {
			e, other := h.errand("rival-saml", bob), h.errand("rival-saml", bob)
			other.form.Set("SAMLResponse", e.form.Get("SAMLResponse"))
			return h.finish(other)
		}},
		"an attempt of the other at one's own ACS": {"acme-saml", provision.AttemptUnknown, func() (provision.Lease, error) {
			e, other := h.errand("acme-saml", ada), h.errand("rival-saml", bob)
			e.form.Set("RelayState", string(other.attempt))
			return h.finish(e)
		}},
		"an attempt that comes back at the other connection": {"rival-saml", provision.AttemptUnknown, func() (provision.Lease, error) {
			e := h.errand("acme-saml", ada)
			id, err := h.Receive(ctx, "acme-saml", e.form, provision.Requester{})
			if err != nil {
				return provision.Lease{}, err
			}
			return h.Login(ctx, broker.Return{Connection: "rival-saml", Attempt: id, Browser: e.browser})
		}},
		"an attempt that comes back in the other's browser": {"acme-saml", provision.AttemptOtherBrowser, func() (provision.Lease, error) {
			e, other := h.errand("acme-saml", ada), h.errand("rival-saml", bob)
			id, err := h.Receive(ctx, "acme-saml", e.form, provision.Requester{})
			if err != nil {
				return provision.Lease{}, err
			}
			return h.Login(ctx, broker.Return{Connection: "acme-saml", Attempt: id, Browser: other.browser})
		}},
		"the other's domain": {"acme-saml", provision.DomainForeign, func() (provision.Lease, error) {
			return h.finish(h.errand("acme-saml", person("one", "bob@rival.test")))
		}},
		"the other's domain, of a stranger": {"acme-saml", provision.DomainForeign, func() (provision.Lease, error) {
			return h.finish(h.errand("acme-saml", person("new", "eve@rival.test")))
		}},
		"one's own domain at the other": {"rival-saml", provision.DomainForeign, func() (provision.Lease, error) {
			return h.finish(h.errand("rival-saml", person("one", "ada@acme.test")))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			h.wantRefusal(swap.at, swap.reason, swap.try)
			honest()
		})
	}
	h.t = t
	l, err := h.finish(h.errand("rival-saml", bob))
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.enter(l, wikiURL) // acme's app alone
	wantDenied(t, provision.TenantNotOfApp, provision.Lease{}, err)
	if v := h.check(h.Token(l.ID, originOf(wikiURL))); v.Allow {
		t.Error("a session of another tenant at the app")
	}
	_, err = h.Begin(ctx, broker.Wish{Browser: "b", Connection: "acme-saml", AddSignIn: true, Session: h.sso(l)})
	wantDenied(t, provision.LinkRefused, provision.Lease{}, err)
	honest()
}

func TestADomainClaimedTwiceIsOneTenants(t *testing.T) {
	h := newHouse(t, twins)
	h.wanted.Tenants[1].Claims = append(h.wanted.Tenants[1].Claims, broker.WantedClaim{Domain: domain("acme.test"), Proof: provision.ProofDNS})
	h.wanted.Tenants[1].Connections[0].Connection.Domains = append(h.wanted.Tenants[1].Connections[0].Connection.Domains, domain("acme.test"))
	h.register(h.wanted) // a claim that waits opens nothing
	h.wantRefusal("rival", provision.DomainForeign, func() (provision.Lease, error) { return h.triesBy("rival", "eve", "eve@acme.test") })
	found, err := h.store.ConnectionsFor(context.Background(), domain("acme.test"))
	if err != nil || len(found) != 2 || found[0].Tenant != "acme" || found[1].Tenant != "acme" {
		t.Errorf("%+v, %v", found, err)
	}
	h.login(ada())
}

func TestADomainThatLapsedAndWasTakenOverLeavesItsAccountsWhereTheyWere(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	acme := domain("acme.test")
	zone := map[string][]string{}
	prover := broker.NewProver(h.Broker, resolverFunc(func(_ context.Context, name string) ([]string, error) { return zone[name], nil }), time.Hour, 2*time.Hour)
	if _, err := prover.Claim(ctx, operator(), "acme", acme); err != nil { // no longer by the operator's word
		t.Fatal(err)
	}
	old := h.login(ada())
	token := h.entered(old)
	rival := &h.wanted.Tenants[1].Connections[0].Connection
	rival.Domains = append(rival.Domains, acme)
	if _, err := h.try(broker.Wanted{Apps: h.wanted.Apps, Tenants: h.wanted.Tenants[1:]}, broker.Plan{}); err != nil {
		t.Fatal(err)
	}
	made, err := prover.Claim(ctx, operator(), "rival", acme)
	if err != nil {
		t.Fatal(err)
	}
	zone[provision.ProofName(acme)] = []string{provision.ProofValue(made.Token)}
	h.wantRefusal("rival", provision.DomainForeign, func() (provision.Lease, error) { return h.triesBy("rival", "ada-1", "ada@acme.test") })
	for range 4 { // acme's record is gone; it fails, and then lapses
		if _, err := prover.Check(ctx, operator(), "acme", acme); err != nil {
			t.Fatal(err)
		}
		h.clock.pass(time.Hour)
	}
	h.wantRefusal("acme", provision.DomainLapsed, func() (provision.Lease, error) { return h.triesBy("acme", "ada-1", "ada@acme.test") })
	if _, err := prover.Check(ctx, operator(), "rival", acme); err != nil {
		t.Fatal(err)
	}
	l := h.comesBy("rival", "ada-1", "ada@acme.test") // the same subject, the same address
	if l.Account == old.Account || h.account(l.Account).Tenant != "rival" || h.account(old.Account).Tenant != "acme" {
		t.Error("an account changed tenants")
	}
	h.wantRefusal("acme", provision.DomainForeign, func() (provision.Lease, error) { return h.triesBy("acme", "ada-1", "ada@acme.test") })
	h.wantReason(token, provision.LeaseEnded)
	h.comesBy("rival", "ada-1", "ada@acme.test")
}

func TestARecycledAddressIsNotTheFormerPersons(t *testing.T) {
	h := newHouse(t)
	l := h.login(ada())
	h.wantRefusal("acme", provision.EmailTaken, func() (provision.Lease, error) { return h.loginIn("b", with(ada(), "sub", "ada-2"), "") })
	if again := h.login(ada()); again.Account != l.Account {
		t.Error("another account")
	}
}

func TestARotatedNameIDIsAStranger(t *testing.T) {
	h := newHouse(t)
	l, err := h.finish(h.errand("acme-saml", person("before", "ada@acme.test")))
	if err != nil {
		t.Fatal(err)
	}
	h.wantRefusal("acme-saml", provision.EmailTaken, func() (provision.Lease, error) {
		return h.finish(h.errand("acme-saml", person("after", "ada@acme.test")))
	})
	again, err := h.finish(h.errand("acme-saml", person("before", "ada@acme.test")))
	if err != nil || again.Account != l.Account {
		t.Errorf("by the former one: %v", err)
	}
}

func TestAnAddressChangesWithinTheTenantsDomainsAndNotBeyond(t *testing.T) {
	h := newHouse(t, func(h *house) {
		acme := &h.wanted.Tenants[0]
		acme.Claims = append(acme.Claims, broker.WantedClaim{Domain: domain("acme-labs.test"), Proof: provision.ProofOperator})
		acme.Connections[0].Connection.Domains = append(acme.Connections[0].Connection.Domains, domain("acme-labs.test"))
	})
	l := h.login(ada())
	if again := h.login(with(ada(), "email", "ada@acme-labs.test")); again.Account != l.Account || h.account(l.Account).Email.String() != "ada@acme-labs.test" {
		t.Error("the address did not follow the person")
	}
	for email, reason := range map[string]provision.Reason{
		"ada@rival.test": provision.DomainForeign, "ada@nobody.test": provision.DomainUnknown, "ada@gmail.com": provision.DomainPublic, "ada@sub.acme.test": provision.DomainUnknown,
	} {
		h.wantRefusal("acme", reason, func() (provision.Lease, error) { return h.loginIn("b", with(ada(), "email", email), "") })
	}
	other := h.login(somebody(2))
	if l := h.login(with(somebody(2), "email", "ada@acme-labs.test")); l.Account != other.Account || h.account(l.Account).Email.String() != "p2@acme.test" {
		t.Error("an address that another account holds was taken over")
	}
	if h.count(provision.EventEmailConflict, "") != 1 {
		t.Error("no event of the conflict")
	}
	if again := h.login(with(ada(), "email", "ada@acme-labs.test")); again.Account != l.Account {
		t.Error("another account")
	}
}
