package web

import (
	"net/http"

	"leasehold/broker"
	"leasehold/provision"
)

// denied is the page that a proxy shows in place of a check's 403, or of a 401 that led nowhere. The proxy cannot say
// why, so the check is asked again.
func (s *server) denied(w http.ResponseWriter, r *http.Request, v visit) error {
	token, err := readCookie(r.Header, cookieApp)
	if err != nil {
		return err
	}
	ask := broker.Ask{Origin: v.Origin.String(), Path: "/", Method: http.MethodPost, Token: token}
	verdict := s.Gate.Check(r.Context(), ask)
	t := target{origin: ask.Origin, path: "/", method: http.MethodPost}
	switch {
	case verdict.Allow:
		return s.show(w, v, http.StatusForbidden, "trouble", "You cannot go on", trouble{
			answer: answer{403, "The app refused this request before it arrived.", "Open the app again."}, Ref: v.Ref,
			Again: link{v.Origin.String() + "/", "Open the app"},
		})
	case s.answer(verdict.Reason).Status == http.StatusUnauthorized && navigates(r, http.MethodPost):
		s.unsent(w, r, t)
	case s.answer(verdict.Reason).Status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", challenge(t))
		s.json(w, http.StatusUnauthorized, map[string]string{"error": "login_required", "reason": string(verdict.Reason), "login_uri": startURL(t.origin, "/")})
	default:
		s.shut(w, r, t, verdict.Reason, navigates(r, http.MethodPost))
	}
	return nil
}

// unavailable is the page that a proxy shows when the check could not answer.
func (s *server) unavailable(w http.ResponseWriter, r *http.Request, v visit) error {
	return provision.ErrUnavailable
}

// unsent tells somebody whose form met the end of a session that it went nowhere. It is no redirect: that would lose
// the form without a word.
func (s *server) unsent(w http.ResponseWriter, r *http.Request, t target) {
	v := s.visitOf(w, r, t)
	s.show(w, v, http.StatusUnauthorized, "trouble", "Please sign in", trouble{
		answer: answer{401, "Your session is over, and your last action was not sent.", "Sign in again, then repeat it."},
		App:    v.Origin.Host(), Again: link{startURL(t.origin, "/"), "Sign in"}, Ref: v.Ref,
	})
}

// shut says why an app stays shut: as a page with who one is and a way to be somebody else, or as JSON.
func (s *server) shut(w http.ResponseWriter, r *http.Request, t target, reason provision.Reason, page bool) {
	v := s.visitOf(w, r, t)
	a := s.answer(reason)
	a.Status = refusal(a.Status)
	s.log(v, trouble{answer: a, Ref: v.Ref}, &provision.DeniedError{Reason: reason})
	if a.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	if !page {
		s.json(w, a.Status, map[string]string{"error": "access_denied", "reason": string(reason), "message": a.Say, "reference": v.Ref})
		return
	}
	show := trouble{answer: a, App: v.Origin.Host(), Ref: v.Ref}
	if standing, err := s.session(r, v); err == nil && a.Status == http.StatusForbidden {
		show.Who, show.Tenant, show.Contact = standing.Account.Email.String(), standing.Tenant.Name, standing.Tenant.Contact
	}
	if a.Status == http.StatusForbidden {
		show.Another = s.anotherURL(t.origin + "/")
	} else {
		show.Again = link{t.origin + "/", "Try again"}
	}
	s.show(w, v, a.Status, "trouble", show.Title(), show)
}

// visitOf is the visit that a check is about.
func (s *server) visitOf(w http.ResponseWriter, r *http.Request, t target) visit {
	v := visit{}
	v.Origin, _ = provision.ParseOrigin(t.origin)
	v.From, v.Ref = s.requester(r)
	w.Header().Set(requestIDHeader, v.From.RequestID)
	return v
}
