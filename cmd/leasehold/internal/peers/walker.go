package peers

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/publicsuffix"
)

// Walker browses as Chromium does, but without scripts and much faster: for stories with hundreds of logins. It follows
// redirects and refreshes, posts the forms that providers post by script, and keeps cookies. A post to another site
// carries none, which is what SameSite=Lax comes to. It may be used by goroutines of its own, not by several at once.
type Walker struct{ client *http.Client }

// Walk is somebody with an empty cookie jar.
func Walk(t testing.TB, ca *CA) *Walker {
	t.Helper()
	return &Walker{Client(t, ca, true)}
}

// Cookie is the value of a cookie that the Walker has at an address, or "".
func (w *Walker) Cookie(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	for _, c := range w.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// Page is where a Walker came to rest.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string

	walker  *Walker
	refresh string // where the page itself leads on to
	forms   []form
}

// form is one of a page, with what its fields hold.
type form struct {
	method, action string
	fields         url.Values
	kinds          map[string]string // field name: type, like "password"
}

// Open goes to an address.
func (w *Walker) Open(address string) (*Page, error) {
	return w.walk(nil, http.MethodGet, address, nil)
}

// Login goes to an address and answers what it is asked on the way: its e-mail address or its name, and its password.
func (w *Walker) Login(address, login, password string) (*Page, error) {
	page, err := w.Open(address)
	for asked := 0; err == nil && asked < 4; asked++ {
		answers := page.asks(login, password)
		if answers == nil {
			return page, nil
		}
		page, err = page.Submit(answers)
	}
	if err == nil {
		err = fmt.Errorf("%s asks again and again", page.URL)
	}
	return page, err
}

// asks is what somebody would fill into the page's first form, nil when it is no form about who one is.
func (p *Page) asks(login, password string) map[string]string {
	if len(p.forms) == 0 {
		return nil
	}
	answers := map[string]string{}
	for name, kind := range p.forms[0].kinds {
		switch {
		case kind == "password":
			answers[name] = password
		case kind == "email", kind == "text" && (name == "username" || name == "login" || name == "email"):
			answers[name] = login
		}
	}
	if len(answers) == 0 {
		return nil
	}
	return answers
}

// Submit fills in the page's first form and sends it.
func (p *Page) Submit(answers map[string]string) (*Page, error) {
	if len(p.forms) == 0 {
		return nil, fmt.Errorf("%s has no form", p.URL)
	}
	f := p.forms[0]
	for name, value := range answers {
		f.fields.Set(name, value)
	}
	return p.walker.send(p.URL, f)
}

// Follow goes where the page's link of that text leads.
func (p *Page) Follow(text string) (*Page, error) {
	target := ""
	for tokens := html.NewTokenizer(strings.NewReader(p.Body)); target == ""; {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			return nil, fmt.Errorf("%s has no link %q", p.URL, text)
		}
		tag := tokens.Token()
		if kind != html.StartTagToken || tag.Data != "a" || tokens.Next() != html.TextToken || strings.TrimSpace(tokens.Token().Data) != text {
			continue
		}
		for _, a := range tag.Attr {
			if a.Key == "href" {
				target = a.Val
			}
		}
	}
	address, err := p.URL.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("link of %s: %w", p.URL, err)
	}
	return p.walker.walk(p.URL, http.MethodGet, address.String(), nil)
}

func (w *Walker) send(from *url.URL, f form) (*Page, error) {
	target, err := from.Parse(f.action)
	if err != nil {
		return nil, fmt.Errorf("form of %s: %w", from, err)
	}
	if f.method != http.MethodPost {
		target.RawQuery = f.fields.Encode()
		return w.walk(from, http.MethodGet, target.String(), nil)
	}
	return w.walk(from, http.MethodPost, target.String(), f.fields)
}

// walk asks for an address and goes on for as long as it is sent on.
func (w *Walker) walk(from *url.URL, method, address string, fields url.Values) (*Page, error) {
	for range 25 {
		page, err := w.ask(from, method, address, fields)
		if err != nil {
			return nil, err
		}
		next := page.refresh
		if location := page.Header.Get("Location"); page.Status/100 == 3 && location != "" {
			next = location
		}
		if next == "" && len(page.forms) > 0 && page.forms[0].automatic() {
			return w.send(page.URL, page.forms[0])
		}
		if next == "" {
			return page, nil
		}
		target, err := page.URL.Parse(next)
		if err != nil {
			return nil, fmt.Errorf("%s leads to %q: %w", page.URL, next, err)
		}
		from, method, address, fields = page.URL, http.MethodGet, target.String(), nil
	}
	return nil, errors.New("sent on and on, last to " + address)
}

// ask is one request.
func (w *Walker) ask(from *url.URL, method, address string, fields url.Values) (*Page, error) {
	request, err := http.NewRequest(method, address, strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "text/html")
	request.Header.Set("Sec-Fetch-Mode", "navigate")
	request.Header.Set("Sec-Fetch-Dest", "document")
	client := *w.client
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", from.Scheme+"://"+from.Host)
		if site(from) != site(request.URL) {
			client.Jar = nil
		}
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if client.Jar == nil {
		w.client.Jar.SetCookies(request.URL, answer.Cookies())
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", address, err)
	}
	page := &Page{URL: request.URL, Status: answer.StatusCode, Header: answer.Header, Body: string(body), walker: w}
	page.refresh = refreshTarget(answer.Header.Get("Refresh"))
	page.read()
	return page, nil
}

// site is the registrable domain of an address, which is what browsers mean by a site.
func site(u *url.URL) string {
	if domain, err := publicsuffix.EffectiveTLDPlusOne(u.Hostname()); err == nil {
		return u.Scheme + " " + domain
	}
	return u.Scheme + " " + u.Hostname()
}

// automatic reports whether a form is one that providers post by script.
func (f form) automatic() bool {
	return f.method == http.MethodPost && (f.fields.Has("SAMLResponse") || f.fields.Has("SAMLRequest"))
}

// read finds the page's forms and where it leads on to.
func (p *Page) read() {
	for tokens := html.NewTokenizer(strings.NewReader(p.Body)); ; {
		switch tokens.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			p.see(tokens.Token())
		}
	}
}

func (p *Page) see(tag html.Token) {
	at := map[string]string{}
	for _, a := range tag.Attr {
		at[a.Key] = a.Val
	}
	switch tag.Data {
	case "meta":
		if strings.EqualFold(at["http-equiv"], "refresh") && p.refresh == "" {
			p.refresh = refreshTarget(at["content"])
		}
	case "form":
		p.forms = append(p.forms, form{strings.ToUpper(at["method"]), at["action"], url.Values{}, map[string]string{}})
	case "input", "button":
		if len(p.forms) > 0 {
			p.forms[len(p.forms)-1].add(tag.Data, at)
		}
	}
}

// add notes a field, or the first button that has a name.
func (f form) add(tag string, at map[string]string) {
	name, kind := at["name"], strings.ToLower(at["type"])
	if kind == "" {
		kind = map[string]string{"input": "text", "button": "submit"}[tag]
	}
	_, checked := at["checked"]
	switch {
	case name == "" || f.fields.Has(name) && kind == "submit", kind == "checkbox" && !checked, kind == "radio" && !checked:
		return
	}
	f.fields.Set(name, at["value"])
	f.kinds[name] = kind
}

// refreshTarget is the address in a value like "0; url=/next".
func refreshTarget(value string) string {
	_, target, ok := strings.Cut(value, "=")
	if !ok {
		return ""
	}
	return strings.Trim(target, `'" `)
}
