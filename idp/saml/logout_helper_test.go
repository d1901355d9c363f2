package saml_test

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

type x509Certificate = x509.Certificate

// certificateIn is the first certificate that our metadata publish.
func certificateIn(t testing.TB, metadata []byte) *x509Certificate {
	t.Helper()
	tree := etree.NewDocument()
	if err := tree.ReadFromBytes(metadata); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(tree.FindElement("//X509Certificate").Text()))
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// numbers are those of an ECDSA signature, side by side.
func numbers(value []byte) (r, s *big.Int) {
	half := len(value) / 2
	return new(big.Int).SetBytes(value[:half]), new(big.Int).SetBytes(value[half:])
}

func der(t testing.TB, value []byte) []byte {
	t.Helper()
	var both struct{ R, S *big.Int }
	both.R, both.S = numbers(value)
	text, err := asn1.Marshal(both)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
