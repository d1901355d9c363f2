package provision_test

import (
	"errors"
	"strings"
	"testing"

	"leasehold/provision"
)

func TestAnAddressIsReadIntoItsOneForm(t *testing.T) {
	for input, want := range map[string]string{
		"ada@acme.test":                        "ada@acme.test",
		"Ada.Lovelace@ACME.test":               "ada.lovelace@acme.test",
		"ada+wiki@acme.test":                   "ada+wiki@acme.test", // not ada's
		"a.d.a@acme.test":                      "a.d.a@acme.test",    // nor this
		"!#$%&'*+-/=?^_`{|}~@acme.test":        "!#$%&'*+-/=?^_`{|}~@acme.test",
		"ada@XN--STRAE-OQA.de":                 "ada@xn--strae-oqa.de",
		strings.Repeat("a", 64) + "@acme.test": strings.Repeat("a", 64) + "@acme.test",
	} {
		e, err := provision.ParseEmail(input)
		if err != nil || e.String() != want || e.IsZero() {
			t.Errorf("%q: %q, %v; want %q", input, e, err, want)
		}
		if _, host, _ := strings.Cut(want, "@"); e.Domain().String() != host {
			t.Errorf("%q: domain %q", input, e.Domain())
		}
	}
}

func TestWhatTwoReadersCouldReadDifferentlyIsNoAddress(t *testing.T) {
	long := strings.Repeat("a", 60)
	for name, input := range map[string]string{
		"nothing":                          "",
		"no @":                             "acme.test",
		"two @":                            "ada@evil.test@acme.test",
		"two @ in a row":                   "ada@@acme.test",
		"a quoted @":                       `"ada@evil.test"@acme.test`,
		"a quoted local part":              `"ada"@acme.test`,
		"an escape":                        `ad\a@acme.test`,
		"no local part":                    "@acme.test",
		"no domain":                        "ada@",
		"a display name":                   "Ada <ada@acme.test>",
		"angle brackets":                   "<ada@acme.test>",
		"a comment":                        "ada(x)@acme.test",
		"a list":                           "ada@acme.test,eve@acme.test",
		"a list with a semicolon":          "ada;eve@acme.test",
		"a space before":                   " ada@acme.test",
		"a space after":                    "ada@acme.test ",
		"a tab":                            "ada\t@acme.test",
		"a line feed":                      "ada@acme.test\n",
		"a header's line":                  "ada@acme.test\r\nBcc: eve@evil.test",
		"a NUL":                            "ada\x00@acme.test",
		"a DEL":                            "ada\x7f@acme.test",
		"a dot first":                      ".ada@acme.test",
		"a dot last":                       "ada.@acme.test",
		"two dots":                         "a..da@acme.test",
		"a local part of 65":               strings.Repeat("a", 65) + "@acme.test",
		"255 characters":                   "a@" + long + "." + long + "." + long + "." + long + ".aaaa.test",
		"the root's dot":                   "ada@acme.test.",
		"an ideographic dot":               "ada@acme。test",
		"the Kelvin sign in its name":      "ada\u212a@acme.test",
		"the Kelvin sign in its domain":    "ada@\u212aelvin.test",
		"a long s":                         "ada\u017f@acme.test",
		"a dotless i":                      "\u0131da@acme.test",
		"a dotted capital I":               "\u0130da@acme.test",
		"a full-width @":                   "ada＠acme.test",
		"a small @":                        "ada﹫acme.test",
		"a full-width letter":              "ａda@acme.test",
		"a zero-width space":               "ada\u200b@acme.test",
		"a soft hyphen":                    "ada@ac\u00adme.test",
		"an override of direction":         "ada\u202e@acme.test",
		"a domain in letters of its own":   "ada@straße.de",
		"an IPv4 literal":                  "ada@[192.0.2.1]",
		"an IPv4 address":                  "ada@192.0.2.1",
		"an IPv6 literal":                  "ada@[IPv6:2001:db8::1]",
		"a route":                          "@evil.test:ada@acme.test",
		"a percent hack is a local part":   "ada%evil.test@@acme.test",
		"a bang path to another @":         "evil.test!ada@acme@test",
		"a mailto":                         "mailto:ada@acme.test",
		"an A-label that decodes to ASCII": "ada@xn--acme-.test",
		"a colon":                          "ada@acme.test:25",
		"bytes that are no UTF-8":          "ada\xff@acme.test",
	} {
		var fault *provision.EmailError
		e, err := provision.ParseEmail(input)
		if !errors.As(err, &fault) || !e.IsZero() || !e.Domain().IsZero() || fault.Reason != provision.EmailInvalid || e.String() != "" {
			t.Errorf("%s: %q is read as %q, %v", name, input, e, err)
		}
	}
}

func TestASecondAtIsWhatIsSaidToBeWrong(t *testing.T) {
	for _, input := range []string{"ada@evil.test@acme.test", "ada", "ada@@acme.test"} {
		var fault *provision.EmailError
		if _, err := provision.ParseEmail(input); !errors.As(err, &fault) || fault.Why != "does not have exactly one @" {
			t.Errorf("%q: %v", input, err)
		}
	}
}

func TestAnAddressOfAPublicProviderSaysSo(t *testing.T) {
	for _, input := range []string{"ada@gmail.com", "ada@GMAIL.com", "ada@github.io", "ada@localhost", "ada@com"} {
		var fault *provision.EmailError
		if _, err := provision.ParseEmail(input); !errors.As(err, &fault) || fault.Reason != provision.DomainPublic {
			t.Errorf("%q: %v", input, err)
		}
	}
}

func TestAnAddressSurvivesBeingWrittenDown(t *testing.T) {
	for _, input := range []string{"Ada@acme.test", ""} {
		var again provision.Email
		e, err := provision.ParseEmail(input)
		if err != nil && input != "" {
			t.Fatal(err)
		}
		text, err := e.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalText(text); err != nil || again != e {
			t.Errorf("%q: %q, then %q, %v", input, e, again, err)
		}
	}
	e := email(t, "ada@acme.test")
	if err := e.UnmarshalText([]byte("ada")); err == nil || !e.IsZero() {
		t.Errorf("a refused text leaves %q, %v", e, err)
	}
}
