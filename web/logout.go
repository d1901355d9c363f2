package web

import (
	"errors"
	"net/http"
	"net/url"

	"leasehold/broker"
	"leasehold/provision"
)

// askLogout asks whether to log out: a GET ends nothing, because any page could make a browser send it. Afterwards it
// is the page that says so.
func (s *server) askLogout(w http.ResponseWriter, r *http.Request, v visit) error {
	standing, err := s.session(r, v)
	if err == nil {
		return s.show(w, v, http.StatusOK, "logout", "Log out?", leaving{Who: standing.Account.Email.String(), Back: v.Origin.String() + "/"})
	}
	if s.answer(denial(err)).Status == http.StatusUnauthorized {
		return s.bye(w, r, v)
	}
	return err
}

// leaving is what the log-out pages show.
type leaving struct {
	Who   string
	Back  string // to the app, or to the account page
	Offer string // where the identity provider's own session is ended, too; "": it cannot be
	There string // what became of that: "ended", "unsure", or "" when nobody asked for it
}

// bye says that somebody is logged out, that the identity provider's own session goes on, and how to end that, too.
func (s *server) bye(w http.ResponseWriter, r *http.Request, v visit) error {
	query := r.URL.Query()
	l := leaving{Back: v.Origin.String() + "/"}
	if offer := attemptText(broker.AttemptID(query.Get("offer"))); offer != "" {
		l.Offer = s.URL.String() + "/_sso/logout/upstream?" + url.Values{"offer": {offer}}.Encode()
	}
	if state := attemptText(broker.AttemptID(query.Get("state"))); state != "" && v.SSO && !speculative(r) {
		browser, err := readCookie(r.Header, cookieBrowser)
		if err != nil {
			return err
		}
		ended, err := s.Gate.Gone(r.Context(), broker.AttemptID(state), browser)
		switch {
		case err == nil && ended:
			l.There = "ended"
		case err == nil:
			l.There = "unsure"
		case !errors.Is(err, provision.ErrNotFound):
			return err
		}
	}
	return s.show(w, v, http.StatusOK, "bye", "You are logged out", l)
}

// logout ends the session, at every app at once.
func (s *server) logout(w http.ResponseWriter, r *http.Request, v visit) error {
	value, err := token(r, v)
	if err != nil {
		return err
	}
	offer, err := s.Gate.Offering(r.Context(), value, v.Origin, func() error {
		return s.Gate.Logout(r.Context(), value, v.Origin, v.From)
	})
	if err != nil && s.answer(denial(err)).Status != http.StatusUnauthorized {
		return err // the session may still live: the cookie stays
	}
	return s.seeOff(w, r, v, offer)
}

// seeOff takes the cookie away and leads to the page that says so, and makes the offer, if there is one.
func (s *server) seeOff(w http.ResponseWriter, r *http.Request, v visit, offer string) error {
	if err := keep(w, r, v, ""); err != nil {
		return err
	}
	onward := v.Origin.String() + "/_sso/logout"
	if offer != "" {
		onward += "?" + url.Values{"offer": {offer}}.Encode()
	}
	return s.leave(w, v, onward, "Logging you out", "Continue")
}

// me tells a page of the app who is signed in: no token, and nothing that the app's check would not tell.
func (s *server) me(w http.ResponseWriter, r *http.Request, v visit) error {
	standing, err := s.session(r, v)
	if a := s.answer(denial(err)); err != nil && a.Status == http.StatusUnauthorized {
		s.json(w, a.Status, map[string]string{"error": "login_required", "message": a.Say})
		return nil
	}
	if err != nil {
		return err
	}
	roles := standing.Effective(s.Now()) // and Session has judged those for a while by ledger time
	if roles == nil {
		roles = []string{}
	}
	s.json(w, http.StatusOK, identity{
		Account: standing.Account.ID, Email: standing.Account.Email.String(), Name: standing.Account.Name, Roles: roles,
		Tenant: standing.Tenant.ID, Lease: standing.Lease.ID, Since: timestamp(standing.Lease.Start), Expires: timestamp(standing.Lease.End),
	})
	return nil
}

// identity is the answer of /_sso/me.
type identity struct {
	Account provision.AccountID `json:"account"`
	Email   string              `json:"email"`
	Name    string              `json:"name"`
	Roles   []string            `json:"roles"`
	Tenant  provision.TenantID  `json:"tenant"`
	Lease   provision.LeaseID   `json:"lease"`
	Since   string              `json:"since"`   // RFC 3339
	Expires string              `json:"expires"` // RFC 3339; activity never moves it later
}
