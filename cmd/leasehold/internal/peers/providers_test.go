//go:build real

package peers_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"leasehold/cmd/leasehold/internal/peers"
)

// gateway is a site over TLS that keeps the forms it gets and shows a page.
func gateway(t *testing.T, ca *peers.CA) (origin string, forms <-chan url.Values) {
	t.Helper()
	got := make(chan url.Values, 8)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ParseForm() == nil && len(r.Form) > 0 {
			got <- r.Form
		}
		io.WriteString(w, "<!doctype html><title>here</title><p>You have arrived.</p>")
	}))
	t.Cleanup(s.Close)
	port := peers.Port(t)
	ca.Front(t, "sso.broker.test", port, s.Listener.Addr().(*net.TCPAddr).Port)
	return fmt.Sprintf("https://sso.broker.test:%d", port), got
}

func serviceProvider(origin string) []byte {
	return fmt.Appendf(nil, `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="%[1]s/sp"><SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</NameIDFormat><AssertionConsumerService index="0" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="%[1]s/acs"/></SPSSODescriptor></EntityDescriptor>`, origin)
}

// response is what these tests read of a SAML response.
type response struct {
	Subject struct {
		NameID struct {
			Format string `xml:"Format,attr"`
			Value  string `xml:",chardata"`
		} `xml:"NameID"`
	} `xml:"Assertion>Subject"`
	Authn struct {
		Until time.Time `xml:"SessionNotOnOrAfter,attr"`
	} `xml:"Assertion>AuthnStatement"`
	Values []string `xml:"Assertion>AttributeStatement>Attribute>AttributeValue"`
}

func TestAPersonLogsInAtSimpleSAMLphpInABrowser(t *testing.T) {
	ca := peers.NewCA(t)
	idp := peers.SimpleSAMLphp(t, peers.SAMLOptions{CA: ca, Host: "idp.customer.test"})
	if metadata := idp.Metadata(t); !bytes.Contains(metadata, []byte(`entityID="`+idp.EntityID+`"`)) {
		t.Fatalf("metadata: %s", metadata)
	}
	origin, forms := gateway(t, ca)
	idp.AddSP(t, serviceProvider(origin))
	idp.SessionSeconds(t, 60)

	tab := peers.Browser(t, ca)
	tab.Open(idp.Base + "saml2/idp/SSOService.php?spentityid=" + url.QueryEscape(origin+"/sp"))
	tab.Screenshot("peer simplesamlphp")
	tab.Fill("#username", "alice@acme.test")
	tab.Fill("#password", peers.Password)
	tab.Press("\r")
	tab.Await(origin+"/acs", "You have arrived.")

	document, err := base64.StdEncoding.DecodeString((<-forms).Get("SAMLResponse"))
	if err != nil {
		t.Fatal(err)
	}
	var r response
	if err := xml.Unmarshal(document, &r); err != nil {
		t.Fatal(err)
	}
	if r.Subject.NameID.Format != "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" || r.Subject.NameID.Value == "" {
		t.Errorf("NameID is %+v", r.Subject.NameID)
	}
	if left := time.Until(r.Authn.Until); left < 0 || left > time.Minute {
		t.Errorf("the session ends in %v", left)
	}
	if !strings.Contains(strings.Join(r.Values, " "), "alice@acme.test") {
		t.Errorf("attributes are %q", r.Values)
	}
}

func TestAPersonLogsInAtTheOpenIDProviderInABrowser(t *testing.T) {
	ca := peers.NewCA(t)
	origin, forms := gateway(t, ca)
	client := peers.OIDCClient{ID: "leasehold", Secret: "secretsecretsecret", RedirectURIs: []string{origin + "/callback"}}
	idp := peers.OIDCProvider(t, peers.OIDCOptions{CA: ca, Host: "127.0.0.1", Clients: []peers.OIDCClient{client}, Claims: map[string]any{"tid": "t-1"}})

	verifier := strings.Repeat("v", 43)
	challenge := sha256.Sum256([]byte(verifier))
	ask := url.Values{"client_id": {client.ID}, "response_type": {"code"}, "scope": {"openid email"}, "redirect_uri": client.RedirectURIs, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"}}
	tab := peers.Browser(t, ca)
	tab.Open(idp.Issuer + "/auth?" + ask.Encode())
	tab.Screenshot("peer oidc-provider")
	tab.Fill("[name=login]", "alice@acme.test")
	tab.Fill("[name=password]", peers.Password)
	tab.Click("button")
	tab.Await(origin+"/callback", "You have arrived.")

	back := <-forms
	if back.Get("state") != "s" || back.Get("iss") != idp.Issuer {
		t.Errorf("came back with %v", back)
	}
	claims := exchange(t, ca, idp, client, back.Get("code"), verifier)
	if claims["sub"] != "u-1001" || claims["email"] != "alice@acme.test" || claims["email_verified"] != true || claims["tid"] != "t-1" || claims["nonce"] != "n" {
		t.Errorf("the ID token says %v", claims)
	}
}

func TestAWalkerLogsInWhereTheBrowserDoes(t *testing.T) {
	ca := peers.NewCA(t)
	origin, forms := gateway(t, ca)
	saml := peers.SimpleSAMLphp(t, peers.SAMLOptions{CA: ca, Host: "idp.customer.test"})
	saml.AddSP(t, serviceProvider(origin))
	client := peers.OIDCClient{ID: "leasehold", Secret: "secretsecretsecret", RedirectURIs: []string{origin + "/callback"}}
	oidc := peers.OIDCProvider(t, peers.OIDCOptions{CA: ca, Host: "127.0.0.1", Clients: []peers.OIDCClient{client}})

	atSAML := saml.Base + "saml2/idp/SSOService.php?spentityid=" + url.QueryEscape(origin+"/sp")
	ask := url.Values{"client_id": {client.ID}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": client.RedirectURIs,
		"code_challenge": {base64.RawURLEncoding.EncodeToString(make([]byte, 32))}, "code_challenge_method": {"S256"}}
	for start, field := range map[string]string{atSAML: "SAMLResponse", oidc.Issuer + "/auth?" + ask.Encode(): "code"} {
		page, err := peers.Walk(t, ca).Login(start, "bob@acme.test", peers.Password)
		if err != nil {
			t.Fatal(err)
		}
		if page.Status != 200 || !strings.Contains(page.Body, "You have arrived.") || !(<-forms).Has(field) {
			t.Errorf("%s: %d at %s: %s", field, page.Status, page.URL, page.Body)
		}
	}
	if _, err := peers.Walk(t, ca).Login(atSAML, "bob@acme.test", "wrong"); err == nil {
		t.Error("logged in with a wrong password")
	}
}

// exchange redeems a code and reads the ID token's claims. Nobody verifies it here.
func exchange(t *testing.T, ca *peers.CA, idp *peers.OIDCIdP, client peers.OIDCClient, code, verifier string) map[string]any {
	t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": client.RedirectURIs, "code_verifier": {verifier}}
	request, _ := http.NewRequest("POST", idp.Issuer+"/token", strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(client.ID, client.Secret)
	answer, err := peers.Client(t, ca, false).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var tokens struct {
		ID string `json:"id_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&tokens); err != nil || strings.Count(tokens.ID, ".") != 2 {
		t.Fatalf("%s: %v", answer.Status, err)
	}
	var claims map[string]any
	payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(tokens.ID, ".")[1])
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}
