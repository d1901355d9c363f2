package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"leasehold/broker"
	"leasehold/provision"
)

// errand is what a browser wants at the SSO host, in the words of its query or form.
type errand struct {
	Return     string // rd: absolute URL of a page of an app, or of a Mount; "": the account page
	Start      string // hex SHA-256 of the app's start cookie; "": the app has not been asked yet
	Retry      bool   // again: the app's origin sent the browser back once already
	Another    bool   // another: the person wants to be somebody else
	Connection string // straight to this one
	Email      string

	origin provision.Origin // of Return; zero: the SSO host's own
	path   string           // there; "": the account page
}

// login is the e-mail-first page. A browser that needs none passes: to the app with its session, or straight to the
// identity provider when the connection is named.
func (s *server) login(w http.ResponseWriter, r *http.Request, v visit) error {
	if speculative(r) {
		return errSpeculative
	}
	e, err := s.errand(r, r.URL.Query())
	if err != nil {
		return err
	}
	value, err := token(r, v)
	if err != nil {
		return err
	}
	if value != "" && !e.Another {
		passed, err := s.pass(w, r, v, e, value)
		if passed || err != nil {
			return err
		}
	}
	if e.Connection != "" && e.Another && r.Header.Get("Sec-Fetch-Site") == "cross-site" { // no link swaps a session unasked
		return s.show(w, v, http.StatusOK, "notice", "Use another account?", notice{"A link on another site wants you to sign in with another account.", r.URL.RequestURI()})
	}
	if e.Connection != "" && !embedded(r) {
		return s.depart(w, r, v, e, broker.Wish{Connection: provision.ConnectionID(e.Connection), Fresh: e.Another})
	}
	return s.ask(w, v, http.StatusOK, e, "")
}

// begin is what the e-mail form posts.
func (s *server) begin(w http.ResponseWriter, r *http.Request, v visit) error {
	e, err := s.errand(r, r.PostForm)
	if err != nil {
		return err
	}
	return s.depart(w, r, v, e, broker.Wish{Email: e.Email, Fresh: e.Another})
}

// errand reads a query or a form. What names an app has to name one of ours.
func (s *server) errand(r *http.Request, form url.Values) (errand, error) {
	invalid := &provision.DeniedError{Reason: provision.TargetInvalid}
	for _, values := range form {
		if len(values) > 1 { // two readers could take two different ones
			return errand{}, invalid
		}
	}
	e := errand{
		Return: form.Get("rd"), Start: form.Get("start"), Retry: form.Get("again") != "", Another: form.Get("another") != "",
		Connection: form.Get("connection"), Email: strings.TrimSpace(form.Get("email")),
	}
	if e.Start != "" && (len(e.Start) != 64 || strings.Trim(e.Start, "0123456789abcdef") != "") {
		return e, invalid
	}
	if e.Connection != "" && !provision.ValidName(e.Connection) {
		return e, &provision.DeniedError{Reason: provision.ConnectionDisabled}
	}
	if e.Return == "" {
		return e, nil
	}
	if o, err := provision.ParseOrigin(e.Return); err == nil { // the app alone, without a page
		e.Return = o.String() + "/"
	}
	t, ok := splitURL(e.Return)
	if !ok || strings.HasPrefix(t.path, "//") {
		return e, invalid
	}
	if t.origin == s.URL.String() {
		return s.homeward(e, t)
	}
	var err error
	if e.origin, err = provision.ParseOrigin(t.origin); err != nil {
		return e, invalid
	}
	e.path = remembered(t.path + t.query)
	e.Return = t.origin + e.path
	_, err = s.Gate.AppAt(r.Context(), e.origin)
	if errors.Is(err, provision.ErrNotFound) {
		return e, &provision.DeniedError{Reason: provision.AppUnknown}
	}
	return e, err
}

// homeward is e to a page of this host itself: of what is mounted, and of nothing else.
func (s *server) homeward(e errand, t target) (errand, error) {
	if !s.isMounted(t.path) {
		return e, &provision.DeniedError{Reason: provision.TargetInvalid}
	}
	e.path = remembered(t.path + t.query)
	e.Return = t.origin + e.path
	return e, nil
}

// pass lets a browser with a live session through without a page. It has not passed when a login is needed.
func (s *server) pass(w http.ResponseWriter, r *http.Request, v visit, e errand, token string) (passed bool, err error) {
	standing, err := s.Gate.Session(r.Context(), token, v.Origin)
	if s.answer(denial(err)).Status == http.StatusUnauthorized {
		return false, nil
	}
	if denial(err) != "" { // alive, and shut out: only somebody else can help
		return true, s.refuseHolder(w, v, e, provision.Standing{}, err)
	}
	if err != nil {
		return false, err
	}
	if e.origin.IsZero() {
		return true, move(w, cmp.Or(e.path, "/"))
	}
	url, err := s.handOver(r, v, token, e)
	switch {
	case err == nil:
		return true, move(w, url)
	case denial(err) == provision.AuthTooOld:
		return true, s.depart(w, r, v, e, broker.Wish{Connection: standing.Lease.Connection, Fresh: true})
	case s.answer(denial(err)).Status == http.StatusUnauthorized:
		return false, nil
	case denial(err) != "" || errors.Is(err, errLoop):
		return true, s.refuseHolder(w, v, e, standing, err)
	}
	return true, err
}

// handOver is where the browser goes so that the app's origin gets its cookie: to the app's start, which binds the
// browser, or from there back with a code.
func (s *server) handOver(r *http.Request, v visit, token string, e errand) (string, error) {
	if e.Start == "" {
		return startURL(e.origin.String(), e.path), nil
	}
	browser, err := readCookie(r.Header, cookieBrowser)
	if err != nil {
		return "", err
	}
	if s.loops.again(cmp.Or(browser, token), e.origin.String(), e.path, s.Now()) {
		return "", errLoop
	}
	code, err := s.Gate.Enter(r.Context(), token, e.origin, e.path, e.Start, v.From)
	if err != nil {
		return "", err
	}
	query := url.Values{"code": {code}, "rd": {e.path}}
	if e.Retry {
		query.Set("again", "1")
	}
	return e.origin.String() + "/_sso/finish?" + query.Encode(), nil
}

// depart begins a login and sends the browser to its identity provider.
func (s *server) depart(w http.ResponseWriter, r *http.Request, v visit, e errand, wish broker.Wish) error {
	if err := s.mayBegin(r); err != nil {
		s.Metrics.login(byNobody, err)
		return err
	}
	browser, err := browser(w, r)
	if err != nil {
		return err
	}
	wish.Browser, wish.Requester = browser, v.From
	wish.Origin, wish.Path, wish.Start = e.origin, e.path, e.Start
	departure, err := s.Gate.Begin(r.Context(), wish)
	if err != nil {
		s.Metrics.login(byNobody, err)
	}
	if reason := denial(err); reason != "" && reason != provision.IdPUnreachable && reason != provision.RateLimited && !wish.AddSignIn {
		s.log(v, s.trouble(v, err), err)
		return s.ask(w, v, http.StatusForbidden, e, "We cannot sign you in with that address.")
	}
	if err != nil {
		return err
	}
	return s.leave(w, v, departure.URL, "Taking you to "+departure.Tenant+"’s sign-in", "Continue to sign-in")
}

// asking is the e-mail page.
type asking struct {
	errand
	App   string // what is signed in to; "": the account page
	Wrong string // why the last try led nowhere; one text for all reasons
	Ref   string // of that try
}

// ask shows the e-mail page. Domains that are unknown, unproved, suspended or lapsed all lead to the same one.
func (s *server) ask(w http.ResponseWriter, v visit, status int, e errand, wrong string) error {
	return s.show(w, v, status, "login", "Sign in", asking{e, e.origin.Host(), wrong, v.Ref})
}

// refuseHolder tells somebody with a session why the app stays shut.
func (s *server) refuseHolder(w http.ResponseWriter, v visit, e errand, standing provision.Standing, err error) error {
	t := s.trouble(v, err)
	t.Who, t.Tenant, t.App, t.Again = standing.Account.Email.String(), standing.Tenant.Name, e.origin.Host(), link{}
	if t.Contact == "" {
		t.Contact = standing.Tenant.Contact
	}
	t.Another = s.anotherURL(e.Return)
	s.log(v, t, err)
	if errors.Is(err, errLoop) {
		t.Again = link{startURL(e.origin.String(), e.path), "Try again"}
	}
	return s.show(w, v, t.Status, "trouble", t.Title(), t)
}

// anotherURL is where somebody signs in as somebody else, to come back to rd.
func (s *server) anotherURL(rd string) string {
	query := url.Values{"another": {"1"}}
	if rd != "" {
		query.Set("rd", rd)
	}
	return s.URL.String() + "/login?" + query.Encode()
}
