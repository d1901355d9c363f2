package web_test

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

var update = flag.Bool("update", false, "write the golden pages anew")

var changing = regexp.MustCompile(`req_[a-z0-9]{12}|style\.[0-9a-f]{16}\.css`)

func body(t testing.TB, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pageCases lists every page that a person can see.
func pageCases() map[string]func(*fakeGate, *jar) *http.Response {
	signIn := func(b *jar) {
		b.cookies["sso.example.com"] = map[string]string{"__Host-lh": "acme_lease1-at-sso_example_com", "__Host-lh-browser": strings.Repeat("b", 43)}
		b.cookies["wiki.example.org"] = map[string]string{"__Host-lh-app": "acme_lease1-at-wiki_example_org"}
	}
	forward := []string{"X-Forwarded-Method", "GET", "X-Forwarded-Host", "wiki.example.org", "X-Forwarded-Uri", "/page"}
	return map[string]func(*fakeGate, *jar) *http.Response{
		"login": func(g *fakeGate, b *jar) *http.Response {
			return b.get(sso + "/login?rd=" + url.QueryEscape(wiki+"/page"))
		},
		"login-plain": func(g *fakeGate, b *jar) *http.Response { return b.get(sso + "/login") },
		"login-wrong": func(g *fakeGate, b *jar) *http.Response {
			g.fails["Begin"] = denied(provision.DomainUnknown)
			return b.post(sso+"/login", url.Values{"email": {"ada@elsewhere.test"}, "rd": {wiki + "/page"}})
		},
		"going": func(g *fakeGate, b *jar) *http.Response {
			return b.post(sso+"/login", url.Values{"email": {"ada@acme.test"}})
		},
		"notice": func(g *fakeGate, b *jar) *http.Response {
			signIn(b)
			g.landings["att1"] = broker.Landing{Lease: "acme.lease1", Origin: g.appOrigin(), Path: "/page", Start: strings.Repeat("a", 64), Notice: "A sign-in at another identity provider was added to your account."}
			return b.get(sso + "/idp/acme-saml/resume?attempt=att1")
		},
		"first-again": func(g *fakeGate, b *jar) *http.Response {
			signIn(b)
			g.fails["Begin"] = denied(provision.AuthTooOld)
			return b.post(sso+"/link", url.Values{"connection": {"acme-oidc"}})
		},
		"account": func(g *fakeGate, b *jar) *http.Response { signIn(b); return b.get(sso + "/") },
		"account-administers": func(g *fakeGate, b *jar) *http.Response {
			signIn(b)
			g.me.Administers = true
			return b.get(sso + "/")
		},
		"account-elevated": func(g *fakeGate, b *jar) *http.Response { signIn(b); g.deskOfAda(); return b.get(sso + "/") },
		"elevate":          func(g *fakeGate, b *jar) *http.Response { signIn(b); g.deskOfAda(); return b.get(sso + "/elevate") },
		"elevate-none":     func(g *fakeGate, b *jar) *http.Response { signIn(b); return b.get(sso + "/elevate") },
		"logout":           func(g *fakeGate, b *jar) *http.Response { signIn(b); return b.get(wiki + "/_sso/logout") },
		"bye-offer":        func(g *fakeGate, b *jar) *http.Response { return b.get(wiki + "/_sso/logout?offer=offer1") },
		"bye-ended": func(g *fakeGate, b *jar) *http.Response {
			signIn(b)
			delete(b.cookies["sso.example.com"], "__Host-lh")
			g.gone = map[broker.AttemptID]bool{"leaving1": true}
			return b.get(sso + "/_sso/logout?state=leaving1")
		},
		"bye-unsure": func(g *fakeGate, b *jar) *http.Response {
			signIn(b)
			delete(b.cookies["sso.example.com"], "__Host-lh")
			g.gone = map[broker.AttemptID]bool{"leaving1": false}
			return b.get(sso + "/_sso/logout?state=leaving1")
		},
		"posting": func(g *fakeGate, b *jar) *http.Response {
			g.reply = broker.Reply{Address: "https://idp.acme.test/slo-post", Fields: url.Values{"SAMLResponse": {"PHg+"}, "RelayState": {`"quoted"`}}}
			return b.get(sso + "/idp/acme-saml/slo?SAMLRequest=x")
		},
		"bye": func(g *fakeGate, b *jar) *http.Response { return b.get(wiki + "/_sso/logout") },
		"denied-login": func(g *fakeGate, b *jar) *http.Response {
			signIn(b)
			g.fails["Login"] = &provision.DeniedError{Reason: provision.GroupMissing, Ref: "dec_7q2m4", Contact: "it@acme.test"}
			return b.get(sso + "/idp/acme-oidc/callback?state=att2&code=c")
		},
		"denied-enter": func(g *fakeGate, b *jar) *http.Response {
			signIn(b)
			g.fails["Enter"] = &provision.DeniedError{Reason: provision.TenantNotOfApp, Contact: "it@acme.test"}
			return b.get(sso + "/login?rd=" + url.QueryEscape(wiki+"/page") + "&start=" + strings.Repeat("a", 64))
		},
		"denied-check": func(g *fakeGate, b *jar) *http.Response {
			signIn(b)
			g.verdict.Reason = provision.RoleMissing
			return b.get(wiki+"/_sso/check/forward", forward...)
		},
		"denied-proxy": func(g *fakeGate, b *jar) *http.Response {
			signIn(b)
			g.verdict.Reason = provision.RoleMissing
			return b.get(wiki + "/_sso/denied")
		},
		"unsent": func(g *fakeGate, b *jar) *http.Response {
			g.verdict.Reason = provision.LeaseEnded
			return b.get(wiki+"/_sso/check/forward", append([]string{"X-Forwarded-Method", "POST"}, forward[2:]...)...)
		},
		"unavailable": func(g *fakeGate, b *jar) *http.Response { return b.get(wiki + "/_sso/unavailable") },
		"protocol": func(g *fakeGate, b *jar) *http.Response {
			g.fails["Receive"] = &provision.DeniedError{Reason: provision.SignatureInvalid, Ref: "evt_123", Contact: "it@acme.test"}
			r := b.do("POST", sso+"/idp/acme-saml/acs", url.Values{"SAMLResponse": {"x"}, "RelayState": {"att1"}})
			return b.get(sso + r.Header.Get("Location"))
		},
		"loop": func(g *fakeGate, b *jar) *http.Response {
			signIn(b)
			for range 3 {
				b.get(sso + "/login?rd=" + url.QueryEscape(wiki+"/page") + "&start=" + strings.Repeat("a", 64))
			}
			return b.get(sso + "/login?rd=" + url.QueryEscape(wiki+"/page") + "&start=" + strings.Repeat("a", 64))
		},
		"nowhere": func(g *fakeGate, b *jar) *http.Response { return b.get("https://other.example.net/") },
	}
}

func (g *fakeGate) appOrigin() provision.Origin { return origin(g.t, wiki) }

func TestEveryPageIsAsItWasWhenSomebodyLastLookedAtIt(t *testing.T) {
	for name, ask := range pageCases() {
		t.Run(name, func(t *testing.T) {
			g := newGate(t)
			r := ask(g, newBrowser(t, g))
			page := changing.ReplaceAllStringFunc(body(t, r), func(s string) string {
				if strings.HasPrefix(s, "req_") {
					return "req_0"
				}
				return "style.css"
			})
			page = r.Status + "\n" + page
			file := filepath.Join("testdata", "pages", name+".html")
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if page != string(want) {
				t.Errorf("%s differs; look at it, then run with -update\n%s", file, page)
			}
		})
	}
}

func TestEveryPageIsHardenedAndHoldsNothingFromElsewhere(t *testing.T) {
	for name, ask := range pageCases() {
		t.Run(name, func(t *testing.T) {
			g := newGate(t)
			r := ask(g, newBrowser(t, g))
			posts := "'self'"
			if name == "posting" { // to the one identity provider that is told
				posts = "https://idp.acme.test"
			}
			for header, want := range map[string]string{
				"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action " + posts + "; base-uri 'none'; frame-ancestors 'none'",
				"X-Frame-Options":         "DENY", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
				"Content-Type": "text/html; charset=utf-8",
			} {
				if got := r.Header[http.CanonicalHeaderKey(header)]; len(got) != 1 || got[0] != want {
					t.Errorf("%s: %q", header, got)
				}
			}
			if policy := r.Header.Get("Referrer-Policy"); policy != "same-origin" && policy != "no-referrer" {
				t.Errorf("Referrer-Policy %q", policy)
			}
			page := body(t, r)
			for _, must := range []string{`<html lang="en">`, "<h1>", "<main>", `name="viewport"`} {
				if !strings.Contains(page, must) {
					t.Errorf("no %s", must)
				}
			}
			for _, never := range []string{"<script", "<img", "<iframe", " style=", "src=", "onclick", "javascript:", "@import"} {
				if strings.Contains(page, never) {
					t.Errorf("has %s", never)
				}
			}
		})
	}
}

func TestOnlyTheSSOHostPinsItselfToHTTPS(t *testing.T) {
	b := newBrowser(t, newGate(t))
	if b.get(sso+"/login").Header.Get("Strict-Transport-Security") == "" || b.get(wiki+"/_sso/logout").Header.Get("Strict-Transport-Security") != "" {
		t.Error("HSTS is the SSO host's own, and nobody else's")
	}
}

func TestTheStyleSheetIsServedOnEveryHostUnderItsHash(t *testing.T) {
	b := newBrowser(t, newGate(t))
	link := regexp.MustCompile(`/_sso/assets/style\.[0-9a-f]+\.css`).FindString(body(t, b.get(sso+"/login")))
	for _, host := range []string{sso, wiki, "https://other.example.net"} {
		r := b.get(host + link)
		wantStatus(t, r, 200)
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/css") || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %v", host, r.Header)
		}
	}
	wantStatus(t, b.get(sso+"/_sso/assets/style.css"), 404)
}

func TestTheAccountPageShowsSoManySessionsAndNoMore(t *testing.T) {
	g := newGate(t)
	for n := range 500 {
		l := g.standing.Lease
		l.ID, l.Start = provision.LeaseID(fmt.Sprintf("acme.many%d", n)), noon.Add(time.Duration(n)*time.Minute)
		g.me.Leases = append(g.me.Leases, l)
	}
	page := body(t, signedIn(t, g).get(sso+"/"))
	if n := strings.Count(page, `name="lease"`); n != 50 || !strings.Contains(page, "And 452 older ones.") {
		t.Errorf("%d sessions on %s", n, page)
	}
	if !strings.Contains(page, "this browser</span>") || !strings.Contains(page, "acme.many499") || strings.Contains(page, `"acme.many0"`) {
		t.Error("not this browser's and the newest ones")
	}
}
