package saml

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha1" // of OAEP, where nothing rests on collisions
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"

	"leasehold/idp"
	"leasehold/provision"
)

// Algorithms of XML encryption (XML Encryption 1.1, 5.1). Those without a tag over the ciphertext (AES-CBC, Triple DES)
// and RSA 1.5 are not among them: both let a stranger find the plaintext by asking often enough.
const (
	nsEncryption   = "http://www.w3.org/2001/04/xmlenc#"
	nsEncryption11 = "http://www.w3.org/2009/xmlenc11#"

	aes128GCM = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	aes192GCM = "http://www.w3.org/2009/xmlenc11#aes192-gcm"
	aes256GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"

	oaepMGF1P = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p" // mask generation by SHA-1
	oaep      = "http://www.w3.org/2009/xmlenc11#rsa-oaep"        // mask generation as its MGF says

	typeElement = "http://www.w3.org/2001/04/xmlenc#Element"
)

// ivLength is of AES-GCM, in bytes (XML Encryption 1.1, 5.2.4).
const ivLength = 12

// encrypted is an EncryptedAssertion that has the one shape that is accepted.
type encrypted struct {
	key       []byte          // the content key, by RSA-OAEP
	oaep      rsa.OAEPOptions // how
	keyLength int             // of the content key, in bytes
	data      []byte          // the content, by AES-GCM: IV, ciphertext, tag
}

// encryptedOf judges the shape of an EncryptedAssertion (SAML Core 2.3.4): one EncryptedData with its ciphertext in it,
// one EncryptedKey, within the data's KeyInfo or beside the data. Nothing that it points to is ever looked up.
func encryptedOf(e *etree.Element) (*encrypted, error) {
	outer, err := laidOut(e, "xenc:EncryptedData", "?xenc:EncryptedKey")
	if err != nil {
		return nil, err
	}
	data, beside := outer[0], outer[1]
	if keys := len(e.FindElements(".//EncryptedKey")); keys != 1 {
		return nil, idp.Reject(provision.DecryptionFailed, "%d encrypted keys, expected one", keys)
	}
	if said, there := attribute(data, "Type"); there && said != typeElement {
		return nil, idp.Reject(provision.DecryptionFailed, "what is encrypted is of type %q, expected an element", brief(said))
	}
	inner, err := laidOut(data, "xenc:EncryptionMethod", "?ds:KeyInfo", "xenc:CipherData")
	if err != nil {
		return nil, err
	}
	key, err := keyOf(inner[1], beside)
	if err != nil {
		return nil, err
	}
	found := &encrypted{}
	if err := found.content(inner[0], inner[2]); err != nil {
		return nil, err
	}
	return found, found.transport(key)
}

// keyOf is the EncryptedKey: beside the data, or else in their KeyInfo. With a key beside them the KeyInfo may point to
// it (SAML errata E43), and to nothing else.
func keyOf(info, beside *etree.Element) (*etree.Element, error) {
	switch {
	case info == nil && beside == nil:
		return nil, idp.Reject(provision.DecryptionFailed, "no encrypted key in its place")
	case info == nil:
		return beside, nil
	case beside == nil:
		inside, err := laidOut(info, "xenc:EncryptedKey")
		if err != nil {
			return nil, err
		}
		return inside[0], nil
	}
	hints, err := laidOut(info, "ds:RetrievalMethod")
	if err != nil {
		return nil, err
	}
	id, _ := attribute(beside, "Id")
	if to, _ := attribute(hints[0], "URI"); id == "" || to != "#"+id {
		return nil, idp.Reject(provision.DecryptionFailed, "KeyInfo points to %q, which is not the key beside it", brief(to))
	}
	_, err = laidOut(hints[0]) // transforms
	return beside, err
}

// content reads how the assertion is encrypted, and its ciphertext.
func (c *encrypted) content(method, data *etree.Element) error {
	if err := algorithm(method, aes128GCM, aes192GCM, aes256GCM); err != nil {
		return err
	}
	if _, err := laidOut(method); err != nil {
		return err
	}
	switch name, _ := attribute(method, "Algorithm"); name {
	case aes128GCM:
		c.keyLength = 16
	case aes192GCM:
		c.keyLength = 24
	default:
		c.keyLength = 32
	}
	var err error
	if c.data, err = cipherValue(data); err == nil && len(c.data) < ivLength {
		return idp.Reject(provision.DecryptionFailed, "ciphertext of %d bytes is shorter than its IV", len(c.data))
	}
	return err
}

// transport reads how the content key is encrypted, and its ciphertext. Whose key it is encrypted for, nobody needs to
// say: KeyInfo and Recipient are not looked at.
func (c *encrypted) transport(key *etree.Element) error {
	parts, err := laidOut(key, "xenc:EncryptionMethod", "?ds:KeyInfo", "xenc:CipherData", "?xenc:ReferenceList", "?xenc:CarriedKeyName")
	if err != nil {
		return err
	}
	method := parts[0]
	if err := algorithm(method, oaepMGF1P, oaep); err != nil {
		return err
	}
	parameters, err := laidOut(method, "?ds:DigestMethod", "?xenc11:MGF") // OAEPparams: a label, which nobody sends
	if err != nil {
		return err
	}
	name, _ := attribute(method, "Algorithm")
	if name == oaepMGF1P && parameters[1] != nil { // XML Encryption 1.1, 5.5.2
		return idp.Reject(provision.AlgorithmRefused, "rsa-oaep-mgf1p with another mask generation")
	}
	if c.oaep.Hash, err = hashOf(parameters[0], digestNames()); err != nil {
		return err
	}
	if c.oaep.MGFHash, err = hashOf(parameters[1], maskNames()); err != nil {
		return err
	}
	c.key, err = cipherValue(parts[2])
	return err
}

func digestNames() map[string]crypto.Hash {
	return map[string]crypto.Hash{
		"http://www.w3.org/2000/09/xmldsig#sha1": crypto.SHA1, digestSHA256: crypto.SHA256, digestSHA384: crypto.SHA384, digestSHA512: crypto.SHA512,
	}
}

func maskNames() map[string]crypto.Hash {
	return map[string]crypto.Hash{
		nsEncryption11 + "mgf1sha1": crypto.SHA1, nsEncryption11 + "mgf1sha256": crypto.SHA256,
		nsEncryption11 + "mgf1sha384": crypto.SHA384, nsEncryption11 + "mgf1sha512": crypto.SHA512,
	}
}

// hashOf is the hash that a DigestMethod or an MGF names; without the element it is SHA-1 (XML Encryption 1.1, 5.5.2).
func hashOf(e *etree.Element, accepted map[string]crypto.Hash) (crypto.Hash, error) {
	if e == nil {
		return crypto.SHA1, nil
	}
	name, _ := attribute(e, "Algorithm")
	hash, ok := accepted[name]
	if !ok {
		return 0, idp.Reject(provision.AlgorithmRefused, "%s of RSA-OAEP is %q, which is not accepted", e.Tag, brief(name))
	}
	_, err := laidOut(e)
	return hash, err
}

// cipherValue is the ciphertext in a CipherData. A CipherReference would have us fetch it from wherever the sender likes.
func cipherValue(e *etree.Element) ([]byte, error) {
	parts, err := laidOut(e, "xenc:CipherValue")
	if err != nil {
		return nil, err
	}
	value, err := text(parts[0])
	if err != nil {
		return nil, idp.Reject(provision.DecryptionFailed, "CipherValue: %w", err)
	}
	octets, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), ""))
	if err != nil {
		return nil, idp.Reject(provision.DecryptionFailed, "CipherValue is not base64")
	}
	return octets, nil
}

// laidOut is sequence, with the refusal of an encrypted assertion.
func laidOut(e *etree.Element, names ...string) ([]*etree.Element, error) {
	found, ok := sequence(e, names...)
	if !ok {
		return nil, idp.Reject(provision.DecryptionFailed, "%s has another shape than encrypted assertions have", e.Tag)
	}
	return found, nil
}
