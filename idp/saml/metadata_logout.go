package saml

import (
	"cmp"

	"github.com/beevik/etree"

	"leasehold/idp"
)

// Endpoint is where an identity provider takes log-out messages (SAML Metadata 2.2.2).
type Endpoint struct {
	Binding  string // by its URI
	Location string // of requests
	Answer   string // of responses
}

// logoutAddresses are those of an identity provider that a browser can be sent to. One that is no link for people is
// left out: a login does not need it.
func logoutAddresses(role *etree.Element) []Endpoint {
	var found []Endpoint
	for _, e := range children(role, nsMetadata, "SingleLogoutService") {
		var at Endpoint
		at.Binding, _ = attribute(e, "Binding")
		at.Location, _ = attribute(e, "Location")
		answer, _ := attribute(e, "ResponseLocation")
		at.Answer = cmp.Or(answer, at.Location)
		known := at.Binding == redirectBinding || at.Binding == postBinding
		if known && linkable(at.Location) == nil && linkable(at.Answer) == nil && len(found) < maxKeys {
			found = append(found, at)
		}
	}
	return found
}

// logoutAddress is where messages go to: by the binding that is wished for, or else by another that a browser knows.
func (m Metadata) logoutAddress(wished idp.Binding) (Endpoint, bool) {
	uri := redirectBinding
	if wished == idp.Post {
		uri = postBinding
	}
	for _, at := range m.SLO {
		if at.Binding == uri {
			return at, true
		}
	}
	if len(m.SLO) > 0 {
		return m.SLO[0], true
	}
	return Endpoint{}, false
}
