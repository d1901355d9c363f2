package provision_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
)

func TestALeaseRemembersItsSessionAtTheIdentityProvider(t *testing.T) {
	s := firstLogin(t)
	s.Request.Upstream = provision.Upstream{Handles: []string{"h"}, Session: provision.UpstreamSession{Name: "ada", Refresh: "a secret token"}}
	s.Request.Asks = noon().Add(5 * time.Minute)
	d := s.decide(t)
	u := wantOne(t, "remembered", d.Change.Upstreams)
	if u.Lease != d.Lease.ID || u.Account != d.Account.ID || u.Handles[0] != "h" || u.Session.Name != "ada" {
		t.Errorf("remembered is %+v", u)
	}
	if l := d.Lease; !l.Asks.Equal(s.Request.Asks) || !l.Vouched.Equal(noon()) {
		t.Errorf("asked about at %s, vouched for at %s", l.Asks, l.Vouched)
	}
	inputs, err := json.Marshal(s.Request)
	if err != nil || strings.Contains(string(inputs), "secret token") {
		t.Errorf("the inputs that are kept hold the token: %s, %v", inputs, err)
	}
	s.Request.Upstream, s.Request.Asks = provision.Upstream{}, time.Time{}
	if u := wantOne(t, "remembered", s.decide(t).Change.Upstreams); u.Whence != (provision.Whence{IP: "192.0.2.1", App: "wiki"}) || !u.Session.IsZero() {
		t.Errorf("of a session that its provider gave no name is remembered %+v", u)
	}
	s.Request.Requester, s.Request.App = provision.Requester{}, ""
	if d := s.decide(t); len(d.Change.Upstreams) != 0 || !d.Lease.Asks.IsZero() || !d.Lease.Vouched.IsZero() {
		t.Errorf("of nothing is remembered %+v, lease %+v", d.Change.Upstreams, d.Lease)
	}
}

func TestALoginOfASessionThatEndedUpstreamMeanwhileOpensNothing(t *testing.T) {
	s := firstLogin(t)
	over := provision.Spent{Kind: provision.LoggedOut, Scope: "acme-saml", ID: "h"}
	s.Request.Over = []provision.Spent{over}
	if d := s.decide(t); !d.Allowed() || len(d.Change.Spent) != len(s.Request.Spend) {
		t.Errorf("before the log-out: %s %s, spent %+v", d.Outcome, d.Reason, d.Change.Spent)
	}
	if wanted := s.Request.Target().Spend; len(wanted) != len(s.Request.Spend)+1 {
		t.Errorf("the gate asks for %+v", wanted)
	}
	s.State.Spent = []provision.Spent{over}
	if d := s.decide(t); d.Reason != provision.SessionOver {
		t.Errorf("after the log-out: %s %s", d.Outcome, d.Reason)
	}
	s.State.Spent = append(s.State.Spent, s.Request.Spend[0])
	if d := s.decide(t); d.Reason != provision.Replayed {
		t.Errorf("a message that was used, too: %s %s", d.Outcome, d.Reason)
	}
}
