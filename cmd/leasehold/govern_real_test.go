//go:build real

package main

import (
	"fmt"
	"net/http"
	"strings"

	"leasehold/provision"
)

// connectionOf is the one that globex has.
func connectionOf(g *gatewayUnderTest) provision.ConnectionID {
	g.t.Helper()
	found := operatorJSON[[]connectionView](g, "connection", "list", "--tenant", "globex")
	if len(found) != 1 {
		g.t.Fatalf("connections: %+v", found)
	}
	return provision.ConnectionID(found[0].ID)
}

// governs is what an administrator does who has just come in: every page of it is fit for everybody.
func (c *customer) governs(connection string) {
	c.t.Helper()
	c.tab.Desktop()
	c.looksAtHerself()
	c.invites()
	c.writesPolicy()
	c.putsPolicyBack()
	c.triesLogin("/admin/connections/" + connection)
}

// at waits for a page, and looks at it.
func (c *customer) at(page, path, text string) {
	c.t.Helper()
	c.tab.Await(c.url(ssoHost)+path, text)
	c.looks(page)
}

// looksAtHerself sees her own page, and has what is held about her.
func (c *customer) looksAtHerself() {
	c.t.Helper()
	c.tab.Open(c.url(ssoHost) + "/")
	c.at("own page", "/", "Open the console")
	c.reachable("own page")
	var cookies []string
	for _, cookie := range c.tab.Cookies() {
		if strings.HasSuffix(cookie.Domain, ssoHost) {
			cookies = append(cookies, cookie.Name+"="+cookie.Value)
		}
	}
	answer, file := c.ask(http.MethodGet, c.url(ssoHost)+"/held.json", "Cookie", strings.Join(cookies, "; "))
	if answer.StatusCode != http.StatusOK || !strings.Contains(answer.Header.Get("Content-Disposition"), "attachment") || !strings.Contains(file, `"gina@globex.test"`) {
		c.t.Errorf("%s: %v\n%s", answer.Status, answer.Header, file)
	}
	c.tab.Click(`a[href="/admin"]`)
	c.at("overview", "/admin", "Administrator of Globex")
}

// reachable presses the key Tab until it has been everywhere on the page: each thing that can be used is come to, and
// shows that it has the focus. The page is fit for everybody in the light, on a desk, as well.
func (c *customer) reachable(page string) {
	c.t.Helper()
	c.barrierFree(c.tab, page)
	const usable = `[...document.querySelectorAll("a[href],button,input:not([type=hidden]),select,textarea,summary")].filter(e => e.checkVisibility())`
	var n int
	if _, err := fmt.Sscan(c.tab.Eval(usable+".length"), &n); err != nil || n == 0 {
		c.t.Fatalf("%s: %d things can be used: %v", page, n, err)
	}
	c.tab.Eval(`(document.activeElement.blur(), window.come = new Set(), window.unseen = [], document.addEventListener("focusin", e => {
		window.come.add(e.target);
		const s = getComputedStyle(e.target);
		if (s.outlineStyle == "none" || s.outlineWidth == "0px") window.unseen.push(e.target.outerHTML.slice(0, 120));
	}), "")`)
	for range n + 2 {
		c.tab.Press("\t")
	}
	if missed := c.tab.Eval(usable + `.filter(e => !window.come.has(e)).map(e => e.outerHTML.slice(0, 120)).join("\n")`); missed != "" {
		c.t.Errorf("%s: the keyboard does not come to\n%s", page, missed)
	}
	if unseen := c.tab.Eval(`window.unseen.join("\n")`); unseen != "" {
		c.t.Errorf("%s: nobody sees that the keyboard is at\n%s", page, unseen)
	}
}

// invites makes a setup link for a colleague, and takes it back.
func (c *customer) invites() {
	c.t.Helper()
	c.tab.Open(c.url(ssoHost) + "/admin/tenants/globex")
	c.at("tenant", "/admin/tenants/globex", "None is open")
	c.tab.Click(`a[href$="/setups/new"]`)
	c.at("setup link asked", "/admin/tenants/globex/setups/new", "It works for")
	c.tab.Click("form.ask button")
	c.at("setup link made", "/admin/tenants/globex/setups/new", "it is not shown again")
	c.tab.Click(`a[href$="/withdraw"]`)
	c.at("setup link withdrawn", "/admin/tenants/globex/setups/", "opens nothing any more")
	c.tab.Click("form.ask button")
	c.tab.Await(c.url(ssoHost)+"/admin/tenants/globex", "None is open")
}

const editorPath = "/admin/tenants/globex/policy"

// writesPolicy writes one that is faulty, one that would shut her out, and one that is saved.
func (c *customer) writesPolicy() {
	c.t.Helper()
	c.tab.Open(c.url(ssoHost) + editorPath)
	c.at("policy editor", editorPath, "See what it would do")
	c.reachable("policy editor")
	c.tab.Fill("#when", "request.tme")
	c.tab.Click("form.policy .acts button")
	c.at("policy fault", editorPath, "undeclared reference to 'request.tme'")
	c.tab.Fill("#when", "account.email != 'gina@globex.test'")
	c.tab.Click("form.policy .acts button")
	c.at("policy lock-out", editorPath, "You would shut yourself out")
	if text := c.tab.Text(); !strings.Contains(text, "gina@globex.test") || !strings.Contains(text, string(provision.CausePolicyTightened)) || strings.Contains(text, "Save") {
		c.t.Errorf("the trial says %s", text)
	}
	c.tab.Click(`button[name="edit"]`)
	c.tab.Await(c.url(ssoHost)+editorPath, "See what it would do")
	c.tab.Fill("#when", "")
	c.tab.Fill("#seats", "50")
	c.tab.Fill(`[name="roles.default"]`, "reader")
	c.tab.Fill("#elevate", "role: auditor\nwho.roles: reader\nmax: 2h\napprovers.groups: security\n")
	c.tab.Click("form.policy .acts button")
	c.at("policy trial", editorPath, "Nobody who is logged in would lose anything")
	c.reachable("policy trial")
	c.tab.Fill("#reason", "we are fifty")
	c.tab.Click("form.ask button")
	c.at("policy saved", editorPath, "Version 2 is in force")
}

// putsPolicyBack looks at the former version, and puts it in force again.
func (c *customer) putsPolicyBack() {
	c.t.Helper()
	c.tab.Open(c.url(ssoHost) + editorPath + "/2")
	c.at("policy version in force", editorPath+"/2", "we are fifty")
	c.tab.Open(c.url(ssoHost) + editorPath + "/1")
	c.at("policy version former", editorPath+"/1", "seats: (none) → 50")
	c.tab.Click("main .acts .button")
	c.at("policy put back", editorPath, "to be put back in the place of version 2")
	c.tab.Click("form.policy .acts button")
	c.tab.Await(c.url(ssoHost)+editorPath, "seats: 50 → (none)")
	c.tab.Click("form.ask button")
	c.tab.Await(c.url(ssoHost)+editorPath, "Version 3 is in force")
	c.told("policy.changed", "policy.changed")
}

// triesLogin tries one at her connection, and looks at a response that is none.
func (c *customer) triesLogin(connection string) {
	c.t.Helper()
	c.tab.Open(c.url(ssoHost) + connection)
	c.at("connection", connection, "Try a login")
	c.tab.Open(c.url(ssoHost) + connection + "/test")
	c.at("test login", connection+"/test", "Nobody is let in by it")
	c.tab.Click("main form button")
	c.tab.Await(c.saml.Base, "")
	c.signInAtSAML(c.tab, "gina")
	c.at("test login good", connection+"/test", "It works")
	c.reachable("test login")
	c.tab.Fill("#response", "no response")
	c.tab.Click(`form[action$="/response"] button`)
	c.at("test login pasted", connection+"/test", "It does not work")
}
