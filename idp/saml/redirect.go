package saml

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"leasehold/idp"
	"leasehold/provision"
)

// maxLogout is the size of a log-out message, in bytes: an honest one has two thousand.
const maxLogout = 64 << 10

// deflateEncoding is the one encoding of the redirect binding (SAML Bindings 3.4.4.1).
const deflateEncoding = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"

// redirected is a signed message of the redirect binding, as its query has it.
type redirected struct {
	packed string // DEFLATE, in base64
	relay  string
	octets string // what is signed: the query's own bytes, in the order of SAML Bindings 3.4.4.1
	signature
}

// readRedirect takes a query apart. Each name that means something here stands once and is spelt plainly, so that no
// two readers see two queries. What it does not know it leaves alone.
func readRedirect(query, field string) (redirected, error) {
	raw, err := fieldsOf(query)
	if err != nil {
		return redirected{}, err
	}
	other := "SAMLRequest"
	if field == other {
		other = "SAMLResponse"
	}
	message, there := raw[field]
	_, both := raw[other]
	algorithm, hasAlgorithm := raw["SigAlg"]
	value, hasValue := raw["Signature"]
	switch {
	case !there || both:
		return redirected{}, malformed("query does not hold %s alone", field)
	case !hasAlgorithm || !hasValue:
		return redirected{}, idp.Reject(provision.SignatureMissing, "query without SigAlg and Signature")
	}
	if encoding, said := raw["SAMLEncoding"]; said {
		if name, err := url.QueryUnescape(encoding); err != nil || name != deflateEncoding {
			return redirected{}, malformed("SAMLEncoding %q is not known", brief(encoding))
		}
	}
	r := redirected{octets: field + "=" + message}
	relay, relayed := raw["RelayState"]
	if relayed {
		r.octets += "&RelayState=" + relay
	}
	r.octets += "&SigAlg=" + algorithm
	return r, r.decode(message, relay, algorithm, value)
}

// fieldsOf are the fields of a query that mean something here, as they are written.
func fieldsOf(query string) (map[string]string, error) {
	known := []string{"SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature", "SAMLEncoding"}
	if len(query) > maxLogout*2 {
		return nil, idp.Reject(provision.MessageTooLarge, "query of %d bytes", len(query))
	}
	if strings.Contains(query, ";") { // to some readers it parts fields
		return nil, malformed("query with a semicolon")
	}
	raw := map[string]string{}
	for part := range strings.SplitSeq(query, "&") {
		written, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(written)
		if err != nil {
			return nil, malformed("query: name %q", brief(written))
		}
		if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
			continue
		}
		_, twice := raw[name]
		if twice || name != written || !slices.Contains(known, name) {
			return nil, malformed("query: %q is there twice, or spelt oddly", brief(written))
		}
		raw[name] = value
	}
	return raw, nil
}

// decode reads the values of the fields.
func (r *redirected) decode(message, relay, algorithm, value string) (err error) {
	var faults [4]error
	var name string
	r.packed, faults[0] = url.QueryUnescape(message)
	r.relay, faults[1] = url.QueryUnescape(relay)
	name, faults[2] = url.QueryUnescape(algorithm)
	value, faults[3] = url.QueryUnescape(value)
	if err := errors.Join(faults[:]...); err != nil {
		return malformed("query: %w", err)
	}
	if len(r.relay) > maxValue {
		return idp.Reject(provision.MessageTooLarge, "RelayState of %d bytes", len(r.relay))
	}
	if err := r.by(name); err != nil {
		return err
	}
	r.value, err = base64.StdEncoding.DecodeString(value)
	if err != nil || len(r.value) == 0 {
		return idp.Reject(provision.SignatureInvalid, "Signature is not base64")
	}
	return nil
}

// verified wants the query signed by one of the provider's keys (SAML Bindings 3.4.4.1).
func (m Metadata) verified(r redirected) error {
	hash := r.hash.New()
	hash.Write([]byte(r.octets))
	digest := hash.Sum(nil)
	for _, certificate := range m.Certificates {
		value, ok := r.valueFor(certificate)
		if ok && signed(certificate.PublicKey, r.hash, digest, value) {
			return nil
		}
	}
	return idp.Reject(provision.SignatureInvalid, "none of the provider's keys (%d) verifies the query", len(m.Certificates))
}

// signed reports whether value is the key's signature of a digest; an ECDSA one is in ASN.1.
func signed(key crypto.PublicKey, hash crypto.Hash, digest, value []byte) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, hash, digest, value) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, digest, value)
	}
	return false
}

// inflate is the message of a query, which is verified by then: strangers cannot have us inflate.
func (r redirected) inflate() ([]byte, error) {
	packed, err := base64.StdEncoding.Strict().DecodeString(r.packed)
	if err != nil {
		return nil, malformed("base64 of the message: %w", err)
	}
	source := bytes.NewReader(packed)
	doc, err := io.ReadAll(io.LimitReader(flate.NewReader(source), maxLogout+1))
	switch {
	case err != nil:
		return nil, malformed("deflated message: %w", err)
	case len(doc) > maxLogout:
		return nil, idp.Reject(provision.MessageTooLarge, "message of more than %d bytes", maxLogout)
	case source.Len() > 0 || !utf8.Valid(doc):
		return nil, malformed("message with more behind its end, or not in UTF-8")
	}
	return doc, nil
}
