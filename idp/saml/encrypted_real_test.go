//go:build real

package saml_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"strings"
	"testing"

	"leasehold/idp/saml/samltest"
)

// xmlseclibs encrypts as SimpleSAMLphp's library does: in other code than ours from the plaintext to the XML.
const xmlseclibs = `
require '/usr/share/simplesamlphp/vendor/autoload.php';
use RobRichards\XMLSecLibs\XMLSecEnc;
use RobRichards\XMLSecLibs\XMLSecurityKey;
$in = json_decode(file_get_contents('php://stdin'), true);
$doc = new DOMDocument();
$doc->loadXML($in['plain']);
$rsa = new XMLSecurityKey(XMLSecurityKey::RSA_OAEP_MGF1P, ['type' => 'public']);
$rsa->loadKey($in['certificate'], false, true);
$aes = new XMLSecurityKey($in['content']);
$aes->generateSessionKey();
$enc = new XMLSecEnc();
$enc->setNode($doc->documentElement);
$enc->type = XMLSecEnc::Element;
$enc->encryptKey($rsa, $aes);
echo $doc->saveXML($enc->encryptNode($aes));
`

func TestWhatXMLSecLibsEncryptsIsRead(t *testing.T) {
	provider, us := samltest.New(t), samltest.NewRSA(t, 2048)
	p, _ := hidingBy(t, provider, us.Key)
	for _, content := range []string{samltest.AES128GCM, samltest.AES192GCM, samltest.AES256GCM} {
		t.Run(content, func(t *testing.T) {
			var plain string
			encrypt := &samltest.Encryption{
				To:    us.Key.Public(),
				Plain: func(doc string) string { plain = doc; return doc },
				Lay: func(samltest.Sealed) string {
					return `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">` + php(t, content, plain, us.Certificates[0]) + `</saml:EncryptedAssertion>`
				},
			}
			for _, signed := range []samltest.Signed{samltest.Assertion, samltest.Response, samltest.Both} {
				a, address := begin(t, p)
				got, err := p.Verify(context.Background(), a, provider.Respond(t, address, samltest.Answer{Person: alice(), Signed: signed, Encrypt: encrypt}))
				if err != nil || got.Facts.Subject != "alice-0001" {
					t.Errorf("signed %d: %v", signed, err)
				}
			}
		})
	}
}

// php is the EncryptedData that xmlseclibs makes.
func php(t *testing.T, content, plain string, to *x509.Certificate) string {
	t.Helper()
	in, err := json.Marshal(map[string]string{
		"content": content, "plain": plain,
		"certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: to.Raw})),
	})
	if err != nil {
		t.Fatal(err)
	}
	script := exec.Command("php", "-r", xmlseclibs)
	script.Stdin, script.Stderr = strings.NewReader(string(in)), os.Stderr
	out, err := script.Output()
	if err != nil {
		t.Fatalf("php: %v: %s", err, out)
	}
	return string(out)
}
