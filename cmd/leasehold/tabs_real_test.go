//go:build real

package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/cmd/leasehold/internal/peers"
)

func TestTwoTabsLogInAtOnce(t *testing.T) {
	g := begin(t, scene{})
	first := peers.Browser(t, g.ca)
	second := first.Another()
	tabs := map[string]*peers.Tab{g.url(appHost) + "/one?a=1&b=2": first, g.url(appHost) + "/two?a=3&b=4": second}
	for address, tab := range tabs {
		tab.Open(address)
		tab.Await(g.url(ssoHost)+"/login", "Sign in")
		tab.Fill("#email", "alice@acme.test")
		tab.Click("main button")
		tab.Await(g.saml.Base, "")
	}
	for address, tab := range tabs {
		g.signInAtSAML(tab, "alice@acme.test")
		tab.Await(address, "Echo app")
		if tab.URL() != address {
			t.Errorf("came to %s instead of %s", tab.URL(), address)
		}
	}
	for address, tab := range tabs {
		tab.Reload()
		tab.Await(address, "alice@acme.test")
	}
	if leases := g.leases(); len(leases) != 1 {
		t.Errorf("leases: %+v", leases)
	}
	if all := g.audit(); !slices.Contains(all, "lease.ended replaced") {
		t.Errorf("the first tab's lease was not replaced: %q", all)
	}
}

func TestBackAfterTheLoginLeadsToTheAppAgain(t *testing.T) {
	g := begin(t, scene{})
	tab := peers.Browser(t, g.ca)
	here := g.url(appHost) + "/here?a=1&b=2"
	g.enters(tab, here, "alice@acme.test")
	lease := received(tab, "X-Leasehold-Lease")
	tab.Back()
	tab.Await(g.saml.Base, "Enter your username and password")
	// A second answer to a question that was answered. The page is out of the browser's memory: its own script fills it.
	tab.Eval(`(form => { form.username.value = "alice@acme.test"; form.password.value = "` + peers.Password + `"; setTimeout(() => form.submit()) })(document.forms[0])`)
	tab.Await(here, "Echo app")
	if got := received(tab, "X-Leasehold-Lease"); tab.URL() != here || got != lease {
		t.Errorf("came to %s with lease %s instead of %s", tab.URL(), got, lease)
	}
}

func TestBackAfterTheLogOutShowsNothingOfTheApp(t *testing.T) {
	apps := []peers.Site{{Host: appHost, App: peers.Echo(t), NoStore: true}, {Host: wikiHost, App: peers.Echo(t)}}
	g := begin(t, scene{apps: apps})
	browser := peers.Browser(t, g.ca)
	for _, app := range apps {
		tab := browser.Stranger()
		here := g.url(app.Host) + "/secret"
		g.enters(tab, here, "alice@acme.test")
		tab.Click("#logout")
		tab.Await(g.url(app.Host)+"/_sso/logout", "Log out?")
		tab.Click("main button")
		tab.Await(g.url(app.Host)+"/_sso/logout", "You are logged out")
		for back := 1; back <= 3; back++ {
			tab.Back()
			time.Sleep(500 * time.Millisecond) // what should not come has no sign of its own
			if text := tab.Text(); strings.Contains(text, "Echo app") || strings.Contains(text, "alice@acme.test") {
				t.Errorf("%s: %d times Back shows, at %s:\n%s", app.Host, back, tab.URL(), text)
			}
		}
	}
}

func TestAFormThatMeetsAnEndedSessionSaysThatItWasNotSent(t *testing.T) {
	g := begin(t, scene{})
	tab := peers.Browser(t, g.ca)
	g.enters(tab, g.url(appHost)+"/here", "alice@acme.test")
	tab.Fill("[name=words]", "precious")
	g.operator("revoke", "--lease", string(g.leases()[0].ID), "--reason", "test")
	tab.Click("form button")
	tab.Await(g.url(appHost)+"/save", "your last action was not sent")
	tab.Screenshot("tabs 1 not sent")
	if tab.Status() != http.StatusUnauthorized {
		t.Errorf("status %d", tab.Status())
	}
	tab.Click("main .button")
	tab.Await(g.url(ssoHost)+"/login", "Sign in")
	tab.Fill("#email", "alice@acme.test")
	tab.Click("main button")
	tab.Await(g.url(appHost)+"/", "GET / at")
}

func TestASecondAppIsEnteredSilentlyOrNotAtAll(t *testing.T) {
	apps := []peers.Site{{Host: appHost, App: peers.Echo(t)}, {Host: wikiHost, App: peers.Echo(t)}}
	g := begin(t, scene{apps: apps, engineers: wikiHost})
	alice := peers.Browser(t, g.ca)
	g.enters(alice, g.url(appHost)+"/here", "alice@acme.test")
	lease := received(alice, "X-Leasehold-Lease")
	wiki := g.url(wikiHost) + "/page?a=1&b=2"
	alice.Open(wiki)
	alice.Await(wiki, "Echo app")
	if got := received(alice, "X-Leasehold-Lease"); got != lease {
		t.Errorf("lease %s there, %s here", got, lease)
	}
	g.told("login created")
	alice.Open(g.url(ssoHost) + "/")
	alice.Await(g.url(ssoHost)+"/", "Apps opened: app, wiki")

	bob := alice.Stranger()
	g.enters(bob, g.url(appHost)+"/here", "bob@acme.test")
	bob.Open(wiki)
	bob.Await(g.url(ssoHost)+"/login", "This app wants a role that you do not have.")
	bob.Screenshot("tabs 2 denied")
	if text := bob.Text(); bob.Status() != http.StatusForbidden || !strings.Contains(text, "bob@acme.test") || !strings.Contains(text, "it@acme.test") {
		t.Errorf("status %d: %s", bob.Status(), text)
	}

	bob.Click("main .button")
	bob.Await(g.url(ssoHost)+"/login", "Work e-mail address")
	bob.Fill("#email", "alice@acme.test")
	bob.Click("main button")
	bob.Await(g.saml.Base, "Enter your username and password") // although it knows Bob
	g.signInAtSAML(bob, "alice@acme.test")
	bob.Await(wiki, "Echo app")
	if got := received(bob, "X-Leasehold-Email"); got != "alice@acme.test" {
		t.Errorf("the wiki knows %s", got)
	}
	if all := g.audit(); !slices.Contains(all, "lease.ended replaced") {
		t.Errorf("Bob's lease goes on: %q", all)
	}
}

func TestAPrefetchBeginsNothing(t *testing.T) {
	g := begin(t, scene{})
	for _, address := range []string{g.url(appHost) + "/here", g.url(appHost) + "/_sso/start?rd=/here", g.url(ssoHost) + "/login?connection=acme-saml"} {
		for _, purpose := range []string{"prefetch", "prefetch;prerender"} {
			answer, _ := g.ask("GET", address, "Sec-Purpose", purpose, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html")
			h := answer.Header
			if answer.StatusCode != http.StatusUnauthorized || h.Get("Location")+h.Get("Refresh")+h.Get("Set-Cookie") != "" || h.Get("Cache-Control") != "no-store" {
				t.Errorf("%s of %s: %s %v", purpose, address, answer.Status, h)
			}
		}
	}
}

func TestAnIdentityProviderThatSaysNothingLeavesAPageWithAWayOn(t *testing.T) {
	g := begin(t, scene{mute: true})
	tab := peers.Browser(t, g.ca)
	tab.Open(g.url(ssoHost) + "/login")
	tab.Fill("#email", "alice@mute.test")
	tab.Click("main button")
	tab.Await(g.url(ssoHost)+"/login", "Continue to sign-in")
	tab.Screenshot("tabs 3 on the way")
}
