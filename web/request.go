package web

import (
	"crypto/rand"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"leasehold/provision"
)

// trusted reports whether the peer of r is a proxy of ours: over a unix socket, or from a trusted address.
func (s *server) trusted(r *http.Request) bool {
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && local.Network() == "unix" {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && within(s.TrustedProxies, peer.Addr())
}

// within reports whether addr is in one of prefixes. An IPv4 address in IPv6 clothes is an IPv4 address.
func within(prefixes []netip.Prefix, addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// scheme is "https" or "http" as the browser sees it: what a trusted proxy says, else how the connection is. A header
// that says nothing clear is no scheme at all.
func (s *server) scheme(r *http.Request) string {
	said := r.Header["X-Forwarded-Proto"]
	if len(said) > 0 && s.trusted(r) {
		if len(said) == 1 && (said[0] == "https" || said[0] == "http") {
			return said[0]
		}
		return ""
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// client is the address of the browser: walking X-Forwarded-For from the right, the first that is no proxy of ours.
// Only a trusted peer is listened to. The zero Addr means that nobody could tell.
func (s *server) client(r *http.Request) netip.Addr {
	var client netip.Addr
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		client = peer.Addr().Unmap().WithZone("")
	}
	if !s.trusted(r) {
		return client
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return client // what lies behind a hop that says nothing clear was said by anybody
		}
		if client = addr.Unmap().WithZone(""); !within(s.TrustedProxies, client) {
			return client
		}
	}
	return client
}

// requestIDHeader is by what name a proxy and we call one request.
const requestIDHeader = "X-Request-Id"

// requester is who asks, with the id to find the request by, and a fresh reference to quote. The id is the reference,
// unless a proxy of ours gave the request one.
func (s *server) requester(r *http.Request) (from provision.Requester, ref string) {
	ref = "req_" + strings.ToLower(rand.Text()[:12])
	from = provision.Requester{UserAgent: printable(r.UserAgent(), 256), RequestID: ref}
	if said := r.Header[requestIDHeader]; len(said) == 1 && isRequestID(said[0]) && s.trusted(r) {
		from.RequestID = said[0]
	}
	if addr := s.client(r); addr.IsValid() {
		from.IP = addr.String()
	}
	return from, ref
}

// isRequestID reports whether text can be a proxy's id of a request: short, and nothing but letters, digits, - and _.
func isRequestID(text string) bool {
	if text == "" || len(text) > 64 {
		return false
	}
	return strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// printable is s without what is not printable ASCII, and no longer than most.
func printable(s string, most int) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return -1
		}
		return c
	}, s)
	return s[:min(len(s), most)]
}

// speculative reports whether the browser asks ahead of a click that may never come. Such a request begins nothing and
// spends nothing: its cookies live in a jar of their own. Nothing of ours is asked for by HEAD, so that is a guess, too.
func speculative(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		if said := strings.ToLower(r.Header.Get(name)); strings.Contains(said, "prefetch") || strings.Contains(said, "prerender") {
			return true
		}
	}
	return r.Method == http.MethodHead
}

// embedded reports whether the browser says that this is not a page of its own: a script's request, an image, a frame.
func embedded(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return mode != "" && mode != "navigate" || dest != "" && dest != "document"
}

// navigates reports whether somebody looks at a page and can be sent elsewhere, so that a redirect or a page is of use.
// Without evidence nobody does.
func navigates(r *http.Request, method string) bool {
	h := r.Header
	switch {
	case method == http.MethodOptions: // a preflight carries no cookie and follows no redirect (Fetch 4.8)
		return false
	case h.Get("Sec-WebSocket-Key") != "" || h.Get("Sec-Fetch-Mode") == "websocket":
		return false
	case strings.EqualFold(h.Get("X-Requested-With"), "XMLHttpRequest"):
		return false
	case speculative(r) && r.Method != http.MethodHead: // some proxies ask the check by HEAD
		return false
	case h.Get("Sec-Fetch-Mode") != "":
		return !embedded(r)
	}
	accept := h.Get("Accept")
	return strings.Contains(accept, "text/html") || strings.Contains(accept, "application/xhtml+xml")
}
