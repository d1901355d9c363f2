package saml

import (
	"testing"
	"time"

	"github.com/crewjam/saml"

	"leasehold/idp"
	"leasehold/idp/saml/samltest"
)

// TestOnlyVerifiedBytesAreReadOn: what verify answers with is not the tree that was posted, not even in part. Inside the
// package, because from outside the two are alike as long as nobody finds a way to make them differ.
func TestOnlyVerifiedBytesAreReadOn(t *testing.T) {
	provider := samltest.New(t)
	metadata, err := ParseMetadata(provider.Metadata(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	request := samltest.Request{}
	request.Issuer = &saml.Issuer{Value: "us"}
	for name, signed := range map[string]samltest.Signed{"assertion": samltest.Assertion, "response": samltest.Response, "both": samltest.Both} {
		t.Run(name, func(t *testing.T) {
			form := provider.RespondTo(t, request, samltest.Answer{Signed: signed})
			posted := opened(t, form)
			verified, err := metadata.verify(posted)
			if err != nil {
				t.Fatal(err)
			}
			if verified.assertion == posted.assertion || len(children(verified.assertion, nsSignature, "Signature")) > 0 {
				t.Error("the assertion that is read on is the posted one")
			}
			if sealed := signed != samltest.Assertion; verified.sealed != sealed || (verified.response != posted.response) != sealed {
				t.Errorf("sealed: %t, and the response that is read on is the posted one: %t", verified.sealed, verified.response == posted.response)
			}
		})
	}
}

func opened(t *testing.T, form map[string][]string) message {
	t.Helper()
	doc, err := document(idp.Attempt{}, form)
	if err != nil {
		t.Fatal(err)
	}
	root, err := scan(doc, false)
	if err != nil {
		t.Fatal(err)
	}
	m, err := open(root)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
