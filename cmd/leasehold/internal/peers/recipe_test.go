//go:build real

package peers_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"leasehold/cmd/leasehold/internal/peers"
)

// profile is every header of profile leasehold.
var profile = [...]string{"User", "Email", "Name", "Roles", "Groups", "Tenant", "Lease", "Actor", "Expires", "Assertion"}

// stub stands for Leasehold: it lets in who has the cookie __Host-lh-app=good, shuts out =shut, is unavailable for
// =broken, and answers other paths with what it was asked.
func stub(t *testing.T, remoteUser bool) (port int, end func()) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/_sso/check/nginx":
			target, _ := url.Parse(r.Header.Get("X-Original-Url"))
			check(w, r, target.Scheme+"://"+target.Host, target.RequestURI(), r.Header.Get("X-Original-Method"), true, remoteUser)
		case "/_sso/check/forward":
			h := r.Header
			check(w, r, h.Get("X-Forwarded-Proto")+"://"+h.Get("X-Forwarded-Host"), h.Get("X-Forwarded-Uri"), h.Get("X-Forwarded-Method"), false, remoteUser)
		case "/_sso/denied":
			status := 401
			if strings.Contains(r.Header.Get("Cookie"), "shut") {
				status = 403
			} else {
				w.Header().Set("WWW-Authenticate", "Leasehold")
			}
			w.WriteHeader(status)
			body, _ := io.ReadAll(r.Body)
			io.WriteString(w, "page: denied "+r.Host+" "+string(body))
		case "/_sso/unavailable":
			w.WriteHeader(503)
			io.WriteString(w, "page: unavailable")
		default:
			body, _ := io.ReadAll(r.Body)
			json.NewEncoder(w).Encode(peers.Echoed{Method: r.Method, Host: r.Host, Path: r.RequestURI, Header: r.Header, Body: string(body)})
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().(*net.TCPAddr).Port, s.Close
}

func check(w http.ResponseWriter, r *http.Request, origin, path, method string, nginx, remoteUser bool) {
	body, _ := io.ReadAll(r.Body)
	cookie := r.Header.Get("Cookie")
	switch {
	case len(body) > 0:
		w.WriteHeader(400)
	case strings.Contains(cookie, "__Host-lh-app=shut"):
		w.WriteHeader(403)
	case strings.Contains(cookie, "__Host-lh-app=broken"):
		w.WriteHeader(503)
	case !strings.Contains(cookie, "__Host-lh-app=good"):
		if method == "GET" && r.Header.Get("Sec-Fetch-Mode") == "navigate" {
			w.Header().Set("Location", origin+"/_sso/start?rd="+url.QueryEscape(path))
			if !nginx {
				w.WriteHeader(302)
				return
			}
		} else {
			w.Header().Set("WWW-Authenticate", "Leasehold")
		}
		w.WriteHeader(401)
	case remoteUser:
		w.Header().Set("X-Remote-User", "a-42")
	default:
		for _, name := range profile {
			w.Header().Set("X-Leasehold-"+name, "")
		}
		w.Header().Set("X-Leasehold-User", "a-42")
		w.Header().Set("X-Leasehold-Name", "Zoë")
		w.Header().Set("X-Leasehold-Groups", strings.Repeat("g", 4<<10))
		w.Header().Set("X-Leasehold-Roles", strings.Repeat("r", 4<<10))
		w.Header().Set("X-Leasehold-Assertion", strings.Repeat("a", 4<<10))
		w.Header().Set("X-Leasehold-Tenant", origin+" "+method)
	}
}

// guarded is an app behind one of the proxies, and the stub behind it.
type guarded struct {
	t      *testing.T
	client *http.Client
	origin string
	second string // another app's
	sso    string
	end    func() // of the stub
}

func guard(t *testing.T, site peers.Site, begin func(peers.Recipe, testing.TB)) guarded {
	t.Helper()
	ca := peers.NewCA(t)
	if site.App == 0 {
		site.App = peers.Echo(t)
	}
	site.Host = "app.other.test"
	second := peers.Site{Host: "second.other.test", App: other(t)}
	gate, end := stub(t, site.RemoteUser)
	r := peers.Recipe{CA: ca, Port: peers.Port(t), Leasehold: gate, SSO: "sso.broker.test", Apps: []peers.Site{site, second}}
	begin(r, t)
	return guarded{t, peers.Client(t, ca, false), r.Origin("app.other.test"), r.Origin("second.other.test"), r.Origin("sso.broker.test"), end}
}

// ask sends one request and returns the answer and its body. Headers are given as name, value.
func (g guarded) ask(method, url, body string, headers ...string) (*http.Response, string) {
	g.t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	for at := 0; at < len(headers); at += 2 {
		request.Header.Add(headers[at], headers[at+1])
	}
	answer, err := g.client.Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return answer, string(text)
}

// echoed is what the app behind the proxy was sent.
func (g guarded) echoed(method, path, body string, headers ...string) peers.Echoed {
	g.t.Helper()
	answer, text := g.ask(method, g.origin+path, body, headers...)
	var e peers.Echoed
	if err := json.Unmarshal([]byte(text), &e); err != nil || answer.StatusCode != 200 {
		g.t.Fatalf("%s %s: %s: %s", method, path, answer.Status, text)
	}
	return e
}

func TestRecipes(t *testing.T) {
	proxies := map[string]func(peers.Recipe, testing.TB){"nginx": peers.Recipe.Nginx, "caddy": peers.Recipe.Caddy}
	for name, begin := range proxies {
		t.Run(name, func(t *testing.T) {
			g := guard(t, peers.Site{NoStore: true}, begin)
			t.Run("a leased account reaches the app with its headers and none of the browser's", g.leased)
			t.Run("the app sees every cookie but Leasehold's", g.cookies)
			t.Run("who has no session is sent to log in, or told so", g.loggedOut)
			t.Run("who is shut out sees why", g.shutOut)
			t.Run("a check that cannot answer lets nobody in", g.unavailable)
			t.Run("checks are closed to browsers, Leasehold's pages are not", g.pages)
			t.Run("no page stays in a cache", g.noStore)
			t.Run("a request that names two hosts is checked for the one that serves it", g.twoHosts)
			t.Run("without Leasehold nobody gets in", g.alone)
		})
		t.Run(name+" and Radicale, which knows people by X-Remote-User", func(t *testing.T) {
			guard(t, peers.Site{RemoteUser: true, App: peers.Radicale(t)}, begin).calendar(t)
		})
	}
}

func (g guarded) leased(t *testing.T) {
	g.t = t
	forged := []string{"Cookie", "__Host-lh-app=good", "X-Remote-User", "root", "X_Leasehold_Email", "root"}
	for _, name := range profile {
		forged = append(forged, "X-Leasehold-"+name, "root")
	}
	e := g.echoed("POST", "/a%20b/save?x=1&y=2", "words=here", forged...)
	if e.Method != "POST" || e.Path != "/a%20b/save?x=1&y=2" || e.Body != "words=here" || "https://"+e.Host != g.origin {
		t.Errorf("the app got %s %s %q at %s", e.Method, e.Path, e.Body, e.Host)
	}
	want := map[string]string{"User": "a-42", "Name": "Zoë", "Tenant": g.origin + " POST", "Groups": strings.Repeat("g", 4<<10)}
	for name, value := range want {
		if got := e.Header.Get("X-Leasehold-" + name); got != value {
			t.Errorf("X-Leasehold-%s is %q, want %q", name, got, value)
		}
	}
	for name, values := range e.Header {
		if strings.Contains(strings.Join(values, ","), "root") && name != "X_leasehold_email" { // Leasehold's alias check refuses that one
			t.Errorf("the browser's own %s came through: %q", name, values)
		}
	}
	if got := e.Header.Get("X-Leasehold-Email"); got != "" {
		t.Errorf("an empty X-Leasehold-Email arrived as %q", got)
	}
	if got := e.Header.Get("X-Forwarded-Proto"); got != "https" {
		t.Errorf("X-Forwarded-Proto is %q", got)
	}
}

func (g guarded) cookies(t *testing.T) {
	g.t = t
	for sent, want := range map[string]string{
		"a=1; __Host-lh-app=good; b=2":                         "a=1; b=2",
		"__Host-lh-app=good; b=2":                              "b=2",
		"__Host-lh-start=s; __Host-lh-app=good":                "",
		"a=1; __Host-lh-start=s; b=2; __Host-lh-app=good; c=3": "a=1; b=2; c=3",
		"a=1; __Host-lh-app=good":                              "a=1; ",
	} {
		if got := g.echoed("GET", "/", "", "Cookie", sent).Header.Get("Cookie"); strings.TrimRight(got, "; ") != strings.TrimRight(want, "; ") {
			t.Errorf("cookies %q arrived as %q, want %q", sent, got, want)
		}
	}
}

func (g guarded) loggedOut(t *testing.T) {
	g.t = t
	answer, _ := g.ask("GET", g.origin+"/deep?a=1&b=2", "", "Sec-Fetch-Mode", "navigate")
	want := g.origin + "/_sso/start?rd=" + url.QueryEscape("/deep?a=1&b=2")
	if answer.StatusCode != 302 || answer.Header.Get("Location") != want {
		t.Errorf("a navigation got %s, Location %q, want %q", answer.Status, answer.Header.Get("Location"), want)
	}
	for _, method := range []string{"GET", "POST"} {
		answer, text := g.ask(method, g.origin+"/api", map[string]string{"GET": "", "POST": "lost=1"}[method])
		if answer.StatusCode != 401 || answer.Header.Get("Location") != "" || len(answer.Header.Values("WWW-Authenticate")) != 1 || strings.Contains(text, "lost") {
			t.Errorf("%s by a script got %s, %v: %s", method, answer.Status, answer.Header, text)
		}
	}
}

func (g guarded) shutOut(t *testing.T) {
	g.t = t
	answer, _ := g.ask("GET", g.origin+"/", "", "Cookie", "__Host-lh-app=shut")
	if answer.StatusCode != 403 {
		t.Errorf("got %s", answer.Status)
	}
}

func (g guarded) unavailable(t *testing.T) {
	g.t = t
	answer, _ := g.ask("GET", g.origin+"/", "", "Cookie", "__Host-lh-app=broken")
	if answer.StatusCode != 503 {
		t.Errorf("got %s", answer.Status)
	}
}

func (g guarded) pages(t *testing.T) {
	g.t = t
	for _, origin := range []string{g.origin, g.sso} {
		for _, path := range []string{"/_sso/check/nginx", "/_sso/check/forward", "/_sso//check/nginx", "/_sso/x/../check/nginx", "/%5fsso/check%2fnginx"} {
			if answer, text := g.ask("GET", origin+path, "", "Cookie", "__Host-lh-app=good"); answer.StatusCode == 200 && !strings.HasPrefix(text, "{") || answer.Header.Get("X-Leasehold-User") != "" {
				t.Errorf("%s%s is open: %s", origin, path, answer.Status)
			}
		}
		answer, text := g.ask("POST", origin+"/_sso/logout?x=1", "sure=yes")
		var e peers.Echoed
		if err := json.Unmarshal([]byte(text), &e); err != nil || answer.StatusCode != 200 {
			t.Fatalf("%s: %s: %s", origin, answer.Status, text)
		}
		if "https://"+e.Host != origin || e.Path != "/_sso/logout?x=1" || e.Body != "sure=yes" || e.Header.Get("X-Forwarded-Proto") != "https" {
			t.Errorf("Leasehold got %+v", e)
		}
	}
}

func (g guarded) noStore(t *testing.T) {
	g.t = t
	answer, _ := g.ask("GET", g.origin+"/", "", "Cookie", "__Host-lh-app=good", "Accept", "text/html")
	if got := answer.Header.Values("Cache-Control"); len(got) != 1 || got[0] != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
}

// twoHosts names one app in the request's first line and another in Host (RFC 9112, 3.2.2: the first line counts).
func (g guarded) twoHosts(t *testing.T) {
	for _, named := range [][2]string{{g.origin, g.second}, {g.second, g.origin}} {
		target := &url.URL{Scheme: "https", Host: strings.TrimPrefix(named[0], "https://"), Opaque: named[0] + "/x"}
		answer, err := g.client.Do(&http.Request{Method: "GET", URL: target, Host: strings.TrimPrefix(named[1], "https://"), Header: http.Header{"Cookie": {"__Host-lh-app=good"}}})
		if err != nil {
			t.Fatal(err)
		}
		served, checked := g.origin, ""
		var e peers.Echoed
		if err := json.NewDecoder(answer.Body).Decode(&e); err != nil {
			t.Fatalf("%s: %v", answer.Status, err)
		}
		answer.Body.Close()
		if checked = e.Header.Get("X-Leasehold-Tenant"); e.Body == "other" {
			served = g.second
		}
		if checked != served+" GET" || "https://"+e.Host != served {
			t.Errorf("%s in the first line, %s in Host: checked for %q, served by %s as %q", named[0], named[1], checked, served, e.Host)
		}
	}
}

// other is another app: it echoes like the first, but for the body.
func other(t *testing.T) int {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(peers.Echoed{Host: r.Host, Header: r.Header, Body: "other"})
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().(*net.TCPAddr).Port
}

func (g guarded) alone(t *testing.T) {
	g.t = t
	g.end()
	answer, text := g.ask("GET", g.origin+"/", "", "Cookie", "__Host-lh-app=good")
	if answer.StatusCode < 500 || strings.Contains(text, "Cookie") {
		t.Errorf("got %s: %s", answer.Status, text)
	}
}

func (g guarded) calendar(t *testing.T) {
	g.t = t
	answer, text := g.ask("PROPFIND", g.origin+"/", "<propfind xmlns=\"DAV:\"><prop><current-user-principal/></prop></propfind>",
		"Cookie", "__Host-lh-app=good", "X-Remote-User", "root", "Depth", "0")
	if answer.StatusCode != 207 || !strings.Contains(text, "/a-42/") || strings.Contains(text, "root") {
		t.Errorf("Radicale answered %s: %s", answer.Status, text)
	}
	if answer, _ := g.ask("PROPFIND", g.origin+"/", "", "X-Remote-User", "root"); answer.StatusCode != 401 {
		t.Errorf("without a session: %s", answer.Status)
	}
}
