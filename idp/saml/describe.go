package saml

import (
	"encoding/base64"

	"github.com/beevik/etree"
)

// Metadata is our own metadata document for this connection (SAML Metadata 2.4.4). It offers no key for encryption and
// no binding but POST: what is not offered cannot be attacked.
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

	key := role.CreateElement("KeyDescriptor")
	key.CreateAttr("use", "signing")
	info := key.CreateElement("KeyInfo")
	info.CreateAttr("xmlns", nsSignature)
	info.CreateElement("X509Data").CreateElement("X509Certificate").SetText(base64.StdEncoding.EncodeToString(p.certificate.Raw))

	role.CreateElement("NameIDFormat").SetText(p.nameIDFormat())

	acs := role.CreateElement("AssertionConsumerService")
	acs.CreateAttr("Binding", postBinding)
	acs.CreateAttr("Location", p.acs)
	acs.CreateAttr("index", "0")
	acs.CreateAttr("isDefault", "true")

	doc.Indent(2)
	return doc.WriteToBytes()
}
