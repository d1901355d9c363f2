package provision_test

import (
	"strings"
	"testing"

	"leasehold/provision"
)

func TestAConditionThatHoldsLetsInAndOneThatNobodyFoundToHoldDoesNot(t *testing.T) { // I14
	s := firstLogin(t)
	s.State.Tenant.Policy.When, s.State.Unmet = "true", "nobody could tell"
	d := s.decide(t)
	if d.Reason != provision.ConditionFalse || !strings.Contains(d.Change.Events[0].Personal.Detail, "nobody could tell") {
		t.Errorf("unmet: %q, %+v", d.Reason, d.Change.Events)
	}
	s.State.Met = true
	if d := s.decide(t); d.Outcome != provision.Created {
		t.Errorf("met: %s %s", d.Outcome, d.Reason)
	}
	s.State.Tenant.Policy.When, s.State.Met = "", false
	if d := s.decide(t); d.Outcome != provision.Created {
		t.Errorf("without a condition: %s %s", d.Outcome, d.Reason)
	}
}

func TestACaseIsTheSameForALoginAndForItsLease(t *testing.T) {
	s := nextLogin(t)
	s.Request.Requester.UserAgent, s.Request.Authn.AMR = "Mozilla/5.0", []string{"hwk"}
	asked, d := s.Request.Case(s.State, s.Now), s.decide(t)
	standing := standingOf(s.State, d.Account, d.Lease)
	judged := standing.Case(d.Change.Upstreams[0].Whence, s.Now)
	want := provision.Case{
		Time: noon(), Whence: provision.Whence{IP: "192.0.2.1", UserAgent: "Mozilla/5.0", App: "wiki"}, Account: "acc_ada", Email: email(t, "ada@acme.test"),
		Groups: []string{"engineering"}, ACR: "mfa", AMR: []string{"hwk"}, Connection: "acme-saml",
	}
	for name, got := range map[string]provision.Case{"asked": asked, "judged": judged} {
		if !got.Time.Equal(want.Time) || got.Whence != want.Whence || got.Account != want.Account || got.Email != want.Email || got.ACR != want.ACR ||
			strings.Join(got.Groups, ",") != "engineering" || strings.Join(got.AMR, ",") != "hwk" || got.Connection != want.Connection {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestAConditionTooLongIsAFault(t *testing.T) {
	p := provision.Policy{When: strings.Repeat("x", provision.MaxWhen)}
	if faults := p.Faults(); len(faults) != 0 {
		t.Errorf("%q", faults)
	}
	p.When += "x"
	if faults := p.Faults(); len(faults) != 1 || !strings.HasPrefix(faults[0], "when: ") {
		t.Errorf("%q", faults)
	}
}
