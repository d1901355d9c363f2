package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

// visit is one request of somebody who holds an office.
type visit struct {
	web.Visitor
	w    http.ResponseWriter
	r    *http.Request
	who  provision.Standing
	m    broker.Mandate
	desk *broker.Desk // where it is done, within m
}

// admitted lets whoever holds an office to a page. Nobody is sent to log in; whoever holds none gets the page that says
// so.
func (c *Console) admitted(next serve) func(http.ResponseWriter, *http.Request, web.Visitor) error {
	return func(w http.ResponseWriter, r *http.Request, from web.Visitor) error {
		who, m, err := c.Broker.Administrator(r.Context(), from.Token, from.From)
		if loggedOut(err) && r.Method == http.MethodGet {
			return logIn(w, r, from)
		}
		if err != nil {
			return err
		}
		return next(&visit{Visitor: from, w: w, r: r, who: who, m: m, desk: c.Desk})
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
	move(w, "/login?"+url.Values{"rd": {from.Origin.String() + r.URL.RequestURI()}}.Encode())
	return nil
}

// move sends the browser to another page of this host.
func move(w http.ResponseWriter, path string) {
	w.Header().Set("Location", path)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusSeeOther)
}

// done leads on to a page that says what was done.
func (v *visit) done(path, what string) error {
	move(v.w, path+"?"+url.Values{"done": {what}}.Encode())
	return nil
}

// query is a value of the address, without blanks around it.
func (v *visit) query(name string) string { return strings.TrimSpace(v.r.URL.Query().Get(name)) }

// form is a value of the form.
func (v *visit) form(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

// id is the object that the address names.
func (v *visit) id() string { return v.r.PathValue("id") }

// tenant is the one that a list is cut to by the address; "": all that there are for whoever looks.
func (v *visit) tenant() provision.TenantID { return provision.TenantID(v.query("tenant")) }

// rows is how much of a list a page shows.
const rows = 50

// part is one page of a list.
type part[T any] struct {
	Items []T
	Next  string // address of the next page; "": this is the last
	First string // address of the first page; "": this is it
	Total int    // of all, where that is known
}

// cut makes a page of a part of a list; name is where the address says how it goes on.
func cut[T any](v *visit, found broker.Part[T], name string) part[T] {
	p := part[T]{Items: found.Items}
	query := v.r.URL.Query()
	query.Del("done")
	if query.Has(name) {
		query.Del(name)
		p.First = v.r.URL.Path + "?" + query.Encode()
	}
	if found.Next != "" {
		query.Set(name, found.Next)
		p.Next = v.r.URL.Path + "?" + query.Encode()
	}
	return p
}

// page is the part of a list that the address asks for.
func (v *visit) page() provision.Page {
	return provision.Page{Tenant: v.tenant(), After: v.query("after"), Limit: rows}
}

// order is what somebody asks for, with the reason that the form gives.
func (v *visit) order() broker.Order { return broker.Order{Mandate: v.m, Why: v.form("reason")} }
