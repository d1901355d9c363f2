package saml_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
)

func TestMetadataSayWhoWhereAndWithWhichKeys(t *testing.T) {
	provider := samltest.NewRSA(t, 2048)
	provider.Certificates = append(provider.Certificates, samltest.New(t).Certificates...)
	whole := string(provider.Metadata())
	inner := whole[strings.Index(whole, "<md:Entity"):]
	service := `<md:EntityDescriptor entityID="https://sp.test"><md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/></md:EntityDescriptor>`
	for name, doc := range map[string]string{
		"plain":                whole,
		"among others":         `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + service + `<md:EntitiesDescriptor>` + inner + `</md:EntitiesDescriptor></md:EntitiesDescriptor>`,
		"no use of a key":      strings.ReplaceAll(whole, ` use="signing"`, ""),
		"a key for encryption": swap(t, "<md:KeyDescriptor", `<md:KeyDescriptor use="encryption"/><md:KeyDescriptor`)(whole),
		"certificate in lines": strings.ReplaceAll(whole, "<ds:X509Certificate>MII", "<ds:X509Certificate>\n  M\n  II"),
		"other bindings":       swap(t, "<md:SingleSignOnService", `<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="https://idp.acme.test/soap"/><md:SingleSignOnService`)(whole),
		"other protocols too":  swap(t, `protocolSupportEnumeration="`, `protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol `)(whole),
		"valid for a while":    swap(t, "<md:IDPSSODescriptor ", `<md:IDPSSODescriptor validUntil="2999-01-01T00:00:00Z" `)(whole),
		"http on loopback":     swap(t, provider.SSO, "http://saml.localhost:8080/sso")(whole),
	} {
		t.Run(name, func(t *testing.T) {
			m, err := saml.ParseMetadata([]byte(doc), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if m.EntityID != provider.EntityID || !strings.HasSuffix(m.SSO, "/sso") || len(m.Certificates) != 2 {
				t.Errorf("got %s at %s with %d keys", m.EntityID, m.SSO, len(m.Certificates))
			}
		})
	}
}

func TestMetadataThatCannotBeTrustedAreRefusedInPlainWords(t *testing.T) {
	provider := samltest.New(t)
	whole := string(provider.Metadata())
	inner := whole[strings.Index(whole, "<md:Entity"):]
	weak, odd := samltest.NewRSA(t, 1024), samltest.New(t)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	odd.Certificates = []*x509.Certificate{samltest.Certify(t, p224)}
	many := samltest.New(t)
	for range 10 {
		many.Certificates = append(many.Certificates, samltest.New(t).Certificates...)
	}
	entities := func(inner string) string {
		return `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + inner + `</md:EntitiesDescriptor>`
	}
	at := func(location string) string { return swap(t, provider.SSO, location)(whole) }
	for name, c := range map[string]struct{ doc, want string }{
		"nothing":                           {"", "ends before"},
		"a web page":                        {"<html></html>", "expected an EntityDescriptor"},
		"another namespace":                 {strings.ReplaceAll(whole, "SAML:2.0:metadata", "SAML:1.0:metadata"), "expected an EntityDescriptor"},
		"more than 1 MiB":                   {whole + strings.Repeat(" ", 1<<20), "at most"},
		"a document type":                   {`<!DOCTYPE x>` + inner, "document type"},
		"a service provider":                {strings.ReplaceAll(whole, "IDPSSODescriptor", "SPSSODescriptor"), "no identity provider"},
		"another protocol":                  {swap(t, "SAML:2.0:protocol", "SAML:1.1:protocol")(whole), "no identity provider"},
		"two identity providers":            {entities(inner + inner), "2 identity providers"},
		"no entityID":                       {swap(t, ` entityID="https://idp.acme.test/metadata"`, "")(whole), "entityID"},
		"an endless entityID":               {swap(t, "https://idp.acme.test/metadata", "https://"+strings.Repeat("a", 1024))(whole), "entityID"},
		"no key":                            {strings.ReplaceAll(whole, "KeyDescriptor", "Other"), "no KeyDescriptor"},
		"a key for encryption only":         {strings.ReplaceAll(whole, `use="signing"`, `use="encryption"`), "no KeyDescriptor"},
		"no certificate":                    {strings.ReplaceAll(whole, "X509Certificate", "X509SKI"), "no KeyDescriptor"},
		"a certificate of nonsense":         {swap(t, "<ds:X509Certificate>", "<ds:X509Certificate>AAAA")(whole), "no usable signing key"},
		"RSA of 1024 bits":                  {string(weak.Metadata()), "1024 bits"},
		"ECDSA on P-224":                    {string(odd.Metadata()), "another curve"},
		"eleven keys":                       {string(many.Metadata()), "at most 10"},
		"no HTTP-Redirect":                  {swap(t, "HTTP-Redirect", "HTTP-POST")(whole), "no SingleSignOnService"},
		"no address":                        {at(""), "no plain URL"},
		"http":                              {at("http://idp.acme.test/sso"), "https is needed"},
		"http on a name like a loopback":    {at("http://localhost.evil.test/sso"), "https is needed"},
		"a script":                          {at("javascript:alert(1)"), "no plain URL"},
		"a script with a host":              {at("javascript://idp.acme.test/%0aalert(1)"), "https is needed"},
		"a relative address":                {at("/sso"), "no plain URL"},
		"an address with a password":        {at("https://a:b@idp.acme.test/sso"), "no plain URL"},
		"an address with a quote":           {at("https://idp.acme.test/sso?&apos;x"), "no plain URL"},
		"an address with a blank":           {at("https://idp.acme.test/s so"), "no plain URL"},
		"an address with a line break":      {at("https://idp.acme.test/sso&#10;x"), "no plain URL"},
		"an address with a fragment":        {at("https://idp.acme.test/sso#x"), "no plain URL"},
		"past validUntil":                   {swap(t, "<md:EntityDescriptor ", `<md:EntityDescriptor validUntil="2020-01-01T00:00:00Z" `)(whole), "valid until"},
		"past validUntil of the role":       {swap(t, "<md:IDPSSODescriptor ", `<md:IDPSSODescriptor validUntil="2020-01-01T00:00:00Z" `)(whole), "valid until"},
		"past validUntil of the federation": {swap(t, "<md:EntitiesDescriptor ", `<md:EntitiesDescriptor validUntil="2020-01-01T00:00:00Z" `)(entities(inner)), "valid until"},
		"a validUntil of nonsense":          {swap(t, "<md:EntityDescriptor ", `<md:EntityDescriptor validUntil="never" `)(whole), "validUntil"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := saml.ParseMetadata([]byte(c.doc), time.Now())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want it to speak of %q", err, c.want)
			}
		})
	}
}

func TestRefreshedMetadataMayNotWeaken(t *testing.T) {
	before, next, stranger := samltest.New(t), samltest.New(t), samltest.New(t)
	both := *before
	both.Certificates = append(both.Certificates[:1:1], next.Certificates...)
	renamed := *before
	renamed.EntityID = "https://evil.test/metadata"
	moved := *before
	moved.SSO = "https://new.acme.test/sso"
	insecure := *before
	insecure.SSO = "http://idp.acme.test/sso"
	for name, c := range map[string]struct {
		old, new *samltest.IdP
		ok, held bool
	}{
		"the same":                   {before, before, true, false},
		"a key more":                 {before, &both, true, false},
		"a key less":                 {&both, next, true, false},
		"another address":            {before, &moved, true, false},
		"all keys new":               {before, stranger, false, true},
		"all keys new after overlap": {next, before, false, true},
		"another entity":             {before, &renamed, false, true},
		"an address without https":   {before, &insecure, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := saml.Refreshed(c.old.Metadata(), c.new.Metadata(), time.Now())
			if (err == nil) != c.ok || errors.Is(err, saml.ErrNotChained) != c.held {
				t.Errorf("got %v, want fine: %t, held: %t", err, c.ok, c.held)
			}
		})
	}
	if err := saml.Refreshed(before.Metadata(), []byte("<html/>"), time.Now()); err == nil || errors.Is(err, saml.ErrNotChained) {
		t.Errorf("a web page in place of metadata: %v", err)
	}
}

func TestMetadataAreFetchedUpToOneMiB(t *testing.T) {
	for name, c := range map[string]struct {
		status, size int
		ok           bool
	}{
		"1 MiB": {200, 1 << 20, true}, "more": {200, 1<<20 + 1, false}, "not found": {404, 10, false}, "no content": {204, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write(make([]byte, c.size))
			}))
			defer server.Close()
			doc, err := saml.Fetch(context.Background(), server.Client(), server.URL)
			if (err == nil) != c.ok || c.ok && len(doc) != c.size {
				t.Errorf("%d bytes, %v", len(doc), err)
			}
		})
	}
}

// TestNobodyElseJudgesResponses: crewjam's readers of messages panic on hostile ones and leave checks out.
func TestNobodyElseJudgesResponses(t *testing.T) {
	root := filepath.Join("..", "..")
	forbidden := []string{".ParseResponse(", ".ParseXMLResponse(", ".ParseXMLArtifactResponse(", ".ValidateLogout", `crewjam/saml/samlsp"`}
	seen := false
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen = seen || strings.Contains(string(text), `"github.com/crewjam/saml"`)
		for _, call := range forbidden {
			if strings.Contains(string(text), call) {
				t.Errorf("%s calls %s", path, call)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !seen {
		t.Error("no file that uses crewjam's types was found: the walk looked in the wrong place")
	}
}
