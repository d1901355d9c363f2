package saml

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"

	"github.com/beevik/etree"
)

// Metadata is our own metadata document for this connection (SAML Metadata 2.4.4). It offers no binding of assertions but
// POST, and keys for encryption only where encrypted assertions are read: what is not offered cannot be attacked.
func (p *Provider) Metadata() ([]byte, error) {
	doc := etree.NewDocument()
	doc.CreateProcInst("xml", `version="1.0" encoding="UTF-8"`)
	entity := doc.CreateElement("EntityDescriptor")
	entity.CreateAttr("xmlns", nsMetadata)
	entity.CreateAttr("entityID", p.entityID)

	role := entity.CreateElement("SPSSODescriptor")
	role.CreateAttr("AuthnRequestsSigned", "true")
	role.CreateAttr("WantAssertionsSigned", "true")
	role.CreateAttr("protocolSupportEnumeration", nsProtocol)

	for _, pair := range p.pairs {
		descriptor(role, "signing", pair.Certificate)
	}
	p.offerEncryption(role)

	p.offerLogout(role)
	role.CreateElement("NameIDFormat").SetText(p.nameIDFormat())

	acs := role.CreateElement("AssertionConsumerService")
	acs.CreateAttr("Binding", postBinding)
	acs.CreateAttr("Location", p.acs)
	acs.CreateAttr("index", "0")
	acs.CreateAttr("isDefault", "true")

	doc.Indent(2)
	return doc.WriteToBytes()
}

// offerEncryption says by which keys, and how, an assertion may be encrypted (SAML Metadata 2.4.1.1): the best way first.
func (p *Provider) offerEncryption(role *etree.Element) {
	for _, pair := range p.pairs {
		if _, ok := pair.Key.(*rsa.PrivateKey); !ok || !p.connection.Encryption {
			continue
		}
		key := descriptor(role, "encryption", pair.Certificate)
		for _, name := range []string{aes256GCM, aes192GCM, aes128GCM, oaep, oaepMGF1P} {
			key.CreateElement("EncryptionMethod").CreateAttr("Algorithm", name)
		}
	}
}

// offerLogout says where log-outs come (SAML Metadata 2.4.2): by a browser, or from server to server.
func (p *Provider) offerLogout(role *etree.Element) {
	if p.slo == "" {
		return
	}
	for _, binding := range []string{redirectBinding, postBinding, soapBinding} {
		slo := role.CreateElement("SingleLogoutService")
		slo.CreateAttr("Binding", binding)
		slo.CreateAttr("Location", p.slo)
	}
}

func descriptor(role *etree.Element, use string, certificate *x509.Certificate) *etree.Element {
	key := role.CreateElement("KeyDescriptor")
	key.CreateAttr("use", use)
	info := key.CreateElement("KeyInfo")
	info.CreateAttr("xmlns", nsSignature)
	info.CreateElement("X509Data").CreateElement("X509Certificate").SetText(base64.StdEncoding.EncodeToString(certificate.Raw))
	return key
}
