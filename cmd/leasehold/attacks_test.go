package main

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"leasehold/idp/saml/samltest"
)

// attack is something hostile at the public listener, and what shows afterwards that it was refused, and why.
type attack struct {
	name   string
	status int
	reason string // the code; "" of a refusal that is no login's and has only words
	trace  string // where the reason is told: "event", "doctor" or "metric"
	words  string // what doctor tells besides
	play   func(t *testing.T, p *place) page
}

func mallory() samltest.Person {
	return samltest.Person{Subject: "mallory", Email: "mallory@acme.test", Name: "mallory"}
}

// sentToProvider is a login that was begun at a connection, and where its browser was sent.
func (p *place) sentToProvider(t *testing.T, connection string) (*visitor, string) {
	t.Helper()
	v := newVisitor(p.port)
	there, err := v.get(context.Background(), p.sso("/login?connection="+connection))
	if err != nil {
		t.Fatal(err)
	}
	return v, there.url
}

// comes is what a visitor comes to.
func comes(t *testing.T) func(page, error) page {
	return func(got page, err error) page {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
}

// sends is one request as it stands, and nothing that follows from it.
func (p *place) sends(t *testing.T, method, path string, form url.Values, header ...string) page {
	t.Helper()
	request, err := http.NewRequest(method, "http://127.0.0.1:"+p.port+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "sso.localhost:" + p.port
	request.Header.Set("Accept", "text/html")
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for n := 0; n < len(header); n += 2 {
		request.Header.Add(header[n], header[n+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{response.StatusCode, path, string(body), response.Header}
}

// asksCheck asks the check about the wiki, with more headers.
func (p *place) asksCheck(t *testing.T, target string, header ...string) page {
	t.Helper()
	return p.sends(t, http.MethodGet, "/_sso/check/nginx", nil, append([]string{"X-Original-URL", target, "X-Original-Method", "GET"}, header...)...)
}

func browserAttacks() []attack {
	return []attack{
		{"another browser is made to post the answer", 403, "attempt_other_browser", "event", "", func(t *testing.T, p *place) page {
			_, address := p.sentToProvider(t, "acme-saml")
			victim, _ := p.sentToProvider(t, "acme-saml")
			return comes(t)(victim.post(context.Background(), p.sso("/idp/acme-saml/acs"), p.provider.Answer(t, address, mallory())))
		}},
		{"another browser is sent to the callback", 403, "attempt_other_browser", "event", "", func(t *testing.T, p *place) page {
			_, address := p.sentToProvider(t, "acme-oidc")
			victim, _ := p.sentToProvider(t, "acme-oidc")
			return comes(t)(victim.get(context.Background(), p.sso("/idp/acme-oidc/callback?"+p.op.Login(t, address).Encode())))
		}},
		{"an answer that nobody asked for", 403, "attempt_unknown", "event", "", func(t *testing.T, p *place) page {
			v, address := p.sentToProvider(t, "acme-saml")
			form := p.provider.Answer(t, address, mallory())
			form.Del("RelayState")
			return comes(t)(v.post(context.Background(), p.sso("/idp/acme-saml/acs"), form))
		}},
		{"a RelayState that is an address", 403, "attempt_unknown", "event", "", func(t *testing.T, p *place) page {
			v, address := p.sentToProvider(t, "acme-saml")
			form := p.provider.Answer(t, address, mallory())
			form.Set("RelayState", "https://evil.test/")
			return comes(t)(v.post(context.Background(), p.sso("/idp/acme-saml/acs"), form))
		}},
		{"a state that was never given out", 403, "attempt_unknown", "event", "", func(t *testing.T, p *place) page {
			v, address := p.sentToProvider(t, "acme-oidc")
			form := p.op.Login(t, address)
			form.Set("state", "of-mallory")
			return comes(t)(v.get(context.Background(), p.sso("/idp/acme-oidc/callback?"+form.Encode())))
		}},
		{"an artifact beside the answer", 403, "document_malformed", "event", "", func(t *testing.T, p *place) page {
			v, address := p.sentToProvider(t, "acme-saml")
			form := p.provider.Answer(t, address, mallory())
			form.Set("SAMLart", "AAQ=")
			return comes(t)(v.post(context.Background(), p.sso("/idp/acme-saml/acs"), form))
		}},
		{"two answers in one form", 403, "document_malformed", "event", "", func(t *testing.T, p *place) page {
			v, address := p.sentToProvider(t, "acme-saml")
			form := p.provider.Answer(t, address, mallory())
			form.Add("SAMLResponse", form.Get("SAMLResponse"))
			return comes(t)(v.post(context.Background(), p.sso("/idp/acme-saml/acs"), form))
		}},
		{"two session cookies", 401, "session_malformed", "doctor", "", func(t *testing.T, p *place) page {
			return p.sends(t, "GET", "/", nil, "Cookie", "__Host-lh=abc; __Host-lh=def")
		}},
		{"a return address elsewhere", 400, "target_invalid", "doctor", "", func(t *testing.T, p *place) page {
			return p.sends(t, "GET", "/login?rd="+url.QueryEscape("https://evil.test\\@wiki.localhost/"), nil)
		}},
		{"a return address at a host of nobody's", 403, "app_unknown", "doctor", "", func(t *testing.T, p *place) page {
			return p.sends(t, "GET", "/login?rd="+url.QueryEscape("https://evil.test/"), nil)
		}},
		{"a return address with a line of its own", 400, "target_invalid", "doctor", "", func(t *testing.T, p *place) page {
			return p.sends(t, "GET", "/login?rd="+url.QueryEscape("http://wiki.localhost:"+p.port+"/\r\nSet-Cookie: a=b"), nil)
		}},
		{"two return addresses", 400, "target_invalid", "doctor", "", func(t *testing.T, p *place) page {
			return p.sends(t, "GET", "/login?rd=a&rd=b", nil)
		}},
		{"a form of another site", 403, "", "doctor", "posted by a page of another origin", func(t *testing.T, p *place) page {
			return p.sends(t, "POST", "/_sso/logout", url.Values{}, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test")
		}},
		{"a hand-over that repeats itself", 403, "", "doctor", "the same hand-over again and again", func(t *testing.T, p *place) (got page) {
			v := p.mustLogIn("ada")
			v.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			for range 4 {
				got = comes(t)(v.get(context.Background(), p.sso("/login?start="+strings.Repeat("a", 64)+"&rd="+url.QueryEscape("http://wiki.localhost:"+p.port+"/loop"))))
			}
			return got
		}},
		{"a header that an app reads as one of ours", 403, "header_alias", "metric", "", func(t *testing.T, p *place) page {
			return p.asksCheck(t, "http://wiki.localhost:"+p.port+"/", "X_Leasehold_User", "acc_1")
		}},
		{"a target that can be read in two ways", 403, "target_invalid", "metric", "", func(t *testing.T, p *place) page {
			return p.asksCheck(t, "http://wiki.localhost:"+p.port+"@evil.test/")
		}},
		{"a check about a host of nobody's", 403, "app_unknown", "metric", "", func(t *testing.T, p *place) page {
			return p.asksCheck(t, "https://evil.test/")
		}},
		{"a forged session", 401, "session_malformed", "metric", "", func(t *testing.T, p *place) page {
			return p.asksCheck(t, "http://wiki.localhost:"+p.port+"/", "Cookie", "__Host-lh-app="+strings.Repeat("A", 90))
		}},
		{"two sessions at once", 401, "session_malformed", "metric", "", func(t *testing.T, p *place) page {
			return p.asksCheck(t, "http://wiki.localhost:"+p.port+"/", "Cookie", "__Host-lh-app=a; __Host-lh-app=b")
		}},
	}
}

func TestWhatABrowserIsMadeToDoIsRefusedWithItsReasonAndTheNextLoginGetsIn(t *testing.T) {
	playAttacks(t, newPlace(t), browserAttacks())
}

// playAttacks plays each, and an honest login beside it and after it.
func playAttacks(t *testing.T, p *place, attacks []attack) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			p.t = t
			beside, address := p.sentToProvider(t, "acme-saml")
			got := a.play(t, p)
			if got.status != a.status || strings.Contains(got.header.Get("Location"), "evil") {
				t.Errorf("answered by %d to %q: %s", got.status, got.header.Get("Location"), got.words())
			}
			if a.reason != "" && strings.Contains(got.body, a.reason) {
				t.Errorf("the browser is told the code: %s", got.words())
			}
			p.wantTrace(t, a, got)
			end := comes(t)(beside.post(context.Background(), p.sso("/idp/acme-saml/acs"), p.provider.Answer(t, address, samltest.Person{Subject: "ada", Email: "ada@acme.test"})))
			if end.status != http.StatusOK || end.url != p.sso("/") {
				t.Errorf("the honest login beside it ends at %s: %s", end.url, end.words())
			}
			p.mustLogIn("ada")
		})
	}
	p.t = t
}

// wantTrace wants the reason where an operator looks for it.
func (p *place) wantTrace(t *testing.T, a attack, got page) {
	t.Helper()
	switch a.trace {
	case "event":
		p.gateway.broker.Run(over()) // writes what is counted, as it does each minute
		if tail := p.says("audit", "tail"); !regexp.MustCompile(`"event":"login(\.protocol)?","outcome":"denied","reason":"` + a.reason + `"`).MatchString(last(tail)) {
			t.Errorf("the last event is %s", last(tail))
		}
	case "doctor":
		ref := regexp.MustCompile(`<code>(\w+)</code>`).FindStringSubmatch(got.body)
		if ref == nil {
			t.Fatalf("no reference on %s", got.body)
		}
		if told := p.says("doctor", ref[1]); a.reason != "" && !regexp.MustCompile(`(?m)^code +`+a.reason+`$`).MatchString(told) || !strings.Contains(told, a.words) {
			t.Errorf("doctor says %s", told)
		}
	case "metric":
		if got.header.Get("X-Leasehold-Reason") != a.reason || !strings.Contains(p.metrics(t), `outcome="refused",reason="`+a.reason+`"`) {
			t.Errorf("the proxy is told %q", got.header.Get("X-Leasehold-Reason"))
		}
	default:
		t.Errorf("no trace is looked for")
	}
}

// over is a context that is over.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// last is the last line of a text.
func last(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

func (p *place) metrics(t *testing.T) string {
	t.Helper()
	response, err := http.Get("http://127.0.0.1:" + p.ops + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// lure is where an OpenID provider sends us, or an answer of it that is no good.
type lure struct {
	name, reason, words string
	tell                func(*place)
}

func lures() []lure {
	endpoint := func(name, address string) func(*place) {
		return func(p *place) { p.op.Tamper.Discovery = func(d map[string]any) { d[name] = address } }
	}
	keys := func(handle http.HandlerFunc) func(*place) {
		return func(p *place) { p.op.Tamper.Handle = map[string]http.HandlerFunc{"/keys": handle} }
	}
	return []lure{
		{"the cloud's own address", "idp_unreachable", "prohibited IP address: 169.254.169.254", endpoint("token_endpoint", "https://169.254.169.254/latest/meta-data")},
		{"an address inside", "idp_unreachable", "prohibited IP address: 10.0.0.7", endpoint("token_endpoint", "https://10.0.0.7/")},
		{"an address inside, in the clothes of IPv6", "idp_unreachable", "prohibited IP address: 10.0.0.7", endpoint("token_endpoint", "https://[::ffff:10.0.0.7]/")},
		{"an address inside, by NAT64", "idp_unreachable", "prohibited IP address: 64:ff9b::a00:7", endpoint("token_endpoint", "https://[64:ff9b::a00:7]/")},
		{"a service on another port", "idp_unreachable", "prohibited port number: 6379", endpoint("token_endpoint", "https://192.0.2.1:6379/")},
		{"a file", "document_malformed", "no plain absolute address", endpoint("jwks_uri", "file:///etc/passwd")},
		{"a redirect", "idp_unreachable", "is not followed", keys(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		})},
		{"an answer that unpacks to far more", "document_malformed", "is not UTF-8", keys(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write(make([]byte, 10<<20))
			_ = z.Close()
		})},
		{"an answer without end", "message_too_large", "more than 262144 bytes", keys(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, io.LimitReader(endless{}, 64<<20)) })},
	}
}

func TestWhereAProviderSendsUsIsRefusedWithItsReasonAndTheNextLoginGetsIn(t *testing.T) {
	p := newPlace(t)
	afresh := func() { // what was learned of the provider is forgotten
		p.halt()
		p.start()
	}
	for _, l := range lures() {
		t.Run(l.name, func(t *testing.T) {
			p.t = t
			honest := p.op.Tamper
			afresh()
			l.tell(p)
			v, address := p.sentToProvider(t, "acme-oidc")
			if strings.HasPrefix(address, p.op.URL) {
				comes(t)(v.get(context.Background(), p.sso("/idp/acme-oidc/callback?"+p.op.Login(t, address).Encode())))
			}
			told := last(p.says("audit", "tail"))
			if !strings.Contains(told, `"event":"login","outcome":"denied","reason":"`+l.reason+`"`) || !strings.Contains(told, l.words) {
				t.Errorf("the last event is %s", told)
			}
			p.mustLogIn("ada") // by the other connection, at once
			p.op.Tamper = honest
			afresh()
			bob := newVisitor(p.port)
			p.op.Claims["email"] = "bob@acme.test"
			if back, _ := p.logInByOIDC(bob); !p.entered(bob) {
				t.Errorf("the provider is honest again: %s", back.words())
			}
		})
	}
	p.t = t
}
