package provision_test

import (
	"testing"

	"leasehold/provision"
)

func TestAnOriginIsReadIntoItsOneForm(t *testing.T) {
	for input, want := range map[string]string{
		"https://wiki.example.com":       "https://wiki.example.com",
		"HTTPS://Wiki.Example.com/":      "https://wiki.example.com",
		"https://wiki.example.com:443":   "https://wiki.example.com",
		"https://wiki.example.com:8443":  "https://wiki.example.com:8443",
		"https://wiki.example.com:80":    "https://wiki.example.com:80",
		"http://localhost":               "http://localhost",
		"http://wiki.localhost:80":       "http://wiki.localhost",
		"http://wiki.localhost:8080":     "http://wiki.localhost:8080",
		"http://127.0.0.1:8080":          "http://127.0.0.1:8080",
		"http://[::1]:8080":              "http://[::1]:8080",
		"https://[2001:db8::1]":          "https://[2001:db8::1]",
		"https://xn--caf-dma.fr":         "https://xn--caf-dma.fr",
		"https://wiki.example.com:65535": "https://wiki.example.com:65535",
	} {
		o, err := provision.ParseOrigin(input)
		if err != nil || o.String() != want || o.IsZero() {
			t.Errorf("%q: %q, %v; want %q", input, o, err, want)
		}
		if again, err := provision.ParseOrigin(o.String()); err != nil || again != o || "://"+o.Host() != want[len(want)-len(o.Host())-3:] {
			t.Errorf("%q is read as %q, and that as %q, %v; its host is %q", input, o, again, err, o.Host())
		}
	}
}

func TestWhatIsNoPlainOriginIsRefused(t *testing.T) {
	for name, input := range map[string]string{
		"nothing":                     "",
		"no scheme":                   "wiki.example.com",
		"another scheme":              "ftp://wiki.example.com",
		"a script":                    "javascript://wiki.example.com",
		"http beyond this machine":    "http://wiki.example.com",
		"http to what looks local":    "http://localhost.example.com",
		"http to a name with 127":     "http://127.example.com.0",
		"no host":                     "https://",
		"a path":                      "https://wiki.example.com/x",
		"two slashes":                 "https://wiki.example.com//",
		"a query":                     "https://wiki.example.com?x",
		"a fragment":                  "https://wiki.example.com#x",
		"credentials":                 "https://ada@wiki.example.com",
		"credentials with a password": "https://ada:x@wiki.example.com",
		"a space":                     "https://wiki.example .com",
		"a backslash":                 `https://wiki.example.com\`,
		"a dot at the end":            "https://wiki.example.com.",
		"two dots":                    "https://wiki..example.com",
		"the Kelvin sign":             "https://wi\u212ai.example.com",
		"a dotted capital I":          "https://w\u0130ki.example.com",
		"letters beyond ASCII":        "https://café.fr",
		"a port that is no number":    "https://wiki.example.com:http",
		"a signed port":               "https://wiki.example.com:+443",
		"a default port in disguise":  "https://wiki.example.com:0443",
		"a port too high":             "https://wiki.example.com:65536",
		"two ports":                   "https://wiki.example.com:443:443",
		"a bracket":                   "https://[::1",
		"empty brackets":              "https://[]",
		"a zone":                      "https://[fe80::1%25eth0]",
		"a wildcard":                  "https://*.example.com",
	} {
		if o, err := provision.ParseOrigin(input); err == nil || !o.IsZero() {
			t.Errorf("%s: %q is read as %q, %v", name, input, o, err)
		}
	}
}

func TestLoopbackNamesMeanThisMachineOnly(t *testing.T) {
	for name, want := range map[string]bool{
		"localhost": true, "a.localhost": true, "127.0.0.1": true, "127.1.2.3": true, "[::1]": true, "::1": true,
		"": false, "localhost.example.com": false, "notlocalhost": false, "127.0.0.1.example.com": false, "127.0.0": false, "128.0.0.1": false, "[::2]": false, "0.0.0.0": false,
	} {
		if got := provision.IsLoopbackName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestAnOriginSurvivesBeingWrittenDown(t *testing.T) {
	for _, input := range []string{"https://Wiki.example.com:443", ""} {
		var o, again provision.Origin
		if err := o.UnmarshalText([]byte(input)); err != nil {
			t.Fatal(err)
		}
		text, err := o.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalText(text); err != nil || again != o {
			t.Errorf("%q: %q, then %q, %v", input, o, again, err)
		}
	}
}

func TestAppsLetThroughWithoutASessionWhatTheySayAndNothingElse(t *testing.T) {
	app := provision.App{Public: []string{"/healthz", "/static/*", "/odd*", "*"}, Tenants: []provision.TenantID{"acme"}}
	for path, want := range map[string]bool{
		"/healthz": true, "/static/": true, "/static/a/b.css": true, "/odd*": true, "*": true,
		"": false, "/": false, "/healthz/": false, "/healthz?x": false, "/HEALTHZ": false, "/static": false, "/statics": false, "/odd": false, "/oddly": false, "/%68ealthz": false, "static/": false,
	} {
		if got := app.IsPublic(path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
	if (provision.App{}).IsPublic("") || (provision.App{}).IsPublic("/") {
		t.Error("the zero app lets something through")
	}
	if !app.Admits("acme") || app.Admits("other") || app.Admits("") || (provision.App{}).Admits("") {
		t.Error("the wrong tenants may enter")
	}
}
