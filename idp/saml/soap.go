package saml

import (
	"unicode/utf8"

	"github.com/beevik/etree"

	"leasehold/idp"
	"leasehold/provision"
)

// nsSOAP is the namespace of SOAP 1.1.
const nsSOAP = "http://schemas.xmlsoap.org/soap/envelope/"

// enveloping reads the SOAP binding (SAML Bindings 3.2.3): one message in the body of an envelope.
func enveloping(body []byte) (received, error) {
	switch {
	case len(body) > maxLogout:
		return received{}, idp.Reject(provision.MessageTooLarge, "envelope of more than %d bytes", maxLogout)
	case !utf8.Valid(body):
		return received{}, malformed("envelope is not UTF-8")
	}
	envelope, err := scan(body, false)
	if err != nil {
		return received{}, err
	}
	if !is(envelope, nsSOAP, "Envelope") {
		return received{}, malformed("root is %q, expected an Envelope of SOAP 1.1", brief(envelope.Tag))
	}
	header, err := optional(envelope, nsSOAP, "Header")
	if err != nil {
		return received{}, err
	}
	if header != nil && len(header.ChildElements()) > 0 { // SAML Bindings 3.2.2.2: no header is needed, and we understand none
		return received{}, malformed("envelope with a header")
	}
	inner, err := one(envelope, nsSOAP, "Body")
	if err != nil {
		return received{}, err
	}
	messages := inner.ChildElements()
	if len(messages) != 1 {
		return received{}, malformed("body holds %d messages, expected one", len(messages))
	}
	return received{root: messages[0]}, nil
}

// envelop puts a message into an envelope.
func envelop(message *etree.Element) ([]byte, error) {
	doc := etree.NewDocument()
	envelope := doc.CreateElement("soap:Envelope")
	envelope.CreateAttr("xmlns:soap", nsSOAP)
	envelope.CreateElement("soap:Body").AddChild(message)
	return doc.WriteToBytes()
}
