package saml

import (
	"encoding/base64"
	"unicode/utf8"

	"leasehold/idp"
	"leasehold/provision"
)

// maxDocument is the size of a response or of metadata, in bytes.
const maxDocument = 1 << 20

// document takes the response out of a posted form (SAML Bindings 3.5.4). It is never inflated: that is another
// binding, and a bomb.
func document(a idp.Attempt, form idp.Form) ([]byte, error) {
	posted := form["SAMLResponse"]
	relay := form["RelayState"]
	switch {
	case len(posted) != 1:
		return nil, malformed("form holds %d of SAMLResponse, expected one", len(posted))
	case len(posted[0]) > maxDocument/3*4:
		return nil, idp.Reject(provision.MessageTooLarge, "response of %d bytes in base64, at most %d are read", len(posted[0]), maxDocument/3*4)
	case len(relay) > 1:
		return nil, malformed("form holds %d of RelayState, expected one", len(relay))
	case form.Has("SAMLart") || form.Has("SAMLRequest"): // an artifact would have us call whoever the sender likes
		return nil, malformed("form holds a request or an artifact beside the response")
	case len(relay) == 1 && relay[0] != string(a.ID): // SAML Bindings 3.5.3
		return nil, idp.Reject(provision.StateMismatch, "RelayState is not the one of this attempt")
	}
	doc, err := base64.StdEncoding.Strict().DecodeString(posted[0]) // steps over line breaks, as RFC 2045 has them
	if err != nil {
		return nil, malformed("base64 of the response: %w", err)
	}
	if !utf8.Valid(doc) {
		return nil, malformed("response is not UTF-8")
	}
	return doc, nil
}
