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
	assertion *etree.Element
	sealed    bool // the Response itself is signed
}

// open finds the parts of a response, each in its one place (SAML Core 3.3.3), and refuses a document that has any of
// them a second time anywhere: what wraps, hides or doubles a signed element ends here.
func open(root *etree.Element) (message, error) {
	if !is(root, nsProtocol, "Response") {
		return message{}, malformed("root is %q, expected a Response of SAML 2.0", brief(root.Tag))
	}
	if err := succeeded(root); err != nil {
		return message{}, err
	}
	if err := inPlace(root); err != nil {
		return message{}, err
	}
	assertion, err := one(root, nsAssertion, "Assertion")
	if err != nil {
		return message{}, err
	}
	return message{response: root, assertion: assertion}, nil
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
		case "EncryptedAssertion":
			return idp.Reject(provision.EncryptedRefused, "encrypted assertion, which this connection does not read")
		case "Response":
			return malformed("Response within %s", brief(e.Tag))
		case "Assertion":
			if !inResponse || child.NamespaceURI() != nsAssertion {
				return malformed("Assertion within %s, or of another namespace", brief(e.Tag))
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
