package saml_test

import (
	"context"
	"crypto"
	"net/url"
	"strings"
	"testing"

	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// hiding is a service provider that reads encrypted assertions, and how to encrypt to it.
func hiding(t testing.TB, provider *samltest.IdP) (*saml.Provider, samltest.Encryption) {
	t.Helper()
	return hidingBy(t, provider, samltest.NewRSA(t, 2048).Key)
}

func hidingBy(t testing.TB, provider *samltest.IdP, key crypto.Signer) (*saml.Provider, samltest.Encryption) {
	t.Helper()
	p := serviceProvider(t, provider, func(c *saml.Config) {
		c.Connection.Encryption, c.Key, c.Certificate = true, key, samltest.Certify(t, key)
	})
	return p, samltest.Encryption{To: key.Public()}
}

// with is an encryption, changed.
func with(e samltest.Encryption, change func(*samltest.Encryption)) *samltest.Encryption {
	change(&e)
	return &e
}

// microsoft is an EncryptedAssertion as ADFS and Entra ID lay it out.
func microsoft(s samltest.Sealed) string {
	return `<EncryptedAssertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData Type="http://www.w3.org/2001/04/xmlenc#Element" xmlns:xenc="http://www.w3.org/2001/04/xmlenc#">` + s.Content +
		`<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><e:EncryptedKey xmlns:e="http://www.w3.org/2001/04/xmlenc#">` + s.Method +
		`<KeyInfo><o:SecurityTokenReference xmlns:o="urn:o"><X509Data><X509IssuerSerial><X509IssuerName>CN=leasehold</X509IssuerName><X509SerialNumber>1</X509SerialNumber></X509IssuerSerial></X509Data></o:SecurityTokenReference></KeyInfo>` +
		`<e:CipherData><e:CipherValue>` + s.Key + `</e:CipherValue></e:CipherData></e:EncryptedKey></KeyInfo>` +
		`<xenc:CipherData><xenc:CipherValue>` + s.Data + `</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></EncryptedAssertion>`
}

// beside is an EncryptedAssertion with its key beside the data, as Shibboleth lays it out when it is told to.
func beside(s samltest.Sealed) string {
	return `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
	<xenc:EncryptedData Id="_data" Type="http://www.w3.org/2001/04/xmlenc#Element">` + s.Content +
		`<ds:KeyInfo><ds:RetrievalMethod Type="http://www.w3.org/2001/04/xmlenc#EncryptedKey" URI="#_key"/></ds:KeyInfo>` +
		`<xenc:CipherData><xenc:CipherValue>` + s.Data + `</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>
	<xenc:EncryptedKey Id="_key" Recipient="` + base + `metadata">` + s.Method + `<ds:KeyInfo><ds:KeyName>` + base + `metadata</ds:KeyName></ds:KeyInfo>` +
		`<xenc:CipherData><xenc:CipherValue>` + s.Key + `</xenc:CipherValue></xenc:CipherData>` +
		`<xenc:ReferenceList><xenc:DataReference URI="#_data"/></xenc:ReferenceList></xenc:EncryptedKey></saml:EncryptedAssertion>`
}

// folded has its base64 in lines, as Java has it.
func folded(s samltest.Sealed) string {
	s.Key, s.Data = s.Key[:76]+"\r\n"+s.Key[76:]+"\r\n", "\n"+s.Data[:76]+"&#13;\n"+s.Data[76:]
	return samltest.Inline(s)
}

func edit(lay func(samltest.Sealed) string, change func(string) string) func(samltest.Sealed) string {
	return func(s samltest.Sealed) string { return change(lay(s)) }
}

func TestHonestEncryptedAssertionsAreRead(t *testing.T) {
	provider := samltest.New(t)
	p, plain := hiding(t, provider)
	house, _ := whole(t, provider, p)
	for name, encrypt := range map[string]*samltest.Encryption{
		"as SimpleSAMLphp": with(plain, func(e *samltest.Encryption) { e.Content = samltest.AES128GCM }),
		"as Entra ID":      with(plain, func(e *samltest.Encryption) { e.Digest, e.Lay = crypto.SHA1, microsoft }),
		"as Keycloak": with(plain, func(e *samltest.Encryption) {
			e.Method, e.Digest, e.Mask, e.Lay = samltest.OAEP, crypto.SHA256, crypto.SHA256, folded
		}),
		"as Shibboleth, key beside":   with(plain, func(e *samltest.Encryption) { e.Digest, e.Lay = crypto.SHA1, beside }),
		"key beside, nobody says so":  with(plain, func(e *samltest.Encryption) { e.Lay = edit(beside, cut(t, "<ds:KeyInfo><ds:Ret", "</ds:KeyInfo>")) }),
		"no type":                     with(plain, func(e *samltest.Encryption) { e.Lay = edit(samltest.Inline, cut(t, ` Type="`, `"`)) }),
		"AES-192":                     with(plain, func(e *samltest.Encryption) { e.Content = samltest.AES192GCM }),
		"OAEP with SHA-256 and SHA-1": with(plain, func(e *samltest.Encryption) { e.Digest = crypto.SHA256 }),
		"OAEP with SHA-1 and SHA-256": with(plain, func(e *samltest.Encryption) { e.Method, e.Mask = samltest.OAEP, crypto.SHA256 }),
		"OAEP with SHA-512":           with(plain, func(e *samltest.Encryption) { e.Method, e.Digest, e.Mask = samltest.OAEP, crypto.SHA512, crypto.SHA384 }),
		"an XML declaration within": with(plain, func(e *samltest.Encryption) {
			e.Plain = func(doc string) string { return "<?xml version=\"1.0\"?>\n" + doc }
		}),
		"not at all": nil,
	} {
		for _, signed := range []samltest.Signed{samltest.Assertion, samltest.Response, samltest.Both} {
			a, address := begin(t, p)
			form := provider.Respond(t, address, samltest.Answer{Person: alice(), Signed: signed, Encrypt: encrypt})
			if encrypt != nil && strings.Contains(docOf(t, form), "alice") {
				t.Fatalf("%s: Alice can be seen in %s", name, docOf(t, form))
			}
			got, err := p.Verify(context.Background(), a, form)
			if err != nil {
				t.Errorf("%s, signed %d: %v", name, signed, err)
				continue
			}
			if got.Facts.Subject != "alice-0001" || got.Facts.Email != "alice@acme.test" || len(got.Facts.Groups) != 2 || len(got.Spend) != 1 || !strings.HasPrefix(got.Spend[0].ID, "_a-") {
				t.Errorf("%s, signed %d: %+v", name, signed, got)
			}
			house.Admits(t, name+", through a whole gateway", func(address string) url.Values {
				return provider.Respond(t, address, samltest.Answer{Person: alice(), Signed: signed, Encrypt: encrypt})
			})
		}
	}
}

// cut is an edit that takes a passage away, from its beginning to the end of what ends it.
func cut(t testing.TB, from, to string) func(string) string {
	return func(doc string) string { return swap(t, between(t, doc, from, to), "")(doc) }
}

func TestEncryptedAssertionsOfAnotherShapeAreRefused(t *testing.T) {
	provider := samltest.New(t)
	p, plain := hiding(t, provider)
	const dsig, key, data = ` xmlns:ds="http://www.w3.org/2000/09/xmldsig#"`, "<xenc:EncryptedKey", "<xenc:EncryptedData"
	sealed := func(name string, want provision.Reason, change func(*samltest.Encryption)) hostile {
		return hostile{name, want, samltest.Answer{Encrypt: with(plain, change)}}
	}
	laid := func(name string, lay func(samltest.Sealed) string, edits ...func(string) string) hostile {
		return sealed(name, provision.DecryptionFailed, func(e *samltest.Encryption) { e.Lay = edit(lay, chain(edits...)) })
	}
	inline := func(name string, edits ...func(string) string) hostile { return laid(name, samltest.Inline, edits...) }
	sub := func(before, after string) func(string) string { return swap(t, before, after) }
	again := func(from, to string) func(string) string { // doubles a passage
		return func(doc string) string {
			return sub(between(t, doc, from, to), strings.Repeat(between(t, doc, from, to), 2))(doc)
		}
	}
	content := func(name string) hostile {
		return sealed("content by "+name, provision.AlgorithmRefused, func(e *samltest.Encryption) { e.Content = name })
	}
	transport := func(name string) hostile {
		return sealed("key by "+name, provision.AlgorithmRefused, func(e *samltest.Encryption) { e.Method = name })
	}
	judgeAll(t, provider, p, []hostile{
		content("http://www.w3.org/2001/04/xmlenc#aes128-cbc"), content("http://www.w3.org/2001/04/xmlenc#aes256-cbc"),
		content("http://www.w3.org/2001/04/xmlenc#tripledes-cbc"), content("urn:none"),
		transport("http://www.w3.org/2001/04/xmlenc#rsa-1_5"), transport("http://www.w3.org/2001/04/xmlenc#kw-aes256"), transport("urn:none"),
		sealed("rsa-oaep-mgf1p with an MGF", provision.AlgorithmRefused, func(e *samltest.Encryption) { e.Mask = crypto.SHA256 }),
		sealed("a digest by another name", provision.AlgorithmRefused, func(e *samltest.Encryption) {
			e.Digest, e.Lay = crypto.SHA1, edit(samltest.Inline, sub("xmldsig#sha1", "xmldsig-more#md5"))
		}),
		sealed("an MGF by another name", provision.AlgorithmRefused, func(e *samltest.Encryption) {
			e.Method, e.Mask, e.Lay = samltest.OAEP, crypto.SHA256, edit(samltest.Inline, sub("#mgf1sha256", "#mgf1md5"))
		}),
		sealed("a digest with something in it", provision.DecryptionFailed, func(e *samltest.Encryption) {
			e.Digest, e.Lay = crypto.SHA1, edit(samltest.Inline, sub(`xmldsig#sha1"/>`, `xmldsig#sha1"><x/></ds:DigestMethod>`))
		}),
		inline("a label", sub("</xenc:EncryptionMethod>", "<xenc:OAEPparams>AAAA</xenc:OAEPparams></xenc:EncryptionMethod>")),

		inline("two keys within", again(key, "</xenc:EncryptedKey>")),
		inline("two keys, one within and one beside", func(doc string) string {
			return sub("</saml:EncryptedAssertion>", strings.Replace(between(t, doc, key, "</xenc:EncryptedKey>"), key, key+` xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"`, 1)+"</saml:EncryptedAssertion>")(doc)
		}),
		laid("two keys beside", beside, func(doc string) string {
			return sub("</saml:EncryptedAssertion>", strings.Replace(between(t, doc, key, "</xenc:EncryptedKey>"), "_key", "_other", 1)+"</saml:EncryptedAssertion>")(doc)
		}),
		inline("a key within a key's hints", sub("<xenc:CipherData><xenc:CipherValue>", "<ds:KeyInfo>"+key+"/></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>")),
		inline("no key", cut(t, key, "</xenc:EncryptedKey>")),
		inline("no KeyInfo", cut(t, "<ds:KeyInfo", "</ds:KeyInfo>")),
		inline("a key in another place", sub("<ds:KeyInfo"+dsig+">", ""), sub("</ds:KeyInfo>", "")),
		inline("a key in another namespace", sub(key, `<xenc:EncryptedKey xmlns:xenc="urn:xenc"`)),
		inline("a hint beside the key", sub("<ds:KeyInfo"+dsig+">", "<ds:KeyInfo"+dsig+"><ds:KeyName>us</ds:KeyName>")),
		inline("a pointer in place of the key", sub(key+">", `<ds:RetrievalMethod URI="https://evil.test/key"/>`+key+">")),
		laid("a pointer to the outside", beside, sub(`URI="#_key"`, `URI="https://evil.test/key"`)),
		laid("a pointer to another element", beside, sub(`URI="#_key"`, `URI="#_data"`)),
		laid("a pointer to nothing", beside, sub(` URI="#_key"`, ""), sub(` Id="_key"`, "")),
		laid("a pointer to nothing, from a key without a name", beside, sub(`URI="#_key"`, `URI="#"`), sub(` Id="_key"`, "")),
		laid("a pointer with transforms", beside, sub(`URI="#_key"/>`, `URI="#_key"><ds:Transforms/></ds:RetrievalMethod>`)),
		inline("ciphertext elsewhere", cut(t, "<xenc:CipherValue>", "</xenc:CipherValue>"), sub("<xenc:CipherData>", `<xenc:CipherData><xenc:CipherReference URI="https://evil.test/key"/>`)),
		inline("ciphertext elsewhere, too", sub("</xenc:CipherData></xenc:EncryptedData>", `<xenc:CipherReference URI="https://evil.test/data"/></xenc:CipherData></xenc:EncryptedData>`)),

		inline("nothing at all", cut(t, data, "</xenc:EncryptedData>")),
		inline("two of EncryptedData", again(data, "</xenc:EncryptedData>")),
		inline("text beside the data", sub(data, "x"+data)),
		inline("properties", sub("</xenc:EncryptedData>", "<xenc:EncryptionProperties/></xenc:EncryptedData>")),
		inline("a size beside the method", sub(`aes256-gcm"/>`, `aes256-gcm"><xenc:KeySize>128</xenc:KeySize></xenc:EncryptionMethod>`)),
		inline("content in place of an element", sub(`xmlenc#Element"`, `xmlenc#Content"`)),
		inline("no method", cut(t, "<xenc:EncryptionMethod", "/>")),
		inline("no method of the key", cut(t, "<xenc:EncryptionMethod xmlns:xenc=\"http://www.w3.org/2001/04/xmlenc#\" Algorithm=\""+samltest.OAEPMGF1P, "</xenc:EncryptionMethod>")),
		inline("a value that is not base64", sub("</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>", "!</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>")),
		inline("a value with an element in it", sub("</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>", "<x/></xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>")),
	})
}

func TestOneAssertionIsReadEncryptedOrNot(t *testing.T) {
	provider := samltest.New(t)
	p, plain := hiding(t, provider)
	hidden := samltest.Encrypt(t, provider.Draft(samltest.ReadRequest(t, address(t, p)), samltest.Person{Subject: "the-chief"}), plain)
	evil := between(t, hidden, "<saml:EncryptedAssertion", "</saml:EncryptedAssertion>")
	open := `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_evil"/>`
	tampered := func(name string, want provision.Reason, answer samltest.Answer, before, after string) hostile {
		answer.Tamper = swap(t, before, after)
		return hostile{name, want, answer}
	}
	end := "</samlp:Response>"
	judgeAll(t, provider, p, []hostile{
		tampered("an encrypted one after the signed one", provision.DocumentMalformed, samltest.Answer{}, end, evil+end),
		tampered("an encrypted one before the signed one", provision.DocumentMalformed, samltest.Answer{}, "<saml:Assertion", evil+"<saml:Assertion"),
		tampered("one in the open after the encrypted one", provision.DocumentMalformed, samltest.Answer{Encrypt: &plain}, end, open+end),
		tampered("two encrypted ones", provision.DocumentMalformed, samltest.Answer{Encrypt: &plain}, end, evil+end),
		tampered("one added to a signed response", provision.DocumentMalformed, samltest.Answer{Signed: samltest.Response, Encrypt: &plain}, end, evil+end),
		tampered("an encrypted one within the signed one", provision.DocumentMalformed, samltest.Answer{}, "</saml:Assertion>", evil+"</saml:Assertion>"),
		tampered("one in the open within the encrypted one", provision.DocumentMalformed, samltest.Answer{Encrypt: &plain}, "</saml:EncryptedAssertion>", open+"</saml:EncryptedAssertion>"),
		tampered("an encrypted one of another namespace", provision.DocumentMalformed, samltest.Answer{Encrypt: &plain},
			`<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`, `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:1.0:assertion"`),
		tampered("a blank in a signed response", provision.SignatureInvalid, samltest.Answer{Signed: samltest.Response, Encrypt: &plain}, end, " "+end),
	})
	t.Run("another ciphertext in a signed response", func(t *testing.T) {
		a, address := begin(t, p)
		doc := docOf(t, provider.Respond(t, address, samltest.Answer{Person: alice(), Signed: samltest.Response, Encrypt: &plain}))
		doc = swap(t, between(t, doc, "<saml:EncryptedAssertion", "</saml:EncryptedAssertion>"), evil)(doc)
		got, err := p.Verify(context.Background(), a, formOf(doc))
		refused(t, got, err, provision.SignatureInvalid)
	})
}

func address(t testing.TB, p *saml.Provider) string {
	t.Helper()
	_, address := begin(t, p)
	return address
}

func TestAnEncryptedAssertionIsRefusedWhereTheConnectionReadsNone(t *testing.T) {
	provider, us := samltest.New(t), samltest.NewRSA(t, 2048)
	p := serviceProvider(t, provider, func(c *saml.Config) { c.Key, c.Certificate = us.Key, us.Certificates[0] })
	if doc, err := p.Metadata(); err != nil || strings.Contains(string(doc), "ncryption") {
		t.Errorf("metadata: %v: %s", err, doc)
	}
	encrypt := &samltest.Encryption{To: us.Key.Public()}
	judgeAll(t, provider, p, []hostile{
		{"signed", provision.EncryptedRefused, samltest.Answer{Encrypt: encrypt}},
		{"in a signed response", provision.EncryptedRefused, samltest.Answer{Signed: samltest.Both, Encrypt: encrypt}},
	})
}
