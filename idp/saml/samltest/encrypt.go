package samltest

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

// Names of the methods that tests encrypt with.
const (
	AES128GCM = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	AES192GCM = "http://www.w3.org/2009/xmlenc11#aes192-gcm"
	AES256GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
	OAEPMGF1P = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	OAEP      = "http://www.w3.org/2009/xmlenc11#rsa-oaep"
)

// Encryption is how an assertion is encrypted. With nothing but To it is AES-256-GCM, by a key that RSA-OAEP with SHA-1
// encrypts, within KeyInfo: an honest answer.
type Encryption struct {
	To       crypto.PublicKey    // RSA: the service provider's
	Content  string              // "": AES256GCM. Any other name than the three is said, and AES-256-GCM done
	Method   string              // of the key; "": OAEPMGF1P. Any other name is said, and RSA-OAEP done
	Digest   crypto.Hash         // zero: SHA-1, and no DigestMethod said
	Mask     crypto.Hash         // zero: SHA-1, and no MGF said
	KeyBytes int                 // of the content key, if not as many as Content wants
	Plain    func(string) string // changes what is encrypted
	Cipher   func([]byte) []byte // changes IV, ciphertext and tag
	Lay      func(Sealed) string // lays the EncryptedAssertion out; nil: Inline
}

// Sealed are the parts of an EncryptedAssertion: the two methods' content, the two ciphertexts in base64.
type Sealed struct {
	Content, Method string // EncryptionMethod elements
	Key, Data       string
}

// Inline is an EncryptedAssertion with its key within KeyInfo, as Keycloak and SimpleSAMLphp lay it out.
func Inline(s Sealed) string {
	return `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Type="http://www.w3.org/2001/04/xmlenc#Element">` +
		s.Content + `<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey>` + s.Method +
		`<xenc:CipherData><xenc:CipherValue>` + s.Key + `</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>` +
		`<xenc:CipherData><xenc:CipherValue>` + s.Data + `</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>`
}

// Encrypt puts an EncryptedAssertion in the place of a document's assertion.
func Encrypt(t testing.TB, doc string, e Encryption) string {
	t.Helper()
	tree := etree.NewDocument()
	if err := tree.ReadFromString(doc); err != nil {
		t.Fatal(err)
	}
	assertion := tree.FindElement("/Response/Assertion")
	if assertion == nil {
		t.Fatalf("no assertion to encrypt in %s", doc)
	}
	lone := etree.NewDocument()
	lone.SetRoot(alone(assertion))
	plain, err := lone.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	parent, place := assertion.Parent(), assertion.Index()
	parent.RemoveChildAt(place)
	parent.InsertChildAt(place, parse(t, e.seal(t, plain)))
	out, err := tree.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// seal is what becomes of a plaintext.
func (e Encryption) seal(t testing.TB, plain string) string {
	t.Helper()
	if e.Content == "" {
		e.Content = AES256GCM
	}
	if e.Plain != nil {
		plain = e.Plain(plain)
	}
	content := make([]byte, e.keyBytes())
	rand.Read(content)
	data := gcm(t, content, plain)
	if e.Cipher != nil {
		data = e.Cipher(data)
	}
	lay := e.Lay
	if lay == nil {
		lay = Inline
	}
	encode := base64.StdEncoding.EncodeToString
	return lay(Sealed{
		Content: `<xenc:EncryptionMethod xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Algorithm="` + e.Content + `"/>`,
		Method:  e.method(), Key: encode(e.wrap(t, content)), Data: encode(data),
	})
}

func (e Encryption) keyBytes() int {
	switch {
	case e.KeyBytes != 0:
		return e.KeyBytes
	case e.Content == AES128GCM:
		return 16
	case e.Content == AES192GCM:
		return 24
	}
	return 32
}

// wrap is the content key, encrypted to the receiver.
func (e Encryption) wrap(t testing.TB, content []byte) []byte {
	t.Helper()
	options := rsa.OAEPOptions{Hash: e.Digest, MGFHash: e.Mask}
	if options.Hash == 0 {
		options.Hash = crypto.SHA1
	}
	if options.MGFHash == 0 {
		options.MGFHash = crypto.SHA1
	}
	wrapped, err := rsa.EncryptOAEPWithOptions(rand.Reader, e.To.(*rsa.PublicKey), content, &options)
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

func (e Encryption) method() string {
	if e.Method == "" {
		e.Method = OAEPMGF1P
	}
	var inside strings.Builder
	if e.Digest != 0 {
		fmt.Fprintf(&inside, `<ds:DigestMethod xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Algorithm="%s"/>`, digestName(e.Digest))
	}
	if e.Mask != 0 {
		fmt.Fprintf(&inside, `<xenc11:MGF xmlns:xenc11="http://www.w3.org/2009/xmlenc11#" Algorithm="http://www.w3.org/2009/xmlenc11#mgf1%s"/>`, short(e.Mask))
	}
	return `<xenc:EncryptionMethod xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" Algorithm="` + e.Method + `">` + inside.String() + `</xenc:EncryptionMethod>`
}

// gcm is the IV, the ciphertext and the tag.
func gcm(t testing.TB, key []byte, plain string) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return sealer.Seal(nil, nil, []byte(plain), nil)
}
