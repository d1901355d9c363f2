package web

import (
	"net/http"
	"strings"

	"leasehold/provision"
)

// maxTarget bounds the address that a check is asked about, and maxReturn the page to come back to, which travels in
// headers that proxies bound themselves: a longer one is forgotten.
const (
	maxTarget = 8 << 10
	maxReturn = 2 << 10
)

// target is what a request to an app wants, as the proxy in front of it says.
type target struct {
	origin string // as provision.Origin has it
	path   string // as it came
	query  string // with its "?"; "": none
	method string
}

// readNginx reads the target from the two headers of the auth_request recipe, and from no others.
func readNginx(h http.Header) (target, bool) {
	url, ok := only(h, "X-Original-Url")
	method, ok2 := only(h, "X-Original-Method")
	if !ok || !ok2 || !isMethod(method) {
		return target{}, false
	}
	t, ok := splitURL(url)
	t.method = method
	return t, ok
}

// readForward reads the target from the four headers of forward-auth proxies, and from no others.
func readForward(h http.Header) (target, bool) {
	method, ok1 := only(h, "X-Forwarded-Method")
	proto, ok2 := only(h, "X-Forwarded-Proto")
	host, ok3 := only(h, "X-Forwarded-Host")
	uri, ok4 := only(h, "X-Forwarded-Uri")
	if !ok1 || !ok2 || !ok3 || !ok4 || !isMethod(method) {
		return target{}, false
	}
	switch proto { // some proxies name the scheme of the socket
	case "wss":
		proto = "https"
	case "ws":
		proto = "http"
	}
	origin, err := provision.ParseOrigin(proto + "://" + host)
	if err != nil || strings.HasSuffix(host, "/") {
		return target{}, false
	}
	t, ok := splitPath(uri)
	t.origin, t.method = origin.String(), method
	return t, ok
}

// only is the value of a header that must be there once. name is in canonical form.
func only(h http.Header, name string) (string, bool) {
	values := h[name]
	if len(values) != 1 || values[0] == "" {
		return "", false
	}
	return values[0], true
}

// splitURL parts an absolute URL. It is no general parser, on purpose: what two parsers could read differently is
// refused. There are no credentials, no fragment, and the path is not touched.
func splitURL(s string) (target, bool) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok {
		return target{}, false
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return target{}, false
	}
	origin, err := provision.ParseOrigin(s[:len(scheme)+len("://")+slash])
	if err != nil {
		return target{}, false
	}
	t, ok := splitPath(rest[slash:])
	t.origin = origin.String()
	return t, ok
}

// splitPath parts "/path?query". It refuses what RFC 3986 does not allow in either, backslashes, and segments that say
// "here" or "above": a proxy and an app behind it need not agree on where they lead.
func splitPath(s string) (target, bool) {
	if len(s) > maxTarget || !strings.HasPrefix(s, "/") {
		return target{}, false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || c == '\\' || c == '#' {
			return target{}, false
		}
	}
	path, query := s, ""
	if at := strings.IndexByte(s, '?'); at >= 0 {
		path, query = s[:at], s[at:]
	}
	for at := 0; at < len(path); at++ {
		if path[at] != '/' {
			continue
		}
		segment := path[at+1:]
		if end := strings.IndexByte(segment, '/'); end >= 0 {
			segment = segment[:end]
		}
		if segment == "." || segment == ".." {
			return target{}, false
		}
	}
	return target{path: path, query: query}, true
}

// judged is the path as a rule about paths may see it: "" when an app could read another path out of it, because of an
// empty segment, a parameter (";"), or an escape for a character that means something in paths. Rules only ever open
// paths, so such a request needs a session like any other.
func judged(path string) string {
	if strings.Contains(path, "//") || strings.IndexByte(path, ';') >= 0 {
		return ""
	}
	for rest := path; ; {
		at := strings.IndexByte(rest, '%')
		if at < 0 {
			return path
		}
		if at+2 >= len(rest) {
			return ""
		}
		high, low := unhex(rest[at+1]), unhex(rest[at+2])
		c := high<<4 | low
		if high > 15 || low > 15 || c < ' ' || c == 0x7f || strings.IndexByte("/\\.%#?;", c) >= 0 {
			return ""
		}
		rest = rest[at+3:]
	}
}

// unhex is the value of a hexadecimal digit, or 255.
func unhex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// isMethod reports whether s looks like a method: upper-case letters, and hyphens between.
func isMethod(s string) bool {
	return s != "" && len(s) <= 20 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == ""
}

// returnPath is where to go on the visited origin afterwards: rd is a path with its query, or an absolute URL of that
// origin. It is only ever used behind the origin it was judged for.
func returnPath(rd string, o provision.Origin) (string, bool) {
	if rd == "" {
		return "/", true
	}
	if strings.HasPrefix(rd, "//") { // reads as another host
		return "", false
	}
	if rd[0] == '/' {
		t, ok := splitPath(rd)
		return remembered(t.path + t.query), ok
	}
	t, ok := splitURL(rd)
	if !ok || t.origin != o.String() || strings.HasPrefix(t.path, "//") {
		return "", false
	}
	return remembered(t.path + t.query), true
}

// remembered is path, or the front page when it cannot be carried through a login: too long, or read as another host by
// somebody on the way.
func remembered(path string) string {
	if len(path) > maxReturn || strings.HasPrefix(path, "//") {
		return "/"
	}
	return path
}
