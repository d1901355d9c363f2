package saml

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"

	"github.com/beevik/etree"

	"leasehold/idp"
	"leasehold/provision"
)

// decrypt is the Assertion in an EncryptedAssertion (SAML Core 2.3.4). What was encrypted is nobody's word yet: anybody
// has our public key. It is read as if it had been posted: a document of its own, by the same scan and the same limits,
// which must declare its namespaces itself.
func (p *Provider) decrypt(e *etree.Element) (*etree.Element, error) {
	sealed, err := encryptedOf(e)
	if err != nil {
		return nil, err
	}
	doc, err := sealed.open(p.openers)
	if err != nil {
		return nil, err
	}
	assertion, err := scan(doc, false)
	if err != nil {
		return nil, err
	}
	if !is(assertion, nsAssertion, "Assertion") {
		return nil, malformed("what was encrypted is %q, expected an assertion", brief(assertion.Tag))
	}
	return assertion, inPlace(assertion)
}

// open is what was encrypted, by whichever of our keys opens it. That none does is all there is to say, to the audit
// too: who learns whether it was the RSA or the AES that failed can have any ciphertext opened by asking often enough
// (Bleichenbacher, 1998; Manger, 2001).
func (c *encrypted) open(keys []*rsa.PrivateKey) ([]byte, error) {
	for _, key := range keys {
		if doc, err := c.openBy(key); err == nil {
			return doc, nil
		}
	}
	return nil, idp.Reject(provision.DecryptionFailed, "none of our keys (%d) opens the assertion", len(keys))
}

// openBy goes the same way to its end whether the key fits or not: where RSA gives no content key, a random one takes
// its place, and AES-GCM refuses that.
func (c *encrypted) openBy(key *rsa.PrivateKey) ([]byte, error) {
	content := make([]byte, c.keyLength)
	rand.Read(content) // never errs
	if opened, err := key.Decrypt(nil, c.key, &c.oaep); err == nil && len(opened) == c.keyLength {
		content = opened
	}
	block, err := aes.NewCipher(content)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, c.data[:ivLength], c.data[ivLength:], nil)
}
