package saml

import (
	"context"
	"encoding/base64"
	"time"
	"unicode/utf8"

	"github.com/beevik/etree"

	"leasehold/idp"
	"leasehold/provision"
)

// maxIndexes is how many sessions one log-out may name, and one lease may remember.
const maxIndexes = 100

// ReadLogout judges a LogoutRequest of the identity provider (SAML Core 3.7.1, Profiles 4.4.4.1). Whatever the binding, it is
// signed by one of the provider's keys, or nobody is logged out: the profile's transport-level authentication is not
// taken in its place.
func (p *Provider) ReadLogout(_ context.Context, m idp.Message) (idp.Logout, error) {
	now := p.now()
	if err := p.idp.checkValid(now); err != nil {
		return idp.Logout{}, err
	}
	root, relay, err := p.logoutMessage(m, "LogoutRequest", "SAMLRequest")
	if err != nil {
		return idp.Logout{}, err
	}
	issued, err := p.addressed(root, m.Binding, now)
	if err != nil {
		return idp.Logout{}, err
	}
	end, err := instant(root, "NotOnOrAfter")
	switch {
	case err != nil:
		return idp.Logout{}, err
	case !end.IsZero() && !now.Before(end.Add(skew)): // SAML Core 3.7.1
		return idp.Logout{}, idp.Reject(provision.Expired, "valid until %s, it is %s", stamp(end), stamp(now))
	}
	id, err := p.nameID(root)
	if err != nil {
		return idp.Logout{}, err
	}
	sessions, err := indexes(children(root, nsProtocol, "SessionIndex"))
	if err != nil {
		return idp.Logout{}, err
	}
	return idp.Logout{
		Name: id.value, Sessions: sessions, Request: idOf(root), Relay: relay, Binding: m.Binding,
		Spend: provision.Spent{Kind: provision.LogoutMessage, Scope: string(p.connection.ID), ID: idOf(root), Until: issued.Add(maxAge + 2*skew)},
	}, nil
}

// logoutMessage is the message of that name in m, and its RelayState: the very bytes that a key of the provider signed.
func (p *Provider) logoutMessage(m idp.Message, tag, field string) (*etree.Element, string, error) {
	if p.slo == "" {
		return nil, "", idp.Reject(provision.Unsolicited, "single log-out is not offered")
	}
	var came received
	var err error
	switch m.Binding {
	case idp.Redirect:
		came, err = p.redirected(m.Query, field)
	case idp.Post:
		came, err = posted(m.Form, field)
	case idp.SOAP:
		came, err = enveloping(m.Body)
	default:
		err = malformed("log-out by %q", m.Binding)
	}
	if err != nil {
		return nil, "", err
	}
	if err := sole(came.root, tag); err != nil {
		return nil, "", err
	}
	sealed, err := p.idp.covered(came.root)
	switch {
	case err != nil:
		return nil, "", err
	case sealed != nil:
		came.root = sealed
	case !came.vouched:
		return nil, "", idp.Reject(provision.SignatureMissing, "%s is not signed", tag)
	}
	return came.root, came.relay, sole(came.root, tag)
}

// received is a message as a binding brought it.
type received struct {
	root    *etree.Element
	relay   string
	vouched bool // the binding's own signature covers it
}

// redirected reads the redirect binding. Its signature is verified before anything is inflated.
func (p *Provider) redirected(query, field string) (received, error) {
	r, err := readRedirect(query, field)
	if err != nil {
		return received{}, err
	}
	if err := p.idp.verified(r); err != nil {
		return received{}, err
	}
	doc, err := r.inflate()
	if err != nil {
		return received{}, err
	}
	root, err := scan(doc, false)
	return received{root, r.relay, true}, err
}

// posted reads the POST binding (SAML Bindings 3.5.4).
func posted(form idp.Form, field string) (received, error) {
	for name, values := range form {
		if len(values) != 1 {
			return received{}, malformed("form holds %d of %s", len(values), brief(name))
		}
	}
	relay := form.Get("RelayState")
	switch {
	case !form.Has(field) || form.Has("SAMLRequest") && form.Has("SAMLResponse") || form.Has("SAMLart"):
		return received{}, malformed("form does not hold %s alone", field)
	case len(form.Get(field)) > maxLogout/3*4 || len(relay) > maxValue:
		return received{}, idp.Reject(provision.MessageTooLarge, "form of %d and %d bytes", len(form.Get(field)), len(relay))
	}
	doc, err := base64.StdEncoding.Strict().DecodeString(form.Get(field))
	if err != nil || !utf8.Valid(doc) {
		return received{}, malformed("%s is not UTF-8 in base64", field)
	}
	root, err := scan(doc, false)
	return received{root: root, relay: relay}, err
}

// sole wants the message to be of that name, and nothing in it that could be taken for another message, for an
// assertion, or for a signature of something else.
func sole(root *etree.Element, tag string) error {
	if !is(root, nsProtocol, tag) {
		return malformed("message is %q, expected a %s of SAML 2.0", brief(root.Tag), tag)
	}
	return within(root, root)
}

func within(root, e *etree.Element) error {
	for _, child := range e.ChildElements() {
		switch child.Tag {
		case "LogoutRequest", "LogoutResponse", "Response", "Assertion", "EncryptedAssertion":
			return malformed("%s within %s", child.Tag, brief(e.Tag))
		case "Signature":
			if e != root || child.NamespaceURI() != nsSignature {
				return idp.Reject(provision.SignatureInvalid, "Signature within %s, or of another namespace", brief(e.Tag))
			}
		}
		if err := within(root, child); err != nil {
			return err
		}
	}
	return nil
}

// addressed holds Version, ID, IssueInstant, Issuer and Destination of a message against the rules, and answers with the
// time of its issue. A signed message that a browser carries says where it goes (SAML Bindings 3.4.5.2, 3.5.5.2); one that
// came from server to server may leave it out.
func (p *Provider) addressed(root *etree.Element, b idp.Binding, now time.Time) (time.Time, error) {
	r := rules{issuer: p.idp.EntityID, now: now}
	issued, err := r.issued(root)
	if err != nil {
		return issued, err
	}
	issuer, err := optional(root, nsAssertion, "Issuer")
	if err != nil {
		return issued, err
	}
	if err := r.issuedBy(issuer); err != nil { // SAML Profiles 4.4.4.1, 4.4.4.2
		return issued, err
	}
	destination, there := attribute(root, "Destination")
	if destination != p.slo && (there || b != idp.SOAP) {
		return issued, idp.Reject(provision.DestinationMismatch, "Destination %q, expected %q", brief(destination), p.slo)
	}
	return issued, nil
}

// indexes are the texts of SessionIndex elements.
func indexes(elements []*etree.Element) ([]string, error) {
	if len(elements) > maxIndexes {
		return nil, idp.Reject(provision.MessageTooLarge, "%d of SessionIndex, at most %d are read", len(elements), maxIndexes)
	}
	var all []string
	for _, e := range elements {
		index, err := value(e)
		if err != nil {
			return nil, err
		}
		if index == "" { // a session that is not said must not come to mean all
			return nil, malformed("SessionIndex is empty")
		}
		all = append(all, index)
	}
	return all, nil
}

// upstream is what a log-out will name the session by.
func (p *Provider) upstream(assertion, subject *etree.Element) (provision.UpstreamSession, error) {
	id, err := p.nameID(subject)
	if err != nil {
		return provision.UpstreamSession{}, err
	}
	name := children(subject, nsAssertion, "NameID")[0]
	s := provision.UpstreamSession{Matched: id.value, Format: id.format}
	s.Name, _ = text(name)
	s.NameQualifier, _ = attribute(name, "NameQualifier")
	s.SPNameQualifier, _ = attribute(name, "SPNameQualifier")
	if len(s.Format)+len(s.NameQualifier)+len(s.SPNameQualifier) > 3*maxValue {
		return provision.UpstreamSession{}, malformed("NameID with attributes of more than %d bytes", 3*maxValue)
	}
	for _, e := range children(assertion, nsAssertion, "AuthnStatement") {
		index, _ := attribute(e, "SessionIndex")
		if index != "" && len(s.Indexes) < maxIndexes {
			s.Indexes = append(s.Indexes, index)
		}
	}
	return s, nil
}
