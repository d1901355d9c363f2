package web

import (
	"net/http"
	"net/url"

	"leasehold/broker"
	"leasehold/provision"
)

// A check is asked by a proxy, once for every request to an app, and answers whether the request may go through. It
// sets no cookie, writes nothing, begins nothing.

// checkNginx answers nginx's auth_request, which knows 2xx, 401 and 403, and makes 500 of everything else.
func (s *server) checkNginx(w http.ResponseWriter, r *http.Request) {
	s.check(w, r, readNginx, s.refuseNginx)
}

// checkForward answers Caddy, Traefik and HAProxy, which hand every refusal to the browser as it is.
func (s *server) checkForward(w http.ResponseWriter, r *http.Request) {
	s.check(w, r, readForward, s.refuseForward)
}

func (s *server) check(w http.ResponseWriter, r *http.Request, read func(http.Header) (target, bool), refuse func(http.ResponseWriter, *http.Request, target, provision.Reason)) {
	began := s.Metrics.begin()
	t, v := s.judge(r, read)
	s.Metrics.checked(v, began)
	if v.Allow && v.Reason == "" {
		s.allow(w, v)
		return
	}
	h := w.Header()
	h.Set("X-Leasehold-Reason", string(v.Reason))
	h.Set("Cache-Control", "no-store")
	refuse(w, r, t, v.Reason)
}

// judge asks the broker, when the proxy, its request and the cookie are fit to be judged at all.
func (s *server) judge(r *http.Request, read func(http.Header) (target, bool)) (target, broker.Verdict) {
	if !s.trusted(r) {
		return target{}, broker.Verdict{Reason: provision.ProxyUntrusted}
	}
	t, ok := read(r.Header)
	if !ok {
		return target{}, broker.Verdict{Reason: provision.TargetInvalid}
	}
	if aliased(r.Header) {
		return target{}, broker.Verdict{Reason: provision.HeaderAlias}
	}
	token, err := readCookie(r.Header, cookieApp)
	if err != nil {
		return t, broker.Verdict{Reason: denial(err)}
	}
	return t, s.Gate.Check(r.Context(), broker.Ask{Origin: t.origin, Path: judged(t.path), Method: t.method, Token: token, Handle: handle(r.Header)})
}

// allow is the only function that lets a request through. The body is empty: with one, nginx closes the connection.
func (s *server) allow(w http.ResponseWriter, v broker.Verdict) {
	h := w.Header()
	for name, values := range v.Header {
		h[name] = values
	}
	h["Content-Length"] = s.lengthZero
	h["Cache-Control"] = s.noStore
	w.WriteHeader(http.StatusOK)
}

// refuseNginx says no in the words that nginx understands. Location is for the recipe's error_page.
func (s *server) refuseNginx(w http.ResponseWriter, r *http.Request, t target, reason provision.Reason) {
	h := w.Header()
	h.Set("Content-Length", "0")
	status := s.answer(reason).Status
	switch {
	case status == http.StatusUnauthorized && navigates(r, t.method) && reads(t.method):
		h.Set("Location", startURL(t.origin, t.path+t.query))
	case status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", challenge(t))
	case status == http.StatusServiceUnavailable:
		h.Set("Retry-After", retryAfter)
	default:
		status = http.StatusForbidden
	}
	w.WriteHeader(status)
}

// refuseForward says no to the browser itself.
func (s *server) refuseForward(w http.ResponseWriter, r *http.Request, t target, reason provision.Reason) {
	navigates := navigates(r, t.method)
	status := s.answer(reason).Status
	switch {
	case t.origin == "" || reason == provision.AppUnknown: // nobody of ours is asked for: no page
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(refusal(status))
	case status == http.StatusUnauthorized && navigates && reads(t.method):
		w.Header().Set("Location", startURL(t.origin, t.path+t.query))
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusFound)
	case status == http.StatusUnauthorized && navigates:
		s.unsent(w, r, t)
	case status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", challenge(t))
		s.json(w, status, map[string]string{"error": "login_required", "reason": string(reason), "login_uri": startURL(t.origin, "/")})
	default:
		s.shut(w, r, t, reason, navigates)
	}
}

// refusal is status, if it is one.
func refusal(status int) int {
	if status < 400 || status > 599 {
		return http.StatusForbidden
	}
	return status
}

// reads reports whether a request by this method can be asked again later without loss.
func reads(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// startURL is where a login for a page of an app begins.
func startURL(origin, path string) string {
	return origin + "/_sso/start?rd=" + url.QueryEscape(remembered(path))
}

// challenge tells a program where a person can log in. The scheme is our own (RFC 9110, 11.6.1).
func challenge(t target) string {
	return `Leasehold realm="` + t.origin + `", login_uri="` + startURL(t.origin, "/") + `"`
}

// retryAfter is how soon to ask again when the store could not answer, in seconds.
const retryAfter = "2"
