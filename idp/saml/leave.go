package saml

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"leasehold/idp"
	"leasehold/provision"
)

const (
	statusResponder = "urn:oasis:names:tc:SAML:2.0:status:Responder"
	statusPartial   = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"

	requestLife = 5 * time.Minute // of a LogoutRequest of ours
)

// AnswerLogout is the signed LogoutResponse to a request (SAML Core 3.7.2, Profiles 4.4.4.2): by SOAP in the answer itself,
// else by the browser and a binding that the identity provider takes. Where it takes none, nothing is answered.
func (p *Provider) AnswerLogout(l idp.Logout, whole bool) (idp.Reply, error) {
	to, ok := p.idp.logoutAddress(l.Binding)
	if l.Binding != idp.SOAP && !ok {
		return idp.Reply{}, nil
	}
	if l.Binding == idp.SOAP {
		to = Endpoint{}
	}
	e := p.message("LogoutResponse", to.Answer)
	e.CreateAttr("InResponseTo", l.Request)
	code := e.CreateElement("samlp:Status").CreateElement("samlp:StatusCode")
	if whole {
		code.CreateAttr("Value", statusSuccess)
	} else {
		code.CreateAttr("Value", statusResponder)
		code.CreateElement("samlp:StatusCode").CreateAttr("Value", statusPartial)
	}
	if l.Binding != idp.SOAP {
		return p.send(e, "SAMLResponse", l.Relay, Endpoint{to.Binding, to.Answer, ""})
	}
	if err := p.seal(e); err != nil {
		return idp.Reply{}, err
	}
	body, err := envelop(e)
	return idp.Reply{Body: body}, err
}

// OffersLogout reports whether a browser can carry a LogoutRequest to the identity provider.
func (p *Provider) OffersLogout(context.Context) bool {
	_, ok := p.idp.logoutAddress(idp.Redirect)
	return ok && p.slo != "" && p.idp.checkValid(p.now()) == nil
}

// BeginLogout is a signed LogoutRequest (SAML Core 3.7.1). The log-out remembers its ID.
func (p *Provider) BeginLogout(_ context.Context, l *idp.Leaving) (idp.Reply, error) {
	to, ok := p.idp.logoutAddress(idp.Redirect)
	if !ok || p.slo == "" || l.Session.Name == "" {
		return idp.Reply{}, fmt.Errorf("single log-out of connection %s: %w", p.connection.ID, provision.ErrNotFound)
	}
	e := p.message("LogoutRequest", to.Location)
	e.CreateAttr("NotOnOrAfter", p.now().Add(requestLife).UTC().Format(time.RFC3339))
	e.CreateAttr("Reason", "urn:oasis:names:tc:SAML:2.0:logout:user")
	name := e.CreateElement("saml:NameID")
	for _, a := range []struct{ name, value string }{
		{"Format", l.Session.Format}, {"NameQualifier", l.Session.NameQualifier}, {"SPNameQualifier", l.Session.SPNameQualifier},
	} {
		if a.value != "" {
			name.CreateAttr(a.name, a.value)
		}
	}
	name.SetText(l.Session.Name)
	for _, index := range l.Session.Indexes {
		e.CreateElement("samlp:SessionIndex").SetText(index)
	}
	l.RequestID = idOf(e)
	return p.send(e, "SAMLRequest", string(l.ID), to)
}

// VerifyLogout judges the LogoutResponse to a request of ours (SAML Core 3.2.2, Profiles 4.4.4.2): signed, ours, and its
// success.
func (p *Provider) VerifyLogout(_ context.Context, l idp.Leaving, m idp.Message) error {
	now := p.now()
	if err := p.idp.checkValid(now); err != nil {
		return err
	}
	root, relay, err := p.logoutMessage(m, "LogoutResponse", "SAMLResponse")
	if err != nil {
		return err
	}
	if _, err := p.addressed(root, m.Binding, now); err != nil {
		return err
	}
	answered, _ := attribute(root, "InResponseTo")
	switch {
	case l.RequestID == "" || answered != l.RequestID:
		return idp.Reject(provision.InResponseToMismatch, "response to %q, expected to %q", brief(answered), l.RequestID)
	case relay != string(l.ID):
		return idp.Reject(provision.StateMismatch, "RelayState is not the one of this log-out")
	}
	return succeeded(root)
}

// message is the beginning of a message of ours.
func (p *Provider) message(tag, destination string) *etree.Element {
	e := etree.NewElement("samlp:" + tag)
	e.CreateAttr("xmlns:samlp", nsProtocol)
	e.CreateAttr("xmlns:saml", nsAssertion)
	e.CreateAttr("ID", "_"+rand.Text())
	e.CreateAttr("Version", "2.0")
	e.CreateAttr("IssueInstant", p.now().UTC().Format("2006-01-02T15:04:05.000Z"))
	if destination != "" {
		e.CreateAttr("Destination", destination)
	}
	e.CreateElement("saml:Issuer").SetText(p.entityID)
	return e
}

// send puts a message on its way by a browser, signed as the binding has it.
func (p *Provider) send(e *etree.Element, field, relay string, to Endpoint) (idp.Reply, error) {
	if to.Binding == postBinding {
		return p.sendForm(e, field, relay, to)
	}
	packed, err := p.deflate(e)
	if err != nil {
		return idp.Reply{}, fmt.Errorf("deflate %s: %w", e.Tag, err)
	}
	query := field + "=" + url.QueryEscape(packed)
	if relay != "" {
		query += "&RelayState=" + url.QueryEscape(relay)
	}
	if query, err = p.signed(query); err != nil {
		return idp.Reply{}, fmt.Errorf("sign %s: %w", e.Tag, err)
	}
	if strings.Contains(to.Location, "?") {
		return idp.Reply{Address: to.Location + "&" + query}, nil
	}
	return idp.Reply{Address: to.Location + "?" + query}, nil
}

func (p *Provider) sendForm(e *etree.Element, field, relay string, to Endpoint) (idp.Reply, error) {
	if err := p.seal(e); err != nil {
		return idp.Reply{}, err
	}
	doc := etree.NewDocument()
	doc.SetRoot(e)
	text, err := doc.WriteToBytes()
	if err != nil {
		return idp.Reply{}, fmt.Errorf("write %s: %w", e.Tag, err)
	}
	fields := idp.Form{field: {base64.StdEncoding.EncodeToString(text)}}
	if relay != "" {
		fields.Set("RelayState", relay)
	}
	return idp.Reply{Address: to.Location, Fields: fields}, nil
}

// seal signs a message of ours, with the signature where its schema has it: after the Issuer (SAML Core 5.4).
func (p *Provider) seal(e *etree.Element) error {
	signer, err := dsig.NewSigningContext(p.key, [][]byte{p.pairs[0].Certificate.Raw})
	if err != nil {
		return fmt.Errorf("sign %s: %w", e.Tag, err)
	}
	signer.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	method := rsaSHA256
	ec, isEC := p.key.Public().(*ecdsa.PublicKey)
	if isEC {
		method = ecdsaSHA256
	}
	if err := signer.SetSignatureMethod(method); err != nil {
		return fmt.Errorf("sign %s: %w", e.Tag, err)
	}
	signature, err := signer.ConstructSignature(e, true)
	if err != nil {
		return fmt.Errorf("sign %s: %w", e.Tag, err)
	}
	if isEC {
		if err := plainValue(signature, ec); err != nil {
			return fmt.Errorf("sign %s: %w", e.Tag, err)
		}
	}
	e.InsertChildAt(children(e, nsAssertion, "Issuer")[0].Index()+1, signature)
	return nil
}

// plainValue rewrites the ASN.1 of an ECDSA signature as XML Signature has it.
func plainValue(signature *etree.Element, key *ecdsa.PublicKey) error {
	value := children(signature, nsSignature, "SignatureValue")
	if len(value) != 1 {
		return fmt.Errorf("%d signature values", len(value))
	}
	der, err := base64.StdEncoding.DecodeString(value[0].Text())
	if err != nil {
		return err
	}
	both, err := sideBySide(der, key)
	if err == nil {
		value[0].SetText(base64.StdEncoding.EncodeToString(both))
	}
	return err
}
