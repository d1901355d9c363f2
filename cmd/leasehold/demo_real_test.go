//go:build real

package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"leasehold/cmd/leasehold/internal/demo"
	"leasehold/cmd/leasehold/internal/peers"
)

// demoUnderTest is a running demo and a browser that looks at it, over plain http on names below localhost.
type demoUnderTest struct {
	t    *testing.T
	port int
}

func beginDemo(t *testing.T) *demoUnderTest {
	t.Helper()
	d := &demoUnderTest{t, peers.Port(t)}
	ctx, stop := context.WithCancel(context.Background())
	var said lockedBuffer
	over := make(chan error, 1)
	go func() {
		over <- run(ctx, []string{"demo", "--listen", fmt.Sprintf("127.0.0.1:%d", d.port)}, nil, &said, &said)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-over; err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	})
	for end := time.Now().Add(peers.Patience); !strings.Contains(said.String(), d.url("app")); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the demo says only %q", said.String())
		}
	}
	return d
}

func (d *demoUnderTest) url(host string) string {
	return fmt.Sprintf("http://%s.localhost:%d", host, d.port)
}

func TestTheDemoLetsItsPeopleInByBothProtocolsInABrowser(t *testing.T) {
	d := beginDemo(t)
	tab := peers.Browser(t, peers.NewCA(t))
	tab.Open(d.url("app") + "/deep?a=1&b=2")
	d.byEmail(tab)
	tab.Screenshot("demo 1 saml provider")
	signIn(tab, "alice")
	tab.Await(d.url("app")+"/deep?a=1&b=2", "Hello, Alice Example")
	tab.Screenshot("demo 2 app")
	d.hostCookies(tab)

	bob := tab.Stranger()
	bob.Open(d.url("sso") + "/login?connection=acme-oidc")
	bob.Await(d.url("oidc"), "Acme by OpenID Connect")
	bob.Screenshot("demo 3 openid provider")
	signIn(bob, "bob")
	bob.Await(d.url("sso")+"/", "Your account")
	bob.Screenshot("demo 4 account")
	bob.Open(d.url("app") + "/")
	bob.Await(d.url("app")+"/", "Hello, Bob Example")

	tab.Click(`a[href="/_sso/logout"]`)
	tab.Await(d.url("app")+"/_sso/logout", "Log out?")
	tab.Click("main button")
	tab.Await(d.url("app")+"/_sso/logout", "You are logged out")
	tab.Open(d.url("app") + "/")
	tab.Await(d.url("sso")+"/login", "Sign in")
}

func TestTheDemoRefusesWhomItSaysItWillRefuse(t *testing.T) {
	d := beginDemo(t)
	first := peers.Browser(t, peers.NewCA(t))
	for login, why := range map[string]string{"mallory": "Your e-mail domain is not set up here.", "carol": "You are not in a group that may enter."} {
		tab := first.Stranger()
		tab.Open(d.url("app") + "/")
		d.byEmail(tab)
		signIn(tab, login)
		tab.Await(d.url("sso")+"/idp/acme-saml/resume", why)
		tab.Screenshot("demo 5 refused " + login)
		if tab.Status() != http.StatusForbidden || !strings.Contains(tab.Text(), "it@"+demo.Domain) {
			t.Errorf("%s: status %d: %s", login, tab.Status(), tab.Text())
		}
		tab.Open(d.url("app") + "/")
		tab.Await(d.url("sso")+"/login", "Sign in")
	}
}

func TestEveryPageIsFitForAPhoneAndForTheDark(t *testing.T) {
	d := beginDemo(t)
	browser := peers.Browser(t, peers.NewCA(t))
	for look, put := range map[string]func(*peers.Tab){"phone": (*peers.Tab).Phone, "dark": (*peers.Tab).Dark} {
		tab := browser.Stranger()
		put(tab)
		fits := func(page string) {
			t.Helper()
			tab.Screenshot("look " + look + " " + page)
			if tab.Eval("document.documentElement.scrollWidth > innerWidth") != "false" {
				t.Errorf("%s: %s is wider than the window", look, page)
			}
			if dark := tab.Eval(`getComputedStyle(document.body).backgroundColor.match(/\d+/)[0] < 128`) == "true"; dark != (look == "dark") {
				t.Errorf("%s: %s is dark: %v", look, page, dark)
			}
		}
		tab.Open(d.url("app") + "/")
		tab.Await(d.url("sso")+"/login", "Sign in")
		fits("1 login")
		tab.Fill("#email", "somebody@nowhere.test")
		tab.Click("main button")
		tab.Await(d.url("sso")+"/login", "We cannot sign you in")
		fits("2 address refused")
		tab.Open(d.url("sso") + "/nothing")
		fits("3 error")
		tab.Open(d.url("app") + "/")
		d.byEmail(tab)
		signIn(tab, "carol")
		tab.Await(d.url("sso")+"/idp/acme-saml/resume", "You cannot go on")
		fits("4 denied")
		tab.Open(d.url("app") + "/_sso/unavailable")
		fits("5 unavailable")
		tab.Open(d.url("app") + "/")
		d.byEmail(tab)
		signIn(tab, "alice")
		tab.Await(d.url("app")+"/", "Hello")
		tab.Open(d.url("sso") + "/")
		fits("6 account")
		tab.Open(d.url("sso") + "/_sso/logout")
		fits("7 log out")
		tab.Click("main button")
		tab.Await(d.url("sso")+"/_sso/logout", "You are logged out")
		fits("8 logged out")
	}
}

// byEmail answers the e-mail page and waits for the provider's.
func (d *demoUnderTest) byEmail(tab *peers.Tab) {
	d.t.Helper()
	tab.Await(d.url("sso")+"/login", "Sign in")
	tab.Fill("#email", "somebody@"+demo.Domain)
	tab.Click("main button")
	tab.Await(d.url("saml"), "Acme by SAML")
}

// signIn answers the form of a demo provider.
func signIn(tab *peers.Tab, login string) {
	tab.Fill("[name=login]", login)
	tab.Fill("[name=password]", "demo")
	tab.Click("button")
}

// hostCookies looks whether the browser took our cookies for what they are: over http, because localhost is secure.
func (d *demoUnderTest) hostCookies(tab *peers.Tab) {
	d.t.Helper()
	want := map[string]string{"__Host-lh": "sso.localhost", "__Host-lh-browser": "sso.localhost", "__Host-lh-app": "app.localhost", "__Host-lh-start": "app.localhost"}
	for _, c := range tab.Cookies() {
		if want[c.Name] != c.Domain || !c.Secure || !c.HTTPOnly || c.Path != "/" {
			d.t.Errorf("cookie: %+v", c)
		}
		delete(want, c.Name)
	}
	if len(want) > 0 {
		d.t.Errorf("the browser did not take %v", want)
	}
}
