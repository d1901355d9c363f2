package saml_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"leasehold/idp"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// spoiled is an answer with an audience, a recipient and an issuer that are others'.
func spoiled(doc string) string {
	for old, other := range map[string]string{"<saml:Audience>": "<saml:Audience>https://other.test/", `Recipient="`: `Recipient="https://other.test/`, `Destination="`: `Destination="https://other.test/`} {
		doc = strings.ReplaceAll(doc, old, other)
	}
	return doc
}

func TestATrialLearnsAllThatIsWrongWithAResponse(t *testing.T) {
	provider := samltest.New(t)
	p := serviceProvider(t, provider, nil)
	a, address := begin(t, p)
	answer := samltest.Answer{Person: alice(), Edit: spoiled}
	refused := func(a idp.Attempt, answer samltest.Answer, want provision.Reason) *provision.Survey {
		t.Helper()
		said, err := p.Verify(context.Background(), a, provider.Respond(t, address, answer))
		var no *idp.Rejected
		if !errors.As(err, &no) || no.Check != want {
			t.Fatalf("refused as %v, want %s", err, want)
		}
		if said.Facts.Subject != "" || !said.Authn.At.IsZero() || len(said.Spend) > 0 {
			t.Errorf("a refusal says %+v", said)
		}
		return said.Survey
	}
	if s := refused(a, answer, provision.DestinationMismatch); s != nil {
		t.Errorf("a login that is meant gets %+v", s)
	}
	a.Trial = true
	survey := refused(a, answer, provision.DestinationMismatch)
	var bad, good []provision.Reason
	for _, l := range survey.Looked {
		if l.Reason != "" {
			bad = append(bad, l.Reason)
			if l.Text == "" {
				t.Errorf("%s is not explained", l.Reason)
			}
		} else {
			good = append(good, l.Reasons...)
		}
	}
	if want := []provision.Reason{provision.DestinationMismatch, provision.AudienceMismatch, provision.RecipientMismatch}; !slices.Equal(bad, want) {
		t.Errorf("wrong are %q, want %q", bad, want)
	}
	for _, held := range []provision.Reason{provision.Expired, provision.NotYetValid, provision.IssuerMismatch, provision.Unsolicited} {
		if !slices.Contains(good, held) {
			t.Errorf("%s is not said to hold", held)
		}
	}
	if survey.Facts.Subject != "alice-0001" || survey.Facts.Email != "alice@acme.test" {
		t.Errorf("it says %+v", survey.Facts)
	}
	for what, unsigned := range map[string]samltest.Answer{
		"no signature": {Person: alice(), Edit: spoiled, Signed: samltest.Neither},
		"a signature of something else": {Person: alice(), Tamper: func(doc string) string {
			return strings.ReplaceAll(doc, "alice@acme.test", "eve@acme.test")
		}},
	} {
		said, err := p.Verify(context.Background(), a, provider.Respond(t, address, unsigned))
		if err == nil || said.Survey != nil {
			t.Errorf("with %s: %v, and %+v", what, err, said.Survey)
		}
	}
}
