package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// elevations is the page of roles for a while: what the person may ask for, has and waits for, and what others ask her for.
func (s *server) elevations(w http.ResponseWriter, r *http.Request, v visit) error {
	return s.showElevations(w, r, v, nil)
}

// showElevations shows the page, after a refusal with what it says.
func (s *server) showElevations(w http.ResponseWriter, r *http.Request, v visit, refused error) error {
	value, err := token(r, v)
	if err != nil {
		return err
	}
	desk, err := s.Gate.Privileges(r.Context(), value, v.Origin)
	if s.answer(denial(err)).Status == http.StatusUnauthorized {
		return move(w, "/login")
	}
	if err != nil {
		return err
	}
	page := elevating{Privileges: desk, tried: tried{Form: r.PostForm}}
	status := http.StatusOK
	if refused != nil {
		t := s.trouble(v, refused)
		s.log(v, t, refused)
		status, page.Wrong, page.Do, page.Ref = t.Status, t.Say, t.Do, t.Ref
	}
	return s.show(w, v, status, "elevate", "Roles for a while", page)
}

// elevate asks for a role.
func (s *server) elevate(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := s.mayBegin(r); err != nil {
		return err
	}
	value, err := token(r, v)
	if err != nil {
		return err
	}
	form := r.PostForm
	want := broker.Wanting{
		Role: form.Get("role"), For: minutesOf(form.Get("minutes")),
		Said: provision.Said{Reason: strings.TrimSpace(form.Get("why")), Ticket: strings.TrimSpace(form.Get("ticket"))},
	}
	_, err = s.Gate.AskElevation(r.Context(), value, v.Origin, want, v.From)
	if denial(err) == provision.AuthTooOld {
		return s.signInFirst(w, r, v, "For a role that others do not have, first sign in once more the way you did before. Then come back here and ask for it within five minutes.")
	}
	return s.elevationDone(w, r, v, err)
}

// minutesOf is a time in minutes as somebody wrote it. What is no number of them is no time, and refused.
func minutesOf(text string) time.Duration {
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !(n > 0 && n < 24*60) {
		return 0
	}
	return time.Duration(n * float64(time.Minute)).Round(time.Second)
}

// judgeElevation is a word on a request: of an approver, or of whoever asked and wants it no more.
func (s *server) judgeElevation(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := s.mayBegin(r); err != nil {
		return err
	}
	value, err := token(r, v)
	if err != nil {
		return err
	}
	j := broker.Judgement{ID: provision.ElevationID(r.PostForm.Get("request")), From: v.From}
	switch r.PostForm.Get("answer") {
	case "approve":
		j.Yes = true
	case "deny", "withdraw":
	default:
		return errBadForm
	}
	_, err = s.Gate.JudgeElevation(r.Context(), value, v.Origin, j)
	return s.elevationDone(w, r, v, err)
}

// elevationDone goes back to the page, or shows it with what was refused.
func (s *server) elevationDone(w http.ResponseWriter, r *http.Request, v visit, err error) error {
	switch {
	case err == nil:
		return move(w, "/elevate")
	case s.answer(denial(err)).Status == http.StatusUnauthorized:
		return err
	case denial(err) != "":
		return s.showElevations(w, r, v, err)
	}
	return err
}

// signInFirst says that the session's own login is too old for what is wanted, and leads to a new one.
func (s *server) signInFirst(w http.ResponseWriter, r *http.Request, v visit, text string) error {
	standing, err := s.session(r, v)
	if err != nil {
		return err
	}
	onward := "/login?another=1&connection=" + string(standing.Lease.Connection)
	return s.show(w, v, http.StatusOK, "notice", "First, sign in again", notice{text, onward})
}

// elevating is what the page shows.
type elevating struct {
	broker.Privileges
	tried
}

// Most is the longest that any role is given for, in minutes.
func (e elevating) Most() int {
	most := 1
	for _, r := range e.Rules {
		most = max(most, minutes(r.Max))
	}
	return most
}

// Minutes is what the form begins with.
func (e elevating) Minutes() string {
	return e.minutes(min(10, e.Most()))
}

// Left is how much of a role's time is left.
func (e elevating) Left(l provision.Lease) string { return left(l.End.Sub(e.Now)) }

// minutes are whole ones.
func minutes(d time.Duration) int { return int(d / time.Minute) }

// left is a time that is left, for people.
func left(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}
