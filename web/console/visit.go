package console

import (
	"errors"
	"net/http"
	"net/url"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

// visit is one request of somebody who holds an office.
type visit struct {
	web.Visitor
	w     http.ResponseWriter
	r     *http.Request
	who   provision.Standing
	m     broker.Mandate
	reach broker.Reach // what m reaches
}

// admitted lets whoever holds an office to a page. Nobody is sent to log in; whoever holds none gets the page that says
// so.
func (c *Console) admitted(next serve) func(http.ResponseWriter, *http.Request, web.Visitor) error {
	return func(w http.ResponseWriter, r *http.Request, from web.Visitor) error {
		who, err := c.Broker.Session(r.Context(), from.Token, from.Origin)
		if loggedOut(err) && r.Method == http.MethodGet {
			return logIn(w, r, from)
		}
		if err != nil {
			return err
		}
		m, err := c.Broker.MandateOf(who, from.From)
		if err != nil {
			return err
		}
		return next(&visit{Visitor: from, w: w, r: r, who: who, m: m, reach: c.Broker.Under(m)})
	}
}

// loggedOut reports whether err says that there is no session, and a login would help.
func loggedOut(err error) bool {
	var denied *provision.DeniedError
	if !errors.As(err, &denied) {
		return false
	}
	switch denied.Reason {
	case provision.SessionMissing, provision.SessionMalformed, provision.LeaseEnded, provision.LeaseIdle:
		return true
	}
	return false
}

// logIn sends the browser to log in, and back to the page that it wants.
func logIn(w http.ResponseWriter, r *http.Request, from web.Visitor) error {
	back := from.Origin.String() + r.URL.RequestURI()
	move(w, "/login?"+url.Values{"rd": {back}}.Encode())
	return nil
}

// move sends the browser to another page of this host.
func move(w http.ResponseWriter, path string) {
	w.Header().Set("Location", path)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusSeeOther)
}
