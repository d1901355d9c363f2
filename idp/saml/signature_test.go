package saml_test

import (
	"crypto"
	"net/url"
	"strings"
	"testing"

	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

func TestSignaturesOfAnotherShapeAreRefused(t *testing.T) {
	provider := samltest.NewRSA(t, 2048)
	p := serviceProvider(t, provider, nil)
	info := func(before, after string) samltest.Answer {
		return samltest.Answer{SignedInfo: swap(t, before, after)}
	}
	after := func(before, after string) samltest.Answer {
		return samltest.Answer{Tamper: swap(t, before, after)}
	}
	const (
		exc   = "http://www.w3.org/2001/10/xml-exc-c14n#"
		space = `xmlns:ds="http://www.w3.org/2000/09/xmldsig#"`
		env   = `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>`
		c14n  = `<ds:Transform Algorithm="` + exc + `"/>`
	)
	judgeAll(t, provider, p, []hostile{
		{"none", provision.SignatureMissing, samltest.Answer{Signed: samltest.Neither}},
		{"empty", provision.SignatureInvalid, samltest.Answer{Signed: samltest.Neither,
			Edit: swap(t, "<saml:Subject>", "<ds:Signature "+space+"/><saml:Subject>")}},
		{"of another namespace", provision.SignatureInvalid, after("<ds:Signature "+space, `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig"`)},
		{"two of them", provision.SignatureInvalid, after("<saml:Subject>", "<ds:Signature "+space+"/><saml:Subject>")},
		{"no SignedInfo", provision.SignatureInvalid, samltest.Answer{Tamper: func(doc string) string {
			return swap(t, between(t, doc, "<ds:SignedInfo", "</ds:SignedInfo>"), "")(doc)
		}}},
		{"two SignedInfo", provision.SignatureInvalid, samltest.Answer{Tamper: func(doc string) string {
			info := between(t, doc, "<ds:SignedInfo", "</ds:SignedInfo>")
			return swap(t, info, info+info)(doc)
		}}},
		{"no SignatureValue", provision.SignatureInvalid, samltest.Answer{Tamper: func(doc string) string {
			return swap(t, between(t, doc, "<ds:SignatureValue>", "</ds:SignatureValue>"), "")(doc)
		}}},
		{"an empty SignatureValue", provision.SignatureInvalid, samltest.Answer{Tamper: func(doc string) string {
			return swap(t, between(t, doc, "<ds:SignatureValue>", "</ds:SignatureValue>"), "<ds:SignatureValue></ds:SignatureValue>")(doc)
		}}},
		{"a SignatureValue of nonsense", provision.SignatureInvalid, after("<ds:SignatureValue>", "<ds:SignatureValue>!")},
		{"a wrong SignatureValue", provision.SignatureInvalid, samltest.Answer{Tamper: func(doc string) string {
			value := strings.TrimSuffix(strings.TrimPrefix(between(t, doc, "<ds:SignatureValue>", "</ds:SignatureValue>"), "<ds:SignatureValue>"), "</ds:SignatureValue>")
			return swap(t, value, strings.ToLower(value))(doc)
		}}},
		{"what is signed was changed", provision.SignatureInvalid, after(">alice-0001<", ">the-chief<")},
		{"no Reference", provision.SignatureInvalid, samltest.Answer{SignedInfo: func(doc string) string {
			return swap(t, between(t, doc, "<ds:Reference", "</ds:Reference>"), "")(doc)
		}}},
		{"two References", provision.SignatureInvalid, samltest.Answer{SignedInfo: func(doc string) string {
			reference := between(t, doc, "<ds:Reference", "</ds:Reference>")
			return swap(t, reference, reference+reference)(doc)
		}}},
		{"a Reference to the whole document", provision.SignatureInvalid, samltest.Answer{SignedInfo: func(doc string) string {
			return swap(t, between(t, doc, `URI="#`, `"`), `URI=""`)(doc)
		}}},
		{"a Reference to nothing", provision.SignatureInvalid, samltest.Answer{SignedInfo: func(doc string) string {
			return swap(t, between(t, doc, `URI="#`, `"`), `URI="#"`)(doc)
		}}},
		{"a Reference without URI", provision.SignatureInvalid, samltest.Answer{SignedInfo: func(doc string) string {
			return swap(t, " "+between(t, doc, `URI="#`, `"`), "")(doc)
		}}},
		{"a Reference to somewhere else", provision.SignatureInvalid, info(`URI="#`, `URI="https://evil.test/#`)},
		{"a Reference by XPointer", provision.SignatureInvalid, samltest.Answer{SignedInfo: func(doc string) string {
			return swap(t, between(t, doc, `URI="#`, `"`), `URI="#xpointer(/)"`)(doc)
		}}},
		{"no transforms", provision.SignatureInvalid, info("<ds:Transforms>"+env+c14n+"</ds:Transforms>", "")},
		{"only one transform", provision.SignatureInvalid, info(c14n+"</ds:Transforms>", "</ds:Transforms>")},
		{"the transforms in another order", provision.AlgorithmRefused, info(env+c14n, c14n+env)},
		{"a third transform", provision.SignatureInvalid, info(env, env+`<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"/>`)},
		{"a transform by XSLT", provision.AlgorithmRefused, info(env, `<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"/>`)},
		{"a transform with a parameter", provision.AlgorithmRefused, info(c14n, `<ds:Transform Algorithm="`+exc+`"><ds:XPath>1</ds:XPath></ds:Transform>`)},
		{"canonicalization with comments", provision.AlgorithmRefused, info(c14n, `<ds:Transform Algorithm="`+exc+`WithComments"/>`)},
		{"inclusive canonicalization of SignedInfo", provision.AlgorithmRefused,
			info(`<ds:CanonicalizationMethod Algorithm="`+exc+`"/>`, `<ds:CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>`)},
		{"SHA-1", provision.AlgorithmRefused, samltest.Answer{Hash: crypto.SHA1}},
		{"SHA-1 under a digest that is not", provision.AlgorithmRefused, info("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2000/09/xmldsig#rsa-sha1")},
		{"the digest by SHA-1", provision.AlgorithmRefused, info("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1")},
		{"the digest by MD5", provision.AlgorithmRefused, info("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#md5")},
		{"HMAC with the public key", provision.AlgorithmRefused, info("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")},
		{"HMAC of one bit", provision.AlgorithmRefused, info(`<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>`,
			`<ds:SignatureMethod Algorithm="http://www.w3.org/2000/09/xmldsig#hmac-sha1"><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>`)},
		{"a parameter of the method", provision.SignatureInvalid, info(`#rsa-sha256"/>`, `#rsa-sha256"><ds:HMACOutputLength>1</ds:HMACOutputLength></ds:SignatureMethod>`)},
		{"no algorithm", provision.AlgorithmRefused, info(` Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"`, "")},
		{"an algorithm of another kind of key", provision.SignatureInvalid, info("rsa-sha256", "ecdsa-sha256")},
		{"an empty DigestValue", provision.SignatureInvalid, samltest.Answer{SignedInfo: func(doc string) string {
			return swap(t, between(t, doc, "<ds:DigestValue>", "</ds:DigestValue>"), "<ds:DigestValue></ds:DigestValue>")(doc)
		}}},
		{"an element in DigestValue", provision.SignatureInvalid, info("<ds:DigestValue>", "<ds:DigestValue><ds:x/>")},
		{"the digest of nothing", provision.SignatureInvalid, samltest.Answer{SignedInfo: func(doc string) string {
			return swap(t, between(t, doc, "<ds:DigestValue>", "</ds:DigestValue>"), "<ds:DigestValue>47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=</ds:DigestValue>")(doc)
		}}},
		{"a Manifest", provision.SignatureInvalid, info("</ds:SignedInfo>", "<ds:Manifest/></ds:SignedInfo>")},
		{"text in SignedInfo", provision.SignatureInvalid, info("<ds:SignatureMethod", "x<ds:SignatureMethod")},
		{"two KeyInfo", provision.SignatureInvalid, samltest.Answer{KeyInfo: provider.KeyInfo() + provider.KeyInfo()}},
		{"the ID of what is signed is no identifier", provision.DocumentMalformed, samltest.Answer{Edit: swap(t, ` ID="_a-`, ` ID="1 `)}},
	})
}

func TestOnlyTheMetadatasKeysAreTrusted(t *testing.T) {
	provider := samltest.NewRSA(t, 2048)
	p := serviceProvider(t, provider, nil)
	house, honest := whole(t, provider, p)
	stranger, twin := samltest.NewRSA(t, 2048), samltest.New(t)
	for name, forger := range map[string]*samltest.IdP{"a key of the same kind and name": stranger, "a key of another kind": twin} {
		t.Run(name, func(t *testing.T) {
			a, address := begin(t, p)
			for _, info := range []string{"", forger.KeyInfo(), provider.KeyInfo(),
				`<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus></ds:RSAKeyValue></ds:KeyValue></ds:KeyInfo>`,
				`<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:RetrievalMethod URI="https://evil.test/key"/></ds:KeyInfo>`} {
				forged := func(address string) url.Values {
					return forger.Respond(t, address, samltest.Answer{Person: alice(), KeyInfo: info})
				}
				got, err := p.Verify(t.Context(), a, forged(address))
				refused(t, got, err, provision.SignatureInvalid)
				house.Refuses(t, provision.SignatureInvalid, forged, honest)
				house.Admits(t, "the honest login after it", honest)
			}
		})
	}
}
