package provision_test

import (
	"errors"
	"strings"
	"testing"

	"leasehold/provision"
)

func TestADomainIsReadIntoItsOneForm(t *testing.T) {
	long := strings.Repeat("a", 63)
	longest := strings.Join([]string{long, long, long, strings.Repeat("a", 56), "test"}, ".") // 253
	for input, want := range map[string]string{
		"acme.test":               "acme.test",
		"ACME.Test":               "acme.test",
		"acme.test.":              "acme.test", // the root's dot (RFC 1034, 3.1)
		"a.b.acme.test":           "a.b.acme.test",
		"acme.co.uk":              "acme.co.uk",
		"www.ck":                  "www.ck", // an exception to a wildcard suffix
		"foo.github.io":           "foo.github.io",
		"1acme.test":              "1acme.test",
		"1.acme.test":             "1.acme.test",
		long + ".test":            long + ".test",
		longest:                   longest,
		"ａｃｍｅ.test":               "acme.test", // full-width letters
		"acme。test":               "acme.test", // ideographic full stop
		"\u212aelvin.test":        "kelvin.test",
		"ac\u200bme.test":         "acme.test",             // zero-width space, which UTS 46 drops
		"ac\u00adme.test":         "acme.test",             // soft hyphen, too
		"straße.de":               "xn--strae-oqa.de",      // IDNA2008: not strasse.de
		"strasse.de":              "strasse.de",            // and it is another domain
		"βόλος.gr":                "xn--nxasmm1c.gr",       // with its final sigma
		"βόλοσ.gr":                "xn--nxasmq6b.gr",       // without
		"café.fr":                 "xn--caf-dma.fr",        // precomposed
		"cafe\u0301.fr":           "xn--caf-dma.fr",        // decomposed
		"xn--caf-dma.fr":          "xn--caf-dma.fr",        // as an A-label
		"XN--CAF-DMA.FR":          "xn--caf-dma.fr",        // shouted
		"日本a.jp":                  "xn--a-jn6bt1b.jp",      // Han and Latin go together
		"アa.jp":                   "xn--a-eeu.jp",          // Katakana and Latin, too
		"пример.com":              "xn--e1afmkfd.com",      // one script
		"xn--e1afmkfd.com":        "xn--e1afmkfd.com",      // the same
		"пример.acme.com":         "xn--e1afmkfd.acme.com", // labels of different scripts
		"acme-corp.test":          "acme-corp.test",
		"mail.acme.gov.uk":        "mail.acme.gov.uk",
		"contoso.onmicrosoft.com": "contoso.onmicrosoft.com",
	} {
		d, err := provision.ParseDomain(input)
		if err != nil || d.String() != want || d.IsZero() {
			t.Errorf("%q: %q, %v; want %q", input, d, err, want)
		}
		if again, err := provision.ParseDomain(d.String()); err != nil || again != d {
			t.Errorf("%q is read as %q, and that as %q, %v", input, d, again, err)
		}
	}
}

func TestWhatIsNoDomainIsRefused(t *testing.T) {
	long := strings.Repeat("a", 63)
	for name, input := range map[string]string{
		"nothing":                       "",
		"a dot":                         ".",
		"two dots":                      "..",
		"two dots at the end":           "acme.test..",
		"an ideographic dot at the end": "acme.test。",
		"a public provider with a dot":  "gmail.com。",
		"a dot at the beginning":        ".acme.test",
		"an empty label":                "acme..test",
		"a label of 64":                 long + "a.test",
		"254 characters":                strings.Join([]string{long, long, long, strings.Repeat("a", 57), "test"}, "."),
		"a space":                       "ac me.test",
		"a space at the end":            "acme.test ",
		"an underscore":                 "_acme.test",
		"an address":                    "ada@acme.test",
		"a port":                        "acme.test:443",
		"a path":                        "acme.test/",
		"a wildcard":                    "*.acme.test",
		"a NUL":                         "acme.test\x00",
		"bytes that are no UTF-8":       "acme\xff.test",
		"a hyphen at the beginning":     "-acme.test",
		"a hyphen at the end":           "acme-.test",
		"hyphens where a prefix is":     "ab--c.test",
		"an IPv4 address":               "192.0.2.1",
		"one in full-width digits":      "192.0.2.１",
		"one in hexadecimal":            "0xc0.0.2.1",
		"a number at the top":           "acme.1",
		"an IPv6 address":               "2001:db8::1",
		"one in brackets":               "[2001:db8::1]",
		"an A-label of ASCII":           "xn--acme-.test",
		"an A-label of nothing":         "xn--.test",
		"an A-label of no letter":       "xn--a.test",
		"an A-label of what is mapped":  "xn--strae-oqa\u00adß.de",
		"a zero-width joiner":           "ac\u200dme.test",
		"right-to-left with a digit":    "1א.test",
		"an override of direction":      "acme\u202e.test",
		"Cyrillic among Latin":          "раypal.com",
		"the same as an A-label":        "xn--ypal-uye5j.com",
		"Greek among Cyrillic":          "примερ.com",
		"Latin among Greek":             "αcme.test",
		"mixed in one label of several": "раypal.acme.test",
	} {
		var fault *provision.DomainError
		d, err := provision.ParseDomain(input)
		if !errors.As(err, &fault) || !d.IsZero() || fault.Reason != provision.EmailInvalid || fault.Why == "" {
			t.Errorf("%s: %q is read as %q, %v", name, input, d, err)
		}
	}
}

func TestWhatEverybodyMayUseIsNobodys(t *testing.T) {
	for name, input := range map[string]string{
		"a public suffix":           "com",
		"one of two labels":         "co.uk",
		"one by a wildcard":         "foo.ck",
		"one in another script":     "公司.cn",
		"a private suffix":          "github.io",
		"a private suffix, shouted": "GitHub.IO.",
		"a name of one label":       "localhost",
		"a public mail provider":    "gmail.com",
		"one with capitals":         "GMail.COM",
		"one with the root's dot":   "gmail.com.",
		"one in full-width letters": "ｇmail.com",
		"one in another country":    "yahoo.co.jp",
		"one that lends subdomains": "onmicrosoft.com",
	} {
		var fault *provision.DomainError
		d, err := provision.ParseDomain(input)
		if !errors.As(err, &fault) || !d.IsZero() || fault.Reason != provision.DomainPublic {
			t.Errorf("%s: %q is read as %q, %v", name, input, d, err)
		}
	}
}

func TestADomainSurvivesBeingWrittenDown(t *testing.T) {
	for _, input := range []string{"acme.test", "straße.de", ""} {
		var again provision.Domain
		d, err := provision.ParseDomain(input)
		if err != nil && input != "" {
			t.Fatal(err)
		}
		text, err := d.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalText(text); err != nil || again != d {
			t.Errorf("%q: %q, then %q, %v", input, d, again, err)
		}
	}
	d := domain(t, "acme.test")
	if err := d.UnmarshalText([]byte("GMAIL.com")); err == nil || !d.IsZero() {
		t.Errorf("a refused text leaves %q, %v", d, err)
	}
}

func TestAStoredDomainIsReadEvenIfItBecamePublicSince(t *testing.T) {
	var d provision.Domain
	if err := d.UnmarshalText([]byte("gmail.com")); err != nil || d.String() != "gmail.com" {
		t.Errorf("%q, %v", d, err)
	}
	for _, input := range []string{"GMAIL.com", "a b", "a..b", ".a", "straße.de", "a/b", "a@b"} {
		if err := d.UnmarshalText([]byte(input)); !errors.Is(err, provision.ErrCorrupt) {
			t.Errorf("%q: %v", input, err)
		}
	}
}
