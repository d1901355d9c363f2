package web

import (
	"net/http"
	"strings"
)

// aliased reports whether a header of the request would become one that we read or write, once a server on the way
// turns "_" or "." into "-", as CGI and many frameworks do. Such a header is no accident: it speaks for somebody else.
func aliased(h http.Header) bool {
	for name := range h {
		if strings.IndexByte(name, '_') < 0 && strings.IndexByte(name, '.') < 0 {
			continue
		}
		if isOurs(strings.NewReplacer("_", "-", ".", "-").Replace(name)) {
			return true
		}
	}
	return false
}

// isOurs reports whether name is a header that a check reads, or that any header profile writes.
func isOurs(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "x-remote-user", "remote-user", "x-requested-with", "x-real-ip", "x-moz":
		return true
	}
	for _, prefix := range []string{"x-leasehold-", "x-original-", "x-forwarded-", "sec-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
