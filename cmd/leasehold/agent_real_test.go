//go:build real

package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"leasehold/cmd/leasehold/internal/peers"
)

// ticketsHost is the app of tickets.
const ticketsHost = "tickets.other.test"

// agentRules are those of the manifest for an agent; its issuer and the app's origin are filled in.
const agentRules = `
  - id: agents
    protocol: workload
    issuer: %s
  rules:
  - id: helper
    agent: on
    connection: agents
    owner: alice@acme.test
    subject: [sub]
    match: {sub: ticket-helper}
    grants: [tickets]
  grants:
  - id: tickets
    apps: [tickets]
    roles: [engineer]
    resources: ["%s/tickets/*"]
    max_ttl: 10m
`

// ofAgents is a gateway whose tenant has an agent, and a person in her browser.
type ofAgents struct {
	ofJobs
	alice *peers.Tab
}

func beginAgents(t *testing.T) ofAgents {
	apps := []peers.Site{{Host: ticketsHost, App: peers.Echo(t)}, {Host: deployHost, App: peers.Echo(t)}, {Host: appHost, App: peers.Echo(t)}}
	g := ofAgents{ofJobs{begin(t, scene{apps: apps}), peers.CI(t), peers.Way(t)}, nil}
	m := g.manifest(scene{apps: apps})
	for _, id := range []string{"tickets", "deploy"} {
		m = strings.Replace(m, "{id: "+id+", ", "{id: "+id+", workloads: on, ", 1)
	}
	m = strings.Replace(m, "\n  policy:", fmt.Sprintf(agentRules, g.ci.Issuer, g.url(ticketsHost))+"  policy:", 1)
	g.write("acme.yaml", m)
	g.operator("apply", "-f", filepath.Join(g.folder, "acme.yaml"))
	g.alice = peers.Browser(t, g.ca)
	g.enters(g.alice, g.url(appHost)+"/here", "alice@acme.test")
	return g
}

// own is the agent's own token.
func (g ofAgents) own(other map[string]any) string {
	claims := map[string]any{"sub": "ticket-helper"}
	maps.Copy(claims, other)
	return g.token(claims)
}

// starts presses the button on her page, and reads the code.
func (g ofAgents) starts(tab *peers.Tab, resource string) string {
	g.t.Helper()
	tab.Open(g.url(ssoHost) + "/")
	tab.Await(g.url(ssoHost)+"/", "Agents that act for you")
	tab.Fill("#resource", resource)
	tab.Click("form[action='/agents'] button")
	tab.Await(g.url(ssoHost)+"/agents", "A code for your agent")
	return tab.Eval("document.querySelector('.secret code').textContent")
}

// changes exchanges a code, as the agent.
func (g ofAgents) changes(code, own string, other url.Values) (int, map[string]any) {
	g.t.Helper()
	form := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token_type": {"urn:leasehold:token-type:agent-code"}, "subject_token": {code},
		"actor_token_type": {"urn:ietf:params:oauth:token-type:jwt"}, "actor_token": {own}, "task": {"4242"},
	}
	maps.Copy(form, other)
	return g.post("token", "", form)
}

// TestAnAgentWithATokenForTicketAIsRefusedAtTicketBAndAtAnotherAppAndDiesWithTheLogOut is the second example: a
// transcript on real parts.
func TestAnAgentWithATokenForTicketAIsRefusedAtTicketBAndAtAnotherAppAndDiesWithTheLogOut(t *testing.T) {
	g := beginAgents(t)
	a, b := g.url(ticketsHost)+"/tickets/A", g.url(ticketsHost)+"/tickets/B"
	code := g.starts(g.alice, a)
	g.alice.Screenshot("agents 1 code")
	for name, c := range map[string]answered{
		"stolen, without the agent": tried(g.changes(code, "", url.Values{"actor_token_type": nil})),
		"stolen, by another agent":  tried(g.changes(code, g.own(map[string]any{"sub": "thief"}), nil)),
		"for another ticket":        tried(g.changes(code, g.own(nil), url.Values{"resource": {b}})),
		"forged":                    tried(g.changes(code[:len(code)-4]+"AAAA", g.own(nil), nil)),
	} {
		t.Logf("%-26s %v", name, c.got)
		if c.status != http.StatusBadRequest || c.got["access_token"] != nil || c.got["reason"] == nil {
			t.Errorf("%s: %d %v", name, c.status, c.got)
		}
	}
	handle := g.byTheSnippet(code)
	if status, got := g.changes(code, g.own(nil), nil); status != http.StatusBadRequest || got["reason"] != "code_used" {
		t.Errorf("the code again: %d %v", status, got)
	}
	if status, got := g.exchange(handle, url.Values{"rule": {"helper"}}); status != http.StatusBadRequest || got["reason"] != "not_exchangeable" {
		t.Errorf("the handle exchanged: %d %v", status, got)
	}

	answer, body := g.ask(http.MethodPost, a+"/comments", "Authorization", "Bearer "+handle, "X-Leasehold-Actor", "nobody")
	agent := ""
	for _, account := range operatorJSON[[]accountView](g.gatewayUnderTest, "account", "list") {
		if account.Email == "" {
			agent = string(account.ID)
		}
	}
	if answer.StatusCode != http.StatusOK || !strings.Contains(body, "alice@acme.test") || !strings.Contains(body, "engineer") || agent == "" || !strings.Contains(body, agent) || strings.Contains(body, "nobody") || strings.Contains(body, handle[3:]) {
		t.Errorf("ticket A answers %s: %s", answer.Status, body)
	}
	for address, want := range map[string]int{b: http.StatusForbidden, g.url(ticketsHost) + "/tickets": http.StatusForbidden, g.url(deployHost) + "/tickets/A": http.StatusForbidden, g.url(appHost) + "/tickets/A": http.StatusUnauthorized} {
		if answer, body := g.ask(http.MethodPost, address, "Authorization", "Bearer "+handle); answer.StatusCode != want {
			t.Errorf("%s answers %s: %s", address, answer.Status, body)
		}
	}
	status, known := g.post("introspect", handle, url.Values{"token": {handle}})
	act, _ := known["act"].(map[string]any)
	if status != http.StatusOK || known["active"] != true || act["sub"] != agent || known["sub"] == agent || known["task"] != "4242" {
		t.Errorf("introspected: %d %v", status, known)
	}

	g.alice.Open(g.url(ssoHost) + "/_sso/logout")
	g.alice.Await(g.url(ssoHost)+"/_sso/logout", "Log out?")
	g.alice.Click("main button")
	g.alice.Await(g.url(ssoHost)+"/_sso/logout", "You are logged out")
	if answer, body := g.ask(http.MethodPost, a, "Authorization", "Bearer "+handle); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("after the log-out ticket A answers %s: %s", answer.Status, body)
	}
	lines := g.audit()
	for _, want := range []string{"agent commissioned", "agent began", "exchange created", "lease.ended used_up", "lease.ended parent_ended", "exchange denied code_used", "exchange denied claim_mismatch"} {
		if !slices.Contains(lines, want) {
			t.Errorf("the audit lacks %q: %q", want, lines)
		}
	}
}

// answered is what came of an exchange.
type answered struct {
	status int
	got    map[string]any
}

func tried(status int, got map[string]any) answered { return answered{status, got} }

// byTheSnippet exchanges a code as the page on workloads says.
func (g ofAgents) byTheSnippet(code string) string {
	g.t.Helper()
	g.write("token", g.own(nil))
	snippet := exec.Command("sh", "-ec", workloadSnippets(g.t, "sh")[0])
	snippet.Env = append(os.Environ(), "CURL_CA_BUNDLE="+g.ca.File, "HTTPS_PROXY="+g.way, "https_proxy="+g.way, "SSO="+g.url(ssoHost), "CODE="+code, "TOKEN_FILE="+filepath.Join(g.folder, "token"), "TASK=4242")
	out, err := snippet.CombinedOutput()
	_, rest, _ := strings.Cut(string(out), `"access_token":"`)
	handle, _, _ := strings.Cut(rest, `"`)
	if err != nil || !strings.HasPrefix(handle, "lh_") {
		g.t.Fatalf("%v: %s", err, out)
	}
	return handle
}

// TestAgentsAreStartedAndEndedOnThePageAboutOneself looks at the page as people do: at a desk, on a phone, in the dark.
func TestAgentsAreStartedAndEndedOnThePageAboutOneself(t *testing.T) {
	g := beginAgents(t)
	a, home := g.url(ticketsHost)+"/tickets/A", g.url(ssoHost)+"/"
	code := g.starts(g.alice, a)
	if status, got := g.changes(code, g.own(nil), nil); status != http.StatusOK {
		t.Fatalf("%d %v", status, got)
	}
	g.starts(g.alice, a+"/attachments/with-a-name-that-is-rather-long-for-the-width-of-a-phone.txt")
	for _, look := range []struct {
		name string
		put  []func(*peers.Tab)
	}{{"desktop light", []func(*peers.Tab){(*peers.Tab).Desktop}}, {"phone dark", []func(*peers.Tab){(*peers.Tab).Phone, (*peers.Tab).Dark}}} {
		for _, put := range look.put {
			put(g.alice)
		}
		fits := func(page string) {
			t.Helper()
			g.alice.Screenshot("agents " + page + " " + look.name)
			if g.alice.Eval("document.documentElement.scrollWidth > innerWidth") != "false" {
				t.Errorf("%s: %s is wider than the window", look.name, page)
			}
			if faults := g.alice.Barriers(); len(faults) > 0 {
				t.Errorf("%s: %s: %q", look.name, page, faults)
			}
		}
		g.alice.Open(home)
		g.alice.Await(home, "code waits")
		fits("2 account")
		g.alice.Fill("#resource", g.url(ticketsHost)+"/admin")
		g.alice.Eval("document.querySelector('#resource').focus()")
		g.alice.Press("\r")
		g.alice.Await(g.url(ssoHost)+"/agents", "This is not among what may be asked for.")
		fits("3 refused")
		g.alice.Fill("#resource", a)
		g.alice.Press("\r")
		g.alice.Await(g.url(ssoHost)+"/agents", "A code for your agent")
		fits("4 code")
		g.alice.Click("form[action='/end'] button")
		g.alice.Await(home, "Agents that act for you")
	}
	for left := 2; left > 0; left-- {
		g.alice.Click("section[aria-labelledby=agents] .rows button")
		g.until("an agent to end", func() bool { return len(g.leases()) == left })
		g.alice.Await(home, "Agents that act for you")
	}
	if text := g.alice.Text(); strings.Contains(text, "code waits") || strings.Contains(text, "helper acts") {
		t.Errorf("agents are left: %s", text)
	}
}
