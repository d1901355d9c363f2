package web_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"leasehold/provision"
)

// FuzzTarget: whatever a check is asked about is what every URL parser reads, or it is not asked about at all.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{wiki + "/page?a=1&b=2", wiki + "//x", wiki + "/%2e%2e/x", "https://WIKI.example.org:443/", "https://[::1]/", "http://x.localhost:80/", "https://a@b/", "https://a/\\b#c", "https://a/..;/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		g := newGate(t)
		r := newBrowser(t, g).get("http://127.0.0.1/_sso/check/nginx", append(asNginx("GET", "/", navigation...), "X-Original-Url", target)...)
		if len(g.asked) == 0 {
			if r.StatusCode != 403 || r.Header.Get("X-Leasehold-Reason") != string(provision.TargetInvalid) {
				t.Fatalf("not asked, and %d", r.StatusCode)
			}
			return
		}
		ask := g.asked[0]
		if strings.Contains(ask.Origin, "[") {
			return // an address in brackets need not be one; no app has such an origin
		}
		u, err := url.Parse(strings.ToLower(target[:strings.Index(target, "://")+3]) + target[strings.Index(target, "://")+3:])
		if err != nil && !strings.Contains(err.Error(), "invalid URL escape") {
			t.Fatalf("asked %+v about what is no URL: %v", ask, err)
		}
		if o, err := provision.ParseOrigin(ask.Origin); err != nil || o.String() != ask.Origin {
			t.Fatalf("asked about the origin %q", ask.Origin)
		}
		if err != nil {
			return
		}
		host := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(u.Host), ":443"), ":")
		if u.Scheme == "http" {
			host = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(u.Host), ":80"), ":")
		}
		if u.User != nil || u.Fragment != "" || u.Scheme+"://"+host != ask.Origin {
			t.Fatalf("asked about %s, others read %s", ask.Origin, u)
		}
		if ask.Path == "" {
			return
		}
		decoded, err := url.PathUnescape(ask.Path)
		if err != nil || decoded != u.Path || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/../") || strings.ContainsAny(u.Path, "\\%#?;\x00") {
			t.Fatalf("asked about the path %q, others read %q", ask.Path, u.Path)
		}
	})
}

// FuzzForward: whatever the headers of a forward-auth proxy say is what every URL parser reads, or it is not asked about.
func FuzzForward(f *testing.F) {
	for _, seed := range [][3]string{
		{"https", "wiki.example.org", "/page?a=1"}, {"wss", "WIKI.example.org:443", "/"}, {"https", "wiki.example.org/", "/"}, {"https", "a@b", "/"}, {"http", "x.localhost", "//evil.test"},
		{"https", "wiki.example.org", "/../x"}, {"https,http", "a, b", "/"}, {"https", "wiki.example.org", "*"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, proto, host, uri string) {
		g := newGate(t)
		r := newBrowser(t, g).get("http://127.0.0.1/_sso/check/forward", "X-Forwarded-Method", "GET", "X-Forwarded-Proto", proto, "X-Forwarded-Host", host, "X-Forwarded-Uri", uri)
		if len(g.asked) == 0 {
			if r.StatusCode < 400 || r.Header.Get("X-Leasehold-Reason") != string(provision.TargetInvalid) {
				t.Fatalf("not asked, and %d", r.StatusCode)
			}
			return
		}
		ask := g.asked[0]
		if o, err := provision.ParseOrigin(ask.Origin); err != nil || o.String() != ask.Origin {
			t.Fatalf("asked about the origin %q", ask.Origin)
		}
		u, err := url.ParseRequestURI(uri)
		if err != nil && !strings.Contains(err.Error(), "invalid URL escape") {
			t.Fatalf("asked %+v about what is no path: %v", ask, err)
		}
		scheme, usual := "https", ":443"
		if p := strings.ToLower(proto); p == "http" || p == "ws" {
			scheme, usual = "http", ":80"
		}
		if said := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(host), usual), ":"); ask.Origin != scheme+"://"+said {
			t.Fatalf("asked about %s for %s at %q", ask.Origin, proto, host)
		}
		if decoded, _ := url.PathUnescape(ask.Path); ask.Path != "" && (err != nil || decoded != u.Path || strings.ContainsAny(u.Path, "\\%#?;\x00")) {
			t.Fatalf("asked about the path %q, others read %q", ask.Path, u.Path)
		}
	})
}

// FuzzCookie: the token is what net/http reads from one cookie of the name, or nothing is asked.
func FuzzCookie(f *testing.F) {
	for _, seed := range []string{"__Host-lh-app=abc", "a=b; __Host-lh-app=abc", "__Host-lh-app=a; __Host-lh-app=b", "__Host-lh-app=\"a\"", ";;=;", "__Host-lh-app"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		g := newGate(t)
		newBrowser(t, g).get("http://127.0.0.1/_sso/check/nginx", asNginx("GET", "/", "Cookie", line)...)
		if len(g.asked) == 0 {
			return
		}
		var read []string
		for _, c := range (&http.Request{Header: http.Header{"Cookie": {line}}}).Cookies() {
			if c.Name == "__Host-lh-app" {
				read = append(read, c.Value)
			}
		}
		token := g.asked[0].Token
		if strings.Trim(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" || len(read) > 1 || len(read) == 1 && read[0] != token || len(read) == 0 && token != "" {
			t.Fatalf("token %q, net/http reads %q", token, read)
		}
	})
}

// FuzzReturn: wherever a login is asked to return to, it stays on the origin it began at.
func FuzzReturn(f *testing.F) {
	for _, seed := range []string{"/page?a=1&b=2", wiki + "/x", "//evil.test", "/\\evil.test", "https://evil.test", "/%0d%0a", "javascript:x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rd string) {
		g := newGate(t)
		b := newBrowser(t, g)
		r := b.get(wiki + "/_sso/start?rd=" + url.QueryEscape(rd))
		if r.StatusCode == 400 {
			return
		}
		login, err := url.Parse(onward(t, r))
		if err != nil || login.Host != "sso.example.com" {
			t.Fatalf("leads to %s", login)
		}
		if !strings.HasPrefix(login.Query().Get("rd"), wiki+"/") {
			t.Fatalf("returns to %q", login.Query().Get("rd"))
		}
		if page := body(t, r); !strings.Contains(page, html.EscapeString(login.String())) && !strings.Contains(page, "href=") {
			t.Fatal("no link")
		}
		g.codes["c"] = handed{origin(t, wiki), strings.TrimPrefix(login.Query().Get("rd"), wiki), login.Query().Get("start")}
		there := onward(t, b.get(wiki+"/_sso/finish?code=c"))
		u, err := url.Parse(there)
		if !strings.HasPrefix(there, wiki+"/") || strings.ContainsAny(there, "\r\n\\") || err == nil && (u.Host != "wiki.example.org" || strings.HasPrefix(u.Path, "//")) {
			t.Fatalf("ends at %q", there)
		}
	})
}
