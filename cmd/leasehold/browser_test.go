package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"leasehold/idp/saml/samltest"
)

// copied is a browser with the cookies of another one.
func (p *place) copied(t *testing.T, v *visitor) *visitor {
	t.Helper()
	thief := newVisitor(p.port)
	for _, host := range []string{"sso", "wiki"} {
		u := &url.URL{Scheme: "http", Host: host + ".localhost:" + p.port, Path: "/"}
		for _, c := range v.http.Jar.Cookies(u) {
			thief.http.Jar.SetCookies(u, []*http.Cookie{{Name: c.Name, Value: c.Value, Path: "/", Secure: true}})
		}
	}
	return thief
}

func TestAfterALogOutNothingThatTheBrowserHeldIsGood(t *testing.T) {
	p := newPlace(t)
	ctx := context.Background()
	ada := p.mustLogIn("ada")
	seen, err := ada.get(ctx, p.sso("/"))
	if err != nil || !strings.Contains(seen.body, "ada@acme.test") || seen.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%v; the page that Back would show again has Cache-Control %q", err, seen.header.Get("Cache-Control"))
	}
	thief := p.copied(t, ada)
	if !p.entered(thief) {
		t.Fatal("the copy of a live session is none: this test shows nothing")
	}
	out, err := ada.get(ctx, p.sso("/_sso/logout"))
	if err != nil {
		t.Fatal(err)
	}
	action, form, err := out.anyForm()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ada.post(ctx, action, form); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]*visitor{"her own browser": ada, "a copy of its cookies": thief} {
		if p.entered(v) {
			t.Errorf("%s still enters the wiki", name)
		}
		for _, path := range []string{"/", "/_sso/me"} {
			if got, err := v.get(ctx, p.sso(path)); err != nil || strings.Contains(got.body, "ada@acme.test") {
				t.Errorf("%s reads at %s: %v %s", name, path, err, got.words())
			}
		}
	}
	p.mustLogIn("ada")
}

func TestALoginBegunElsewhereLogsNobodyInAtEitherHandOver(t *testing.T) {
	p := newPlace(t)
	ctx := context.Background()
	mallory, victim := newVisitor(p.port), newVisitor(p.port)
	var finish string
	hold := errors.New("held")
	mallory.http.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/_sso/finish" {
			finish = r.URL.String()
			return hold
		}
		return nil
	}
	wiki := url.QueryEscape("http://wiki.localhost:" + p.port + "/")
	there, err := mallory.get(ctx, p.sso("/login?connection=acme-saml&rd="+wiki))
	if err != nil {
		t.Fatal(err)
	}
	form := p.provider.Answer(t, there.url, samltest.Person{Subject: "mallory", Email: "mallory@acme.test"})

	// The first: the victim's browser is made to post mallory's answer.
	if got, err := victim.post(ctx, p.sso("/idp/acme-saml/acs"), form); err != nil || got.status != http.StatusForbidden || p.entered(victim) {
		t.Errorf("%v; the victim comes to %s with %d", err, got.url, got.status)
	}
	// The second: mallory goes on himself, and gives the victim the address that would give her his cookie.
	if _, err := mallory.post(ctx, p.sso("/idp/acme-saml/acs"), form); err != nil && !errors.Is(err, hold) {
		t.Fatal(err)
	}
	if finish == "" {
		if _, err := mallory.get(ctx, "http://wiki.localhost:"+p.port+"/_sso/start?rd=/"); !errors.Is(err, hold) {
			t.Fatalf("mallory is not handed over: %v", err)
		}
	}
	if _, err := victim.get(ctx, finish); err != nil || p.entered(victim) {
		t.Errorf("%v; the victim is in as somebody", err)
	}
	p.mustLogIn("ada")
}

// raw is the status of a request that is written by hand; 0 when there is no answer.
func (p *place) raw(t *testing.T, text string) int {
	t.Helper()
	c, err := net.Dial("tcp", "127.0.0.1:"+p.port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, text)
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

func TestOnlyTheHostThatIsOursIsServed(t *testing.T) {
	p := newPlace(t)
	ours := "sso.localhost:" + p.port
	for lines, want := range map[string]int{
		"GET /login HTTP/1.1\r\nHost: " + ours:                                                           200,
		"GET /login HTTP/1.1\r\nHost: SSO.localhost:" + p.port:                                           200, // RFC 9110, 4.2.3
		"GET /login HTTP/1.1\r\nHost: evil.test":                                                         404,
		"GET /login HTTP/1.1\r\nHost: evil.test\r\nX-Forwarded-Host: " + ours:                            404,
		"GET /login HTTP/1.1\r\nHost: evil.test\r\nForwarded: host=" + ours:                              404,
		"GET /login HTTP/1.1\r\nHost: " + ours + "\r\nHost: evil.test":                                   400,
		"GET /login HTTP/1.1\r\nHost: " + ours + "@evil.test":                                            400,
		"GET /login HTTP/1.1\r\nHost: evil.test#" + ours:                                                 400,
		"GET /login HTTP/1.1\r\nHost: " + ours + "/":                                                     400,
		"GET /login HTTP/1.1\r\nHost: sso.localhost:1":                                                   404,
		"GET /login HTTP/1.1":                                                                            400,
		"GET http://evil.test/login HTTP/1.1\r\nHost: " + ours:                                           404, // RFC 9112, 3.2.2
		"POST /login HTTP/1.1\r\nHost: " + ours + "\r\nContent-Length: 3\r\nContent-Length: 4":           400,
		"POST /login HTTP/1.1\r\nHost: " + ours + "\r\nTransfer-Encoding: identity\r\nContent-Length: 0": 501,
	} {
		if got := p.raw(t, lines+"\r\n\r\n"); got != want {
			t.Errorf("%q is answered by %d, want %d", lines, got, want)
		}
	}
}

func TestTheCheckTellsNothingToWhoIsNoProxy(t *testing.T) {
	p := newPlace(t, "trusted_proxies: [192.0.2.1]\n")
	jar, _ := cookiejar.New(nil)
	browser := http.Client{Jar: jar}
	for _, path := range []string{"/_sso/check/nginx", "/_sso/check/forward"} {
		request, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+p.port+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{
			"X-Original-URL": "http://wiki.localhost:" + p.port + "/", "X-Original-Method": "GET", "X-Forwarded-For": "192.0.2.1",
			"X-Forwarded-Proto": "http", "X-Forwarded-Host": "wiki.localhost:" + p.port, "X-Forwarded-Uri": "/", "X-Forwarded-Method": "GET", "X-Leasehold-User": "acc_1",
		} {
			request.Header.Set(name, value)
		}
		response, err := browser.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusForbidden || response.Header.Get("X-Leasehold-Reason") != "proxy_untrusted" || response.Header.Get("X-Leasehold-User") != "" {
			t.Errorf("%s: %d %v", path, response.StatusCode, response.Header)
		}
	}
}
