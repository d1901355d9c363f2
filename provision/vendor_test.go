package provision_test

import (
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
		"https://auth.pingone.eu/0f3a":                            "Ping Identity",
		"https://idp.acme.test/metadata":                          "",
		"https://evil.test/?https://login.microsoftonline.com/":   "",
		"https://acme.okta.com.evil.test/":                        "",
	} {
		if got := provision.VendorOf(issuer).Name; got != want {
			t.Errorf("%s is %q, want %q", issuer, got, want)
		}
	}
}

func TestEachVendorKnowsWhatToDoAboutASubjectOrAnAddress(t *testing.T) {
	for _, v := range provision.Vendors() {
		if len(v.Advise(provision.SubjectTransient)) == 0 && len(v.Advise(provision.EmailMissing)) == 0 {
			t.Errorf("%s has no advice", v.Name)
		}
		if provision.VendorCalled(v.Key).Name != v.Name {
			t.Errorf("%s is not found by %q", v.Name, v.Key)
		}
	}
	if hints := (provision.Vendor{}).Advise(provision.NotYetValid); len(hints) != 1 {
		t.Errorf("a clock that is wrong gets %q", hints)
	}
	if provision.VendorCalled("nobody").Name != "" {
		t.Error("a vendor that there is not is found")
	}
}
