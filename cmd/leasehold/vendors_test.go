package main

import (
	"bytes"
	"slices"
	"testing"

	"leasehold/provision"
)

func TestAVendorIsKnownByItsIssuerAlone(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://sts.windows.net/0f3a/":                           "Microsoft Entra ID",
		"https://login.microsoftonline.com/0f3a/v2.0":             "Microsoft Entra ID",
		"http://www.okta.com/exk1":                                "Okta",
		"https://acme.okta.com":                                   "Okta",
		"https://acme.okta.com/oauth2/default":                    "Okta",
		"https://accounts.google.com/o/saml2?idpid=C01":           "Google Workspace",
		"https://accounts.google.com":                             "Google Workspace",
		"http://sts.acme.test/adfs/services/trust":                "AD FS",
		"https://id.acme.test/realms/acme":                        "Keycloak",
		"https://idp.acme.test/simplesaml/saml2/idp/metadata.php": "SimpleSAMLphp",
		"https://idp.acme.test/module.php/saml/idp/metadata":      "SimpleSAMLphp",
		"https://idp.acme.test/metadata":                          "",
		"https://evil.test/?https://login.microsoftonline.com/":   "",
		"https://acme.okta.com.evil.test/":                        "",
	} {
		if got := vendorOf(issuer).name; got != want {
			t.Errorf("%s is %q, want %q", issuer, got, want)
		}
	}
}

func TestAdviceIsForReasonsThatThereAre(t *testing.T) {
	for _, v := range vendors() {
		for reason, text := range v.advice {
			if !slices.Contains(provision.Reasons(), reason) || text == "" || len(v.advise(reason)) == 0 {
				t.Errorf("%s: %q says %q", v.name, reason, text)
			}
		}
	}
	if hints := (vendor{}).advise(provision.NotYetValid); len(hints) != 1 {
		t.Errorf("a clock that is wrong gets %q", hints)
	}
}

func TestNothingFromOutsideSteersTheOperatorsTerminal(t *testing.T) {
	var out bytes.Buffer
	row(&out, "a\x1b[2Jb\nc\u202ed\u009be", "ä")
	if out.String() != "a�[2Jb c�d�e\tä\n" {
		t.Errorf("%q", out.String())
	}
}
