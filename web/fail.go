package web

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"

	"leasehold/provision"
)

// trouble is a page that says what happened, what to do, whom to ask, and what to quote.
type trouble struct {
	answer
	Who     string // signed in as
	Tenant  string
	App     string
	Contact string // whom to ask; text, or an e-mail address
	Ref     string
	Again   link // the next step; zero: none
	Another string
}

// link is somewhere to go on.
type link struct{ URL, Text string }

// MailTo is the contact as a link, "" when it is no e-mail address.
func (t trouble) MailTo() string {
	email, err := provision.ParseEmail(t.Contact)
	if err != nil {
		return ""
	}
	return "mailto:" + url.PathEscape(email.String())
}

// Title heads the page.
func (t trouble) Title() string {
	switch t.Status {
	case http.StatusUnauthorized:
		return "Please sign in"
	case http.StatusNotFound:
		return "Not found"
	case http.StatusTooManyRequests:
		return "Too many tries"
	case http.StatusServiceUnavailable:
		return "Not available right now"
	}
	if t.Status < 500 {
		return "You cannot go on"
	}
	return "Something went wrong"
}

// fail answers an error: with a page to somebody who looks at one, with JSON to a program.
func (s *server) fail(w http.ResponseWriter, r *http.Request, v visit, err error) {
	t := s.trouble(v, err)
	s.log(v, t, err)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if t.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter)
	}
	if t.Status == http.StatusTooManyRequests {
		h.Set("Retry-After", "60")
	}
	if !navigates(r, r.Method) {
		s.json(w, t.Status, map[string]string{"error": t.Title(), "message": t.Say, "reference": t.Ref})
		return
	}
	s.show(w, v, t.Status, "trouble", t.Title(), t)
}

// trouble is what a page says about err.
func (s *server) trouble(v visit, err error) trouble {
	t := trouble{answer: s.answerTo(err), Ref: v.Ref}
	var denied *provision.DeniedError
	if errors.As(err, &denied) {
		t.Contact = denied.Contact
		if denied.Ref != "" {
			t.Ref = denied.Ref
		}
	}
	switch {
	case v.SSO && (t.Status == http.StatusUnauthorized || denied != nil && t.Status == http.StatusForbidden):
		t.Again, t.Another = link{"/login", "Sign in again"}, s.anotherURL("")
	case t.Status == http.StatusUnauthorized && !v.Origin.IsZero():
		t.Again = link{startURL(v.Origin.String(), "/"), "Sign in"}
	case v.SSO && t.Status == http.StatusNotFound:
		t.Again = link{"/", "Go to your account"}
	case !v.Origin.IsZero() && !v.SSO:
		t.Again = link{v.Origin.String() + "/", "Open the app"}
	}
	return t
}

// log notes what a person could not be told. A refusal is in the audit, or kept for a while; a fault of ours is an error.
func (s *server) log(v visit, t trouble, err error) {
	level := slog.LevelDebug
	if t.Status >= 500 {
		level = slog.LevelError
	}
	if t.Status != http.StatusNotFound { // those who try doors push nobody out
		kept := Refusal{Ref: t.Ref, Time: s.Now(), Reason: denial(err), Origin: v.Origin, Status: t.Status, Detail: err.Error()}
		if provision.ValidName(v.Connection) {
			kept.Connection = v.Connection
		}
		s.Refused.keep(kept)
	}
	s.Log.Log(context.Background(), level, "request failed", "request", v.From.RequestID, "ref", t.Ref, "origin", v.Origin.String(), "status", t.Status, "err", err)
}

// json answers a program.
func (s *server) json(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // an error means that the peer is gone
}
