package saml_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"leasehold/idp"
	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

const slo = base + "slo"

// bindings are the ways in which a message of the provider comes.
func bindings() []idp.Binding { return []idp.Binding{idp.Redirect, idp.Post, idp.SOAP} }

// by is a message as a binding brings it.
func by(t testing.TB, provider *samltest.IdP, b idp.Binding, l samltest.Logout) idp.Message {
	t.Helper()
	switch b {
	case idp.Redirect:
		return idp.Message{Binding: b, Query: provider.Query(t, l)}
	case idp.Post:
		return idp.Message{Binding: b, Form: provider.Form(t, l)}
	}
	return idp.Message{Binding: b, Body: provider.Envelope(t, l)}
}

// logoutPair is a provider that takes log-outs by both bindings of a browser, and the service provider that offers them.
func logoutPair(t testing.TB, provider *samltest.IdP) *saml.Provider {
	t.Helper()
	provider.SLO, provider.SLOPost = "https://idp.acme.test/slo?x=1", "https://idp.acme.test/slo-post"
	return serviceProvider(t, provider, func(c *saml.Config) { c.SLO = slo })
}

// notRead wants a message refused for that reason.
func notRead(t *testing.T, got idp.Logout, err error, want provision.Reason) {
	t.Helper()
	var no *idp.Rejected
	if !errors.As(err, &no) || no.Check != want {
		t.Fatalf("got %v, want a refusal for %s", err, want)
	}
	if got.Name != "" || got.Spend.ID != "" {
		t.Errorf("a refusal came with %+v", got)
	}
}

func TestALogoutRequestIsReadByEveryBindingAndEveryKey(t *testing.T) {
	for name, provider := range map[string]*samltest.IdP{"ECDSA": samltest.New(t), "RSA": samltest.NewRSA(t, 2048)} {
		p := logoutPair(t, provider)
		for _, b := range bindings() {
			for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
				t.Run(fmt.Sprintf("%s %s %s", name, b, hash), func(t *testing.T) {
					relay := "what it wants back&="
					if b == idp.SOAP {
						relay = ""
					}
					got, err := p.ReadLogout(context.Background(), by(t, provider, b, samltest.Logout{
						To: slo, Subject: "alice-0001", Sessions: []string{"one", "two"}, ID: "_l1", Relay: relay, Hash: hash, Until: provider.Now().Add(time.Minute),
					}))
					if err != nil {
						t.Fatal(err)
					}
					if got.Name != "alice-0001" || !slices.Equal(got.Sessions, []string{"one", "two"}) || got.Request != "_l1" || got.Relay != relay || got.Binding != b {
						t.Errorf("read %+v", got)
					}
					if s := got.Spend; s.Kind != "logout" || s.Scope != "acme-saml" || s.ID != "_l1" || !s.Until.After(provider.Now().Add(6*time.Minute)) {
						t.Errorf("to be spent: %+v", s)
					}
				})
			}
		}
	}
}

func TestALogoutWithoutSessionsIsAboutAllOfThePerson(t *testing.T) {
	provider := samltest.New(t)
	p := logoutPair(t, provider)
	got, err := p.ReadLogout(context.Background(), by(t, provider, idp.SOAP, samltest.Logout{Subject: "alice-0001"})) // SOAP may leave the Destination out
	if err != nil || got.Name != "alice-0001" || got.Sessions != nil {
		t.Errorf("read %+v, %v", got, err)
	}
}

func TestWhatALoginRemembersIsWhatALogoutNames(t *testing.T) {
	provider := samltest.New(t)
	for name, subject := range map[string]string{"the NameID": "nameid", "an attribute": "attribute:mail"} {
		t.Run(name, func(t *testing.T) {
			provider.SLO = "https://idp.acme.test/slo"
			p := serviceProvider(t, provider, func(c *saml.Config) { c.SLO, c.Connection.Subject = slo, subject })
			a, address := begin(t, p)
			who := alice()
			who.SessionIndex = "session-1"
			qualified := swap(t, `<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">`, `<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" SPNameQualifier="`+base+`metadata">`)
			got, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: who, Edit: qualified}))
			if err != nil {
				t.Fatal(err)
			}
			u := got.Upstream
			if u.Name != "alice-0001" || u.Matched != "alice-0001" || !slices.Equal(u.Indexes, []string{"session-1"}) || u.SPNameQualifier != base+"metadata" || !strings.HasSuffix(u.Format, ":persistent") {
				t.Errorf("remembered %+v", u)
			}
			l := idp.Leaving{ID: "leaving-1", Session: u}
			reply, err := p.BeginLogout(context.Background(), &l)
			if err != nil {
				t.Fatal(err)
			}
			sent := samltest.Inflated(t, query(t, reply.Address).Get("SAMLRequest"))
			for _, want := range []string{`>alice-0001</saml:NameID>`, `SPNameQualifier="` + base + `metadata"`, `<samlp:SessionIndex>session-1</samlp:SessionIndex>`, `Destination="https://idp.acme.test/slo"`, `ID="` + l.RequestID + `"`, base + "metadata</saml:Issuer>"} {
				if !strings.Contains(sent, want) {
					t.Errorf("no %s in %s", want, sent)
				}
			}
		})
	}
}

func query(t testing.TB, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// falseLogout is a log-out that must be refused.
type falseLogout struct {
	name   string
	want   provision.Reason
	change func(*samltest.Logout)
	only   idp.Binding // "": by every binding
}

func forgeries(t *testing.T, provider *samltest.IdP) []falseLogout {
	now := provider.Now()
	edit := func(before, after string) func(*samltest.Logout) {
		return func(l *samltest.Logout) { l.Before = swap(t, before, after) }
	}
	after := func(before, after string) func(*samltest.Logout) {
		return func(l *samltest.Logout) { l.After = swap(t, before, after) }
	}
	return []falseLogout{
		{"unsigned", provision.SignatureMissing, func(l *samltest.Logout) { l.Neither = true }, ""},
		{"with SHA-1", provision.AlgorithmRefused, func(l *samltest.Logout) { l.Hash = crypto.SHA1 }, ""},
		{"changed after it was signed", provision.SignatureInvalid, after("alice-0001", "bob-0002"), idp.SOAP},
		{"changed after it was signed", provision.SignatureInvalid, after("alice-0001", "bob-0002"), idp.Post},
		{"relay changed after it was signed", provision.SignatureInvalid, func(l *samltest.Logout) { l.Relay, l.After = "mine", swap(t, "RelayState=mine", "RelayState=yours") }, idp.Redirect},
		{"relay taken away", provision.SignatureInvalid, func(l *samltest.Logout) { l.Relay, l.After = "mine", swap(t, "&RelayState=mine", "") }, idp.Redirect},
		{"a second message in the query", provision.DocumentMalformed, func(l *samltest.Logout) { l.After = func(q string) string { return "SAMLRequest=x&" + q } }, idp.Redirect},
		{"a name spelt oddly", provision.DocumentMalformed, func(l *samltest.Logout) { l.After = func(q string) string { return q + "&%53AMLRequest=x" } }, idp.Redirect},
		{"a name in other case", provision.DocumentMalformed, func(l *samltest.Logout) { l.After = func(q string) string { return q + "&relaystate=x" } }, idp.Redirect},
		{"fields parted by a semicolon", provision.DocumentMalformed, func(l *samltest.Logout) { l.After = func(q string) string { return q + ";RelayState=x" } }, idp.Redirect},
		{"a response beside it", provision.DocumentMalformed, func(l *samltest.Logout) { l.After = func(q string) string { return q + "&SAMLResponse=x" } }, idp.Redirect},
		{"another encoding", provision.DocumentMalformed, func(l *samltest.Logout) { l.After = func(q string) string { return q + "&SAMLEncoding=x" } }, idp.Redirect},
		{"of another issuer", provision.IssuerMismatch, func(l *samltest.Logout) { l.Issuer = "https://idp.rival.test/metadata" }, ""},
		{"of no issuer", provision.IssuerMismatch, edit("<saml:Issuer>https://idp.acme.test/metadata</saml:Issuer>", ""), ""},
		{"for another destination", provision.DestinationMismatch, func(l *samltest.Logout) { l.To = "https://sso.example.com/idp/other-saml/slo" }, ""},
		{"for no destination", provision.DestinationMismatch, func(l *samltest.Logout) { l.To = "" }, idp.Redirect},
		{"for no destination", provision.DestinationMismatch, func(l *samltest.Logout) { l.To = "" }, idp.Post},
		{"too old", provision.Expired, func(l *samltest.Logout) { l.Issued = now.Add(-7 * time.Minute) }, ""},
		{"of the future", provision.NotYetValid, func(l *samltest.Logout) { l.Issued = now.Add(2 * time.Minute) }, ""},
		{"past its end", provision.Expired, func(l *samltest.Logout) { l.Until = now.Add(-time.Minute) }, ""},
		{"without an ID", provision.DocumentMalformed, func(l *samltest.Logout) { l.ID, l.Before = "_gone", swap(t, ` ID="_gone"`, "") }, idp.Redirect},
		{"of another version", provision.DocumentMalformed, edit(`Version="2.0"`, `Version="2.1"`), ""},
		{"about nobody", provision.SubjectMissing, func(l *samltest.Logout) { l.NameID = " " }, ""},
		{"about two", provision.SubjectMissing, func(l *samltest.Logout) {
			l.NameID = `<saml:NameID>alice-0001</saml:NameID><saml:NameID>bob-0002</saml:NameID>`
		}, ""},
		{"about somebody encrypted", provision.EncryptedRefused, func(l *samltest.Logout) { l.NameID = `<saml:EncryptedID/>` }, ""},
		{"with an empty session", provision.DocumentMalformed, func(l *samltest.Logout) { l.Sessions = []string{""} }, ""},
		{"with too many sessions", provision.MessageTooLarge, func(l *samltest.Logout) { l.Sessions = slices.Repeat([]string{"x"}, 101) }, ""},
		{"with another message inside", provision.DocumentMalformed, func(l *samltest.Logout) {
			l.NameID = `<samlp:LogoutRequest><saml:NameID>alice-0001</saml:NameID></samlp:LogoutRequest>`
		}, idp.Redirect},
		{"with an assertion inside", provision.DocumentMalformed, func(l *samltest.Logout) { l.NameID = `<saml:Assertion/>` }, ""},
		{"a response", provision.DocumentMalformed, func(l *samltest.Logout) { l.Answers = "_x" }, ""},
		{"a document type", provision.DocumentMalformed, func(l *samltest.Logout) { l.Before = func(doc string) string { return "<!DOCTYPE x>" + doc } }, idp.Redirect},
		{"giant", provision.MessageTooLarge, func(l *samltest.Logout) { l.Sessions = []string{strings.Repeat("x", 70_000)} }, ""},
	}
}

func TestAForgedLogoutIsRefusedByEveryBinding(t *testing.T) {
	provider := samltest.New(t)
	p := logoutPair(t, provider)
	for _, f := range forgeries(t, provider) {
		for _, b := range bindings() {
			if f.only != "" && f.only != b {
				continue
			}
			t.Run(f.name+" by "+string(b), func(t *testing.T) {
				l := samltest.Logout{To: slo, Subject: "alice-0001"}
				f.change(&l)
				got, err := p.ReadLogout(context.Background(), by(t, provider, b, l))
				notRead(t, got, err, f.want)
				if _, err := p.ReadLogout(context.Background(), by(t, provider, b, samltest.Logout{To: slo, Subject: "alice-0001"})); err != nil {
					t.Errorf("the honest one after it: %v", err)
				}
			})
		}
	}
}

func TestALogoutSignedByAnotherKeyIsRefused(t *testing.T) {
	provider, stranger := samltest.New(t), samltest.New(t)
	p := logoutPair(t, provider)
	for _, b := range bindings() {
		got, err := p.ReadLogout(context.Background(), by(t, stranger, b, samltest.Logout{To: slo, Subject: "alice-0001"}))
		notRead(t, got, err, provision.SignatureInvalid)
	}
	rsa := samltest.NewRSA(t, 2048)
	got, err := p.ReadLogout(context.Background(), by(t, rsa, idp.Redirect, samltest.Logout{To: slo, Subject: "alice-0001"}))
	notRead(t, got, err, provision.SignatureInvalid)
}

func TestASignatureOfAnotherPartVouchesForNothing(t *testing.T) {
	provider := samltest.New(t)
	p := logoutPair(t, provider)
	signed := provider.Document(t, samltest.Logout{To: slo, Subject: "alice-0001", ID: "_good"})
	wrapped := `<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_evil" Version="2.0" IssueInstant="` +
		provider.Now().UTC().Format(time.RFC3339) + `" Destination="` + slo + `"><saml:Issuer>` + provider.EntityID + `</saml:Issuer><samlp:Extensions>` + signed + `</samlp:Extensions><saml:NameID>bob-0002</saml:NameID></samlp:LogoutRequest>`
	form := idp.Form{"SAMLRequest": {base64.StdEncoding.EncodeToString([]byte(wrapped))}}
	got, err := p.ReadLogout(context.Background(), idp.Message{Binding: idp.Post, Form: form})
	notRead(t, got, err, provision.DocumentMalformed)
	moved := strings.Replace(strings.Replace(signed, `ID="_good"`, `ID="_evil"`, 1), "alice-0001", "bob-0002", 1)
	form.Set("SAMLRequest", base64.StdEncoding.EncodeToString([]byte(moved)))
	got, err = p.ReadLogout(context.Background(), idp.Message{Binding: idp.Post, Form: form})
	notRead(t, got, err, provision.SignatureInvalid)
	// A good query around a document whose own signature is wrong.
	bad := swap(t, "alice-0001", "bob-0002")(signed)
	got, err = p.ReadLogout(context.Background(), idp.Message{Binding: idp.Redirect, Query: provider.Query(t, samltest.Logout{Before: func(string) string { return bad }})})
	notRead(t, got, err, provision.SignatureInvalid)
}

func TestEnvelopesThatAreNone(t *testing.T) {
	provider := samltest.New(t)
	p := logoutPair(t, provider)
	honest := string(provider.Envelope(t, samltest.Logout{To: slo, Subject: "alice-0001"}))
	for name, body := range map[string]string{
		"nothing":           "",
		"not XML":           "hello",
		"no envelope":       provider.Document(t, samltest.Logout{To: slo, Subject: "alice-0001"}),
		"SOAP 1.2":          swap(t, "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")(honest),
		"two bodies":        swap(t, "</SOAP-ENV:Body>", "</SOAP-ENV:Body><SOAP-ENV:Body/>")(honest),
		"an empty body":     `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>`,
		"two messages":      swap(t, "</SOAP-ENV:Body>", `<x xmlns="urn:x"/></SOAP-ENV:Body>`)(honest),
		"a header":          swap(t, "<SOAP-ENV:Body>", `<SOAP-ENV:Header><x xmlns="urn:x"/></SOAP-ENV:Header><SOAP-ENV:Body>`)(honest),
		"a second document": honest + "<x/>",
	} {
		got, err := p.ReadLogout(context.Background(), idp.Message{Binding: idp.SOAP, Body: []byte(body)})
		if t.Run(name, func(t *testing.T) { notRead(t, got, err, provision.DocumentMalformed) }); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func TestWithoutAnAddressOfOursThereIsNoSingleLogout(t *testing.T) {
	provider := samltest.New(t)
	provider.SLO = "https://idp.acme.test/slo"
	p := serviceProvider(t, provider, nil)
	got, err := p.ReadLogout(context.Background(), by(t, provider, idp.SOAP, samltest.Logout{Subject: "alice-0001"}))
	notRead(t, got, err, provision.Unsolicited)
	doc, err := p.Metadata()
	if err != nil || strings.Contains(string(doc), "SingleLogoutService") || p.OffersLogout(context.Background()) {
		t.Errorf("offered all the same: %s, %v", doc, err)
	}
}

func TestOurMetadataOfferSingleLogoutByThreeBindings(t *testing.T) {
	doc, err := logoutPair(t, samltest.New(t)).Metadata()
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for _, want := range []string{`bindings:HTTP-Redirect" Location="` + slo, `bindings:HTTP-POST" Location="` + slo, `bindings:SOAP" Location="` + slo, "<NameIDFormat>", "<AssertionConsumerService"} {
		at := strings.Index(string(doc), want)
		if at < last { // SAML Metadata 2.4.2: in this order
			t.Errorf("%s stands at %d, after %d, in %s", want, at, last, doc)
		}
		last = at
	}
}

// answered is the document of an answer, whose signature the service provider's published key verifies.
func answered(t *testing.T, p *saml.Provider, l idp.Logout, whole bool) string {
	t.Helper()
	reply, err := p.AnswerLogout(l, whole)
	if err != nil {
		t.Fatal(err)
	}
	published, err := p.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	certificate := certificateIn(t, published)
	switch l.Binding {
	case idp.Redirect:
		address, raw, _ := strings.Cut(reply.Address, "&SAMLResponse=")
		if address != "https://idp.acme.test/slo?x=1" {
			t.Errorf("goes to %s", reply.Address)
		}
		octets, signature, _ := strings.Cut("SAMLResponse="+raw, "&Signature=")
		verifyQuery(t, certificate.PublicKey.(*ecdsa.PublicKey), octets, signature)
		return samltest.Inflated(t, query(t, reply.Address).Get("SAMLResponse"))
	case idp.Post:
		if reply.Address != "https://idp.acme.test/slo-post" || reply.Fields.Get("RelayState") != l.Relay {
			t.Errorf("goes to %s with %v", reply.Address, reply.Fields)
		}
		doc, err := base64.StdEncoding.DecodeString(reply.Fields.Get("SAMLResponse"))
		if err != nil {
			t.Fatal(err)
		}
		verifyDocument(t, certificate, string(doc), "/LogoutResponse")
		return string(doc)
	}
	verifyDocument(t, certificate, string(reply.Body), "/Envelope/Body/LogoutResponse")
	return string(reply.Body)
}

func verifyQuery(t *testing.T, key *ecdsa.PublicKey, octets, signature string) {
	t.Helper()
	text, err := url.QueryUnescape(signature)
	if err != nil {
		t.Fatal(err)
	}
	value, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(value) != 64 {
		t.Fatalf("signature of %d bytes, %v", len(value), err)
	}
	digest := sha256.Sum256([]byte(octets))
	if r, s := numbers(value); !ecdsa.Verify(key, digest[:], r, s) {
		t.Errorf("our own key does not verify %s", octets)
	}
}

func TestAnswersAreSignedAndSayWhatCameOfIt(t *testing.T) {
	p := logoutPair(t, samltest.New(t))
	for _, b := range bindings() {
		l := idp.Logout{Request: "_l1", Relay: "back", Binding: b}
		doc := answered(t, p, l, true)
		if !strings.Contains(doc, `InResponseTo="_l1"`) || !strings.Contains(doc, `Value="urn:oasis:names:tc:SAML:2.0:status:Success"`) || strings.Contains(doc, "PartialLogout") {
			t.Errorf("%s: %s", b, doc)
		}
		if doc := answered(t, p, l, false); !strings.Contains(doc, "status:PartialLogout") || strings.Contains(doc, "status:Success") {
			t.Errorf("%s, in part: %s", b, doc)
		}
	}
}

func TestTheAnswerToOurLogoutIsVerified(t *testing.T) {
	provider := samltest.New(t)
	p := logoutPair(t, provider)
	ctx := context.Background()
	l := idp.Leaving{ID: "leaving-1", Session: provision.UpstreamSession{Name: "alice-0001", Matched: "alice-0001"}}
	reply, err := p.BeginLogout(ctx, &l)
	if err != nil || l.RequestID == "" || reply.Fields != nil || query(t, reply.Address).Get("RelayState") != "leaving-1" || query(t, reply.Address).Get("Signature") == "" {
		t.Fatalf("%+v, %v", reply, err)
	}
	honest := samltest.Logout{To: slo, Answers: l.RequestID, Relay: "leaving-1"}
	for _, b := range []idp.Binding{idp.Redirect, idp.Post} {
		if err := p.VerifyLogout(ctx, l, by(t, provider, b, honest)); err != nil {
			t.Errorf("%s: %v", b, err)
		}
		for _, f := range []struct {
			want   provision.Reason
			change func(*samltest.Logout)
		}{
			{provision.SignatureMissing, func(l *samltest.Logout) { l.Neither = true }},
			{provision.InResponseToMismatch, func(l *samltest.Logout) { l.Answers = "_another" }},
			{provision.StateMismatch, func(l *samltest.Logout) { l.Relay = "leaving-2" }},
			{provision.StateMismatch, func(l *samltest.Logout) { l.Relay = "" }},
			{provision.IdPStatus, func(l *samltest.Logout) { l.Status = "urn:oasis:names:tc:SAML:2.0:status:Responder" }},
			{provision.IssuerMismatch, func(l *samltest.Logout) { l.Issuer = "https://idp.rival.test" }},
			{provision.DestinationMismatch, func(l *samltest.Logout) { l.To = "https://rival.test/slo" }},
			{provision.Expired, func(l *samltest.Logout) { l.Issued = provider.Now().Add(-time.Hour) }},
			{provision.DocumentMalformed, func(l *samltest.Logout) { l.Answers, l.Subject = "", "alice-0001" }},
		} {
			wrong := honest
			f.change(&wrong)
			var no *idp.Rejected
			if err := p.VerifyLogout(ctx, l, by(t, provider, b, wrong)); !errors.As(err, &no) || no.Check != f.want {
				t.Errorf("%s: %v, want a refusal for %s", b, err, f.want)
			}
		}
	}
}

func TestALogoutByAPostedForm(t *testing.T) {
	provider := samltest.New(t)
	provider.SLOPost = "https://idp.acme.test/slo-post"
	p := serviceProvider(t, provider, func(c *saml.Config) { c.SLO = slo })
	l := idp.Leaving{ID: "leaving-1", Session: provision.UpstreamSession{Name: "alice-0001"}}
	reply, err := p.BeginLogout(context.Background(), &l)
	if err != nil || reply.Address != provider.SLOPost || reply.Fields.Get("RelayState") != "leaving-1" {
		t.Fatalf("%+v, %v", reply, err)
	}
	doc, err := base64.StdEncoding.DecodeString(reply.Fields.Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	published, _ := p.Metadata()
	verifyDocument(t, certificateIn(t, published), string(doc), "/LogoutRequest")
}

func verifyDocument(t *testing.T, certificate *x509Certificate, doc, path string) {
	t.Helper()
	tree := etree.NewDocument()
	if err := tree.ReadFromString(doc); err != nil {
		t.Fatal(err)
	}
	e := tree.FindElement(path)
	if e == nil {
		t.Fatalf("no %s in %s", path, doc)
	}
	issuer := e.SelectElement("Issuer")
	if next := e.ChildElements()[1]; issuer == nil || next.Tag != "Signature" {
		t.Errorf("after the Issuer stands %s", next.Tag)
	}
	alone := e.Copy()
	value := alone.FindElement("./Signature/SignatureValue")
	raw, err := base64.StdEncoding.DecodeString(value.Text())
	if err != nil || len(raw) != 64 {
		t.Fatalf("signature of %d bytes, %v", len(raw), err)
	}
	value.SetText(base64.StdEncoding.EncodeToString(der(t, raw)))
	asker := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509Certificate{certificate}})
	asker.Clock = dsig.NewFakeClockAt(certificate.NotBefore)
	if _, err := asker.Validate(alone); err != nil {
		t.Errorf("our own key does not verify %s: %v", doc, err)
	}
}
