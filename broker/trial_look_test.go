package broker_test

import (
	"strings"
	"testing"

	"leasehold/broker"
	"leasehold/idp/saml/samltest"
	"leasehold/provision"
)

// stands is how the check of a trial stands that refuses with a reason.
func stands(t *testing.T, trial broker.Trial, reason provision.Reason) broker.TrialLine {
	t.Helper()
	list := provision.Checklist(trial.Protocol)
	return trial.Lines()[provision.FailedAt(list, reason)]
}

func TestATrialShowsEveryCheckThatCanBeLookedAt(t *testing.T) {
	s := newOutsider(t)
	s.open()
	s.connects()
	s.proves()
	elsewhere := func(doc string) string {
		doc = strings.ReplaceAll(doc, "<saml:Audience>", "<saml:Audience>https://other.test/")
		return strings.ReplaceAll(doc, "nameid-format:persistent", "nameid-format:transient")
	}
	got := s.tries(samltest.Answer{Person: samltest.Person{Subject: "bob-7", Name: "Bob"}, Edit: elsewhere})
	if got.Good() || got.Reason != provision.AudienceMismatch {
		t.Fatalf("it was refused as %s: %s", got.Reason, got.Found)
	}
	for reason, state := range map[provision.Reason]string{
		provision.DocumentMalformed: "good", provision.SignatureInvalid: "good", provision.Expired: "good", provision.DestinationMismatch: "good", provision.IssuerMismatch: "good",
		provision.InResponseToMismatch: "good", provision.AudienceMismatch: "bad", provision.Replayed: "open",
		provision.TenantSuspended: "good", provision.SubjectTransient: "bad", provision.EmailMissing: "bad", provision.DomainForeign: "open", provision.DomainNotOfConnection: "open",
		provision.AccountRevoked: "good", provision.GroupMissing: "good", provision.ACRInsufficient: "good", provision.SessionOver: "good", provision.SeatsFull: "open",
	} {
		if line := stands(t, got, reason); line.State != state || (line.Reason != "") != (state == "bad") {
			t.Errorf("%s: %+v, want %s", reason, line, state)
		}
	}
	if p := s.progress(); p.Setup.Tested != 0 {
		t.Error("the connection counts as tested")
	}
	got = s.tries(samltest.Answer{Person: samltest.Person{Subject: "bob-7", Name: "Bob"}}) // refused by the gate
	for reason, state := range map[provision.Reason]string{provision.AudienceMismatch: "good", provision.Replayed: "good", provision.SubjectMissing: "good", provision.EmailMissing: "bad", provision.DomainForeign: "open", provision.GroupMissing: "good", provision.SeatsFull: "open"} {
		if line := stands(t, got, reason); line.State != state {
			t.Errorf("of one without an address, %s: %+v, want %s", reason, line, state)
		}
	}
	got = s.tries(samltest.Answer{Person: bob().Person, Edit: elsewhere, Signed: samltest.Neither}) // nobody vouches for the rest
	for reason, state := range map[provision.Reason]string{provision.SignatureMissing: "bad", provision.AudienceMismatch: "open", provision.EmailMissing: "open", provision.AccountRevoked: "open"} {
		if line := stands(t, got, reason); line.State != state {
			t.Errorf("without a signature, %s: %+v, want %s", reason, line, state)
		}
	}
	if got = s.tries(bob()); !got.Good() {
		t.Fatalf("an honest one is refused as %s: %s", got.Reason, got.Found)
	}
	for _, line := range got.Lines() {
		if line.State != "good" {
			t.Errorf("of an honest one: %+v", line)
		}
	}
	if len(s.accounts()) != 0 || s.leases() != 0 {
		t.Error("something was made")
	}
}
