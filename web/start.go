package web

import (
	"errors"
	"net/http"
	"net/url"

	"leasehold/provision"
)

// start begins a login at an app's origin: it binds this browser with a cookie of that origin, and sends it to the SSO
// host with the cookie's hash. Whoever comes back with a code must bring the cookie, too.
func (s *server) start(w http.ResponseWriter, r *http.Request, v visit) error {
	if speculative(r) || embedded(r) {
		return errSpeculative
	}
	query := r.URL.Query()
	path, ok := returnPath(query.Get("rd"), v.Origin)
	if !ok || len(query["rd"]) > 1 {
		return &provision.DeniedError{Reason: provision.TargetInvalid}
	}
	value, err := keepCookie(w, r, cookieStart, startLife)
	if err != nil {
		return err
	}
	onward := url.Values{"rd": {v.Origin.String() + path}, "start": {startHash(value)}}
	if query.Get("again") != "" {
		onward.Set("again", "1")
	}
	return s.leave(w, v, s.URL.String()+"/login?"+onward.Encode(), "Signing you in", "Continue")
}

// finish gives the app's origin its cookie, for a code that was made for this browser. With one that was not, the
// browser starts over, once: its start cookie may have run out during a long login.
func (s *server) finish(w http.ResponseWriter, r *http.Request, v visit) error {
	if speculative(r) {
		return errSpeculative
	}
	query := r.URL.Query()
	if len(query["code"]) != 1 {
		return &provision.DeniedError{Reason: provision.TargetInvalid}
	}
	value, err := readCookie(r.Header, cookieStart)
	if err != nil {
		return err
	}
	token, path, err := s.Gate.Redeem(r.Context(), query.Get("code"), startHash(value), v.Origin)
	if errors.Is(err, provision.ErrNotFound) {
		if query.Get("again") != "" {
			return errNoCookie
		}
		path, _ := returnPath(query.Get("rd"), v.Origin)
		return move(w, startURL(v.Origin.String(), path)+"&again=1")
	}
	if err != nil {
		return err
	}
	path, ok := returnPath(path, v.Origin)
	if !ok {
		path = "/"
	}
	if err := keep(w, r, v, token); err != nil {
		return err
	}
	return move(w, v.Origin.String()+path)
}
