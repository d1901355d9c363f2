package saml

import (
	"github.com/beevik/etree"

	"leasehold/idp"
	"leasehold/provision"
)

const statusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"

// message is a Response and the one Assertion in it.
type message struct {
	response  *etree.Element
	assertion *etree.Element // nil as long as it is encrypted
	encrypted *etree.Element // the EncryptedAssertion; nil: it came in the open
	sealed    bool           // the Response itself is signed
}

// open finds the parts of a response, each in its one place (SAML Core 3.3.3), and refuses a document that has any of
// them a second time anywhere: what wraps, hides or doubles a signed element ends here. An encrypted assertion stands in
// place of the one in the open, never beside it, and only for a connection that reads such.
func (p *Provider) open(root *etree.Element) (message, error) {
	if !is(root, nsProtocol, "Response") {
		return message{}, malformed("root is %q, expected a Response of SAML 2.0", brief(root.Tag))
	}
	if err := succeeded(root); err != nil {
		return message{}, err
	}
	if err := inPlace(root); err != nil {
		return message{}, err
	}
	open, hidden := children(root, nsAssertion, "Assertion"), children(root, nsAssertion, "EncryptedAssertion")
	switch {
	case len(hidden) > 0 && !p.connection.Encryption:
		return message{}, idp.Reject(provision.EncryptedRefused, "encrypted assertion, which this connection does not read")
	case len(open) == 1 && len(hidden) == 0:
		return message{response: root, assertion: open[0]}, nil
	case len(open) == 0 && len(hidden) == 1:
		return message{response: root, encrypted: hidden[0]}, nil
	}
	return message{}, malformed("Response holds %d assertions and %d encrypted ones, expected one", len(open), len(hidden))
}

// succeeded refuses what the identity provider itself calls a failure (SAML Core 3.2.2.2): only the outer code counts.
func succeeded(response *etree.Element) error {
	status, err := one(response, nsProtocol, "Status")
	if err != nil {
		return err
	}
	code, err := one(status, nsProtocol, "StatusCode")
	if err != nil {
		return err
	}
	value, _ := attribute(code, "Value")
	if value == statusSuccess {
		return nil
	}
	inner, why := "", ""
	for _, c := range children(code, nsProtocol, "StatusCode") {
		inner, _ = attribute(c, "Value")
	}
	for _, m := range children(status, nsProtocol, "StatusMessage") {
		why, _ = text(m)
	}
	return idp.Reject(provision.IdPStatus, "status %q (%q, %q), expected success", brief(value), brief(inner), brief(why))
}

// inPlace walks the whole document for elements that may stand in one place only, whatever their namespace.
func inPlace(e *etree.Element) error {
	for _, token := range e.Child {
		child, ok := token.(*etree.Element)
		if !ok {
			continue
		}
		inResponse := is(e, nsProtocol, "Response")
		switch child.Tag {
		case "Response":
			return malformed("Response within %s", brief(e.Tag))
		case "Assertion", "EncryptedAssertion":
			if !inResponse || child.NamespaceURI() != nsAssertion {
				return malformed("%s within %s, or of another namespace", child.Tag, brief(e.Tag))
			}
		case "Signature":
			if !inResponse && e.Tag != "Assertion" || child.NamespaceURI() != nsSignature {
				return idp.Reject(provision.SignatureInvalid, "Signature within %s, or of another namespace", brief(e.Tag))
			}
		}
		if err := inPlace(child); err != nil {
			return err
		}
	}
	return nil
}
