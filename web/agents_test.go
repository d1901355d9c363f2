package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

func (g *fakeGate) Commission(_ context.Context, _ string, _ provision.Origin, w provision.Commissioning, from provision.Requester) (broker.Commissioned, error) {
	g.commissions, g.from = append(g.commissions, w), from
	if err := g.fails["Commission"]; err != nil {
		return broker.Commissioned{}, err
	}
	return broker.Commissioned{Code: "lhc_YWNtZS5jb2Rl-c2VjcmV0", Lease: provision.Lease{
		ID: "acme.code", Kind: provision.CommissionLease, Start: noon, End: noon.Add(3 * time.Minute),
		Grant: provision.Grant{Rule: w.Rule, Resources: []string{w.Resource}, For: w.For},
	}}, nil
}

// agentsOfAda are a rule, an agent that acts, and a code that waits.
func (g *fakeGate) agentsOfAda() {
	p := &g.me.Standing.Tenant.Policy
	p.Trust = []provision.TrustRule{{ID: "helper", Agent: true, Grants: []string{"tickets"}}, {ID: "deploy", Grants: []string{"tickets"}}}
	p.Grants = []provision.GrantRule{{ID: "tickets", Roles: []string{"engineer"}, Resources: []string{"https://tickets.example.com/tickets/*"}, MaxTTL: 10 * time.Minute}}
	at := provision.Grant{Rule: "helper", Resources: []string{"https://tickets.example.com/tickets/A"}, Task: "4242"}
	g.me.Leases = append(g.me.Leases,
		provision.Lease{ID: "acme.agent", Kind: provision.AgentLease, Parent: "acme.lease1", Grant: at, Start: noon, End: noon.Add(5 * time.Minute)},
		provision.Lease{ID: "acme.code", Kind: provision.CommissionLease, Parent: "acme.lease1", Grant: at, Start: noon, End: noon.Add(3 * time.Minute)})
}

func TestStartingAnAgentShowsItsCodeOnce(t *testing.T) {
	g, b := adaIn(t)
	g.agentsOfAda()
	if page := body(t, b.get(sso+"/")); !strings.Contains(page, `action="/agents"`) || strings.Contains(page, "lhc_") || strings.Contains(page, `value="deploy"`) || !strings.Contains(page, `value="acme.agent"`) {
		t.Errorf("the page is %s", page)
	}
	r := b.post(sso+"/agents", url.Values{"rule": {"helper"}, "resource": {" https://tickets.example.com/tickets/A "}, "minutes": {"5"}})
	want := provision.Commissioning{Rule: "helper", Resource: "https://tickets.example.com/tickets/A", For: 5 * time.Minute}
	if page := body(t, r); r.StatusCode != http.StatusOK || !strings.Contains(page, "lhc_YWNtZS5jb2Rl-c2VjcmV0") || r.Header.Get("Cache-Control") != "no-store" || len(g.commissions) != 1 || g.commissions[0] != want || g.from.IP != "203.0.113.9" {
		t.Errorf("%s, asked %+v by %+v: %s", r.Status, g.commissions, g.from, page)
	}
	if r := b.do("POST", sso+"/agents", url.Values{"rule": {"helper"}}, "Sec-Fetch-Site", "cross-site"); r.StatusCode != http.StatusForbidden || len(g.commissions) != 1 {
		t.Errorf("another site's form: %s", r.Status)
	}
	if r := b.get(sso + "/agents"); r.StatusCode == http.StatusOK || len(g.commissions) != 1 {
		t.Errorf("by following a link: %s", r.Status)
	}
	b.post(sso+"/end", url.Values{"lease": {"acme.agent"}})
	if len(g.ended) != 1 || !strings.Contains(g.ended[0], "acme.agent") {
		t.Errorf("ended is %v", g.ended)
	}
}

func TestARefusedAgentComesBackWithWhatWasWritten(t *testing.T) {
	g, b := adaIn(t)
	g.agentsOfAda()
	g.fails["Commission"] = &provision.DeniedError{Reason: provision.ResourceNotGranted, Ref: "evt_9"}
	r := b.post(sso+"/agents", url.Values{"rule": {"helper"}, "resource": {`https://tickets.example.com/<b>"`}, "minutes": {"7"}})
	page := body(t, r)
	if r.StatusCode != http.StatusForbidden || !strings.Contains(page, "evt_9") || !strings.Contains(page, `https://tickets.example.com/&lt;b&gt;&#34;`) || !strings.Contains(page, `value="7"`) || !strings.Contains(page, `aria-invalid="true"`) {
		t.Errorf("%s: %s", r.Status, page)
	}
	g.fails["Commission"] = denied(provision.LeaseEnded)
	if r := b.post(sso+"/agents", url.Values{"rule": {"helper"}}); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a session: %s", r.Status)
	}
}

func TestAnExchangeOnBehalfOfAPersonHasACodeAndTheAgentsOwnToken(t *testing.T) {
	g := newGate(t)
	g.traded = broker.Traded{Token: "lh_x", Left: time.Minute, Lease: provision.Lease{ID: "acme.agent"}}
	const code, jwt = "urn:leasehold:token-type:agent-code", "urn:ietf:params:oauth:token-type:jwt"
	form := func(pairs ...string) url.Values {
		f := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {"lhc_c"}, "subject_token_type": {code}, "actor_token": {"a.b.c"}, "actor_token_type": {jwt}}
		for i := 0; i < len(pairs); i += 2 {
			if f.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
				f.Del(pairs[i])
			}
		}
		return f
	}
	b := newBrowser(t, g)
	if r := b.do("POST", sso+"/t/acme/token", form()); r.StatusCode != http.StatusOK || len(g.trades) != 1 || g.trades[0].Code != "lhc_c" || g.trades[0].Token != "a.b.c" {
		t.Fatalf("%s, asked %+v", r.Status, g.trades)
	}
	if b.do("POST", sso+"/t/acme/token", form("actor_token", "", "actor_token_type", "")); len(g.trades) != 2 || g.trades[1].Code != "lhc_c" || g.trades[1].Token != "" {
		t.Errorf("without the agent's token, asked %+v", g.trades) // the gate says what is missing
	}
	if b.do("POST", sso+"/t/acme/token", form("subject_token", "lh_x", "subject_token_type", "urn:ietf:params:oauth:token-type:access_token", "actor_token", "", "actor_token_type", "")); len(g.trades) != 3 || g.trades[2].Token != "lh_x" {
		t.Errorf("with a handle, asked %+v", g.trades) // the gate says that it is not exchanged
	}
	for name, f := range map[string]url.Values{
		"no type of the actor":      form("actor_token_type", ""),
		"a type of no actor":        form("actor_token", ""),
		"another type of the actor": form("actor_token_type", code),
		"an actor beside a token":   form("subject_token_type", jwt),
		"no code":                   form("subject_token", ""),
		"another type":              form("subject_token_type", "urn:leasehold:token-type:other"),
	} {
		if r := b.do("POST", sso+"/t/acme/token", f); r.StatusCode != http.StatusBadRequest || len(g.trades) != 3 {
			t.Errorf("%s: %s, asked %+v", name, r.Status, g.trades)
		}
	}
}

func TestAnAddressMayStartOnlySoManyAgents(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g, func(c *web.Config) { c.Attempts = web.Limit{N: 2, Per: time.Minute} })
	b.cookies["sso.example.com"] = map[string]string{"__Host-lh": g.Token("acme.lease1", origin(t, sso))}
	for _, want := range []int{http.StatusOK, http.StatusOK, http.StatusTooManyRequests} {
		if r := b.post(sso+"/agents", url.Values{"rule": {"helper"}, "resource": {"https://tickets.example.com/tickets/A"}, "minutes": {"5"}}); r.StatusCode != want {
			t.Errorf("%s, want %d", r.Status, want)
		}
	}
	if len(g.commissions) != 2 {
		t.Errorf("%d were started", len(g.commissions))
	}
}
