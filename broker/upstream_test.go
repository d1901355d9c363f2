package broker_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// sloURL is where log-outs come at the SAML connection.
const sloURL = ssoURL + "/idp/acme-saml/slo"

// withSLO gives the SAML provider an address for log-outs.
func withSLO(h *house) {
	h.saml.SLO = "https://idp.acme.test/slo"
	h.wanted.Tenants[0].Connections[1].Connection.Metadata = h.saml.Metadata()
}

func by(subject, session string) samltest.Person {
	return samltest.Person{Subject: subject, Email: subject + "@acme.test", SessionIndex: session}
}

// comes logs somebody in by SAML, and returns the lease and its cookie at the wiki.
func (h *house) comes(who samltest.Person) (provision.Lease, string) {
	h.t.Helper()
	l, err := h.loginBySAML("b-"+who.Subject+who.SessionIndex, who)
	if err != nil {
		h.t.Fatal(err)
	}
	token := h.entered(l)
	h.wantAllow(token) // it is in the check's memory now
	return l, token
}

// soap is a log-out that the SAML provider sends from server to server.
func (h *house) soap(l samltest.Logout) (broker.Reply, error) {
	h.t.Helper()
	if l.To == "" {
		l.To = sloURL
	}
	return h.LogoutFrom(context.Background(), "acme-saml", broker.LogoutMessage{Binding: broker.BySOAP, Body: h.saml.Envelope(h.t, l)})
}

// told is a log-out token that the OpenID provider posts.
func (h *house) told(token string) error {
	_, err := h.LogoutFrom(context.Background(), "acme-oidc", broker.LogoutMessage{Binding: broker.ByBackChannel, Form: map[string][]string{"logout_token": {token}}})
	return err
}

func denies(t testing.TB, err error, reason provision.Reason) {
	t.Helper()
	var denied *provision.DeniedError
	if !errors.As(err, &denied) || denied.Reason != reason {
		t.Fatalf("got %v, want a refusal as %s", err, reason)
	}
}

func TestALogoutFromServerToServerEndsWhatItNamesBeforeItIsAnswered(t *testing.T) {
	h := newHouse(t, withSLO)
	first, one := h.comes(by("ada", "s1"))
	_, two := h.comes(by("ada", "s2"))
	_, bob := h.comes(by("bob", "s1"))
	elsewhere := h.login(with(somebody(9), "sub", "ada"))
	other := h.entered(elsewhere)

	reply, err := h.soap(samltest.Logout{Subject: "ada", Sessions: []string{"s1", "s9"}})
	if err != nil || !strings.Contains(string(reply.Body), "status:Success") || !strings.Contains(string(reply.Body), "Envelope") {
		t.Fatalf("%s, %v", reply.Body, err)
	}
	h.wantReason(one, provision.LeaseEnded)
	h.wantAllow(two)
	h.wantAllow(bob)
	h.wantAllow(other)
	if l := h.lease(first.ID); l.EndReason != provision.CauseUpstreamLogout || l.EndedBy.ID != "acme-saml" || h.count(provision.EventLeaseEnded, "upstream_logout") != 1 {
		t.Errorf("ended as %+v", l)
	}
	if _, err := h.soap(samltest.Logout{Subject: "ada"}); err != nil { // all of hers
		t.Fatal(err)
	}
	h.wantReason(two, provision.LeaseEnded)
	h.wantAllow(bob)
	h.wantAllow(other)
	if a := h.account(first.Account); a.State != provision.Dormant {
		t.Errorf("account is %s", a.State)
	}
	if _, err := h.soap(samltest.Logout{Subject: "nobody"}); err != nil { // who is not here is as good as logged out
		t.Error(err)
	}
}

// TestALogoutOfASessionEndsAlsoLeasesOfThePersonWhoseSessionNobodyNamed: nothing says that they are not of that session.
func TestALogoutOfASessionEndsAlsoLeasesOfThePersonWhoseSessionNobodyNamed(t *testing.T) {
	h := newHouse(t, withOIDC)
	comes := func(sid string) provision.Lease {
		t.Helper()
		delete(h.oidc.Claims, "sid")
		if h.oidc.Claims["email"] = "eve@acme.test"; sid != "" {
			h.oidc.Claims["sid"] = sid
		}
		l, err := h.loginByOIDC("b"+sid, broker.Wish{})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	unnamed, other := comes(""), comes("s2")
	for _, token := range []string{h.oidc.LogoutToken("", "s1", nil), h.oidc.LogoutToken("somebody else", "s1", nil)} {
		if err := h.told(token); err != nil || !h.lease(unnamed.ID).EndedAt.IsZero() {
			t.Errorf("a session of nobody, or of somebody else, ended hers: %v", err)
		}
	}
	if err := h.told(h.oidc.LogoutToken("248289761001", "s1", nil)); err != nil || h.lease(unnamed.ID).EndReason != provision.CauseUpstreamLogout {
		t.Errorf("%v, lease %+v", err, h.lease(unnamed.ID))
	}
	if !h.lease(other.ID).EndedAt.IsZero() {
		t.Error("another session of hers ended")
	}
	if again := comes(""); !h.lease(again.ID).EndedAt.IsZero() || again.ID == unnamed.ID {
		t.Error("she does not get in again")
	}
}

func TestALogoutThatIsRefusedEndsNothingAndIsCounted(t *testing.T) {
	h := newHouse(t, withSLO, withOIDC)
	_, token := h.comes(by("ada", "s1"))
	stranger := samltest.New(t)
	stranger.Now = h.clock.Now
	message := func(p *samltest.IdP, l samltest.Logout) broker.LogoutMessage {
		return broker.LogoutMessage{Binding: broker.BySOAP, Body: p.Envelope(t, l)}
	}
	for name, x := range map[string]struct {
		at     provision.ConnectionID
		m      broker.LogoutMessage
		reason provision.Reason
	}{
		"unsigned":                 {"acme-saml", message(h.saml, samltest.Logout{To: sloURL, Subject: "ada", Neither: true}), provision.SignatureMissing},
		"signed by somebody else":  {"acme-saml", message(stranger, samltest.Logout{To: sloURL, Subject: "ada"}), provision.SignatureInvalid},
		"of another issuer":        {"acme-saml", message(h.saml, samltest.Logout{To: sloURL, Subject: "ada", Issuer: "https://rival.test"}), provision.IssuerMismatch},
		"for another address":      {"acme-saml", message(h.saml, samltest.Logout{To: sloURL + "x", Subject: "ada"}), provision.DestinationMismatch},
		"of long ago":              {"acme-saml", message(h.saml, samltest.Logout{To: sloURL, Subject: "ada", Issued: h.clock.Now().Add(-time.Hour)}), provision.Expired},
		"at the OpenID connection": {"acme-oidc", message(h.saml, samltest.Logout{To: sloURL, Subject: "ada"}), provision.DocumentMalformed},
		"by a binding of others":   {"acme-saml", broker.LogoutMessage{Binding: broker.ByBackChannel, Form: map[string][]string{"logout_token": {"x"}}}, provision.DocumentMalformed},
	} {
		_, err := h.LogoutFrom(context.Background(), x.at, x.m)
		var denied *provision.DeniedError
		if !errors.As(err, &denied) || denied.Reason != x.reason {
			t.Errorf("%s: %v, want %s", name, err, x.reason)
		}
	}
	if _, err := h.LogoutFrom(context.Background(), "no-such", message(h.saml, samltest.Logout{Subject: "ada"})); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("a connection that is not there: %v", err)
	}
	if _, err := h.LogoutFrom(context.Background(), "acme", broker.LogoutMessage{}); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("a protocol without log-out: %v", err)
	}
	h.wantAllow(token)
	h.stop()
	events := h.events(provision.EventLogoutProtocol)
	if len(events) != 7 {
		t.Errorf("%d events of 7 refusals", len(events))
	}
	for _, e := range events {
		if e.Tenant != "acme" || e.Connection == "" || e.Reason == "" || e.Outcome != "denied" {
			t.Errorf("event %+v", e)
		}
	}
}

func TestALogoutMessageCountsOnce(t *testing.T) {
	h := newHouse(t, withSLO, withOIDC)
	h.comes(by("ada", "s1"))
	request := samltest.Logout{Subject: "ada", ID: "_once"}
	if _, err := h.soap(request); err != nil {
		t.Fatal(err)
	}
	_, again := h.comes(by("ada", "s2"))
	_, err := h.soap(request)
	denies(t, err, provision.Replayed)
	h.wantAllow(again)

	h.oidc.Claims["sid"], h.oidc.Claims["email"] = "session-7", "eve@acme.test"
	l, err := h.loginByOIDC("b", broker.Wish{})
	if err != nil {
		t.Fatal(err)
	}
	token := h.oidc.LogoutToken("248289761001", "", nil)
	if err := h.told(token); err != nil || h.lease(l.ID).EndReason != provision.CauseUpstreamLogout {
		t.Fatalf("%v, lease %+v", err, h.lease(l.ID))
	}
	if l, err = h.loginByOIDC("b", broker.Wish{}); err != nil {
		t.Fatal(err)
	}
	denies(t, h.told(token), provision.Replayed)
	if !h.lease(l.ID).EndedAt.IsZero() {
		t.Error("a token that was used ended a session")
	}
}

func TestALogoutIsMatchedByTheNameIDWhereAnAttributeNamesThePerson(t *testing.T) {
	h := newHouse(t, withSLO, func(h *house) { h.wanted.Tenants[0].Connections[1].Connection.Subject = "attribute:mail" })
	_, ada := h.comes(by("ada", "s1"))
	_, bob := h.comes(by("bob", "s2"))
	if _, err := h.soap(samltest.Logout{Subject: "ada@acme.test"}); err != nil { // what she is known by here is no NameID
		t.Fatal(err)
	}
	h.wantAllow(ada)
	if _, err := h.soap(samltest.Logout{Subject: "ada"}); err != nil {
		t.Fatal(err)
	}
	h.wantReason(ada, provision.LeaseEnded)
	h.wantAllow(bob)
}

func TestALogoutThatCouldNotBeDoneSaysSoAndMayBeSentAgain(t *testing.T) {
	h := newHouse(t, withSLO)
	_, token := h.comes(by("ada", "s1"))
	h.ledger.ends = func(int) bool { return false }
	request := samltest.Logout{Subject: "ada", ID: "_again"}
	reply, err := h.soap(request)
	if err != nil || !strings.Contains(string(reply.Body), "PartialLogout") || strings.Contains(string(reply.Body), "status:Success") {
		t.Fatalf("%s, %v", reply.Body, err)
	}
	h.ledger.ends = nil
	h.wantAllow(token)
	if reply, err = h.soap(request); err != nil || !strings.Contains(string(reply.Body), "status:Success") {
		t.Fatalf("%s, %v", reply.Body, err)
	}
	h.wantReason(token, provision.LeaseEnded)
}

func TestALoginThatALogoutOvertookOpensNothing(t *testing.T) {
	h := newHouse(t, withSLO)
	_, id, err := h.post("b", by("ada", "s1"), broker.Wish{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.soap(samltest.Logout{Subject: "ada", Sessions: []string{"s1"}}); err != nil {
		t.Fatal(err)
	}
	l, err := h.resume("b", id)
	wantDenied(t, provision.SessionOver, l, err)
	h.comes(by("ada", "s2")) // the next session is another one
}

func TestALogoutTokenEndsWhatItNames(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		sub, sid string
		one, two bool // whether the sessions of one person go on
		third    bool // and that of another person
	}{
		"a person":                    {"248289761001", "", false, false, true},
		"a session":                   {"", "one", false, true, true},
		"a session of a person":       {"248289761001", "two", true, false, true},
		"a session of somebody else":  {"somebody-else", "one", true, true, true},
		"a session that is not there": {"", "three", true, true, true},
		"a person that is not there":  {"nobody", "", true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, withOIDC)
			comes := func(browser, sub, sid, email string) provision.LeaseID {
				h.oidc.Claims["sub"], h.oidc.Claims["sid"], h.oidc.Claims["email"] = sub, sid, email
				l, err := h.loginByOIDC(browser, broker.Wish{})
				if err != nil {
					t.Fatal(err)
				}
				return l.ID
			}
			one, two := comes("b1", "248289761001", "one", "ada@acme.test"), comes("b2", "248289761001", "two", "ada@acme.test")
			third := comes("b3", "another", "their own", "bob@acme.test")
			if err := h.told(h.oidc.LogoutToken(x.sub, x.sid, nil)); err != nil {
				t.Fatal(err)
			}
			for id, lives := range map[provision.LeaseID]bool{one: x.one, two: x.two, third: x.third} {
				if h.lease(id).EndedAt.IsZero() != lives {
					t.Errorf("lease %s ended at %s", id, h.lease(id).EndedAt)
				}
			}
		})
	}
}

func TestWhatALeaseRemembersIsSealedAndGoesWithItsEnd(t *testing.T) {
	h := newHouse(t, withSLO, withOIDC, lively)
	h.oidc.Claims["sid"] = "the-session-of-the-person"
	l, err := h.loginByOIDC("b", broker.Wish{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := h.store.Upstream(context.Background(), l.ID)
	if err != nil || len(u.Sealed) == 0 || len(u.Handles) != 3 {
		t.Fatalf("remembered %+v, %v", u, err)
	}
	file := h.bytes()
	for _, secret := range []string{"refresh-0", "eyJ"} {
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("the file holds %q", secret)
		}
	}
	if h.file(); h.column("SELECT count(*) FROM upstreams") != "1\n" {
		t.Error("not one row")
	}
	if err := h.Logout(context.Background(), h.sso(l), originOf(ssoURL), provision.Requester{}); err != nil {
		t.Fatal(err)
	}
	if left := h.column("SELECT count(*) FROM upstreams") + h.column("SELECT count(*) FROM upstream_handles"); left != "0\n0\n" {
		t.Errorf("left over: %q", left)
	}
	if bytes.Contains(h.bytes(), u.Sealed) {
		t.Error("the file still holds what was sealed")
	}
}

func TestWhoLogsOutHereCanLogOutUpstreamAfterwards(t *testing.T) {
	h := newHouse(t, withSLO)
	ctx := context.Background()
	l, token := h.comes(by("ada", "s1"))
	offer, err := h.Offering(ctx, token, originOf(wikiURL), func() error {
		return h.Logout(ctx, token, originOf(wikiURL), provision.Requester{})
	})
	if err != nil || offer == "" || h.lease(l.ID).EndReason != provision.CauseLogout {
		t.Fatalf("offer %q, %v, lease %+v", offer, err, h.lease(l.ID))
	}
	reply, err := h.Leave(ctx, offer, "browser")
	if err != nil || !strings.HasPrefix(reply.Address, "https://idp.acme.test/slo?SAMLRequest=") {
		t.Fatalf("%+v, %v", reply, err)
	}
	if _, err := h.Leave(ctx, offer, "browser"); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("an offer is taken twice: %v", err)
	}
	sent := samltest.Inflated(t, queryOf(t, reply.Address).Get("SAMLRequest"))
	relay := queryOf(t, reply.Address).Get("RelayState")
	if !strings.Contains(sent, ">ada</saml:NameID>") || !strings.Contains(sent, ">s1</samlp:SessionIndex>") {
		t.Errorf("sent %s", sent)
	}
	answer := samltest.Logout{To: sloURL, Answers: idIn(t, sent), Relay: relay}
	left := func(l samltest.Logout) (broker.AttemptID, error) {
		return h.Left(ctx, "acme-saml", broker.LogoutMessage{Binding: broker.ByRedirect, Query: h.saml.Query(t, l)})
	}
	for reason, change := range map[provision.Reason]func(*samltest.Logout){
		provision.SignatureMissing:     func(l *samltest.Logout) { l.Neither = true },
		provision.InResponseToMismatch: func(l *samltest.Logout) { l.Answers = "_another" },
		provision.AttemptUnknown:       func(l *samltest.Logout) { l.Relay = "another" },
	} {
		wrong := answer
		change(&wrong)
		_, err := left(wrong)
		denies(t, err, reason)
	}
	id, err := left(answer)
	if err != nil || string(id) != relay {
		t.Fatalf("%q, %v", id, err)
	}
	for _, browser := range []string{"", "another"} {
		if _, err := h.Gone(ctx, id, browser); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("told to browser %q: %v", browser, err)
		}
	}
	if ended, err := h.Gone(ctx, id, "browser"); err != nil || !ended {
		t.Errorf("not told: %v, %v", ended, err)
	}
	if _, err := h.Gone(ctx, id, "browser"); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("told twice: %v", err)
	}
}

func TestALogoutAtAnOpenIDProviderIsOfferedWithTheTokenOfTheLogin(t *testing.T) {
	h := newHouse(t, withOIDC, func(h *house) { h.oidc.LogsOut = true })
	ctx := context.Background()
	l, err := h.loginByOIDC("b", broker.Wish{})
	if err != nil {
		t.Fatal(err)
	}
	offer, err := h.Offering(ctx, h.sso(l), originOf(ssoURL), func() error {
		return h.EndAll(ctx, h.sso(l), originOf(ssoURL), provision.Requester{})
	})
	if err != nil || offer == "" {
		t.Fatalf("offer %q, %v", offer, err)
	}
	reply, err := h.Leave(ctx, offer, "browser")
	q := queryOf(t, reply.Address)
	if err != nil || !strings.HasPrefix(reply.Address, h.oidc.URL+"/logout?") || strings.Count(q.Get("id_token_hint"), ".") != 2 || q.Get("post_logout_redirect_uri") != ssoURL+"/_sso/logout" {
		t.Fatalf("%+v, %v", reply, err)
	}
	if ended, err := h.Gone(ctx, broker.AttemptID(q.Get("state")), "browser"); err != nil || !ended {
		t.Errorf("not told: %v, %v", ended, err)
	}
}

func TestNothingUpstreamKeepsASessionHere(t *testing.T) {
	h := newHouse(t, withSLO, withOIDC, func(h *house) { h.oidc.LogsOut = true })
	ctx := context.Background()
	for name, x := range map[string]func() (provision.Lease, error){
		"a provider that offers nothing": func() (provision.Lease, error) { return h.login(ada()), nil },
		"a provider that has gone": func() (provision.Lease, error) {
			h.oidc.Claims["email"] = "eve@acme.test"
			l, err := h.loginByOIDC("b", broker.Wish{})
			h.oidc.Tamper.Handle = map[string]http500{"/.well-known/openid-configuration": broken}
			h.clock.pass(25 * time.Hour / 25) // what was known of it is an hour old
			return l, err
		},
	} {
		l, err := x()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Offering(ctx, h.sso(l), originOf(ssoURL), func() error {
			return h.Logout(ctx, h.sso(l), originOf(ssoURL), provision.Requester{})
		}); err != nil || h.lease(l.ID).EndReason != provision.CauseLogout {
			t.Errorf("%s: %v, lease %+v", name, err, h.lease(l.ID))
		}
	}
	refusal := errors.New("the ledger is gone")
	l := h.login(somebody(3))
	if offer, err := h.Offering(ctx, h.sso(l), originOf(ssoURL), func() error { return refusal }); !errors.Is(err, refusal) || offer != "" {
		t.Errorf("an end that failed: %q, %v", offer, err)
	}
	if offer, err := h.Offering(ctx, "forged", originOf(ssoURL), func() error { return nil }); err != nil || offer != "" {
		t.Errorf("a forged cookie: %q, %v", offer, err)
	}
}
