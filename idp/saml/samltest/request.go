package samltest

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/url"
	"testing"

	"github.com/crewjam/saml"
)

// Request is what an identity provider takes from the address that a browser was sent to.
type Request struct {
	saml.AuthnRequest
	RelayState string
}

// ReadRequest reads an AuthnRequest that came by HTTP-Redirect.
func ReadRequest(t testing.TB, address string) Request {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	packed, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		t.Fatal(err)
	}
	request := Request{RelayState: u.Query().Get("RelayState")}
	if err := xml.Unmarshal(doc, &request.AuthnRequest); err != nil {
		t.Fatal(err)
	}
	return request
}
