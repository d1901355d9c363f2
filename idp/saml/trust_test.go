package saml

import (
	"crypto/rsa"
	"testing"
	"time"

	"github.com/crewjam/saml"

	"leasehold/idp"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// TestOnlyVerifiedBytesAreReadOn: what verify answers with is not the tree that was posted, not even in part. Inside the
// package, because from outside the two are alike as long as nobody finds a way to make them differ.
func TestOnlyVerifiedBytesAreReadOn(t *testing.T) {
	provider, us := samltest.New(t), samltest.NewRSA(t, 2048)
	metadata, err := ParseMetadata(provider.Metadata(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{idp: metadata, connection: provision.Connection{Encryption: true}, openers: []*rsa.PrivateKey{us.Key.(*rsa.PrivateKey)}}
	request := samltest.Request{}
	request.Issuer = &saml.Issuer{Value: "us"}
	hidden := &samltest.Encryption{To: us.Key.Public()}
	for name, answer := range map[string]samltest.Answer{
		"assertion": {Signed: samltest.Assertion}, "response": {Signed: samltest.Response}, "both": {Signed: samltest.Both},
		"encrypted assertion": {Signed: samltest.Assertion, Encrypt: hidden}, "encrypted both": {Signed: samltest.Both, Encrypt: hidden},
	} {
		t.Run(name, func(t *testing.T) {
			posted := opened(t, p, provider.RespondTo(t, request, answer))
			verified, err := p.verify(posted)
			if err != nil {
				t.Fatal(err)
			}
			if verified.assertion == posted.assertion || len(children(verified.assertion, nsSignature, "Signature")) > 0 {
				t.Error("the assertion that is read on is the posted one")
			}
			if sealed := answer.Signed != samltest.Assertion; verified.sealed != sealed || (verified.response != posted.response) != sealed {
				t.Errorf("sealed: %t, and the response that is read on is the posted one: %t", verified.sealed, verified.response == posted.response)
			}
		})
	}
}

func opened(t *testing.T, p *Provider, form map[string][]string) message {
	t.Helper()
	doc, err := document(idp.Attempt{}, form)
	if err != nil {
		t.Fatal(err)
	}
	root, err := scan(doc, false)
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.open(root)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
