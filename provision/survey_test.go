package provision_test

import (
	"slices"
	"testing"

	"leasehold/provision"
)

// firstBad is the first of what was looked at that does not hold.
func firstBad(looked []provision.Looked) provision.Reason {
	if i := slices.IndexFunc(looked, func(l provision.Looked) bool { return l.Reason != "" }); i >= 0 {
		return looked[i].Reason
	}
	return ""
}

// TestLookingAtAllSaysFirstWhatTheGateSays, of every two things that are wrong.
func TestLookingAtAllSaysFirstWhatTheGateSays(t *testing.T) {
	compared := 0
	for i, first := range refusals() {
		for _, second := range append(refusals()[i:], refusal{spoil: func(*scene) {}}) {
			for _, base := range []func(testing.TB) scene{firstLogin, nextLogin} {
				s := base(t)
				first.spoil(&s)
				second.spoil(&s)
				d := provision.Rehearse(s.State, s.Request, ids("1"), s.Now)
				if d.Reason == provision.Replayed {
					continue
				}
				compared++
				if got := firstBad(provision.LookAll(s.State, s.Request, s.Now)); got != d.Reason {
					t.Errorf("%s, and %s: %q, and the gate says %q", first.name, second.name, got, d.Reason)
				}
			}
		}
	}
	if compared < 3000 {
		t.Errorf("only %d scenes", compared)
	}
}

func TestEachThingThatIsWrongIsSeenForItself(t *testing.T) {
	s := firstLogin(t)
	s.State.Connection.Held = true
	s.Request.Facts.Transient = true
	s.State.Claim.State = provision.ClaimPending
	s.State.Tenant.Policy.ACR = []string{"hardware"}
	looked := provision.LookAll(s.State, s.Request, s.Now)
	var bad []provision.Reason
	for _, l := range looked {
		if l.Reason != "" {
			bad = append(bad, l.Reason)
		}
	}
	if want := []provision.Reason{provision.ConnectionHeld, provision.SubjectTransient, provision.DomainUnverified, provision.ACRInsufficient}; !slices.Equal(bad, want) {
		t.Errorf("wrong are %q, want %q", bad, want)
	}
	list := provision.Checklist(provision.SAML)
	last := list[len(list)-1]
	if _, seen := last.Judged(looked); seen {
		t.Error("whether an account would be made is said, though that hangs on the rest")
	}
	for _, c := range list[:len(list)-provision.GateChecks()] {
		if c.Touched(looked) {
			t.Errorf("%s is said by the gate", c.Name)
		}
	}
}

// TestAPartThatBrokeOffSaysNothingOfWhatCameAfter in it.
func TestAPartThatBrokeOffSaysNothingOfWhatCameAfter(t *testing.T) {
	check := provision.Check{Reasons: []provision.Reason{provision.RecipientMismatch}}
	part := provision.Looked{Reasons: []provision.Reason{provision.RecipientMismatch}}
	if _, seen := check.Judged([]provision.Looked{part}); !seen {
		t.Error("a part that holds says nothing")
	}
	broken := part
	broken.Reason = provision.DocumentMalformed
	for _, looked := range [][]provision.Looked{nil, {broken}, {part, broken}} {
		if by, seen := check.Judged(looked); seen || by.Reason != "" {
			t.Errorf("of %+v it is said %+v", looked, by)
		}
	}
}
