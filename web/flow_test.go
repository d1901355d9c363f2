package web_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
)

const hash = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// signedIn is a browser with a session at the SSO host and at the app.
func signedIn(t *testing.T, g *fakeGate) *jar {
	t.Helper()
	b := newBrowser(t, g)
	b.cookies["sso.example.com"] = map[string]string{"__Host-lh": g.Token(g.standing.Lease.ID, origin(t, sso)), "__Host-lh-browser": strings.Repeat("b", 43)}
	b.cookies["wiki.example.org"] = map[string]string{"__Host-lh-app": g.Token(g.standing.Lease.ID, origin(t, wiki))}
	return b
}

func cookieLine(r *http.Response, name string) string {
	for _, line := range r.Header["Set-Cookie"] {
		if strings.HasPrefix(line, name+"=") {
			return line
		}
	}
	return ""
}

func TestEveryCookieIsBoundToItsHostAndHiddenFromScripts(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g)
	begun := b.get(wiki + "/_sso/start?rd=/")
	posted := b.post(sso+"/login", url.Values{"email": {"ada@acme.test"}, "rd": {wiki + "/"}, "start": {hash}})
	resumed := b.get(sso + "/idp/acme-saml/resume?attempt=att1")
	g.codes["c"] = handed{origin(t, wiki), "/", startOf(b)}
	finished := b.get(wiki + "/_sso/finish?code=c")
	for name, r := range map[string]*http.Response{"__Host-lh-start": begun, "__Host-lh-browser": posted, "__Host-lh": resumed, "__Host-lh-app": finished} {
		line := cookieLine(r, name)
		for _, must := range []string{"; Path=/;", "; Secure", "; HttpOnly", "; SameSite=Lax"} {
			if !strings.Contains(line, must) {
				t.Errorf("%s: %q has no %s", name, line, must)
			}
		}
		if strings.Contains(line, "Domain") || strings.Contains(line, "Priority=High") != (name == "__Host-lh" || name == "__Host-lh-app") {
			t.Errorf("%q", line)
		}
	}
}

// startOf is the hash by which the SSO host knows the browser's start cookie.
func startOf(b *jar) string {
	b.t.Helper()
	to, err := url.Parse(onward(b.t, b.get(wiki+"/_sso/start?rd=/")))
	if err != nil {
		b.t.Fatal(err)
	}
	return to.Query().Get("start")
}

func TestASecondTabKeepsTheCookiesOfTheFirst(t *testing.T) {
	b := newBrowser(t, newGate(t))
	first := startOf(b)
	if second := startOf(b); first == "" || first != second {
		t.Errorf("start %q, then %q", first, second)
	}
	if line := cookieLine(b.get(wiki+"/_sso/start?rd=/"), "__Host-lh-start"); !strings.Contains(line, "; Max-Age=600") {
		t.Errorf("the second tab has less time: %q", line)
	}
	b.post(sso+"/login", url.Values{"email": {"ada@acme.test"}})
	browser := b.cookies["sso.example.com"]["__Host-lh-browser"]
	b.post(sso+"/login", url.Values{"email": {"ada@acme.test"}})
	if len(browser) != 43 || browser != b.cookies["sso.example.com"]["__Host-lh-browser"] {
		t.Errorf("browser %q, then %v", browser, b.cookies)
	}
}

func TestACodeOfAnotherBrowserBeginsAnewOnceAndNeverLogsIn(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g)
	startOf(b)
	g.codes["stolen"] = handed{origin(t, wiki), "/", hash}
	r := b.get(wiki + "/_sso/finish?code=stolen&rd=%2Fpage")
	wantStatus(t, r, 303)
	if to := onward(t, r); to != wiki+"/_sso/start?rd=%2Fpage&again=1" || cookieLine(r, "__Host-lh-app") != "" {
		t.Errorf("leads to %s with %q", to, r.Header["Set-Cookie"])
	}
	onwards, _ := url.Parse(onward(t, b.get(onward(t, r))))
	if onwards.Query().Get("again") != "1" {
		t.Errorf("%s forgets that it is the second time", onwards)
	}
	r = b.get(wiki + "/_sso/finish?code=stolen&again=1")
	wantStatus(t, r, 403)
	if len(r.Header["Set-Cookie"]) > 0 {
		t.Errorf("sets %q", r.Header["Set-Cookie"])
	}
}

func TestASignedInBrowserEntersASecondAppWithoutAPage(t *testing.T) {
	g := newGate(t)
	b := signedIn(t, g)
	r := b.get(sso + "/login?rd=" + url.QueryEscape(wiki+"/page?x=1") + "&start=" + hash)
	wantStatus(t, r, 303)
	to, err := url.Parse(onward(t, r))
	if err != nil || to.Scheme+"://"+to.Host+to.Path != wiki+"/_sso/finish" || to.Query().Get("code") == "" || to.Query().Get("rd") != "/page?x=1" {
		t.Errorf("leads to %s", to)
	}
	if r := b.get(sso + "/login?rd=" + url.QueryEscape(wiki+"/page")); onward(t, r) != wiki+"/_sso/start?rd=%2Fpage" {
		t.Errorf("without a start cookie's hash it leads to %s", onward(t, r))
	}
	if r := b.get(sso + "/login?rd=" + url.QueryEscape(wiki)); onward(t, r) != wiki+"/_sso/start?rd=%2F" {
		t.Errorf("with the app's origin alone it leads to %s", onward(t, r))
	}
	if r := b.get(sso + "/login"); onward(t, r) != "/" {
		t.Errorf("without an app it leads to %s", onward(t, r))
	}
	wantStatus(t, b.get(sso+"/login?another=1&rd="+url.QueryEscape(wiki+"/")+"&start="+hash), 200)
}

func TestAnAppThatWantsANewLoginGetsOneAtTheSameProvider(t *testing.T) {
	g := newGate(t)
	g.fails["Enter"] = denied(provision.AuthTooOld)
	r := signedIn(t, g).get(sso + "/login?rd=" + url.QueryEscape(wiki+"/page") + "&start=" + hash)
	wantStatus(t, r, 200)
	if w := g.wishes[0]; !w.Fresh || w.Connection != "acme-saml" || w.Start != hash || w.Path != "/page" || !strings.HasPrefix(onward(t, r), "https://idp.acme.test/") {
		t.Errorf("wish %+v", w)
	}
}

func TestAWishNamesWhatTheFormNamed(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g)
	b.post(sso+"/login", url.Values{"email": {" ada@acme.test "}, "rd": {wiki + "/page?a=1&b=2"}, "start": {hash}, "another": {"1"}})
	b.get(sso + "/login?connection=acme-oidc")
	if len(g.wishes) != 2 {
		t.Fatalf("wishes %+v", g.wishes)
	}
	w := g.wishes[0]
	if w.Email != "ada@acme.test" || w.Origin.String() != wiki || w.Path != "/page?a=1&b=2" || w.Start != hash || !w.Fresh || len(w.Browser) != 43 {
		t.Errorf("wish %+v", w)
	}
	if w.Requester.IP != "203.0.113.9" || w.Requester.RequestID == "" {
		t.Errorf("requester %+v", w.Requester)
	}
	if w := g.wishes[1]; w.Connection != "acme-oidc" || w.Email != "" || w.Fresh || !w.Origin.IsZero() {
		t.Errorf("wish %+v", w)
	}
}

func TestDomainsThatMayNotSignInAllGetOneAndTheSamePage(t *testing.T) {
	var first string
	for _, reason := range []provision.Reason{provision.DomainUnknown, provision.DomainUnverified, provision.DomainLapsed, provision.TenantSuspended, provision.ContractEnded, provision.ConnectionDisabled, provision.ConnectionHeld, provision.DomainPublic} {
		g := newGate(t)
		g.fails["Begin"] = &provision.DeniedError{Reason: reason, Ref: "dec_x", Tenant: "acme", Contact: "it@acme.test"}
		r := newBrowser(t, g).post(sso+"/login", url.Values{"email": {"ada@acme.test"}})
		wantStatus(t, r, 403)
		if page := changing.ReplaceAllString(body(t, r), "req_0"); first == "" {
			first = page
		} else if page != first {
			t.Errorf("%s shows a page of its own", reason)
		}
	}
}

func TestNothingThatAFormPostsToRedirectsToAnotherHost(t *testing.T) {
	g := newGate(t)
	b := signedIn(t, g)
	g.landings["att1"] = broker.Landing{Lease: "acme.lease1", Origin: origin(t, wiki), Path: "/page", Start: hash}
	for name, r := range map[string]*http.Response{
		"e-mail form": b.post(sso+"/login", url.Values{"email": {"ada@acme.test"}}),
		"start":       b.get(wiki + "/_sso/start?rd=/"),
		"resume":      b.get(sso + "/idp/acme-saml/resume?attempt=att1"),
		"link":        b.post(sso+"/link", url.Values{"connection": {"acme-oidc"}}),
		"log-out":     b.post(wiki+"/_sso/logout", url.Values{}),
	} {
		to := onward(t, r)
		if r.StatusCode != 200 || r.Header.Get("Location") != "" || !strings.Contains(body(t, r), `href="`+strings.ReplaceAll(to, "&", "&amp;")+`"`) {
			t.Errorf("%s: %d to %q, or without a link", name, r.StatusCode, to)
		}
		if r.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s tells the next host where it came from", name)
		}
	}
}

func TestTheACSAnswersEveryPostWithARedirectToAGet(t *testing.T) {
	long := strings.Repeat("A", 2<<20)
	for name, c := range map[string]struct {
		form  url.Values
		fails error
	}{
		"good":           {url.Values{"SAMLResponse": {"PHg+"}, "RelayState": {"att1"}}, nil},
		"refused":        {url.Values{"SAMLResponse": {"PHg+"}, "RelayState": {"att1"}}, denied(provision.SignatureInvalid)},
		"no relay state": {url.Values{"SAMLResponse": {"PHg+"}}, denied(provision.Unsolicited)},
		"hostile state":  {url.Values{"RelayState": {"x\r\nSet-Cookie: a=b"}}, denied(provision.AttemptUnknown)},
		"too large":      {url.Values{"SAMLResponse": {long}}, nil},
		"unavailable":    {url.Values{"SAMLResponse": {"PHg+"}}, provision.ErrUnavailable},
		"broken":         {url.Values{"SAMLResponse": {"PHg+"}}, errors.New("boom")},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t)
			if c.fails != nil {
				g.fails["Receive"] = c.fails
			}
			b := newBrowser(t, g)
			r := b.do("POST", sso+"/idp/acme-saml/acs", c.form, "Sec-Fetch-Site", "cross-site", "Origin", "null")
			wantStatus(t, r, 303)
			to := onward(t, r)
			if !strings.HasPrefix(to, "/idp/acme-saml/resume?") || strings.ContainsAny(to, "\r\n") || len(r.Header["Set-Cookie"]) > 0 || body(t, r) != "" {
				t.Errorf("leads to %q with %v", to, r.Header)
			}
			again := b.get(sso + to)
			if name == "good" {
				wantStatus(t, again, 200)
				return
			}
			if again.StatusCode < 400 || len(g.backs) > 0 {
				t.Errorf("shows %d; tried to log in: %v", again.StatusCode, g.backs)
			}
			if name == "too large" && (len(g.posted) > 0 || !strings.Contains(body(t, again), "did not pass our checks")) {
				t.Error("a message of 2 MiB was read")
			}
		})
	}
}

func TestARefusalAtTheACSShowsItsReferenceAndNobodyElsesWords(t *testing.T) {
	g := newGate(t)
	g.fails["Receive"] = &provision.DeniedError{Reason: provision.AudienceMismatch, Ref: "evt_77", Contact: "it@acme.test"}
	b := newBrowser(t, g)
	to := onward(t, b.do("POST", sso+"/idp/acme-saml/acs", url.Values{"SAMLResponse": {"x"}, "RelayState": {"att1"}}))
	page := body(t, b.get(sso+to))
	if !strings.Contains(page, "evt_77") || !strings.Contains(page, "it@acme.test") || strings.Contains(page, "audience") {
		t.Errorf("page %s", page)
	}
	if again := body(t, b.get(sso+to)); again != page {
		t.Error("a reload shows another page")
	}
	forged := base64.RawURLEncoding.EncodeToString(append(make([]byte, 32), `{"Reason":"tenant_suspended","Ref":"evt_78","Contact":"call 0900 666"}`...))
	if page := body(t, b.get(sso+"/idp/acme-saml/resume?note="+forged)); strings.Contains(page, "0900") || strings.Contains(page, "evt_78") || !strings.Contains(page, "took too long") {
		t.Errorf("a forged note is believed: %s", page)
	}
}

func TestABrowserDoesNotLearnWhichCheckRefusedItsMessage(t *testing.T) {
	lengths := map[int]bool{}
	for _, reason := range []provision.Reason{provision.DecryptionFailed, provision.SignatureInvalid, provision.DocumentMalformed, provision.AlgorithmRefused, provision.Expired} {
		g := newGate(t)
		g.fails["Receive"] = &provision.DeniedError{Reason: reason, Ref: "evt_77", Contact: "it@acme.test"}
		b := newBrowser(t, g)
		answer := b.do("POST", sso+"/idp/acme-saml/acs", url.Values{"SAMLResponse": {"x"}, "RelayState": {"att1"}})
		to := onward(t, answer)
		lengths[len(to)] = true
		_, note, _ := strings.Cut(to, "note=")
		raw, err := base64.RawURLEncoding.DecodeString(note)
		if err != nil || strings.Contains(string(raw), string(reason)) {
			t.Errorf("%s: the note says why: %q, %v", reason, raw, err)
		}
		if page := body(t, b.get(sso+to)); strings.Contains(page, string(reason)) || !strings.Contains(page, "evt_77") {
			t.Errorf("%s: page %s", reason, page)
		}
	}
	if len(lengths) != 1 {
		t.Errorf("the length of where it leads tells reasons apart: %v", lengths)
	}
}

func TestASpentAttemptLeadsOnOnlyInTheBrowserThatHasItsSession(t *testing.T) {
	spent := broker.Landing{Lease: "acme.lease1", Origin: origin(t, wiki), Path: "/page", Start: hash}
	for name, c := range map[string]struct {
		change func(*fakeGate, *jar)
		status int
	}{
		"its browser": {func(*fakeGate, *jar) {}, 200},
		"no session":  {func(_ *fakeGate, b *jar) { delete(b.cookies["sso.example.com"], "__Host-lh") }, 403},
		"another session": {func(g *fakeGate, b *jar) {
			g.standing.Lease.ID = "acme.other"
			b.cookies["sso.example.com"]["__Host-lh"] = g.Token("acme.other", origin(t, sso))
		}, 403},
		"session is over":      {func(g *fakeGate, _ *jar) { g.fails["Session"] = denied(provision.LeaseEnded) }, 403},
		"nobody can tell":      {func(g *fakeGate, _ *jar) { g.fails["Session"] = provision.ErrUnavailable }, 503},
		"another browser":      {func(_ *fakeGate, b *jar) { delete(b.cookies["sso.example.com"], "__Host-lh-browser") }, 403},
		"attempts are out":     {func(g *fakeGate, _ *jar) { g.fails["Landing"] = provision.ErrUnavailable }, 503},
		"an attempt of nobody": {func(g *fakeGate, _ *jar) { clear(g.landings) }, 403},
	} {
		t.Run(name, func(t *testing.T) {
			for _, ask := range []func(*jar) *http.Response{
				func(b *jar) *http.Response { return b.get(sso + "/idp/acme-saml/resume?attempt=att1") },
				func(b *jar) *http.Response { return b.get(sso + "/idp/acme-oidc/callback?state=att1&code=c") },
				func(b *jar) *http.Response {
					return b.get(sso + onward(t, b.do("POST", sso+"/idp/acme-saml/acs", url.Values{"SAMLResponse": {"x"}, "RelayState": {"att1"}})))
				},
			} {
				g := newGate(t)
				g.landings["att1"] = spent
				g.fails["Login"], g.fails["Receive"] = denied(provision.AttemptUnknown), denied(provision.AttemptUnknown)
				b := signedIn(t, g)
				c.change(g, b)
				r := ask(b)
				wantStatus(t, r, c.status)
				if c.status == 200 && !strings.HasPrefix(onward(t, r), wiki+"/_sso/finish?") {
					t.Errorf("leads to %s", onward(t, r))
				}
			}
		})
	}
}

func TestALoginNeverKeepsTheSessionThatWasThereBefore(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g)
	b.cookies["sso.example.com"] = map[string]string{"__Host-lh": "planted", "__Host-lh-browser": strings.Repeat("b", 43)}
	r := b.get(sso + "/idp/acme-saml/resume?attempt=att1")
	wantStatus(t, r, 200)
	if got := b.cookies["sso.example.com"]["__Host-lh"]; got == "planted" || got == "" || g.backs[0].Session != "planted" {
		t.Errorf("cookie %q, the former one %q", got, g.backs[0].Session)
	}
}

func TestTwoCookiesOfOneNameAreRefusedEverywhere(t *testing.T) {
	g := newGate(t)
	for path, name := range map[string]string{
		sso + "/": "__Host-lh", sso + "/login": "__Host-lh", sso + "/_sso/me": "__Host-lh", sso + "/_sso/logout": "__Host-lh",
		sso + "/idp/acme-saml/resume?attempt=a": "__Host-lh-browser", sso + "/idp/acme-oidc/callback?state=a": "__Host-lh",
		wiki + "/_sso/start": "__Host-lh-start", wiki + "/_sso/finish?code=c": "__Host-lh-start", wiki + "/_sso/me": "__Host-lh-app", wiki + "/_sso/denied": "__Host-lh-app",
	} {
		r := newBrowser(t, g).get(path, "Cookie", name+"=abc; "+name+"=def")
		if path == sso+"/_sso/logout" && r.StatusCode == 200 {
			continue // nothing is ended, and nobody is told who somebody is
		}
		if r.StatusCode != 401 || len(r.Header["Set-Cookie"]) > 0 {
			t.Errorf("%s: %d %v", path, r.StatusCode, r.Header["Set-Cookie"])
		}
	}
	if len(g.backs) > 0 || len(g.codes) > 0 {
		t.Errorf("went on: %v", g.backs)
	}
}

func TestNoReturnAddressLeadsToAHostThatIsNotOurs(t *testing.T) {
	for _, rd := range []string{
		"https://evil.test/", "//evil.test/", "https:evil.test", `https:\\evil.test/`, `/\evil.test`, "/\tevil.test", "https://wiki.example.org@evil.test/",
		"https://wiki.example.org.evil.test/", "https://wiki.example.org:444/", "javascript:alert(1)", "data:text/html,x", "/a\r\nLocation: https://evil.test",
		"https://wiki.example.org//evil.test", "http://wiki.example.org/", "evil.test", "/./\\evil.test", "/..//evil.test", "\u2028/",
	} {
		g := newGate(t)
		b := signedIn(t, g)
		r := b.get(wiki + "/_sso/start?rd=" + url.QueryEscape(rd))
		if r.StatusCode != 400 || r.Header.Get("Refresh")+r.Header.Get("Location") != "" {
			t.Errorf("start?rd=%q: %d to %q", rd, r.StatusCode, r.Header.Get("Refresh"))
		}
		r = b.get(sso + "/login?start=" + hash + "&rd=" + url.QueryEscape(rd))
		if r.StatusCode != 400 && r.StatusCode != 403 || r.Header.Get("Refresh")+r.Header.Get("Location") != "" {
			t.Errorf("login?rd=%q: %d to %q", rd, r.StatusCode, r.Header.Get("Location"))
		}
		g.codes["c"] = handed{origin(t, wiki), rd, startOf(b)}
		if to := onward(t, b.get(wiki+"/_sso/finish?code=c")); to != wiki+"/" {
			t.Errorf("finish for %q leads to %q", rd, to)
		}
	}
}

func TestAPageTooLongToCarryIsForgotten(t *testing.T) {
	g := newGate(t)
	g.verdict = refusing(provision.SessionMissing)
	b := signedIn(t, g)
	long := "/" + strings.Repeat("a", 3<<10)
	if to := onward(t, b.get(wiki+"/_sso/check/nginx", asNginx("GET", long, navigation...)...)); to != wiki+"/_sso/start?rd=%2F" {
		t.Errorf("leads to %.80s", to)
	}
	if to := onward(t, b.get(wiki+"/_sso/check/nginx", asNginx("GET", "//evil.test/", navigation...)...)); to != wiki+"/_sso/start?rd=%2F" {
		t.Errorf("leads to %s", to)
	}
	if to := onward(t, b.get(wiki+"/_sso/start?rd="+long)); !strings.Contains(to, "rd="+url.QueryEscape(wiki+"/")+"&") {
		t.Errorf("leads to %.80s", to)
	}
	if to := onward(t, b.get(sso+"/login?rd="+url.QueryEscape(wiki+long))); to != wiki+"/_sso/start?rd=%2F" {
		t.Errorf("leads to %.80s", to)
	}
}

func TestADoubledParameterIsRefused(t *testing.T) {
	g := newGate(t)
	b := newBrowser(t, g)
	for _, path := range []string{
		sso + "/login?rd=" + wiki + "/&rd=" + wiki + "/x", sso + "/login?start=" + hash + "&start=" + hash, wiki + "/_sso/start?rd=/a&rd=/b",
		wiki + "/_sso/finish?code=a&code=b", sso + "/login?start=zz", sso + "/idp/acme-oidc/callback?state=a&state=b",
	} {
		if r := b.get(path); r.StatusCode != 400 && r.StatusCode != 403 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

func TestAGuessOfTheBrowserBeginsNothing(t *testing.T) {
	for _, ahead := range [][]string{{"Sec-Purpose", "prefetch"}, {"Sec-Purpose", "prefetch;prerender"}, {"Purpose", "prefetch"}, {"X-Moz", "prefetch"}} {
		g := newGate(t)
		b := signedIn(t, g)
		g.landings["att1"] = broker.Landing{Lease: "acme.lease1"}
		for _, path := range []string{
			wiki + "/_sso/start?rd=/", wiki + "/_sso/finish?code=c", sso + "/login", sso + "/login?connection=acme-saml",
			sso + "/idp/acme-saml/resume?attempt=att1", sso + "/idp/acme-oidc/callback?state=att1",
		} {
			r := b.get(path, ahead...)
			if r.StatusCode != 401 || r.Header.Get("Cache-Control") != "no-store" || len(r.Header["Set-Cookie"]) > 0 {
				t.Errorf("%s: %d %v", path, r.StatusCode, r.Header)
			}
		}
		if len(g.wishes)+len(g.backs)+len(g.codes) > 0 {
			t.Errorf("begun: %v %v %v", g.wishes, g.backs, g.codes)
		}
	}
	b := newBrowser(t, newGate(t))
	wantStatus(t, b.get(wiki+"/_sso/start?rd=/", fetch...), 401)
	wantStatus(t, b.get(wiki+"/_sso/start?rd=/", frame...), 401)
	wantStatus(t, b.do("HEAD", wiki+"/_sso/finish?code=c", nil), 401)
}

func TestAPostOfAnotherOriginEndsAndBeginsNothing(t *testing.T) {
	g := newGate(t)
	b := signedIn(t, g)
	for _, path := range []string{sso + "/login", sso + "/end", sso + "/end-all", sso + "/link", sso + "/_sso/logout", wiki + "/_sso/logout"} {
		for _, from := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.test"}, {"Origin", "null"}} {
			r := b.do("POST", path, url.Values{"email": {"a@acme.test"}, "lease": {"acme.lease2"}, "connection": {"acme-oidc"}}, from...)
			wantStatus(t, r, 403)
		}
	}
	if len(g.ended)+len(g.wishes) > 0 {
		t.Errorf("ended %v, begun %v", g.ended, g.wishes)
	}
}

func TestALinkOfAnotherSiteSwapsNoSessionUnasked(t *testing.T) {
	g := newGate(t)
	b := signedIn(t, g)
	r := b.get(sso+"/login?another=1&connection=evil-saml", "Sec-Fetch-Site", "cross-site")
	if r.StatusCode != 200 || r.Header.Get("Refresh") != "" || len(g.wishes) > 0 {
		t.Errorf("%d to %q", r.StatusCode, r.Header.Get("Refresh"))
	}
}

func TestTheHostDecidesWhatIsServed(t *testing.T) {
	b := signedIn(t, newGate(t))
	for path, want := range map[string]int{
		sso + "/_sso/start?rd=/": 404, sso + "/_sso/finish?code=c": 404, sso + "/_sso/denied": 404, wiki + "/": 404, wiki + "/login": 404, wiki + "/idp/acme-saml/metadata": 404,
		"https://evil.test/login": 404, "https://evil.test/_sso/start?rd=/": 404, "https://sso.example.com.evil.test/login": 404, "https://SSO.example.com:443/login": 200,
		sso + "/idp/acme-saml/metadata": 200, sso + "/idp/nobody/metadata": 404, sso + "/.well-known/jwks.json": 200,
	} {
		wantStatus(t, b.get(path), want)
	}
	r := b.get(sso+"/login", "X-Forwarded-Host", "evil.test", "X-Forwarded-Prefix", "/evil")
	if strings.Contains(body(t, r)+onward(t, r), "evil") {
		t.Error("a forwarded host is believed")
	}
}

func TestAForwardedSchemeCountsFromATrustedProxyAlone(t *testing.T) {
	b := newBrowser(t, newGate(t))
	for proto, want := range map[string]int{"https": 200, "http": 404, "https,http": 404, "HTTPS": 404, "": 404} {
		wantStatus(t, b.get("http://sso.example.com/login", "X-Forwarded-Proto", proto), want)
	}
	wantStatus(t, b.from("203.0.113.7:1", "http://sso.example.com/login", "X-Forwarded-Proto", "https"), 404)
}

func TestTheRequesterIsTheLastHopThatIsNoProxyOfOurs(t *testing.T) {
	for _, c := range []struct{ peer, forwarded, want string }{
		{"127.0.0.1:1", "203.0.113.9", "203.0.113.9"}, {"127.0.0.1:1", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		{"127.0.0.1:1", "203.0.113.9, 127.0.0.2", "203.0.113.9"}, {"127.0.0.1:1", "203.0.113.9, junk", "127.0.0.1"}, {"127.0.0.1:1", "", "127.0.0.1"},
		{"[::1]:1", "::ffff:203.0.113.9", "203.0.113.9"}, {"127.0.0.1:1", "2001:db8::7", "2001:db8::7"},
	} {
		g := newGate(t)
		newBrowser(t, g).ask(c.peer, "POST", sso+"/idp/acme-saml/acs", url.Values{"SAMLResponse": {"x"}}, "X-Forwarded-For", c.forwarded)
		if g.from.IP != c.want {
			t.Errorf("%s behind %s: %q, want %q", c.forwarded, c.peer, g.from.IP, c.want)
		}
	}
}

func TestAHandOverThatRepeatsItselfEndsOnAPageThatSaysSo(t *testing.T) {
	g := newGate(t)
	b := signedIn(t, g)
	wanted := sso + "/login?start=" + hash + "&rd=" + url.QueryEscape(wiki+"/page")
	for range 3 {
		wantStatus(t, b.get(wanted), 303)
	}
	wantStatus(t, b.get(wanted), 403)
	wantStatus(t, b.get(wanted+"2"), 303) // another tab, another page
}

func TestAnOutageEndsNoSession(t *testing.T) {
	g := newGate(t)
	b := signedIn(t, g)
	for _, verb := range []string{"Session", "Logout", "EndAll", "AppAt", "Landing", "Login"} {
		g.fails[verb] = provision.ErrUnavailable
	}
	for _, r := range []*http.Response{
		b.get(sso + "/"), b.get(sso + "/login"), b.get(sso + "/_sso/me"), b.get(sso + "/_sso/logout"), b.post(sso+"/_sso/logout", url.Values{}), b.post(sso+"/end-all", url.Values{}),
		b.get(wiki + "/_sso/logout"), b.get(sso + "/idp/acme-saml/resume?attempt=att1"), b.get(wiki + "/_sso/unavailable"),
	} {
		if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || len(r.Header["Set-Cookie"]) > 0 {
			t.Errorf("%d %v", r.StatusCode, r.Header)
		}
	}
}

func TestOnesOwnSessionsCanBeEndedOneByOneAndAllAtOnce(t *testing.T) {
	g := newGate(t)
	b := signedIn(t, g)
	r := b.post(sso+"/end", url.Values{"lease": {"acme.lease2"}})
	if r.StatusCode != 303 || onward(t, r) != "/" || b.cookies["sso.example.com"]["__Host-lh"] == "" {
		t.Errorf("%d, cookies %v", r.StatusCode, b.cookies)
	}
	wantStatus(t, b.post(sso+"/end-all", url.Values{}), 200)
	if b.cookies["sso.example.com"]["__Host-lh"] != "" || !slices.Equal(g.ended, []string{"lease acme.lease2", "all"}) {
		t.Errorf("ended %v, cookies %v", g.ended, b.cookies)
	}
	b = signedIn(t, newGate(t))
	wantStatus(t, b.post(sso+"/end", url.Values{"lease": {"acme.lease1"}}), 200)
	if b.cookies["sso.example.com"]["__Host-lh"] != "" {
		t.Error("this browser's own session was ended, and its cookie is still there")
	}
}

func TestTheLoggedOutPageEmptiesTheCacheAfterThePageThatWasLeft(t *testing.T) {
	g := newGate(t)
	b := signedIn(t, g)
	r := b.post(wiki+"/_sso/logout", url.Values{})
	page := b.get(onward(t, r))
	if r.Header.Get("Clear-Site-Data")+page.Header.Get("Clear-Site-Data") != "" || !strings.Contains(body(t, page), "/_sso/assets/clear.css") {
		t.Errorf("%v", page.Header)
	}
	if got := b.get(wiki + "/_sso/assets/clear.css").Header.Get("Clear-Site-Data"); got != `"cache"` {
		t.Errorf("Clear-Site-Data %q", got)
	}
	if got := b.get(wiki+"/_sso/assets/clear.css", "Sec-Fetch-Site", "cross-site").Header.Get("Clear-Site-Data"); got != "" {
		t.Errorf("another site clears our cache: %q", got)
	}
}

func TestThePageThatAProxyShowsAsksAgainAsIfNothingWerePublic(t *testing.T) {
	g := newGate(t)
	g.verdict = refusing(provision.LeaseEnded)
	b := signedIn(t, g)
	for _, method := range []string{"GET", "POST", "PUT"} {
		r := b.do(method, wiki+"/_sso/denied", nil, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.test")
		if ask := g.asked[len(g.asked)-1]; r.StatusCode != 401 || ask.Method != "POST" || ask.Origin != wiki {
			t.Errorf("%s: %d, asked %+v", method, r.StatusCode, ask)
		}
	}
	r := b.get(wiki+"/_sso/denied", fetch...)
	if r.StatusCode != 401 || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Www-Authenticate") == "" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	g.verdict = allowing()
	wantStatus(t, b.get(wiki+"/_sso/denied"), 403)
	g.verdict = refusing(provision.StoreUnavailable)
	wantStatus(t, b.get(wiki+"/_sso/denied"), 503)
}

func TestMeTellsWhoOneIsAndNoToken(t *testing.T) {
	g := newGate(t)
	b := signedIn(t, g)
	r := b.get(wiki + "/_sso/me")
	text := body(t, r)
	var me map[string]any
	if err := json.Unmarshal([]byte(text), &me); err != nil {
		t.Fatal(err)
	}
	if me["email"] != "ada@acme.test" || me["tenant"] != "acme" || me["expires"] != "2026-11-24T20:00:00Z" || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("me %v", me)
	}
	if strings.Contains(text, b.cookies["wiki.example.org"]["__Host-lh-app"]) {
		t.Error("the token is told")
	}
	wantStatus(t, newBrowser(t, g).get(wiki+"/_sso/me"), 401)
}
