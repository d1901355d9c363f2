package samltest

import (
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Person is whom the provider speaks about. What is empty is not said.
type Person struct {
	Subject      string // a persistent NameID
	Email        string // attribute "mail"
	Name         string // attribute "displayName"
	Groups       []string
	AuthnAt      time.Time // zero: now
	SessionEnd   time.Time // SessionNotOnOrAfter
	SessionIndex string    // "": one is drawn
	ACR          string    // "": PasswordProtectedTransport
}

// Signed says what of an answer is signed.
type Signed int

// What is signed.
const (
	Assertion Signed = iota
	Response
	Both
	Neither
)

// Answer is an answer as a test wants it. Its zero value is an honest one about nobody.
type Answer struct {
	Person
	Signed     Signed
	Hash       crypto.Hash         // zero: SHA-256
	Edit       func(string) string // changes the document before it is signed
	SignedInfo func(string) string // changes each SignedInfo before it is signed
	KeyInfo    string              // put into each Signature
	Encrypt    *Encryption         // of the assertion, after it is signed and before the response is
	Tamper     func(string) string // changes the document after all this
}

// Answer answers the AuthnRequest in address, honestly, with a form as a browser posts it.
func (p *IdP) Answer(t testing.TB, address string, who Person) url.Values {
	t.Helper()
	return p.Respond(t, address, Answer{Person: who})
}

// Respond answers the AuthnRequest in address as a test wants it.
func (p *IdP) Respond(t testing.TB, address string, a Answer) url.Values {
	t.Helper()
	return p.RespondTo(t, ReadRequest(t, address), a)
}

// RespondTo is Respond for a request that was read already, or never made.
func (p *IdP) RespondTo(t testing.TB, request Request, a Answer) url.Values {
	t.Helper()
	doc := p.Draft(request, a.Person)
	if a.Edit != nil {
		doc = a.Edit(doc)
	}
	if a.Signed == Assertion || a.Signed == Both {
		doc = p.Sign(t, doc, "Assertion", a)
	}
	if a.Encrypt != nil {
		doc = Encrypt(t, doc, *a.Encrypt)
	}
	if a.Signed == Response || a.Signed == Both {
		doc = p.Sign(t, doc, "Response", a)
	}
	if a.Tamper != nil {
		doc = a.Tamper(doc)
	}
	return url.Values{
		"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte(doc))},
		"RelayState":   {request.RelayState},
	}
}

// Draft is an honest response, not yet signed. Its text is stable, so that tests may edit it: the IDs begin with "_r-"
// and "_a-", times are in whole seconds.
func (p *IdP) Draft(request Request, who Person) string {
	now := p.Now().UTC().Truncate(time.Second)
	at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	if who.AuthnAt.IsZero() {
		who.AuthnAt = now
	}
	if who.SessionIndex == "" {
		who.SessionIndex = "_s-" + rand.Text()
	}
	if who.ACR == "" {
		who.ACR = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
	}
	sessionEnd := ""
	if !who.SessionEnd.IsZero() {
		sessionEnd = fmt.Sprintf(` SessionNotOnOrAfter="%s"`, who.SessionEnd.UTC().Format("2006-01-02T15:04:05.999Z"))
	}
	acs, sp, id := escape(request.AssertionConsumerServiceURL), escape(request.Issuer.Value), escape(request.ID)
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r-%[1]s" Version="2.0" IssueInstant="%[2]s" Destination="%[3]s" InResponseTo="%[4]s"><saml:Issuer>%[5]s</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><saml:Assertion xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_a-%[6]s" Version="2.0" IssueInstant="%[2]s"><saml:Issuer>%[5]s</saml:Issuer><saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">%[7]s</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="%[8]s" Recipient="%[3]s" InResponseTo="%[4]s"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="%[9]s" NotOnOrAfter="%[8]s"><saml:AudienceRestriction><saml:Audience>%[10]s</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="%[11]s" SessionIndex="%[12]s"%[13]s><saml:AuthnContext><saml:AuthnContextClassRef>%[14]s</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>%[15]s</saml:Assertion></samlp:Response>`,
		rand.Text(), at(0), acs, id, escape(p.EntityID), rand.Text(), escape(who.Subject), at(5*time.Minute), at(-30*time.Second), sp,
		who.AuthnAt.UTC().Format(time.RFC3339), escape(who.SessionIndex), sessionEnd, escape(who.ACR), who.attributes())
}

func (who Person) attributes() string {
	var all strings.Builder
	add := func(name string, values ...string) {
		if len(values) == 0 || values[0] == "" {
			return
		}
		fmt.Fprintf(&all, `<saml:Attribute Name="%s" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:basic">`, name)
		for _, v := range values {
			fmt.Fprintf(&all, `<saml:AttributeValue xsi:type="xs:string">%s</saml:AttributeValue>`, escape(v))
		}
		all.WriteString(`</saml:Attribute>`)
	}
	add("mail", who.Email)
	add("displayName", who.Name)
	add("groups", who.Groups...)
	if all.Len() == 0 {
		return ""
	}
	return "<saml:AttributeStatement>" + all.String() + "</saml:AttributeStatement>"
}

func escape(s string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(s)) // a strings.Builder takes everything
	return out.String()
}
