package web

import (
	"errors"
	"net/http"

	"leasehold/provision"
)

// A route is a pattern of http.ServeMux at a class of hosts.
type route struct {
	host    hostClass
	pattern string
	serve   serve
}

// serve answers one request. An error is answered by fail, with the page or the JSON that errors.go has for it.
type serve func(w http.ResponseWriter, r *http.Request, v visit) error

type hostClass int

const (
	anywhere hostClass = iota // the host is not even looked at
	onSSO
	onApp
	onBoth  // the SSO host and every app's
	onOther // those, and hosts that are not ours
)

// visit is where a request arrived and whom it came from.
type visit struct {
	Origin     provision.Origin // zero on a host that is not ours
	App        provision.App    // zero on the SSO host
	SSO        bool
	Connection string // that the address names; anybody's text unless it is a valid name
	From       provision.Requester
	Ref        string // what a page tells somebody to quote, drawn here: what a proxy calls a request is not always its own word
}

// cookie is the name of the session cookie of the visited origin.
func (v visit) cookie() string {
	if v.SSO {
		return cookieSession
	}
	return cookieApp
}

// at serves requests of one class of hosts and sends the others nowhere.
func (s *server) at(class hostClass, serve serve) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var v visit
		var err error
		if class != anywhere {
			v, err = s.visit(r)
			w.Header().Set(requestIDHeader, v.From.RequestID)
		}
		if err == nil && !class.has(v) {
			err = provision.ErrNotFound
		}
		if err == nil {
			err = serve(w, r, v)
		}
		if err != nil {
			s.fail(w, r, v, err)
		}
	}
}

func (c hostClass) has(v visit) bool {
	switch c {
	case onSSO:
		return v.SSO
	case onApp:
		return !v.SSO && !v.Origin.IsZero()
	case onBoth:
		return !v.Origin.IsZero()
	}
	return true
}

// visit finds out which origin a request is for: the SSO host, an app's, or (without an error) none of ours.
func (s *server) visit(r *http.Request) (visit, error) {
	v := visit{Connection: r.PathValue("connection")}
	v.From, v.Ref = s.requester(r)
	origin, err := provision.ParseOrigin(s.scheme(r) + "://" + r.Host)
	if err != nil {
		return v, nil
	}
	if origin == s.URL {
		v.Origin, v.SSO = origin, true
		return v, nil
	}
	app, err := s.Gate.AppAt(r.Context(), origin)
	if errors.Is(err, provision.ErrNotFound) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	v.Origin, v.App = origin, app
	return v, nil
}

// raw is a handler that needs no visit.
func (s *server) raw(h http.HandlerFunc) serve {
	return func(w http.ResponseWriter, r *http.Request, _ visit) error {
		h(w, r)
		return nil
	}
}

// own lets a POST through only when a page of the same origin sent it: its headers say so (Fetch Metadata, RFC 6454).
func (s *server) own(next serve) serve { return s.ownUpTo(maxOwnForm, next) }

// ownUpTo is own for forms of another size.
func (s *server) ownUpTo(size int64, next serve) serve {
	return func(w http.ResponseWriter, r *http.Request, v visit) error {
		if err := s.csrf.Check(r); err != nil {
			return errCrossOrigin
		}
		r.Body = http.MaxBytesReader(w, r.Body, size)
		if err := r.ParseForm(); err != nil {
			return errBadForm
		}
		return next(w, r, v)
	}
}

// maxOwnForm is far above what our own forms hold.
const maxOwnForm = 64 << 10

// nowhere answers for what is not served here.
func (s *server) nowhere(w http.ResponseWriter, r *http.Request, v visit) error {
	return provision.ErrNotFound
}
