package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"leasehold/provision"
)

// The cookies. The prefix __Host- (RFC 6265bis, 4.1.3.2) keeps other hosts of the domain from setting them.
const (
	cookieBrowser = "__Host-lh-browser" // SSO host: which browser this is
	cookieSession = "__Host-lh"         // SSO host: the session
	cookieApp     = "__Host-lh-app"     // an app's origin: the session there
	cookieStart   = "__Host-lh-start"   // an app's origin: a login began here
)

// Bounds on what is read.
const (
	maxCookies     = 64
	maxCookieBytes = 16 << 10
	maxCookieValue = 512
)

// startLife is how long a login that began at an app may take, in seconds.
const startLife = 600

// readCookie is the value of the cookie name, "" when there is none. Two of one name, a value that is not base64url,
// and more than anybody needs are an error: one of them was put there by somebody else.
func readCookie(h http.Header, name string) (string, error) {
	malformed := func() (string, error) { return "", &provision.DeniedError{Reason: provision.SessionMalformed} }
	var value string
	var seen bool
	var count, size int
	for _, line := range h["Cookie"] {
		if size += len(line); size > maxCookieBytes {
			return malformed()
		}
		for more := true; more; {
			var pair string
			pair, line, more = strings.Cut(line, ";")
			if count++; count > maxCookies {
				return malformed()
			}
			said, rest, _ := strings.Cut(pair, "=") // without one, others read the name of an empty cookie
			if strings.Trim(said, " \t\r\n") != name {
				continue
			}
			if seen {
				return malformed()
			}
			value, seen = strings.TrimRight(rest, " \t"), true
		}
	}
	if !isToken(value) {
		return malformed()
	}
	return value, nil
}

// isToken reports whether s is base64url, as all our cookies are. The empty string is.
func isToken(s string) bool {
	if len(s) > maxCookieValue {
		return false
	}
	for _, c := range []byte(s) {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// setCookie sets one of our cookies. seconds is its life; 0: as long as the browser runs; below 0: it goes.
func setCookie(w http.ResponseWriter, name, value string, seconds int) {
	line := name + "=" + value + "; Path=/; Secure; HttpOnly; SameSite=Lax"
	if seconds != 0 {
		line += "; Max-Age=" + strconv.Itoa(max(seconds, 0))
	}
	if name == cookieSession || name == cookieApp {
		line += "; Priority=High" // a full jar evicts others first
	}
	w.Header().Add("Set-Cookie", line)
}

// browser is the value of the browser's cookie, a fresh one when it has none.
func browser(w http.ResponseWriter, r *http.Request) (string, error) {
	return keepCookie(w, r, cookieBrowser, 0)
}

// keepCookie is the value of a cookie of 256 random bits. One that is there is kept, so that tabs do not hurt each
// other; its life begins anew.
func keepCookie(w http.ResponseWriter, r *http.Request, name string, seconds int) (string, error) {
	value, err := readCookie(r.Header, name)
	if err != nil {
		return "", err
	}
	fresh := len(value) != base64.RawURLEncoding.EncodedLen(32)
	if fresh {
		var room [32]byte
		if _, err := rand.Read(room[:]); err != nil {
			return "", err
		}
		value = base64.RawURLEncoding.EncodeToString(room[:])
	}
	if fresh || seconds > 0 {
		setCookie(w, name, value, seconds)
	}
	return value, nil
}

// startHash is what a start cookie is known by elsewhere.
func startHash(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}
