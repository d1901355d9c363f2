package samltest

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Logout is a log-out message of the provider: a LogoutRequest, or with Answers a LogoutResponse. The zero value of a
// field is the honest one.
type Logout struct {
	To       string // Destination
	Subject  string // the NameID
	NameID   string // the whole element, in place of Subject
	Sessions []string
	Relay    string
	Answers  string // InResponseTo
	Status   string // of an answer; "": success

	ID      string
	Issuer  string
	Issued  time.Time
	Until   time.Time // NotOnOrAfter; zero: not said
	Hash    crypto.Hash
	Before  func(string) string // edits the document before it is signed
	After   func(string) string // edits the document, or the query, after it was signed
	Neither bool                // it is not signed
}

// Document is the message, with a signature of its own.
func (p *IdP) Document(t testing.TB, l Logout) string {
	t.Helper()
	doc := p.message(l)
	if !l.Neither {
		doc = p.Sign(t, doc, l.tag(), Answer{Hash: l.Hash})
	}
	if l.After != nil {
		doc = l.After(doc)
	}
	return doc
}

// Query is the message by the redirect binding.
func (p *IdP) Query(t testing.TB, l Logout) string {
	t.Helper()
	if l.Hash == 0 {
		l.Hash = crypto.SHA256
	}
	query := l.field() + "=" + url.QueryEscape(Deflated(t, p.message(l)))
	if l.Relay != "" {
		query += "&RelayState=" + url.QueryEscape(l.Relay)
	}
	if !l.Neither {
		query += "&SigAlg=" + url.QueryEscape(p.method(l.Hash))
		query += "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(p.sign(t, sum(l.Hash, []byte(query)), l.Hash)))
	}
	if l.After != nil {
		query = l.After(query)
	}
	return query
}

// Form is the message by the POST binding.
func (p *IdP) Form(t testing.TB, l Logout) url.Values {
	t.Helper()
	form := url.Values{l.field(): {base64.StdEncoding.EncodeToString([]byte(p.Document(t, l)))}}
	if l.Relay != "" {
		form.Set("RelayState", l.Relay)
	}
	return form
}

// Envelope is the message by the SOAP binding.
func (p *IdP) Envelope(t testing.TB, l Logout) []byte {
	t.Helper()
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body>` +
		p.Document(t, l) + `</SOAP-ENV:Body></SOAP-ENV:Envelope>`)
}

// Deflated is a document in the DEFLATE encoding.
func Deflated(t testing.TB, doc string) string {
	t.Helper()
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, doc); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes())
}

// Inflated is the document of a field of a query.
func Inflated(t testing.TB, text string) string {
	t.Helper()
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

func (l Logout) tag() string {
	if l.Answers != "" {
		return "LogoutResponse"
	}
	return "LogoutRequest"
}

func (l Logout) field() string {
	if l.Answers != "" {
		return "SAMLResponse"
	}
	return "SAMLRequest"
}

// message is the document without a signature.
func (p *IdP) message(l Logout) string {
	if l.Issued.IsZero() {
		l.Issued = p.Now()
	}
	if l.ID == "" {
		l.ID = "_l-" + rand.Text()
	}
	if l.Issuer == "" {
		l.Issuer = p.EntityID
	}
	var doc strings.Builder
	fmt.Fprintf(&doc, `<samlp:%s xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="%s" Version="2.0" IssueInstant="%s"`, l.tag(), l.ID, l.Issued.UTC().Format(time.RFC3339))
	for _, a := range []struct{ name, value string }{{"Destination", l.To}, {"InResponseTo", l.Answers}} {
		if a.value != "" {
			fmt.Fprintf(&doc, ` %s="%s"`, a.name, escape(a.value))
		}
	}
	if !l.Until.IsZero() {
		fmt.Fprintf(&doc, ` NotOnOrAfter="%s"`, l.Until.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(&doc, `><saml:Issuer>%s</saml:Issuer>%s</samlp:%s>`, escape(l.Issuer), l.content(), l.tag())
	if l.Before != nil {
		return l.Before(doc.String())
	}
	return doc.String()
}

func (l Logout) content() string {
	if l.Answers != "" {
		if l.Status == "" {
			l.Status = "urn:oasis:names:tc:SAML:2.0:status:Success"
		}
		return `<samlp:Status><samlp:StatusCode Value="` + escape(l.Status) + `"/></samlp:Status>`
	}
	name := l.NameID
	if name == "" {
		name = `<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">` + escape(l.Subject) + `</saml:NameID>`
	}
	for _, index := range l.Sessions {
		name += `<samlp:SessionIndex>` + escape(index) + `</samlp:SessionIndex>`
	}
	return name
}
