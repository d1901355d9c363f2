package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"leasehold/broker"
	"leasehold/cmd/leasehold/internal/demo"
	"leasehold/provision"
)

// played is how a step of the story went.
type played struct {
	Step int    `json:"step"`
	OK   bool   `json:"ok"`
	Name string `json:"name"`
	Line string `json:"line"` // what was seen, or what went wrong
	MS   int64  `json:"ms"`
}

// String is the step as a line.
func (p played) String() string {
	if !p.OK {
		return fmt.Sprintf("%d  FAILED  %s: %s", p.Step, p.Name, p.Line)
	}
	return fmt.Sprintf("%d  ok  %s (%s, %d ms)", p.Step, p.Name, p.Line, p.MS)
}

// play plays the whole story of a lease, a line a step, and fails at the first step that goes another way.
func (st *stage) play(ctx context.Context, s *surroundings) error {
	alice, again, mallory := newVisitor(st.port), newVisitor(st.port), newVisitor(st.port)
	var account string
	steps := []struct {
		name string
		do   func() (string, error)
	}{
		{"nobody gets in without a lease", func() (string, error) { return st.refused(ctx, alice) }},
		{"Alice logs in by SAML and is in the app", func() (line string, err error) {
			account, line, err = st.enters(ctx, alice, "alice")
			return line, err
		}},
		{"the same person again is the same account", func() (string, error) {
			id, line, err := st.enters(ctx, again, "alice")
			if err == nil && id != account {
				err = fmt.Errorf("a second account: %s beside %s", id, account)
			}
			return line, err
		}},
		{"a lookalike domain is refused", func() (string, error) { return st.turnedAway(ctx, mallory, "mallory") }},
		{"revoked, the next request is refused", func() (string, error) { return st.revokes(ctx, account, alice, again) }},
		{"all of it is in the audit", func() (string, error) { return st.told(ctx, account) }},
	}
	for i, step := range steps {
		began := time.Now()
		line, err := step.do()
		p := played{i + 1, err == nil, step.name, line, time.Since(began).Milliseconds()}
		if err != nil {
			p.Line = err.Error()
		}
		if s.json {
			_ = json.NewEncoder(s.stdout).Encode(p) // nobody listens if it fails
		} else {
			fmt.Fprintln(s.stdout, p)
		}
		if err != nil {
			return errSaid
		}
	}
	return nil
}

// page is what a visitor sees in the end.
type page struct {
	status int
	url    string
	body   string
	header http.Header
}

// visitor is a browser without a screen: it keeps cookies, follows redirects and refreshes, and submits forms.
type visitor struct{ http http.Client }

func newVisitor(port string) *visitor {
	jar, _ := cookiejar.New(nil)                                             // never fails without options
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) { // *.localhost is here (RFC 6761, 6.3)
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
	}
	return &visitor{http.Client{Jar: secureOnLoopback{jar}, Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: dial}}}
}

// secureOnLoopback treats http on *.localhost as the secure context that browsers take it for.
type secureOnLoopback struct{ http.CookieJar }

func (j secureOnLoopback) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.CookieJar.SetCookies(secured(u), cookies)
}

func (j secureOnLoopback) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(secured(u)) }

func secured(u *url.URL) *url.URL {
	s := *u
	s.Scheme = "https"
	return &s
}

// maxHops bounds how often a visitor is sent on.
const maxHops = 20

func (v *visitor) get(ctx context.Context, address string) (page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return page{}, err
	}
	return v.send(request)
}

func (v *visitor) post(ctx context.Context, address string, form url.Values) (page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return page{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.send(request)
}

// send sends a request as a navigation, and goes where a Refresh leads.
func (v *visitor) send(request *http.Request) (page, error) {
	for range maxHops {
		request.Header.Set("Accept", "text/html")
		response, err := v.http.Do(request)
		if err != nil {
			return page{}, err
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		response.Body.Close()
		if err != nil {
			return page{}, err
		}
		p := page{response.StatusCode, response.Request.URL.String(), string(body), response.Header}
		_, next, ok := strings.Cut(response.Header.Get("Refresh"), "url=")
		if !ok {
			return p, nil
		}
		to, err := response.Request.URL.Parse(next)
		if err != nil {
			return p, err
		}
		if request, err = http.NewRequestWithContext(request.Context(), http.MethodGet, to.String(), nil); err != nil {
			return p, err
		}
	}
	return page{}, errors.New("is sent around in circles")
}

// form is a posted form of a page: where it goes, and what it holds already.
func (p page) form(field string) (string, url.Values, error) {
	values := url.Values{}
	forms := regexp.MustCompile(`(?s)<form[^>]*>.*?</form>`).FindAllString(p.body, -1)
	for _, f := range forms {
		if !strings.Contains(f, `name="`+field+`"`) {
			continue
		}
		for _, input := range regexp.MustCompile(`<input[^>]*>`).FindAllString(f, -1) {
			if name := attribute(input, "name"); name != "" {
				values.Set(name, attribute(input, "value"))
			}
		}
		action := p.url
		if a := attribute(f[:strings.IndexByte(f, '>')+1], "action"); a != "" {
			base, err := url.Parse(p.url)
			if err != nil {
				return "", nil, err
			}
			to, err := base.Parse(a)
			if err != nil {
				return "", nil, err
			}
			action = to.String()
		}
		return action, values, nil
	}
	return "", nil, fmt.Errorf("no form with %q at %s (status %d)", field, p.url, p.status)
}

func attribute(tag, name string) string {
	found := regexp.MustCompile(`\s` + name + `="([^"]*)"`).FindStringSubmatch(tag)
	if found == nil {
		return ""
	}
	return html.UnescapeString(found[1])
}

// logIn goes to the app and through everything that comes in between.
func (st *stage) logIn(ctx context.Context, v *visitor, login string) (page, error) {
	p, err := v.get(ctx, st.url("app")+"/deep?a=1&b=2")
	if err != nil {
		return p, err
	}
	action, form, err := p.form("email")
	if err != nil {
		return p, err
	}
	form.Set("email", "somebody@"+demo.Domain)
	if p, err = v.post(ctx, action, form); err != nil {
		return p, err
	}
	if action, form, err = p.form("password"); err != nil {
		return p, err
	}
	form.Set("login", login)
	form.Set("password", "demo")
	if p, err = v.post(ctx, action, form); err != nil {
		return p, err
	}
	if action, form, err = p.form("SAMLResponse"); err != nil {
		return p, err
	}
	return v.post(ctx, action, form)
}

func (st *stage) refused(ctx context.Context, v *visitor) (string, error) {
	p, err := v.get(ctx, st.url("app")+"/")
	if err != nil {
		return "", err
	}
	if !strings.Contains(p.body, `name="email"`) || !strings.HasPrefix(p.url, st.url("sso")) {
		return "", fmt.Errorf("came to %s with status %d instead of the login page", p.url, p.status)
	}
	return "sent to the login page", nil
}

func (st *stage) enters(ctx context.Context, v *visitor, login string) (account, line string, err error) {
	p, err := st.logIn(ctx, v, login)
	if err != nil {
		return "", "", err
	}
	found := regexp.MustCompile(`X-Leasehold-User</td><td>(acc_[a-z0-9]+)<`).FindStringSubmatch(p.body)
	if p.status != http.StatusOK || found == nil || p.url != st.url("app")+"/deep?a=1&b=2" {
		return "", "", fmt.Errorf("came to %s with status %d instead of the app", p.url, p.status)
	}
	return found[1], "account " + found[1] + ", 200 with headers", nil
}

func (st *stage) turnedAway(ctx context.Context, v *visitor, login string) (string, error) {
	p, err := st.logIn(ctx, v, login)
	if err != nil {
		return "", err
	}
	if p.status != http.StatusForbidden {
		return "", fmt.Errorf("came to %s with status %d instead of a refusal", p.url, p.status)
	}
	accounts, err := st.gateway.store.Accounts(ctx, provision.Page{})
	if err != nil {
		return "", err
	}
	if len(accounts) != 1 {
		return "", fmt.Errorf("%d accounts instead of one", len(accounts))
	}
	return "nothing was created", nil
}

func (st *stage) revokes(ctx context.Context, account string, browsers ...*visitor) (string, error) {
	deed := broker.Deed{Actor: provision.Actor{Kind: provision.Operator, Via: "demo"}, Why: "the story wants it"}
	began := time.Now()
	if _, err := st.gateway.broker.Account(ctx, deed, provision.AccountID(account), provision.RevokeAccount); err != nil {
		return "", err
	}
	took := time.Since(began)
	for _, v := range browsers {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, st.url("app")+"/api", nil)
		if err != nil {
			return "", err
		}
		request.Header.Set("Accept", "application/json")
		response, err := v.http.Do(request)
		if err != nil {
			return "", err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			return "", fmt.Errorf("status %d instead of 401", response.StatusCode)
		}
	}
	return fmt.Sprintf("revoke took %s, then 401 at both browsers", took.Round(100*time.Microsecond)), nil
}

// told looks for what happened in the audit.
func (st *stage) told(ctx context.Context, account string) (string, error) {
	events, err := st.gateway.broker.Events(ctx, provision.EventFilter{})
	if err != nil {
		return "", err
	}
	count := map[string]int{}
	for _, e := range events {
		count[strings.Join([]string{e.Kind, e.Outcome, e.Reason}, " ")]++
	}
	for what, times := range map[string]int{
		"login created ": 1, "login resumed ": 1, "login denied " + string(provision.DomainUnknown): 1,
		"lease.ended  " + string(provision.CauseAdmin): 2, "account.state revoked " + string(provision.CauseAdmin): 1,
		"domain.claim verified ": 1,
	} {
		if count[what] != times {
			return "", fmt.Errorf("%d events %q instead of %d: %v", count[what], what, times, count)
		}
	}
	return fmt.Sprintf("%d events", len(events)), nil
}
