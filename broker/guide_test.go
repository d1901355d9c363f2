package broker_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// outsider is somebody at acme's customer who has nothing but a setup link, and the house that sent it.
type outsider struct {
	*house
	guide   *broker.Guide
	records map[string][]string // what the registrar publishes
	idp     *samltest.IdP
	link    broker.SetupLink
	pass    string
	browser string
}

// newOutsider has a tenant that lets nobody new in, without a connection that asks, and a link for it.
func newOutsider(t *testing.T, change ...func(*house)) *outsider {
	t.Helper()
	h := newHouse(t, append([]func(*house){func(h *house) {
		globex := tenant("globex", "globex.test")
		globex.Connections, globex.Claims, globex.Tenant.Policy.Create = nil, nil, provision.CreateDeny
		h.wanted.Tenants = append(h.wanted.Tenants, globex)
	}}, change...)...)
	s := &outsider{house: h, records: map[string][]string{}, idp: samltest.New(t), browser: "b-" + rand.Text()}
	s.idp.Now = h.clock.Now
	s.guide = &broker.Guide{Broker: h.Broker, Prover: broker.NewProver(h.Broker, resolverFunc(func(_ context.Context, name string) ([]string, error) { return s.records[name], nil }), 0, 0)}
	s.link = s.make("globex")
	return s
}

func (s *outsider) make(t provision.TenantID) broker.SetupLink {
	s.t.Helper()
	link, err := s.MakeSetup(context.Background(), everywhere(), broker.NewSetup{Tenant: t}, "they asked")
	must(s.t, err)
	return link
}

func (s *outsider) token() string { return strings.TrimPrefix(s.link.URL, ssoURL+"/setup/") }

func (s *outsider) open() {
	s.t.Helper()
	var err error
	s.pass, _, err = s.guide.Open(context.Background(), s.token(), provision.Requester{IP: "192.0.2.9"})
	must(s.t, err)
}

func (s *outsider) progress() broker.Progress {
	s.t.Helper()
	p, err := s.guide.Progress(context.Background(), s.pass)
	must(s.t, err)
	return p
}

// connects gives the metadata of the customer's provider.
func (s *outsider) connects() {
	s.t.Helper()
	must(s.t, s.guide.DraftSAML(context.Background(), s.pass, broker.SAMLDraft{Document: s.idp.Metadata()}, provision.Requester{}))
}

// proves claims globex.test and publishes its record.
func (s *outsider) proves() {
	s.t.Helper()
	must(s.t, s.guide.Claim(context.Background(), s.pass, "globex.test", provision.Requester{}))
	shown := s.progress().Claims[0]
	s.records[shown.Name] = []string{shown.Value}
	s.clock.pass(10 * time.Second)
	_, err := s.guide.Check(context.Background(), s.pass, domain("globex.test"))
	must(s.t, err)
}

// answers plays the browser at the provider, and back.
func (s *outsider) answers(going broker.Departure, who samltest.Answer) (provision.Lease, error) {
	s.t.Helper()
	c := s.progress().Setup.Connection
	id, err := s.Receive(context.Background(), c, s.idp.Respond(s.t, going.URL, who), provision.Requester{})
	must(s.t, err)
	return s.Login(context.Background(), broker.Return{Connection: c, Attempt: id, Browser: s.browser})
}

// tries is a test login.
func (s *outsider) tries(who samltest.Answer) broker.Trial {
	s.t.Helper()
	going, err := s.guide.Test(context.Background(), s.pass, "/setup/test", broker.Wish{Browser: s.browser})
	must(s.t, err)
	before, leases := len(s.accounts()), s.leases()
	l, err := s.answers(going, who)
	var tried *broker.TriedError
	if !errors.As(err, &tried) || tried.Back != "/setup/test" || l.ID != "" {
		s.t.Fatalf("a test login ends with %v and lease %q", err, l.ID)
	}
	if len(s.accounts()) != before || s.leases() != leases {
		s.t.Errorf("a test login made %d accounts and %d leases", len(s.accounts())-before, s.leases()-leases)
	}
	p := s.progress()
	if p.Trial == nil {
		s.t.Fatal("nothing is known of the test login")
	}
	return *p.Trial
}

func (h *house) leases() int {
	h.t.Helper()
	all, err := h.store.Leases(context.Background(), provision.Page{Limit: 10_000, Ended: true})
	must(h.t, err)
	return len(all)
}

// comes in by the invitation.
func (s *outsider) comesIn(who samltest.Answer) (provision.Lease, error) {
	s.t.Helper()
	going, err := s.guide.FirstLogin(context.Background(), s.pass, "/setup/", broker.Wish{Browser: s.browser})
	must(s.t, err)
	return s.answers(going, who)
}

func bob() samltest.Answer {
	return samltest.Answer{Person: samltest.Person{Subject: "bob-7", Email: "bob@globex.test", Name: "Bob", Groups: []string{"leasehold:admin"}}}
}

func (s *outsider) enabled() {
	s.t.Helper()
	s.open()
	s.connects()
	s.proves()
	if t := s.tries(bob()); !t.Good() {
		s.t.Fatalf("the test login was refused as %s: %s", t.Reason, t.Found)
	}
	must(s.t, s.guide.Enable(context.Background(), s.pass, provision.Requester{}))
}

func TestAStrangerWithALinkReachesAnEnabledConnectionAndIsItsAdministrator(t *testing.T) {
	s := newOutsider(t)
	ctx := context.Background()
	s.enabled()
	l, err := s.comesIn(bob())
	must(t, err)
	account := s.account(l.Account)
	if account.Email.String() != "bob@globex.test" || len(account.Offices) != 0 {
		t.Fatalf("the first login made %+v", account)
	}
	if here, ok := s.guide.Here(ctx, s.progress().Setup, s.sso(l)); !ok || here.ID != l.Account {
		t.Fatalf("the office is offered to %q", here.ID)
	}
	must(t, s.guide.Accept(ctx, s.pass, s.sso(l), provision.Requester{}))
	if !s.account(l.Account).Holds(provision.TenantAdminOffice) {
		t.Error("who accepted is no administrator")
	}
	if _, err := s.guide.Progress(ctx, s.pass); reasonOf(err) != provision.SetupUnknown {
		t.Errorf("a setup that is done goes on: %v", err)
	}
	var steps []string
	for _, e := range s.events(provision.EventSetup) {
		steps = append(steps, e.Outcome)
		if e.Tenant != "globex" || e.Changes[0] != "setup: "+string(s.link.Setup.ID) {
			t.Errorf("event %+v", e)
		}
		if who := e.Actor; e.Outcome != "created" && e.Outcome != "admitted" && (who.Kind != provision.Partner || who.ID != string(s.link.Setup.ID)) {
			t.Errorf("%s was done by %+v", e.Outcome, who)
		}
	}
	if want := []string{"created", "opened", "connection", "connection", "enabled", "admitted", "done"}; !slices.Equal(steps, want) {
		t.Errorf("the audit has %v, want %v", steps, want)
	}
	if s.count(provision.EventAccountOffice, "appointed") != 1 || s.count(provision.EventTest, "created") != 1 {
		t.Error("the office, or the test login, is not in the audit")
	}
}

func reasonOf(err error) provision.Reason {
	var denied *provision.DeniedError
	if errors.As(err, &denied) {
		return denied.Reason
	}
	return ""
}

func TestACopiedSetupLinkOpensNothing(t *testing.T) {
	s := newOutsider(t)
	ctx := context.Background()
	if _, err := s.guide.LookAt(ctx, s.token(), ""); err != nil { // a program that looks through mail
		t.Fatal(err)
	}
	s.open()
	if _, err := s.guide.LookAt(ctx, s.token(), ""); reasonOf(err) != provision.SetupOtherBrowser {
		t.Errorf("the link in another browser: %v", err)
	}
	if _, _, err := s.guide.Open(ctx, s.token(), provision.Requester{}); reasonOf(err) != provision.SetupOtherBrowser {
		t.Errorf("the link opened twice: %v", err)
	}
	other := s.make("globex")
	theirs, _, err := s.guide.Open(ctx, strings.TrimPrefix(other.URL, ssoURL+"/setup/"), provision.Requester{})
	must(t, err)
	mixed := s.pass[:21] + theirs[21:] // this setup's name, the other one's secret
	for _, pass := range []string{"", "x", s.pass[:20], mixed, s.token(), string(s.link.Setup.ID)} {
		if _, err := s.guide.Progress(ctx, pass); reasonOf(err) != provision.SetupUnknown && reasonOf(err) != provision.SetupOtherBrowser {
			t.Errorf("pass %q: %v", pass, err)
		}
	}
	if p, err := s.guide.Progress(ctx, theirs); err != nil || p.Setup.ID != other.Setup.ID {
		t.Errorf("the other setup: %v", err)
	}
	s.clock.pass(73 * time.Hour)
	if _, err := s.guide.Progress(ctx, s.pass); reasonOf(err) != provision.SetupUnknown {
		t.Errorf("a link that has expired: %v", err)
	}
}

func TestNothingOfASetupLinkIsKeptThatWouldOpenIt(t *testing.T) {
	s := newOutsider(t)
	s.open()
	kept, err := s.store.Setup(context.Background(), s.link.Setup.ID)
	must(t, err)
	if strings.Contains(string(kept.ID), s.token()) || kept.Browser == "" || strings.Contains(s.pass, kept.Browser) {
		t.Errorf("kept: %+v", kept)
	}
	if _, err := s.guide.LookAt(context.Background(), string(kept.ID), ""); reasonOf(err) != provision.SetupUnknown {
		t.Errorf("its name opens it: %v", err)
	}
}

func TestARevokedSetupIsOverAlsoForWhoIsAtIt(t *testing.T) {
	s := newOutsider(t)
	ctx := context.Background()
	s.enabled()
	going, err := s.guide.FirstLogin(ctx, s.pass, "/setup/", broker.Wish{Browser: s.browser})
	must(t, err)
	c := s.progress().Setup.Connection
	id, err := s.Receive(ctx, c, s.idp.Respond(t, going.URL, bob()), provision.Requester{})
	must(t, err)
	must(t, s.RevokeSetup(ctx, everywhere(), s.link.Setup.ID, "wrong people"))
	l, err := s.Login(ctx, broker.Return{Connection: c, Attempt: id, Browser: s.browser})
	wantDenied(t, provision.CreationDisabled, l, err)
	if _, err := s.guide.Progress(ctx, s.pass); reasonOf(err) != provision.SetupUnknown {
		t.Errorf("a revoked setup goes on: %v", err)
	}
	if err := s.RevokeSetup(ctx, everywhere(), s.link.Setup.ID, "again"); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("revoked twice: %v", err)
	}
}

func TestAnInvitationAdmitsOnePersonOnce(t *testing.T) {
	s := newOutsider(t)
	ctx := context.Background()
	s.enabled()
	stale, err := s.guide.FirstLogin(ctx, s.pass, "/setup/", broker.Wish{Browser: s.browser})
	must(t, err)
	l, err := s.comesIn(bob())
	must(t, err)
	eve := samltest.Answer{Person: samltest.Person{Subject: "eve-8", Email: "eve@globex.test"}}
	refused, err := s.answers(stale, eve) // begun while the invitation was good
	wantDenied(t, provision.CreationDisabled, refused, err)
	refused, err = s.comesIn(eve)
	wantDenied(t, provision.CreationDisabled, refused, err)
	if again, err := s.comesIn(bob()); err != nil || again.Account != l.Account {
		t.Errorf("who came in by it does not get in again: %v", err)
	}
	going, err := s.Begin(ctx, broker.Wish{Browser: s.browser, Connection: s.progress().Setup.Connection}) // without it
	must(t, err)
	refused, err = s.answers(going, eve)
	wantDenied(t, provision.CreationDisabled, refused, err)
	if who := s.progress().Setup.Account; who != l.Account || s.count(provision.EventSetup, "admitted") != 1 {
		t.Errorf("the invitation is %s's", who)
	}
}

func TestTheOfficeIsForWhoCameInByTheInvitationAndIsThere(t *testing.T) {
	s := newOutsider(t)
	ctx := context.Background()
	s.enabled()
	ada := s.login(ada())
	if err := s.guide.Accept(ctx, s.pass, s.sso(ada), provision.Requester{}); err == nil {
		t.Error("somebody took the office before anybody came in")
	}
	l, err := s.comesIn(bob())
	must(t, err)
	for who, session := range map[string]string{"nobody": "", "somebody of another tenant": s.sso(ada), "a forged session": s.sso(l)[:20] + s.sso(ada)[20:]} {
		if err := s.guide.Accept(ctx, s.pass, session, provision.Requester{}); err == nil {
			t.Errorf("%s took the office", who)
		}
	}
	must(t, s.Logout(ctx, s.sso(l), originOf(ssoURL), provision.Requester{}))
	if err := s.guide.Accept(ctx, s.pass, s.sso(l), provision.Requester{}); err == nil {
		t.Error("a session that is over took the office")
	}
	if len(s.account(ada.Account).Offices)+len(s.account(l.Account).Offices) != 0 {
		t.Error("somebody holds an office")
	}
}

func TestNothingIsEnabledThatWasNotTestedOrProved(t *testing.T) {
	s := newOutsider(t)
	ctx := context.Background()
	enable := func() error { return s.guide.Enable(ctx, s.pass, provision.Requester{}) }
	s.open()
	if enable() == nil {
		t.Fatal("nothing was enabled")
	}
	s.connects()
	must(t, s.guide.Claim(ctx, s.pass, "globex.test", provision.Requester{}))
	if got := s.tries(bob()); got.Reason != provision.DomainUnverified || enable() == nil {
		t.Fatalf("without a proof: %s", got.Reason)
	}
	s.proves()
	if got := s.tries(samltest.Answer{Person: samltest.Person{Subject: "ada-1", Email: "ada@acme.test"}}); got.Reason != provision.DomainForeign || enable() == nil {
		t.Fatalf("with another tenant's domain: %s", got.Reason)
	}
	if enable() == nil {
		t.Fatal("enabled without a test login")
	}
	if got := s.tries(bob()); !got.Good() {
		t.Fatalf("%s %s", got.Reason, got.Found)
	}
	must(t, s.guide.Map(ctx, s.pass, broker.Mapping{Email: "mail", Subject: "attribute:mail"}, provision.Requester{}))
	if enable() == nil {
		t.Fatal("enabled as it was not tested")
	}
	if got := s.tries(bob()); !got.Good() || got.Facts.Subject != "bob@globex.test" {
		t.Fatalf("%s %+v", got.Reason, got.Facts)
	}
	must(t, enable())
	if err := s.guide.DraftSAML(ctx, s.pass, broker.SAMLDraft{Document: samltest.New(t).Metadata()}, provision.Requester{}); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("another provider for a connection that is enabled: %v", err)
	}
	must(t, s.guide.Undo(ctx, s.pass, provision.Requester{}))
	if err := s.guide.DraftSAML(ctx, s.pass, broker.SAMLDraft{Document: samltest.New(t).Metadata()}, provision.Requester{}); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("another provider for a connection that people may have come by: %v", err)
	}
	if enable() == nil {
		t.Fatal("enabled again without a test login")
	}
	former := s.progress().Setup.Connection
	must(t, s.guide.Restart(ctx, s.pass, provision.Requester{}))
	if p := s.progress(); p.Setup.Connection == former || p.Connection.ID != "" {
		t.Errorf("begun anew with %+v", p.Connection)
	}
	s.connects()
	if got := s.tries(bob()); !got.Good() {
		t.Errorf("the other connection: %s %s", got.Reason, got.Found)
	}
}

func TestATestLoginSaysWhyAndWhatWasSaid(t *testing.T) {
	s := newOutsider(t)
	s.open()
	s.connects()
	s.proves()
	got := s.tries(samltest.Answer{Person: samltest.Person{Subject: "bob-7", Name: "Bob"}})
	if got.Reason != provision.EmailMissing || got.Found == "" || got.Facts.Subject != "bob-7" || len(got.Claims) < 2 || got.Claims[0].Name != "NameID" {
		t.Errorf("without an address: %+v", got)
	}
	got = s.tries(samltest.Answer{Person: bob().Person, Signed: samltest.Neither})
	if got.Reason != provision.SignatureMissing || got.Found == "" || len(got.Claims) != 0 {
		t.Errorf("without a signature: %+v", got)
	}
	got = s.tries(samltest.Answer{Person: bob().Person, Edit: func(doc string) string {
		return strings.ReplaceAll(doc, "nameid-format:persistent", "nameid-format:transient")
	}})
	if got.Reason != provision.SubjectTransient || len(broker.SubjectWarnings(got, s.progress().Connection)) != 1 {
		t.Errorf("with a transient subject: %+v", got)
	}
	if n := len(s.events(provision.EventTest)); n != 3 || len(s.events(provision.EventLogin)) != 0 {
		t.Errorf("%d test logins are in the audit, want 3, and no login", n)
	}
	for _, e := range s.events(provision.EventTest) {
		if e.Outcome != string(provision.Denied) || e.Reason == "" || e.Personal.Detail == "" || e.Account != "" || e.Decision.ID != "" {
			t.Errorf("event %+v", e)
		}
	}
}

func TestASetupReachesNoOtherTenantAndNoOtherConnection(t *testing.T) {
	s := newOutsider(t)
	ctx := context.Background()
	s.open()
	s.connects()
	must(t, s.guide.Claim(ctx, s.pass, "acme.test", provision.Requester{})) // anybody may say so
	shown := s.progress().Claims[0]
	s.records[shown.Name] = []string{shown.Value} // and here even prove it
	s.clock.pass(10 * time.Second)
	_, err := s.guide.Check(ctx, s.pass, domain("acme.test"))
	must(t, err)
	if got := s.tries(samltest.Answer{Person: samltest.Person{Subject: "ada-1", Email: "ada@acme.test"}}); got.Good() || got.Reason != provision.DomainForeign {
		t.Errorf("another tenant's domain: %s", got.Reason)
	}
	tenantAdmin := broker.Mandate{Actor: provision.Actor{Kind: provision.TenantAdmin, ID: "acc_1"}, Tenant: "acme", Write: true}
	if _, err := s.MakeSetup(ctx, tenantAdmin, broker.NewSetup{Tenant: "globex"}, ""); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("an administrator of acme made a link of globex: %v", err)
	}
	if err := s.RevokeSetup(ctx, tenantAdmin, s.link.Setup.ID, ""); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("an administrator of acme revoked a link of globex: %v", err)
	}
	if _, err := s.MakeSetup(ctx, everywhere(), broker.NewSetup{Tenant: "globex", Connection: "acme"}, ""); !errors.Is(err, provision.ErrConflict) {
		t.Errorf("a link for a connection that is there: %v", err)
	}
	link, err := s.MakeSetup(ctx, tenantAdmin, broker.NewSetup{Tenant: "acme", Connection: "globex-guess"}, "")
	if err != nil || link.Setup.Connection == "globex-guess" {
		t.Errorf("an administrator tried out whether %s is there: %v", link.Setup.Connection, err)
	}
	mine, err := s.ListSetups(ctx, tenantAdmin, provision.Page{})
	if err != nil || len(mine) != 1 || mine[0].Tenant != "acme" {
		t.Errorf("an administrator of acme lists %+v, %v", mine, err)
	}
}

func TestATestLoginIsNoLogin(t *testing.T) {
	s := newOutsider(t)
	ctx := context.Background()
	s.enabled()
	going, err := s.guide.Test(ctx, s.pass, "/setup/test", broker.Wish{Browser: s.browser})
	must(t, err)
	form := s.idp.Respond(t, going.URL, bob())
	c := s.progress().Setup.Connection
	id, err := s.Receive(ctx, c, form, provision.Requester{})
	must(t, err)
	if l, err := s.Login(ctx, broker.Return{Connection: c, Attempt: id, Browser: "another"}); reasonOf(err) != provision.AttemptOtherBrowser || l.ID != "" {
		t.Errorf("in another browser: %v", err)
	}
	var tried *broker.TriedError
	if _, err := s.Login(ctx, broker.Return{Connection: c, Attempt: id, Browser: s.browser}); !errors.As(err, &tried) {
		t.Fatal(err)
	}
	if l, err := s.Login(ctx, broker.Return{Connection: c, Attempt: id, Browser: s.browser}); reasonOf(err) != provision.AttemptUnknown || l.ID != "" {
		t.Errorf("a second time: %v", err)
	}
	if who := s.progress().Setup.Account; who != "" {
		t.Errorf("a test login used the invitation up: %s", who)
	}
}

func TestAMetadataAddressIsFetchedUnderTheRulesForAll(t *testing.T) {
	s := newOutsider(t)
	s.open()
	for _, address := range []string{"http://127.0.0.1:1/metadata", "file:///etc/passwd", "https://" + strings.Repeat("x", 3000)} {
		err := s.guide.DraftSAML(context.Background(), s.pass, broker.SAMLDraft{URL: address}, provision.Requester{})
		var wrong *broker.SetupError
		if !errors.As(err, &wrong) || strings.Contains(err.Error(), "no network") {
			t.Errorf("%.40s: %v", address, err)
		}
	}
	if s.progress().Connection.ID != "" {
		t.Error("a connection was made")
	}
}

func TestAPastedResponseIsJudgedAndIsNoLogin(t *testing.T) {
	s := newOutsider(t)
	ctx := context.Background()
	s.open()
	s.connects()
	s.proves()
	paste := func(text string) broker.Trial {
		t.Helper()
		must(t, s.guide.Paste(ctx, s.pass, text, provision.Requester{}))
		p := s.progress()
		if p.Trial == nil || !p.Trial.Pasted {
			t.Fatalf("what was pasted is not shown: %+v", p.Trial)
		}
		return *p.Trial
	}
	going, err := s.guide.Test(ctx, s.pass, "/setup/test", broker.Wish{Browser: s.browser})
	must(t, err)
	form := s.idp.Respond(t, going.URL, bob())
	coded := form.Get("SAMLResponse")
	plain, err := base64.StdEncoding.DecodeString(coded)
	must(t, err)
	for _, text := range []string{coded, string(plain), "SAMLResponse=" + url.QueryEscape(coded) + "&RelayState=x"} {
		if got := paste(text); !got.Good() || got.Facts.Email != "bob@globex.test" || !got.AsOf.IsZero() {
			t.Errorf("an honest response: %s %s", got.Reason, got.Found)
		}
	}
	for text, reason := range map[string]provision.Reason{
		"":            provision.DocumentMalformed,
		"no XML":      provision.DocumentMalformed,
		"<Response/>": provision.DocumentMalformed,
		strings.Replace(string(plain), "bob@globex.test", "eve@globex.test", 1): provision.SignatureInvalid,
	} {
		if got := paste(text); got.Reason != reason {
			t.Errorf("%.30q: %s, want %s", text, got.Reason, reason)
		}
	}
	s.clock.pass(2 * time.Hour)
	if got := paste(coded); got.AsOf.IsZero() || got.Facts.Subject != "bob-7" {
		t.Errorf("an old response: %s %s", got.Reason, got.Found)
	}
	if s.guide.Enable(ctx, s.pass, provision.Requester{}) == nil {
		t.Error("enabled by what was pasted")
	}
	if n := len(s.accounts()); n != 0 {
		t.Errorf("%d accounts", n)
	}
}
