//go:build real

package main

import (
	"net/http"
	"strings"
	"testing"

	"leasehold/cmd/leasehold/internal/peers"
)

func TestAppsKnowWhoIsThereBehindEitherProxy(t *testing.T) {
	for name, caddy := range map[string]bool{"nginx": false, "caddy": true} {
		t.Run(name, func(t *testing.T) {
			apps := []peers.Site{{Host: appHost, App: peers.Echo(t), NoStore: true}, {Host: calHost, App: peers.Radicale(t), RemoteUser: true}}
			g := begin(t, scene{caddy: caddy, apps: apps})
			tab := peers.Browser(t, g.ca)
			here := g.url(appHost) + "/here?a=1&b=2"
			g.enters(tab, here, "bob@acme.test")
			bob := string(g.account().ID)
			tab.Screenshot(name + " 1 app")
			g.absentValuesAreEmpty(tab, bob)
			g.nobodySpeaksForHimself(here, cookie(tab, appHost, "__Host-lh-app"), bob)
			g.radicaleKnows(tab, bob)
			tab.Screenshot(name + " 2 calendar")
			g.formIsNotSent(tab)
		})
	}
}

// absentValuesAreEmpty looks for what Bob does not have, a role, in what his app was told.
func (g *gatewayUnderTest) absentValuesAreEmpty(tab *peers.Tab, bob string) {
	g.t.Helper()
	if roles, groups, user := received(tab, "X-Leasehold-Roles"), received(tab, "X-Leasehold-Groups"), received(tab, "X-Leasehold-User"); roles != "" || groups != "sales" || user != bob {
		g.t.Errorf("the app was told of user %q, roles %q and groups %q", user, roles, groups)
	}
	if text := tab.Text(); strings.Contains(text, "{http.") || strings.Contains(text, "X-Remote-User") {
		g.t.Errorf("the app was told:\n%s", text)
	}
}

// nobodySpeaksForHimself asks with headers that only the proxy may set.
func (g *gatewayUnderTest) nobodySpeaksForHimself(here, session, bob string) {
	g.t.Helper()
	forged := []string{"X-Leasehold-User", "root", "X-Leasehold-Roles", "root", "X-Remote-User", "root", "X-Forwarded-User", "root"}
	answer, body := g.ask("GET", here, append(forged[:6:6], "Cookie", session)...)
	if answer.StatusCode != http.StatusOK || strings.Contains(body, "root") || !strings.Contains(body, bob) {
		g.t.Errorf("with forged headers beside a session: %s: %s", answer.Status, body)
	}
	if answer, body := g.ask("GET", here, forged...); answer.StatusCode != http.StatusUnauthorized {
		g.t.Errorf("with forged headers alone: %s: %s", answer.Status, body)
	}
	// CGI and its heirs cannot tell this from X-Leasehold-User. nginx drops it; elsewhere the check refuses it.
	answer, body = g.ask("GET", here, "X_Leasehold_User", "root", "Cookie", session)
	if strings.Contains(body, "root") || answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusForbidden && answer.StatusCode != http.StatusBadRequest {
		g.t.Errorf("with a header that looks like one of ours: %s: %s", answer.Status, body)
	}
}

// radicaleKnows enters the calendar silently, and lets the page in the browser ask it whom it talks to, lying.
func (g *gatewayUnderTest) radicaleKnows(tab *peers.Tab, bob string) {
	g.t.Helper()
	tab.Open(g.url(calHost) + "/")
	tab.Await(g.url(calHost)+"/.web/", "Login")
	said := tab.Eval(propfind)
	if !strings.HasPrefix(said, "207 ") || !strings.Contains(said, "/"+bob+"/") || strings.Contains(said, "root") {
		g.t.Errorf("Radicale says %s", said)
	}
	g.operator("revoke", "--lease", string(g.leases()[0].ID), "--reason", "test")
	if said := tab.Eval(propfind); !strings.HasPrefix(said, "401 ") {
		g.t.Errorf("after the end Radicale says %s", said)
	}
}

// propfind is the question who is asking (RFC 5397), by a script that says it is root.
const propfind = `(() => {
	const ask = new XMLHttpRequest();
	ask.open("PROPFIND", "/", false);
	ask.setRequestHeader("Depth", "0");
	ask.setRequestHeader("X-Remote-User", "root");
	ask.send('<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>');
	return ask.status + " " + ask.responseText;
})()`

// formIsNotSent lets a form of the app meet the end of the session.
func (g *gatewayUnderTest) formIsNotSent(tab *peers.Tab) {
	g.t.Helper()
	tab.Eval(`(form => { form.method = "post"; form.action = "/save"; document.body.append(form); setTimeout(() => form.submit()) })(document.createElement("form"))`)
	tab.Await(g.url(calHost)+"/save", "your last action was not sent")
	if tab.Status() != http.StatusUnauthorized {
		g.t.Errorf("status %d", tab.Status())
	}
}
