package saml_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"leasehold/idp"
	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
)

// fixedLogout is fixed, with single log-out.
func fixedLogout(f *testing.F) (*samltest.IdP, *saml.Provider) {
	provider, _, _, _ := fixed(f)
	return provider, logoutPair(f, provider)
}

// vouchedFor wants a refusal, or what the provider signed.
func vouchedFor(t *testing.T, got idp.Logout, err error) {
	t.Helper()
	var no *idp.Rejected
	if err != nil && !errors.As(err, &no) {
		t.Errorf("an error that is no refusal: %v", err)
	}
	if err == nil && (got.Name != "alice-0001" || got.Request != "_l1" || len(got.Sessions) != 1 || got.Sessions[0] != "one") {
		t.Errorf("nobody signed %+v", got)
	}
}

// FuzzLogoutRequest: whatever is posted or sent in an envelope, what is read is what the provider signed, or nothing.
func FuzzLogoutRequest(f *testing.F) {
	provider, p := fixedLogout(f)
	honest := samltest.Logout{To: slo, Subject: "alice-0001", Sessions: []string{"one"}, ID: "_l1"}
	f.Add([]byte(provider.Document(f, honest)))
	f.Add(provider.Envelope(f, honest))
	honest.Neither = true
	f.Add([]byte(provider.Document(f, honest)))
	f.Add([]byte(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><LogoutRequest xmlns="urn:oasis:names:tc:SAML:2.0:protocol"><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></LogoutRequest></s:Body></s:Envelope>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := p.ReadLogout(context.Background(), idp.Message{Binding: idp.SOAP, Body: doc})
		vouchedFor(t, got, err)
		form := idp.Form{"SAMLRequest": {base64.StdEncoding.EncodeToString(doc)}}
		got, err = p.ReadLogout(context.Background(), idp.Message{Binding: idp.Post, Form: form})
		vouchedFor(t, got, err)
	})
}

// FuzzRedirect: whatever stands in a query, what is read is what the provider signed, or nothing.
func FuzzRedirect(f *testing.F) {
	provider, p := fixedLogout(f)
	honest := samltest.Logout{To: slo, Subject: "alice-0001", Sessions: []string{"one"}, ID: "_l1", Relay: "mine"}
	query := provider.Query(f, honest)
	for _, seed := range []string{
		query, query + "&x=y", "x;" + query, strings.Replace(query, "RelayState", "%52elayState", 1), strings.Replace(query, "&SigAlg", "&&SigAlg", 1),
		"SAMLRequest=%zz", "SAMLRequest=&SigAlg=&Signature=", "&=&", "SAMLResponse=x&" + query,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		got, err := p.ReadLogout(context.Background(), idp.Message{Binding: idp.Redirect, Query: query})
		vouchedFor(t, got, err)
		if err == nil && got.Relay != "mine" {
			t.Errorf("nobody signed the relay %q", got.Relay)
		}
	})
}
