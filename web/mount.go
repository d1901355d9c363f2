package web

import (
	"cmp"
	"net/http"
	"strings"

	"leasehold/provision"
)

// Mount is a part of the SSO host that is not about logins: the console, the API.
type Mount struct {
	Pattern string // of http.ServeMux
	// Serve answers. An error is answered with the page, or the JSON, that there is for it.
	Serve func(w http.ResponseWriter, r *http.Request, v Visitor) error
	// Foreign takes requests that no page of ours sent: those of programs. Others are parsed as forms, of which each POST
	// has to come from a page of this origin.
	Foreign bool
	// MaxForm bounds what a page of ours may post, in bytes; 0: 64 KB.
	MaxForm int64
}

// Visitor is who sent a request to a Mount.
type Visitor struct {
	Token  string // the value of the SSO host's session cookie; "": none
	Origin provision.Origin
	From   provision.Requester
	Ref    string // what a page tells somebody to quote
}

// mounted is a Mount as a route.
func (s *server) mounted(m Mount) route {
	serve := func(w http.ResponseWriter, r *http.Request, v visit) error {
		visitor := Visitor{Origin: v.Origin, From: v.From, Ref: v.Ref}
		if !m.Foreign {
			var err error
			if visitor.Token, err = token(r, v); err != nil {
				return err
			}
		}
		s.harden(w, v)
		return m.Serve(w, r, visitor)
	}
	if m.Foreign {
		return route{onSSO, m.Pattern, s.noted(serve)}
	}
	return route{onSSO, m.Pattern, s.noted(s.ownUpTo(cmp.Or(m.MaxForm, maxOwnForm), serve))}
}

// Cookie is the value of a cookie of ours that a request brings, "" when there is none. It is base64url and there once,
// or an error.
func Cookie(r *http.Request, name string) (string, error) { return readCookie(r.Header, name) }

// SetCookie sets a cookie of ours, whose name begins with __Host-. seconds is its life; below 0: it goes.
func SetCookie(w http.ResponseWriter, name, value string, seconds int) {
	setCookie(w, name, value, seconds)
}

// Browser is the value of the cookie that logins are bound to, a fresh one when the browser has none.
func Browser(w http.ResponseWriter, r *http.Request) (string, error) { return browser(w, r) }

// isMounted reports whether path is at or below the first segment of a Mount that people visit.
func (s *server) isMounted(path string) bool {
	for _, m := range s.Mounts {
		_, at, _ := strings.Cut(m.Pattern, "/")
		first, _, _ := strings.Cut(at, "/")
		if first = "/" + first; !m.Foreign && len(first) > 1 && (path == first || strings.HasPrefix(path, first+"/")) {
			return true
		}
	}
	return false
}

// Style is the path of the style sheet that all pages share.
func Style() (string, error) {
	p, err := parsePages()
	return assetPath + p.style, err
}
