package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

// A request as a browser or a program makes it, beside what the proxy adds.
var (
	navigation = []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html,*/*"}
	oldBrowser = []string{"Accept", "text/html,application/xhtml+xml"}
	fetch      = []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept", "*/*"}
	xhr        = []string{"Accept", "text/html", "X-Requested-With", "XMLHttpRequest"}
	websocket  = []string{"Accept", "text/html", "Sec-Websocket-Key", "x"}
	frame      = []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Accept", "text/html"}
	prefetch   = []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html", "Sec-Purpose", "prefetch;prerender"}
	silent     = []string{"Accept", "*/*"}
)

func asNginx(method, uri string, more ...string) []string {
	return append([]string{"X-Original-Url", wiki + uri, "X-Original-Method", method}, more...)
}

func asForward(method, uri string, more ...string) []string {
	return append([]string{"X-Forwarded-Method", method, "X-Forwarded-Host", "wiki.example.org", "X-Forwarded-Uri", uri}, more...)
}

func allowing() broker.Verdict {
	return broker.Verdict{Allow: true, App: "wiki", Header: map[string][]string{"X-Leasehold-User": {"acc_1"}, "X-Leasehold-Email": {""}}}
}

func refusing(reason provision.Reason) broker.Verdict {
	return broker.Verdict{Reason: reason, App: "wiki"}
}

const start = wiki + "/_sso/start?rd=%2Fdeep%3Fa%3D1%26b%3D2"

func TestEachOutcomeIsSaidInTheWordsOfTheProxy(t *testing.T) {
	bad := broker.Verdict{}
	for _, c := range []struct {
		name             string
		verdict          broker.Verdict
		method           string
		request          []string
		nginx, forward   int
		locNginx, locFwd string
	}{
		{"allow", allowing(), "GET", navigation, 200, 200, "", ""},
		{"allow a post", allowing(), "POST", navigation, 200, 200, "", ""},
		{"no session, navigation", refusing(provision.SessionMissing), "GET", navigation, 401, 302, start, start},
		{"no session, HEAD", refusing(provision.SessionMissing), "HEAD", navigation, 401, 302, start, start},
		{"no session, old browser", refusing(provision.SessionMalformed), "GET", oldBrowser, 401, 302, start, start},
		{"lease ended, navigation", refusing(provision.LeaseEnded), "GET", navigation, 401, 302, start, start},
		{"lease idle, navigation", refusing(provision.LeaseIdle), "GET", navigation, 401, 302, start, start},
		{"no session, form", refusing(provision.LeaseEnded), "POST", navigation, 401, 401, "", ""},
		{"no session, fetch", refusing(provision.SessionMissing), "GET", fetch, 401, 401, "", ""},
		{"no session, XHR", refusing(provision.SessionMissing), "GET", xhr, 401, 401, "", ""},
		{"no session, WebSocket", refusing(provision.SessionMissing), "GET", websocket, 401, 401, "", ""},
		{"no session, preflight", refusing(provision.SessionMissing), "OPTIONS", oldBrowser, 401, 401, "", ""},
		{"no session, frame", refusing(provision.SessionMissing), "GET", frame, 401, 401, "", ""},
		{"no session, prefetch", refusing(provision.SessionMissing), "GET", prefetch, 401, 401, "", ""},
		{"no session, no evidence", refusing(provision.SessionMissing), "GET", silent, 401, 401, "", ""},
		{"tenant not of app", refusing(provision.TenantNotOfApp), "GET", navigation, 403, 403, "", ""},
		{"role missing, fetch", refusing(provision.RoleMissing), "GET", fetch, 403, 403, "", ""},
		{"tenant suspended", refusing(provision.TenantSuspended), "GET", navigation, 403, 403, "", ""},
		{"unknown app", refusing(provision.AppUnknown), "GET", navigation, 403, 403, "", ""},
		{"store unavailable", refusing(provision.StoreUnavailable), "GET", navigation, 503, 503, "", ""},
		{"store unavailable, fetch", refusing(provision.StoreUnavailable), "GET", fetch, 503, 503, "", ""},
		{"the zero verdict", bad, "GET", navigation, 403, 403, "", ""},
		{"a verdict that says both", broker.Verdict{Allow: true, Reason: provision.RoleMissing}, "GET", navigation, 403, 403, "", ""},
		{"a reason nobody knows", refusing("brand_new"), "GET", navigation, 403, 403, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGate(t)
			g.verdict = c.verdict
			b := newBrowser(t, g)
			b.header = http.Header{}
			nginx := b.get("http://127.0.0.1:8080/_sso/check/nginx", asNginx(c.method, "/deep?a=1&b=2", c.request...)...)
			forward := b.get("http://anything.invalid/_sso/check/forward", asForward(c.method, "/deep?a=1&b=2", c.request...)...)
			for _, side := range []struct {
				name     string
				answer   *http.Response
				status   int
				location string
			}{{"nginx", nginx, c.nginx, c.locNginx}, {"forward", forward, c.forward, c.locFwd}} {
				r := side.answer
				if r.StatusCode != side.status || r.Header.Get("Location") != side.location {
					t.Errorf("%s: %d to %q, want %d to %q", side.name, r.StatusCode, r.Header.Get("Location"), side.status, side.location)
				}
				if r.Header.Get("Cache-Control") != "no-store" || len(r.Header["Set-Cookie"]) > 0 {
					t.Errorf("%s: may be kept, or sets a cookie: %v", side.name, r.Header)
				}
				if got := r.Header.Get("X-Leasehold-Reason"); got != string(c.verdict.Reason) {
					t.Errorf("%s: reason %q", side.name, got)
				}
				if (r.StatusCode == 503) != (r.Header.Get("Retry-After") != "") {
					t.Errorf("%s: Retry-After %q", side.name, r.Header.Get("Retry-After"))
				}
				if (side.name == "nginx" || r.StatusCode < 400) && (r.Header.Get("Content-Length") != "0" || body(t, r) != "") {
					t.Errorf("%s: has a body", side.name)
				}
			}
			if c.nginx == 401 && c.locNginx == "" && nginx.Header.Get("Www-Authenticate") == "" {
				t.Error("no challenge")
			}
			if ask := g.asked[0]; ask != (broker.Ask{Origin: wiki, Path: "/deep", Method: c.method}) || g.asked[1] != ask {
				t.Errorf("asked %+v", g.asked)
			}
		})
	}
}

func TestAnAllowTellsExactlyWhatTheBrokerSays(t *testing.T) {
	g := newGate(t)
	g.verdict = allowing()
	r := newBrowser(t, g).get("http://127.0.0.1/_sso/check/nginx", asNginx("GET", "/")...)
	for name, want := range map[string]string{"X-Leasehold-User": "acc_1", "X-Leasehold-Email": ""} {
		if got, ok := r.Header[name]; !ok || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAProgramIsToldInJSONWhereAPersonCanLogIn(t *testing.T) {
	g := newGate(t)
	g.verdict = refusing(provision.SessionMissing)
	r := newBrowser(t, g).get("http://127.0.0.1/_sso/check/forward", asForward("GET", "/api", fetch...)...)
	var told map[string]string
	if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
		t.Fatal(err)
	}
	if told["error"] != "login_required" || told["login_uri"] != wiki+"/_sso/start?rd=%2F" {
		t.Errorf("told %v", told)
	}
}

func TestTheCheckReadsOnlyTheHeadersOfItsOwnProfile(t *testing.T) {
	g := newGate(t)
	g.verdict = allowing()
	b := newBrowser(t, g)
	wantRefused(t, b.get("http://127.0.0.1/_sso/check/nginx", asForward("GET", "/")...), "target_invalid", 403)
	wantRefused(t, b.get("http://127.0.0.1/_sso/check/forward", asNginx("GET", "/")...), "target_invalid", 400)
	if len(g.asked) > 0 {
		t.Errorf("asked %v", g.asked)
	}
}

func wantRefused(t *testing.T, r *http.Response, reason string, status int) {
	t.Helper()
	if r.StatusCode != status || r.Header.Get("X-Leasehold-Reason") != reason || r.Header.Get("Location") != "" {
		t.Errorf("%d %s to %q, want %d %s", r.StatusCode, r.Header.Get("X-Leasehold-Reason"), r.Header.Get("Location"), status, reason)
	}
}

func TestATargetThatCouldBeReadInTwoWaysIsRefused(t *testing.T) {
	for _, url := range []string{
		"", "/", "wiki.example.org/", "//wiki.example.org/", "ftp://wiki.example.org/", "https://wiki.example.org",
		"https://wiki.example.org?x", "https://ada@wiki.example.org/", "https://wiki.example.org:x/", "https:///",
		"https://wiki.example.org/a b", "https://wiki.example.org/a\tb", "https://wiki.example.org/a\x00b", "https://wiki.example.org/\r\nX: y",
		`https://wiki.example.org/a\b`, `https:\\wiki.example.org/`, "https://wiki.example.org/a#b", "https://wiki.example.org/a/../b",
		"https://wiki.example.org/./a", "https://wiki.example.org/a/..", "https://wiki.example.org/.", "https://wiki.example.org/\u00fc",
		"https://wiki.example.org./", "https://wiki.example.org%2f@evil.test/", "https://wiki.example.org, https://evil.test/",
		"http://wiki.example.org/", "https://wiki_example.org/", "https://wiki.example.org/" + strings.Repeat("a", 9<<10),
	} {
		g := newGate(t)
		g.verdict = allowing()
		b := newBrowser(t, g)
		wantRefused(t, b.get("http://127.0.0.1/_sso/check/nginx", "X-Original-Url", url, "X-Original-Method", "GET"), "target_invalid", 403)
		if len(g.asked) > 0 {
			t.Errorf("%q: asked %+v", url, g.asked)
		}
	}
}

func TestAHeaderOfTheTargetThatIsMissingEmptyOrDoubledIsRefused(t *testing.T) {
	for _, profile := range []struct {
		path    string
		headers []string
		status  int
	}{
		{"/_sso/check/nginx", asNginx("GET", "/page"), 403},
		{"/_sso/check/forward", append(asForward("GET", "/page"), "X-Forwarded-Proto", "https"), 400},
	} {
		for at := 0; at < len(profile.headers); at += 2 {
			for _, values := range [][]string{nil, {""}, {profile.headers[at+1], profile.headers[at+1]}, {profile.headers[at+1] + ", x"}} {
				g := newGate(t)
				g.verdict = allowing()
				b := newBrowser(t, g)
				for i := 0; i < len(profile.headers); i += 2 {
					b.header[profile.headers[i]] = []string{profile.headers[i+1]}
				}
				b.header[profile.headers[at]] = values
				wantRefused(t, b.get("http://127.0.0.1"+profile.path), "target_invalid", profile.status)
			}
		}
	}
}

func TestAHostIsJudgedInLowerCaseAndWithoutItsDefaultPort(t *testing.T) {
	for _, host := range []string{"WIKI.Example.ORG", "wiki.example.org:443"} {
		g := newGate(t)
		newBrowser(t, g).get("http://127.0.0.1/_sso/check/forward", asForward("GET", "/", "X-Forwarded-Host", host)...)
		newBrowser(t, g).get("http://127.0.0.1/_sso/check/nginx", "X-Original-Url", "https://"+host+"/", "X-Original-Method", "GET")
		if len(g.asked) != 2 || g.asked[0].Origin != wiki || g.asked[1].Origin != wiki {
			t.Errorf("%s: asked %+v", host, g.asked)
		}
	}
}

func TestAPathThatAnAppCouldReadOtherwiseIsNeverJudgedByItsRules(t *testing.T) {
	for uri, want := range map[string]string{
		"/healthz": "/healthz", "/a%20b": "/a%20b", "/a?x=%2f..//": "/a",
		"/public//admin": "", "/public/%2e%2e/admin": "", "/public/%2E%2E%2Fadmin": "", "/public%5c..%5cadmin": "", "/public/..;/admin": "",
		"/public/%252e": "", "/a%00": "", "/a%23": "", "/a%3fb": "", "/a%": "", "/a%zz": "", "/a%2": "",
	} {
		g := newGate(t)
		newBrowser(t, g).get("http://127.0.0.1/_sso/check/nginx", asNginx("GET", uri)...)
		if len(g.asked) != 1 || g.asked[0].Path != want {
			t.Errorf("%s: asked %+v, want path %q", uri, g.asked, want)
		}
	}
}

func TestOnlyATrustedProxyMayAsk(t *testing.T) {
	g := newGate(t)
	g.verdict = allowing()
	b := newBrowser(t, g)
	for peer, want := range map[string]int{"127.0.0.1:1": 200, "[::1]:1": 200, "[::ffff:127.0.0.1]:1": 200, "203.0.113.7:1": 403, "[2001:db8::1]:1": 403, "": 403, "@": 403} {
		r := b.from(peer, "http://127.0.0.1/_sso/check/nginx", asNginx("GET", "/", "X-Forwarded-For", "127.0.0.1")...)
		if r.StatusCode != want || want == 403 && r.Header.Get("X-Leasehold-Reason") != "proxy_untrusted" {
			t.Errorf("%q: %d %s", peer, r.StatusCode, r.Header.Get("X-Leasehold-Reason"))
		}
	}
}

func TestAHeaderThatWouldBecomeOneOfOursOnTheWayIsRefused(t *testing.T) {
	for name, refused := range map[string]bool{
		"X_Leasehold_User": true, "X.Leasehold.User": true, "X-Leasehold_User": true, "x_leasehold_admin": true, "X_Original_Url": true,
		"X_Forwarded_Host": true, "X-Forwarded.Proto": true, "X_Remote_User": true, "Remote_User": true, "Sec_Fetch_Mode": true, "X_Real_IP": true,
		"X-Leasehold-User": false, "X_Custom": false, "Some.Header": false,
	} {
		g := newGate(t)
		g.verdict = allowing()
		b := newBrowser(t, g)
		b.header[http.CanonicalHeaderKey(name)] = []string{"x"}
		r := b.get("http://127.0.0.1/_sso/check/forward", asForward("GET", "/")...)
		if (r.StatusCode == 403 && r.Header.Get("X-Leasehold-Reason") == "header_alias") != refused || (r.StatusCode == 200) == refused {
			t.Errorf("%s: %d %s", name, r.StatusCode, r.Header.Get("X-Leasehold-Reason"))
		}
	}
}

func TestTheCheckHandsOnTheAppCookieAndRefusesTwoOfThem(t *testing.T) {
	for cookie, want := range map[string]string{
		"__Host-lh-app=abc": "abc", "a=b; __Host-lh-app=abc; c=d": "abc", " __Host-lh-app=abc ": "abc", "": "",
		"__Host-lh=abc": "", "__host-lh-app=abc": "", "x__Host-lh-app=abc": "", "__Host-lh-app2=abc": "", "a=__Host-lh-app=abc": "",
		"__Host-lh-app=abc; __Host-lh-app=abc": "refused", "__Host-lh-app=a; __Host-lh-app=": "refused", "__Host-lh-app=a b": "refused", `__Host-lh-app="abc"`: "refused",
		"__Host-lh-app=a\xff": "refused", "__Host-lh-app=" + strings.Repeat("a", 600): "refused",
		strings.Repeat("a=b; ", 100) + "__Host-lh-app=abc": "refused", "a=" + strings.Repeat("b", 20<<10): "refused",
	} {
		g := newGate(t)
		g.verdict = allowing()
		r := newBrowser(t, g).get("http://127.0.0.1/_sso/check/nginx", asNginx("GET", "/", "Cookie", cookie)...)
		switch {
		case want == "refused":
			if r.StatusCode != 401 || r.Header.Get("X-Leasehold-Reason") != "session_malformed" || len(g.asked) > 0 {
				t.Errorf("%.40q: %d, asked %v", cookie, r.StatusCode, g.asked)
			}
		case len(g.asked) != 1 || g.asked[0].Token != want:
			t.Errorf("%.40q: asked %+v", cookie, g.asked)
		}
	}
}

func TestNoAnswerOfACheckCarriesALineOfItsOwn(t *testing.T) {
	for _, reason := range provision.Reasons() {
		g := newGate(t)
		g.verdict = refusing(reason)
		r := newBrowser(t, g).get("http://127.0.0.1/_sso/check/forward", asForward("GET", "/a%0d%0aSet-Cookie:%20x=y?b=%0d%0a", navigation...)...)
		if r.StatusCode < 300 {
			t.Errorf("%s: %d", reason, r.StatusCode)
		}
		for name, values := range r.Header {
			if strings.ContainsAny(name+strings.Join(values, ""), "\r\n") {
				t.Errorf("%s: %s: %q", reason, name, values)
			}
		}
		if to := r.Header.Get("Location"); to != "" {
			if u, err := url.Parse(to); err != nil || u.Host != "wiki.example.org" || u.Path != "/_sso/start" {
				t.Errorf("leads to %s", to)
			}
		}
	}
}

func TestOneFunctionAloneSaysYes(t *testing.T) {
	source, err := os.ReadFile("check.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), "http.StatusOK"); n != 1 {
		t.Errorf("check.go says StatusOK %d times", n)
	}
	_, after, _ := strings.Cut(string(source), "func (s *server) allow(")
	allow, _, _ := strings.Cut(after, "\n}")
	if !strings.Contains(allow, "http.StatusOK") {
		t.Error("it is not allow that says it")
	}
}

func BenchmarkCheckAllow(b *testing.B) {
	g := newGate(b)
	g.verdict = allowing()
	quiet := &quietGate{fakeGate: g}
	j := newBrowser(b, quiet)
	r, w := benchRequest(), &discard{h: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		j.handler.ServeHTTP(w, r)
		if w.status != 200 {
			b.Fatal(w.status)
		}
	}
}
