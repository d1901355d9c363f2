package web

import (
	"errors"
	"net/http"

	"github.com/gorilla/sessions"

	"leasehold/provision"
)

// store is a sessions.Store that keeps nothing but a cookie with the broker's token, as it is: there is no second truth
// about a session. The cookie is a __Host- one; gorilla's own stores default to one that scripts and siblings can touch
// and that lives for a month.
type store struct{}

// tokenKey names the token among a session's values.
const tokenKey = "token"

// Get is the session of the request, read once.
func (store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(store{}, name)
}

// New reads the session from its cookie.
func (store) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(store{}, name)
	session.Options = &sessions.Options{Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	token, err := readCookie(r.Header, name)
	session.IsNew = token == ""
	session.Values[tokenKey] = token
	return session, err
}

// Save writes the cookie, or deletes it when no token is left.
func (store) Save(_ *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	token, _ := session.Values[tokenKey].(string)
	if token == "" || session.Options.MaxAge < 0 {
		setCookie(w, session.Name(), "", -1)
		return nil
	}
	setCookie(w, session.Name(), token, 0)
	return nil
}

// token is what the browser holds at the visited origin, "" when it holds nothing.
func token(r *http.Request, v visit) (string, error) {
	session, err := store{}.Get(r, v.cookie())
	if err != nil {
		return "", err
	}
	value, _ := session.Values[tokenKey].(string)
	return value, nil
}

// keep gives the browser a session at the visited origin; "" takes it away.
func keep(w http.ResponseWriter, r *http.Request, v visit, token string) error {
	session, _ := store{}.Get(r, v.cookie()) // whatever was there is replaced
	session.Values[tokenKey] = token
	return session.Save(r, w)
}

// session is the live session that the browser has at the visited origin.
func (s *server) session(r *http.Request, v visit) (provision.Standing, error) {
	value, err := token(r, v)
	if err != nil {
		return provision.Standing{}, err
	}
	return s.Gate.Session(r.Context(), value, v.Origin)
}

// denial is the reason of err, or "" when err is no refusal.
func denial(err error) provision.Reason {
	var denied *provision.DeniedError
	if errors.As(err, &denied) {
		return denied.Reason
	}
	return ""
}
