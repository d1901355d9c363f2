package console

import (
	"errors"
	"net/http"
	"strings"

	"leasehold/broker"
	"leasehold/provision"
)

// question is a page that asks before something is done.
type question struct {
	Title  string
	Of     string   // what it is about, as people know it
	Text   []string // what will happen
	Button string
	Danger bool
	Why    bool    // a reason is wanted; else it may be given
	Typed  string  // has to be typed before: nobody does this in passing
	Fields []field // what else has to be said
	Back   string  // address of the page that it is about
	Wrong  string  // why the last try led nowhere
	// What was said in that try.
	WasSaid, WasTyped string
}

// field is one input of a question.
type field struct {
	Name, Label, Hint, Value string
	Kind                     string   // of an input; "": text
	Choices                  []string // one of these; nil: anything
	Optional                 bool
}

// ask shows a question.
func (c *Console) ask(v *visit, q question) error { return c.show(v, http.StatusOK, "ask", q.Title, q) }

// answered reports whether the form says all that a question wants; else the question is asked again.
func (c *Console) answered(v *visit, q question) (bool, error) {
	if q.Why && v.form("reason") == "" {
		return false, c.askAgain(v, q, http.StatusUnprocessableEntity, "Say why. The reason is kept in the audit.")
	}
	if q.Typed != "" && !strings.EqualFold(v.form("typed"), q.Typed) {
		return false, c.askAgain(v, q, http.StatusUnprocessableEntity, "What you typed is not "+q.Typed+". Nothing was done.")
	}
	for _, f := range q.Fields {
		if !f.Optional && v.form(f.Name) == "" {
			return false, c.askAgain(v, q, http.StatusUnprocessableEntity, f.Label+" is missing.")
		}
	}
	return true, nil
}

// askAgain shows a question with what was wrong, and with what was said.
func (c *Console) askAgain(v *visit, q question, status int, wrong string) error {
	q.Wrong = wrong
	q.WasSaid, q.WasTyped = v.form("reason"), v.form("typed")
	for i := range q.Fields {
		q.Fields[i].Value = v.form(q.Fields[i].Name)
	}
	return c.show(v, status, "ask", q.Title, q)
}

// settled leads on when something was done, and asks again when it could not be.
func (c *Console) settled(v *visit, q question, err error) error {
	var denied *provision.DeniedError
	switch {
	case err == nil:
		return v.done(q.Back, q.Title)
	case errors.Is(err, broker.ErrInvalid):
		return c.askAgain(v, q, http.StatusUnprocessableEntity, "That cannot be used: "+plain(err)+".")
	case errors.As(err, &denied), errors.Is(err, provision.ErrNotFound), !errors.Is(err, provision.ErrConflict):
		return err
	}
	return c.askAgain(v, q, http.StatusConflict, "That cannot be done now: "+plain(err)+".")
}

// plain is an error in the words of whoever found it.
func plain(err error) string {
	text := err.Error()
	for _, kind := range []error{provision.ErrConflict, broker.ErrInvalid, provision.ErrNotFound} {
		text = strings.TrimSuffix(text, ": "+kind.Error())
	}
	return text
}
