//go:build real

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"leasehold/cmd/leasehold/internal/peers"
	"leasehold/provision"
)

// customer is somebody at a customer's who was sent a setup link, with a browser and a registrar.
type customer struct {
	*gatewayUnderTest
	tab  *peers.Tab
	name string // before each picture
	near bool   // each page is looked at closely
}

// sendLink makes a tenant that lets nobody new in, and opens a setup link of it in a browser.
func (g *gatewayUnderTest) sendLink(name string, near bool) *customer {
	g.t.Helper()
	g.makeTenant("globex", `{"name":"Globex","contact":"help@globex.test"}`)
	link, _, _ := strings.Cut(g.operator("setup", "create", "--tenant", "globex", "--reason", "they asked"), "\n")
	c := &customer{g, peers.Browser(g.t, g.ca), name, near}
	c.tab.Open(link)
	c.sees("door", "Set up single sign-on for Globex")
	thief := c.tab.Stranger()
	c.tab.Click("main button")
	c.sees("vendor", "Which identity provider does Globex use?")
	thief.Open(link)
	thief.Await(link, "This setup link was opened in another browser.")
	thief.Screenshot(name + " copied link")
	return c
}

// makeTenant registers a tenant by the API, whose own it is then: no manifest has it.
func (g *gatewayUnderTest) makeTenant(id, body string) {
	g.t.Helper()
	token := strings.TrimSpace(g.operator("token", "create", "--everywhere", "--scope", "write", "--expires", "1d", "--name", "test"))
	request, err := http.NewRequestWithContext(g.t.Context(), http.MethodPut, g.url(ssoHost)+"/api/v1/tenants/"+id, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/json", "If-None-Match": "*"} {
		request.Header.Set(name, value)
	}
	answer, err := peers.Client(g.t, g.ca, false).Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusCreated {
		g.t.Fatalf("tenant %s: %s", id, answer.Status)
	}
}

// sees waits for one of the setup's pages, and keeps a picture of it.
func (c *customer) sees(step, text string) {
	c.t.Helper()
	path := "/setup/" + step
	if step == "door" {
		path = "/setup/"
	}
	c.tab.Await(c.url(ssoHost)+path, text)
	c.looks(step)
}

// looks keeps a picture of the page, and wants it to be fit for everybody: on a desk or, where that is looked at closely, on
// a telephone in the dark.
func (c *customer) looks(page string) {
	c.t.Helper()
	if n := len(c.tab.Eval("document.documentElement.outerHTML")); n > 60_000 {
		c.t.Errorf("%s has %d bytes", page, n)
	}
	c.tab.Screenshot(c.name + " " + page)
	if !c.near {
		c.barrierFree(c.tab, page)
		return
	}
	c.tab.Phone()
	c.tab.Dark()
	c.tab.Screenshot(c.name + " " + page + " phone dark")
	c.barrierFree(c.tab, page+" on a telephone in the dark")
	c.tab.Desktop()
	c.tab.Light()
}

// chooses the make and the protocol, and reads the values to copy.
func (c *customer) chooses(vendor, protocol string) map[string]string {
	c.t.Helper()
	c.tab.Click("input[value=" + vendor + "]")
	c.tab.Click("input[value=" + protocol + "]")
	c.tab.Click("main button")
	c.sees("provider", "Values to copy")
	var values map[string]string
	text := c.tab.Eval(`JSON.stringify(Object.fromEntries([...document.querySelectorAll("table.values tr")].filter(r => r.querySelector("td code")).map(r => [r.querySelector("th").textContent, r.querySelector("td code").textContent])))`)
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		c.t.Fatalf("values %s: %v", text, err)
	}
	return values
}

// proves the domain with what the page says, at the registrar.
func (c *customer) proves(domain string) {
	c.t.Helper()
	c.tab.Await(c.url(ssoHost)+"/setup/domain", "Prove that the domain of your addresses is yours")
	c.tab.Fill("#domain", domain)
	c.tab.Click("main form button")
	c.sees("domain", "The name answers, without this record.")
	cell := func(n int) string {
		return c.tab.Eval(fmt.Sprintf(`document.querySelectorAll("table.values")[0].rows[%d].querySelector("td code").textContent`, n))
	}
	c.dns.Set(cell(1), peers.Records{TXT: []string{cell(2)}})
	c.tab.Await(c.url(ssoHost)+"/setup/domain", "verified") // it looks again by itself
	c.tab.Screenshot(c.name + " domain proved")
	c.tab.Click("main .actions a")
	c.sees("test", "Try a login now")
}

// finishes enables what was tested, comes in as the first administrator and takes the office.
func (c *customer) finishes(signIn func()) {
	c.t.Helper()
	c.tab.Click("main .actions a")
	c.sees("enable", "The last test login was good.")
	c.tab.Click("main form button")
	c.sees("admin", "Now it counts")
	c.tab.Click("main form button")
	signIn()
	c.sees("admin", "You are signed in as gina@globex.test")
	c.tab.Click("main form button")
	c.sees("done", "You are the administrator")

	account := c.account()
	if account.Email != "gina@globex.test" || !slices.Contains(account.Offices, string(provision.TenantAdminOffice)) {
		c.t.Errorf("the first account is %+v", account)
	}
	connection := operatorJSON[[]connectionView](c.gatewayUnderTest, "connection", "list", "--tenant", "globex")
	if len(connection) != 1 || connection[0].Disabled || connection[0].Owner != "api" {
		c.t.Errorf("connections: %+v", connection)
	}
	if open := operatorJSON[[]setupView](c.gatewayUnderTest, "setup", "list"); len(open) != 0 {
		c.t.Errorf("setups that still work: %+v", open)
	}
	c.told("setup done", "account.office appointed")
	c.tab.Open(c.url(ssoHost) + "/setup/")
	c.tab.Await(c.url(ssoHost)+"/setup/", "This setup link does not work any more.")
}

func gina() peers.People {
	return peers.People{
		"gina": {Password: peers.Password, UID: "g-1", Mail: "gina@globex.test", Name: "Gina Globex", Groups: []string{"staff", "leasehold:admin"}},
		"nora": {Password: peers.Password, UID: "n-2", Name: "Nora Noaddress"},
	}
}

func TestAStrangerWithOnlyALinkSetsUpSAMLAndGovernsAsTheAdministrator(t *testing.T) {
	g := begin(t, scene{})
	g.saml.SetUsers(t, gina())
	c := g.sendLink("setup saml", true)
	values := c.chooses("other", "saml")
	g.saml.AddSP(t, []byte(fmt.Sprintf(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="%s"><SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
		<AssertionConsumerService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="%s" index="0"/></SPSSODescriptor></EntityDescriptor>`,
		values["Entity ID, or audience"], values["Assertion consumer service URL"])))
	c.tab.Fill("#url", "https://nothing.globex.test/metadata")
	c.tab.Click("main form button")
	c.sees("provider", "Nothing that can be used was found at that address.")
	c.tab.Fill("#url", g.saml.LocalURL)
	c.tab.Click("main form button")
	c.proves("globex.test")

	c.tab.Click("main form button")
	c.tab.Await(g.saml.Base, "")
	g.signInAtSAML(c.tab, "nora")
	c.tab.Await(g.url(ssoHost)+"/setup/test", "It does not work yet")
	c.looks("test refused")
	for _, want := range []string{"email_missing", "Nora Noaddress", "What it said"} {
		if !strings.Contains(c.tab.Text(), want) {
			t.Errorf("the test login does not say %q", want)
		}
	}
	c.tab.Click("main form button")
	c.tab.Await(g.saml.Base, "")
	g.signInAtSAML(c.tab, "gina")
	c.sees("test", "It works")
	c.tab.Eval(`[...document.querySelector("#m-email").options].find(o => o.text.includes("gina@globex.test")).selected = true`)
	c.tab.Click("form[action='/setup/mapping'] button")
	c.tab.Await(g.url(ssoHost)+"/setup/test", "The connection was changed since")
	c.tab.Click("main form button")
	c.tab.Await(g.saml.Base, "")
	g.signInAtSAML(c.tab, "gina")
	c.tab.Await(g.url(ssoHost)+"/setup/test", "Continue to enable")
	c.finishes(func() {
		c.tab.Await(g.saml.Base, "")
		g.signInAtSAML(c.tab, "gina")
	})
	c.governs(string(connectionOf(g)))
}

func TestAStrangerWithOnlyALinkSetsUpOpenIDConnectAndIsTheAdministrator(t *testing.T) {
	g := begin(t, scene{})
	c := g.sendLink("setup oidc", false)
	values := c.chooses("keycloak", "oidc")
	client := peers.OIDCClient{ID: oidcID, Secret: oidcWords, RedirectURIs: []string{values["Valid redirect URIs"]}}
	g.oidc = peers.OIDCProvider(t, peers.OIDCOptions{CA: g.ca, Host: oidcHost, Clients: []peers.OIDCClient{client}, People: gina()})
	give := func(issuer string) {
		c.tab.Fill("#issuer", issuer)
		c.tab.Fill("#client_id", oidcID)
		c.tab.Fill("#secret", oidcWords)
		c.tab.Click("main form button")
	}
	give(g.oidc.Issuer + "/elsewhere")
	c.sees("provider", "The issuer did not say what it is.")
	give(g.oidc.Issuer)
	c.proves("globex.test")
	signIn := func() {
		c.tab.Await(g.oidc.Issuer, "Sign in")
		fillOIDC(c.tab, "gina")
	}
	c.tab.Click("main form button")
	signIn()
	c.sees("test", "It works")
	c.finishes(signIn)
}
