package saml_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"leasehold/broker/brokertest"
	"leasehold/idp"
	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
	"leasehold/provision/memory"
)

const base = "https://sso.example.com/idp/acme-saml/"

// serviceProvider is the other side of an identity provider.
func serviceProvider(t testing.TB, idp *samltest.IdP, change func(*saml.Config)) *saml.Provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := saml.Config{
		Connection: provision.Connection{ID: "acme-saml", Tenant: "acme", Protocol: provision.SAML, Subject: "nameid", Metadata: idp.Metadata()},
		EntityID:   base + "metadata", ACS: base + "acs",
		Key: key, Certificate: samltest.Certify(t, key), Now: idp.Now,
	}
	if change != nil {
		change(&c)
	}
	p, err := saml.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// begin is an attempt, and where its browser was sent.
func begin(t testing.TB, p *saml.Provider) (idp.Attempt, string) {
	t.Helper()
	a := idp.Attempt{ID: "attempt-1", Connection: "acme-saml", Began: time.Now()}
	address, err := p.Begin(context.Background(), &a)
	if err != nil {
		t.Fatal(err)
	}
	return a, address
}

func alice() samltest.Person {
	return samltest.Person{Subject: "alice-0001", Email: "alice@acme.test", Name: "Alice", Groups: []string{"engineering", "staff"}}
}

// refused wants a refusal for that reason, and nothing with it.
func refused(t *testing.T, got provision.Assertion, err error, want provision.Reason) {
	t.Helper()
	var no *idp.Rejected
	if !errors.As(err, &no) || no.Check != want {
		t.Fatalf("got %v, want a refusal for %s", err, want)
	}
	if got.Facts.Subject != "" || len(got.Spend) > 0 {
		t.Errorf("a refusal came with %+v", got)
	}
}

// swap is an edit of one passage. A test whose passage is not there would test nothing.
func swap(t testing.TB, before, after string) func(string) string {
	return func(doc string) string {
		t.Helper()
		if !strings.Contains(doc, before) {
			t.Fatalf("no %q in %s", before, doc)
		}
		return strings.Replace(doc, before, after, 1)
	}
}

// chain is several edits, one after the other.
func chain(edits ...func(string) string) func(string) string {
	return func(doc string) string {
		for _, edit := range edits {
			doc = edit(doc)
		}
		return doc
	}
}

func formOf(doc string) url.Values {
	return url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte(doc))}, "RelayState": {"attempt-1"}}
}

func docOf(t testing.TB, form url.Values) string {
	t.Helper()
	doc, err := base64.StdEncoding.DecodeString(form.Get("SAMLResponse"))
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// hostile is an answer that must be refused.
type hostile struct {
	name   string
	want   provision.Reason
	answer samltest.Answer
}

// whole is a gateway around a reader, with the honest answer of its identity provider.
func whole(t *testing.T, provider *samltest.IdP, p *saml.Provider) (*brokertest.House, brokertest.Answer) {
	house := brokertest.New(t, brokertest.Config{Store: memory.New(provider.Now), Connection: "acme-saml", Protocol: provision.SAML, Provider: p, Now: provider.Now})
	return house, func(address string) url.Values { return provider.Answer(t, address, alice()) }
}

// judgeAll plays every answer against one provider, alone and within a whole gateway: there the refusal has its event,
// and honest logins beside it and after it get in.
func judgeAll(t *testing.T, provider *samltest.IdP, p *saml.Provider, cases []hostile) {
	house, honest := whole(t, provider, p)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, address := begin(t, p)
			if c.answer.Subject == "" {
				c.answer.Person = alice()
			}
			got, err := p.Verify(context.Background(), a, provider.Respond(t, address, c.answer))
			refused(t, got, err, c.want)
			house.Refuses(t, c.want, func(address string) url.Values { return provider.Respond(t, address, c.answer) }, honest)
			house.Admits(t, "the honest login after it", honest)
		})
	}
}
