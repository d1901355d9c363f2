//go:build real

package main

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"leasehold/cmd/leasehold/internal/peers"
)

// consoleUnderTest is a gateway whose first operator, alice, was made by the link that serve printed, and where bob
// administers his tenant.
type consoleUnderTest struct {
	*gatewayUnderTest
	alice, bob   *peers.Tab
	bobs, carols string // accounts
}

func beginConsole(t *testing.T) *consoleUnderTest {
	t.Helper()
	c := &consoleUnderTest{gatewayUnderTest: begin(t, scene{operators: "acme", byDNS: false, mute: true})}
	c.alice = peers.Browser(t, c.ca)
	c.alice.Desktop()
	c.firstOperator()
	carol := c.alice.Stranger()
	c.logIn(carol, "/", "carol@acme.test", "Your account")
	c.bob = c.alice.Stranger()
	c.logIn(c.bob, "/admin", "bob@acme.test", "This page is for administrators.")
	c.bob.Screenshot("console 02 no office")
	if c.bob.Status() != http.StatusForbidden {
		t.Errorf("without an office: %d", c.bob.Status())
	}
	for _, a := range operatorJSON[[]accountView](c.gatewayUnderTest, "account", "list") {
		switch a.Email {
		case "bob@acme.test":
			c.bobs = string(a.ID)
		case "carol@acme.test":
			c.carols = string(a.ID)
		}
	}
	c.operator("account", "create", "--tenant", "acme", "--email", "dora@acme.test", "--name", "Dora")
	c.appointBob()
	return c
}

// logIn logs somebody in who goes to a page of the SSO host, and wants to be led back to it.
func (c *consoleUnderTest) logIn(tab *peers.Tab, path, login, text string) {
	c.t.Helper()
	tab.Open(c.url(ssoHost) + path)
	tab.Await(c.url(ssoHost)+"/login", "Sign in")
	tab.Fill("#email", login)
	tab.Click("main button")
	c.signInAtSAML(tab, login)
	tab.Await(c.url(ssoHost)+path, text)
}

// firstOperator makes alice the first operator.
func (c *consoleUnderTest) firstOperator() {
	c.t.Helper()
	link := regexp.MustCompile(`https://\S+(/admin/first\?link=\S+)`).FindStringSubmatch(c.log.String())
	if link == nil {
		c.t.Fatal("serve prints no link")
	}
	c.logIn(c.alice, link[1], "alice@acme.test", "you the first")
	c.alice.Screenshot("console 01 first operator")
	c.barrierFree(c.alice, "the first operator's page")
	c.alice.Click("main button")
	c.alice.Await(c.url(ssoHost)+"/admin", "Needs attention")
	again := c.alice.Another()
	again.Open(c.url(ssoHost) + link[1])
	again.Await(c.url(ssoHost)+"/admin/first", "Not found")
}

// appointBob appoints an administrator, by the keyboard alone.
func (c *consoleUnderTest) appointBob() {
	c.t.Helper()
	tab := c.alice
	tab.Open(c.url(ssoHost) + "/admin/accounts/" + c.bobs + "/appoint")
	tab.Await(c.url(ssoHost)+"/admin/accounts/", "Appoint")
	tab.Press("\t")
	if tab.Eval("document.activeElement.textContent") != "Skip to the content" {
		c.t.Errorf("the first thing that the keyboard comes to is %q", tab.Eval("document.activeElement.outerHTML"))
	}
	tab.Press("\r")
	for range 3 { // the office, the reason, the button
		tab.Press("\t")
	}
	if tab.Eval("document.activeElement.textContent") != "Appoint" {
		c.t.Errorf("the keyboard comes to %q", tab.Eval("document.activeElement.outerHTML"))
	}
	tab.Press("\r")
	tab.Await(c.url(ssoHost)+"/admin/accounts/"+c.bobs, "Done: Appoint.")
	c.bob.Open(c.url(ssoHost) + "/admin")
	c.bob.Await(c.url(ssoHost)+"/admin", "Administrator of Acme Corp")
}

// barrierFree wants a page that nobody is kept from, that is no wider than the window, and that asked no other host.
func (g *gatewayUnderTest) barrierFree(tab *peers.Tab, page string) {
	g.t.Helper()
	if faults := tab.Barriers(); len(faults) > 0 {
		g.t.Errorf("%s:\n%s", page, strings.Join(faults, "\n"))
	}
	if tab.Eval("document.documentElement.scrollWidth > innerWidth") != "false" {
		g.t.Errorf("%s is wider than the window", page)
	}
	if foreign := tab.Eval(`performance.getEntriesByType("resource").map(r => r.name).filter(n => !n.startsWith(location.origin + "/")).join(" ")`); foreign != "" {
		g.t.Errorf("%s asks %s", page, foreign)
	}
}

// places are the pages, each with what it has to show.
func (c *consoleUnderTest) places() map[string]string {
	lease := string(c.leases()[0].ID)
	return map[string]string{
		"/admin": "Needs attention", "/admin/accounts": "carol@acme.test", "/admin/accounts?q=car": "Carol", "/admin/accounts/new": "Create an account",
		"/admin/accounts/" + c.carols: "Time line", "/admin/accounts/" + c.carols + "/suspend": "Suspend", "/admin/accounts/" + c.carols + "/delete": "Type",
		"/admin/leases": "Holder", "/admin/leases/" + lease: "Apps entered", "/admin/connections": "acme-saml", "/admin/connections/acme-saml": "What the identity provider needs",
		"/admin/connections/acme-saml/disable": "Nobody logs in", "/admin/domains": "acme.test", "/admin/domains/acme/acme.test": "Proof", "/admin/apps": "app", "/admin/apps/app": "Origins",
		"/admin/deliveries": "Every app has heard", "/admin/tenants": "Acme Corp", "/admin/tenants/acme": "Policy", "/admin/orphans": "Retention", "/admin/requests": "Nobody waits", "/admin/audit": "account.office",
	}
}

func TestEveryPageOfTheConsoleIsFitForEverybody(t *testing.T) {
	c := beginConsole(t)
	stranger := c.alice.Stranger() // a refusal, for the charts
	stranger.Open(c.url(ssoHost) + "/login?connection=acme-saml")
	c.signInAtSAML(stranger, "dave@partner.test")
	stranger.Await(c.url(ssoHost), "You cannot go on")
	names, places := []string{}, c.places()
	for place := range places {
		names = append(names, place)
	}
	slices.Sort(names)
	for _, look := range []struct {
		name string
		tab  *peers.Tab
		put  []func(*peers.Tab)
	}{
		{"operator desktop light", c.alice, []func(*peers.Tab){(*peers.Tab).Desktop}},
		{"operator phone dark", c.alice, []func(*peers.Tab){(*peers.Tab).Phone, (*peers.Tab).Dark}},
		{"admin phone light", c.bob, []func(*peers.Tab){(*peers.Tab).Phone}},
		{"admin desktop dark", c.bob, []func(*peers.Tab){(*peers.Tab).Desktop, (*peers.Tab).Dark}},
	} {
		for _, put := range look.put {
			put(look.tab)
		}
		for n, place := range names {
			look.tab.Open(c.url(ssoHost) + place)
			look.tab.Await(c.url(ssoHost)+place, places[place])
			c.barrierFree(look.tab, look.name+": "+place)
			if n%2 == 0 || look.name == "operator desktop light" || look.name == "operator phone dark" {
				look.tab.Screenshot("console " + look.name + strings.NewReplacer(c.carols, "carol", "?", "-", "=", "-").Replace(strings.ReplaceAll(place, "/", " ")))
			}
		}
	}
}

func TestAnAdministratorEndsSearchesAndErasesInABrowser(t *testing.T) {
	c := beginConsole(t)
	tab := c.bob
	tab.Open(c.url(ssoHost) + "/admin/accounts")
	tab.Fill("#q", "carol")
	tab.Click(".filter button")
	tab.Await(c.url(ssoHost)+"/admin/accounts?q=carol", "Carol Example")
	tab.Click("table a")
	tab.Await(c.url(ssoHost)+"/admin/accounts/"+c.carols, "Sessions now")
	tab.Click(`td.do a[href*="/end"]`)
	tab.Await(c.url(ssoHost)+"/admin/leases/", "End this session")
	tab.Fill("#reason", "a lost laptop")
	tab.Click("form button")
	tab.Await(c.url(ssoHost)+"/admin/accounts/"+c.carols, "this account opens nothing now")
	tab.Click(`a[href$="/delete"]`)
	tab.Await(c.url(ssoHost)+"/admin/accounts/"+c.carols+"/delete", "Type")
	tab.Fill("#typed", "alice@acme.test")
	tab.Fill("#reason", "asked for it")
	tab.Click("form button")
	tab.Await(c.url(ssoHost)+"/admin/accounts/"+c.carols+"/delete", "Nothing was done")
	tab.Screenshot("console 03 typed wrongly")
	c.barrierFree(tab, "a question asked again")
	tab.Fill("#typed", "carol@acme.test")
	tab.Click("form button")
	tab.Await(c.url(ssoHost)+"/admin/accounts/"+c.carols, "Done: Delete and erase.")
	if strings.Contains(tab.Text(), "carol@acme.test") || operatorJSON[accountView](c.gatewayUnderTest, "account", "show", c.carols).State != "deleted" {
		t.Errorf("she is not erased: %s", tab.Text())
	}
	events := c.events()
	if last := events[len(events)-1]; last.Event != "account.state" || last.Actor.Kind != "tenant_admin" || last.Actor.ID != c.bobs || last.Actor.Via != "console" {
		t.Errorf("the audit ends with %+v", last)
	}
}
