package main

import (
	"context"
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
)

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
