package saml_test

import (
	"context"
	"crypto"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"leasehold/idp/saml"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

func TestWhatDoesNotOpenIsRefusedInOneWay(t *testing.T) {
	provider, other := samltest.New(t), samltest.NewRSA(t, 2048)
	p, plain := hiding(t, provider)
	house, _ := whole(t, provider, p)
	hidden := func(address string) url.Values {
		return provider.Respond(t, address, samltest.Answer{Person: alice(), Encrypt: &plain})
	}
	garbage := base64.StdEncoding.EncodeToString(make([]byte, 256))
	keyed := func(key string) func(*samltest.Encryption) {
		return func(e *samltest.Encryption) {
			e.Lay = func(s samltest.Sealed) string { s.Key = key; return samltest.Inline(s) }
		}
	}
	flipped := func(at int) func(*samltest.Encryption) {
		return func(e *samltest.Encryption) {
			e.Cipher = func(data []byte) []byte { data[(at+len(data))%len(data)] ^= 1; return data }
		}
	}
	const said = "decryption_failed: none of our keys (1) opens the assertion"
	for name, change := range map[string]func(*samltest.Encryption){
		"another's key":                   func(e *samltest.Encryption) { e.To = other.Key.Public() },
		"a key of zeros":                  keyed(garbage),
		"no key":                          keyed(""),
		"half a key":                      keyed(garbage[:100]),
		"an endless key":                  keyed(strings.Repeat("AAAA", 50_000)),
		"a key that is too short for AES": func(e *samltest.Encryption) { e.KeyBytes = 16 },
		"another digest than it says": func(e *samltest.Encryption) {
			e.Digest, e.Lay = crypto.SHA256, edit(samltest.Inline, swap(t, "xmlenc#sha256", "xmldsig-more#sha384"))
		},
		"another IV":             flipped(0),
		"another ciphertext":     flipped(12),
		"another tag":            flipped(-1),
		"half a ciphertext":      func(e *samltest.Encryption) { e.Cipher = func(data []byte) []byte { return data[:len(data)/2] } },
		"nothing but IV and tag": func(e *samltest.Encryption) { e.Cipher = func(data []byte) []byte { return data[:28] } },
		"a giant":                func(e *samltest.Encryption) { e.Cipher = func(data []byte) []byte { return make([]byte, 700_000) } },
	} {
		t.Run(name, func(t *testing.T) {
			a, address := begin(t, p)
			closed := func(address string) url.Values {
				return provider.Respond(t, address, samltest.Answer{Person: alice(), Encrypt: with(plain, change)})
			}
			got, err := p.Verify(context.Background(), a, closed(address))
			refused(t, got, err, provision.DecryptionFailed)
			if err.Error() != said {
				t.Errorf("it says %q", err)
			}
			house.Refuses(t, provision.DecryptionFailed, closed, hidden)
			house.Admits(t, "the honest login after it", hidden)
		})
	}
	for _, n := range []int{0, 1, 11, 12, 16, 27} {
		a, address := begin(t, p)
		encrypt := with(plain, func(e *samltest.Encryption) { e.Cipher = func(data []byte) []byte { return data[:n] } })
		got, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: alice(), Encrypt: encrypt}))
		refused(t, got, err, provision.DecryptionFailed)
	}
}

func TestWhatWasEncryptedIsJudgedLikeWhatWasPosted(t *testing.T) {
	provider, mallory := samltest.New(t), samltest.New(t)
	p, plain := hiding(t, provider)
	within := func(name string, want provision.Reason, change func(string) string) hostile {
		return hostile{name, want, samltest.Answer{Encrypt: with(plain, func(e *samltest.Encryption) { e.Plain = change })}}
	}
	is := func(text string) func(string) string { return func(string) string { return text } }
	sub := func(before, after string) func(string) string { return swap(t, before, after) }
	const assertion = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a"`
	judgeAll(t, provider, p, []hostile{
		within("nothing", provision.DocumentMalformed, is("")),
		within("text", provision.DocumentMalformed, is("alice")),
		within("a comment", provision.DocumentMalformed, is("<!-- alice -->")),
		within("a declaration", provision.DocumentMalformed, is(`<?xml version="1.0"?>`)),
		within("a response", provision.DocumentMalformed, is(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"/>`)),
		within("an assertion of no namespace", provision.DocumentMalformed, is(`<Assertion ID="_a"/>`)),
		within("an assertion of SAML 1.1", provision.DocumentMalformed, is(`<Assertion xmlns="urn:oasis:names:tc:SAML:1.0:assertion" ID="_a"/>`)),
		within("a prefix that only the response declares", provision.DocumentMalformed, sub(` xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`, "")),
		within("an encrypted one again", provision.DocumentMalformed, is(`<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>`)),
		within("an encrypted one in it", provision.DocumentMalformed, sub("</saml:Assertion>", "<saml:Advice><saml:EncryptedAssertion/></saml:Advice></saml:Assertion>")),
		within("an assertion in it", provision.DocumentMalformed, sub("</saml:Assertion>", `<saml:Advice><saml:Assertion ID="_b"/></saml:Advice></saml:Assertion>`)),
		within("two", provision.DocumentMalformed, func(doc string) string { return doc + assertion + "/>" }),
		within("one that does not end", provision.DocumentMalformed, sub("</saml:Assertion>", "")),
		within("a document type", provision.DocumentMalformed, func(doc string) string { return `<!DOCTYPE x [<!ENTITY e "e">]>` + doc }),
		within("a comment in it", provision.DocumentMalformed, sub("alice-0001", "alice<!-- -->-0001")),
		within("bytes that are no UTF-8", provision.DocumentMalformed, sub("alice-0001", "alice\xff")),
		within("a mark of another encoding", provision.DocumentMalformed, func(doc string) string { return `<?xml version="1.0" encoding="UTF-16"?>` + doc }),
		within("a deep one", provision.MessageTooLarge, is(assertion+">"+strings.Repeat("<a>", 30))),
		within("one of many tokens", provision.MessageTooLarge, is(assertion+">"+strings.Repeat("<a/>", 20_000)+"</saml:Assertion>")),
		within("one of many attributes", provision.MessageTooLarge, sub("<saml:Subject>", "<saml:Subject"+numbered(17)+">")),

		{"unsigned", provision.SignatureMissing, samltest.Answer{Signed: samltest.Neither, Encrypt: &plain}},
		within("changed after it was signed", provision.SignatureInvalid, sub("alice-0001", "the-chief")),
		within("signed by another", provision.SignatureInvalid, func(string) string {
			doc := mallory.Sign(t, provider.Draft(samltest.ReadRequest(t, address(t, p)), alice()), "Assertion", samltest.Answer{})
			return strings.Replace(between(t, doc, "<saml:Assertion", "</saml:Assertion>"), "<saml:Assertion", assertion[:strings.Index(assertion, " ID")]+" xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"", 1)
		}),
		{"changed, in a signed response", provision.SignatureInvalid, samltest.Answer{Signed: samltest.Both, Encrypt: with(plain, func(e *samltest.Encryption) { e.Plain = sub("alice-0001", "the-chief") })}},
		{"for another audience", provision.AudienceMismatch, samltest.Answer{Encrypt: &plain, Edit: sub("<saml:Audience>"+base+"metadata", "<saml:Audience>https://other.test")}},
		{"an encrypted NameID", provision.EncryptedRefused, samltest.Answer{Encrypt: &plain, Edit: chain(cut(t, "<saml:NameID", "</saml:NameID>"), sub("<saml:Subject>", "<saml:Subject><saml:EncryptedID/>"))}},
		{"an encrypted attribute", provision.EncryptedRefused, samltest.Answer{Encrypt: &plain, Edit: sub("<saml:AttributeStatement>", "<saml:AttributeStatement><saml:EncryptedAttribute/>")}},
	})
}

// numbered are so many attributes.
func numbered(n int) string {
	var all strings.Builder
	for i := range n {
		all.WriteString(" a" + strings.Repeat("a", i) + `=""`)
	}
	return all.String()
}

func TestAnOldKeyOpensWhatWasEncryptedToIt(t *testing.T) {
	provider, old, now, gone := samltest.New(t), samltest.NewRSA(t, 2048), samltest.NewRSA(t, 2048), samltest.NewRSA(t, 2048)
	p := serviceProvider(t, provider, func(c *saml.Config) {
		c.Connection.Encryption, c.Key, c.Certificate = true, now.Key, now.Certificates[0]
		c.OldKeys = []saml.KeyPair{{Key: provider.Key, Certificate: provider.Certificates[0]}, {Key: old.Key, Certificate: old.Certificates[0]}}
	})
	for name, c := range map[string]struct {
		to *samltest.IdP
		ok bool
	}{"the new key": {now, true}, "an old key": {old, true}, "a key that is gone": {gone, false}} {
		a, address := begin(t, p)
		got, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: alice(), Encrypt: &samltest.Encryption{To: c.to.Key.Public()}}))
		if !c.ok {
			refused(t, got, err, provision.DecryptionFailed)
		} else if err != nil || got.Facts.Subject != "alice-0001" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
