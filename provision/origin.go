package provision

import (
	"fmt"
	"strconv"
	"strings"
)

// Origin is a web origin (RFC 6454): scheme, host and port, "https://wiki.example.com" or "http://wiki.localhost:8080".
// ParseOrigin is the only way to one that is not zero, and leaves a default port out, so equal origins are equal values.
type Origin struct{ text string }

// ParseOrigin reads an origin. http is accepted for loopback names only.
func ParseOrigin(s string) (Origin, error) {
	refuse := func(why string) (Origin, error) { return Origin{}, fmt.Errorf("origin %q: %s", s, why) }
	if strings.ContainsFunc(s, func(c rune) bool { return c >= 0x7f }) { // ToLower makes a "k" of U+212A KELVIN SIGN
		return refuse("has a character that is not ASCII")
	}
	scheme, host, ok := strings.Cut(strings.ToLower(s), "://")
	if !ok || (scheme != "https" && scheme != "http") {
		return refuse("does not begin with https://")
	}
	host, port, _ := splitPort(strings.TrimSuffix(host, "/"))
	if !validHost(host) {
		return refuse("has no plain host name")
	}
	if scheme == "http" && !IsLoopbackName(host) {
		return refuse("http is for loopback names only; use https")
	}
	if port != "" && !validPort(port) {
		return refuse("has a port that is no number from 0 to 65535 in its plain form")
	}
	if port == "" || (scheme == "https" && port == "443") || (scheme == "http" && port == "80") {
		return Origin{scheme + "://" + host}, nil
	}
	return Origin{scheme + "://" + host + ":" + port}, nil
}

// splitPort parts "host:port"; the brackets of an IPv6 address stay with the host.
func splitPort(s string) (host, port string, ok bool) {
	at := strings.LastIndexByte(s, ':')
	if at < 0 || strings.HasSuffix(s, "]") {
		return s, "", false
	}
	return s[:at], s[at+1:], true
}

// validPort reports whether s is a port in its plain form.
func validPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && s == strconv.FormatUint(n, 10)
}

func validHost(s string) bool {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		return ok && inner != "" && strings.Trim(inner, "0123456789abcdef:.") == ""
	}
	if s == "" || len(s) > 253 || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for _, c := range []byte(s) {
		if c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// IsLoopbackName reports whether host (without a port) can only mean this machine: localhost, a name below it (RFC
// 6761, 6.3), 127.0.0.0/8 or [::1].
func IsLoopbackName(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "[::1]" || host == "::1" {
		return true
	}
	rest, ok := strings.CutPrefix(host, "127.")
	return ok && strings.Count(rest, ".") == 2 && strings.Trim(rest, "0123456789.") == ""
}

// String is the origin, "" for the zero Origin.
func (o Origin) String() string { return o.text }

// Host is the host with its port, as a Host header has it.
func (o Origin) Host() string {
	_, host, _ := strings.Cut(o.text, "://")
	return host
}

// IsZero reports whether o is no origin.
func (o Origin) IsZero() bool { return o.text == "" }

// MarshalText is String.
func (o Origin) MarshalText() ([]byte, error) { return []byte(o.text), nil }

// UnmarshalText is ParseOrigin; an empty text is the zero Origin.
func (o *Origin) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*o = Origin{}
		return nil
	}
	*o, err = ParseOrigin(string(text))
	return err
}
