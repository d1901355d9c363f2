package console

import (
	"net/http"

	"leasehold/web"
)

// firstPage asks whoever holds the first operator's link.
type firstPage struct{ Link, Who string }

// askFirst asks whether to become the first operator: a link alone does nothing, because any page can make a browser
// follow one.
func (c *Console) askFirst(w http.ResponseWriter, r *http.Request, from web.Visitor) error {
	link := r.URL.Query().Get("link")
	s, err := c.Broker.Invited(r.Context(), link, from.Token)
	if loggedOut(err) {
		return logIn(w, r, from)
	}
	if err != nil {
		return err
	}
	return c.write(w, http.StatusOK, "first", shown{Title: "Become the first operator", Data: firstPage{link, s.Account.Email.String()}})
}

// becomeFirst makes the first operator.
func (c *Console) becomeFirst(w http.ResponseWriter, r *http.Request, from web.Visitor) error {
	if err := c.Broker.BecomeOperator(r.Context(), r.PostForm.Get("link"), from.Token, from.From); err != nil {
		return err
	}
	move(w, "/admin")
	return nil
}
