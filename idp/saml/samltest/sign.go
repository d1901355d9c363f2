package samltest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	_ "crypto/sha1" // for the signatures that must be refused
	_ "crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

const excC14N = "http://www.w3.org/2001/10/xml-exc-c14n#"

// Sign signs the first element of that local name, as an enveloped signature after its Issuer (SAML Core 5.4).
func (p *IdP) Sign(t testing.TB, doc, tag string, a Answer) string {
	t.Helper()
	tree := etree.NewDocument()
	if err := tree.ReadFromString(doc); err != nil {
		t.Fatal(err)
	}
	e := tree.FindElement("//" + tag)
	if e == nil {
		t.Fatalf("no %s to sign in %s", tag, doc)
	}
	e.InsertChildAt(afterIssuer(e), p.signature(t, e, a))
	signed, err := tree.WriteToString()
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func afterIssuer(e *etree.Element) int {
	if issuer := e.SelectElement("Issuer"); issuer != nil {
		return issuer.Index() + 1
	}
	return 0
}

func (p *IdP) signature(t testing.TB, e *etree.Element, a Answer) *etree.Element {
	t.Helper()
	if a.Hash == 0 {
		a.Hash = crypto.SHA256
	}
	info := fmt.Sprintf(`<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:CanonicalizationMethod Algorithm="%[1]s"/><ds:SignatureMethod Algorithm="%[2]s"/><ds:Reference URI="#%[3]s"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="%[1]s"/></ds:Transforms><ds:DigestMethod Algorithm="%[4]s"/><ds:DigestValue>%[5]s</ds:DigestValue></ds:Reference></ds:SignedInfo>`,
		excC14N, p.method(a.Hash), e.SelectAttrValue("ID", ""), digestName(a.Hash), base64.StdEncoding.EncodeToString(sum(a.Hash, canonical(t, e))))
	if a.SignedInfo != nil {
		info = a.SignedInfo(info)
	}
	value := p.sign(t, sum(a.Hash, canonical(t, parse(t, info))), a.Hash)
	return parse(t, `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">`+info+
		`<ds:SignatureValue>`+base64.StdEncoding.EncodeToString(value)+`</ds:SignatureValue>`+a.KeyInfo+`</ds:Signature>`)
}

// sign is the signature of a digest, by whatever key the provider has.
func (p *IdP) sign(t testing.TB, digest []byte, hash crypto.Hash) []byte {
	t.Helper()
	value, err := p.Key.Sign(rand.Reader, digest, hash)
	if err != nil {
		t.Fatal(err)
	}
	key, isEC := p.Key.Public().(*ecdsa.PublicKey)
	if !isEC || p.DER {
		return value
	}
	var both struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(value, &both); err != nil {
		t.Fatal(err)
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	value = make([]byte, 2*size)
	both.R.FillBytes(value[:size])
	both.S.FillBytes(value[size:])
	return value
}

func (p *IdP) method(hash crypto.Hash) string {
	kind := "rsa"
	if _, isEC := p.Key.Public().(*ecdsa.PublicKey); isEC {
		kind = "ecdsa"
	}
	if hash == crypto.SHA1 && kind == "rsa" {
		return "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
	}
	return "http://www.w3.org/2001/04/xmldsig-more#" + kind + "-" + short(hash)
}

func digestName(hash crypto.Hash) string {
	switch hash {
	case crypto.SHA1:
		return "http://www.w3.org/2000/09/xmldsig#sha1"
	case crypto.SHA384:
		return "http://www.w3.org/2001/04/xmldsig-more#sha384"
	}
	return "http://www.w3.org/2001/04/xmlenc#" + short(hash)
}

func short(hash crypto.Hash) string {
	return strings.ToLower(strings.ReplaceAll(hash.String(), "-", ""))
}

func sum(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// alone is a copy of an element that declares the namespaces it stands in itself.
func alone(e *etree.Element) *etree.Element {
	alone := e.Copy()
	for up := e.Parent(); up != nil; up = up.Parent() {
		for _, a := range up.Attr {
			if (a.Space == "xmlns" || a.Key == "xmlns") && alone.SelectAttr(a.FullKey()) == nil {
				alone.CreateAttr(a.FullKey(), a.Value)
			}
		}
	}
	return alone
}

// canonical is an element as exclusive canonicalization has it, with the namespaces that it stands in.
func canonical(t testing.TB, e *etree.Element) []byte {
	t.Helper()
	data, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("").Canonicalize(alone(e))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parse(t testing.TB, text string) *etree.Element {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(text); err != nil {
		t.Fatal(err)
	}
	return doc.Root()
}
