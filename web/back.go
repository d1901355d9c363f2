package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"leasehold/broker"
	"leasehold/provision"
)

// maxACS bounds what an identity provider may post: a message of 1 MiB, and the form around it.
const maxACS = 1<<20 + 16<<10

// acs takes what a page of the identity provider posts (SAML Bindings 3.5). The post comes from another site, so it
// carries no Lax cookie; every answer, good or bad, is a redirect to a GET, which does. Nothing is ever shown at this
// URL: a reload would post again.
func (s *server) acs(w http.ResponseWriter, r *http.Request, v visit) error {
	c := provision.ConnectionID(r.PathValue("connection"))
	if !provision.ValidName(string(c)) {
		return provision.ErrNotFound
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxACS)
	var attempt broker.AttemptID
	err := r.ParseForm()
	if err == nil {
		attempt, err = s.Gate.Receive(r.Context(), c, r.PostForm, v.From)
	} else if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		err = &provision.DeniedError{Reason: provision.MessageTooLarge}
	} else {
		err = &provision.DeniedError{Reason: provision.DocumentMalformed}
	}
	onward := url.Values{"attempt": {attemptText(attempt)}}
	if err != nil {
		s.Metrics.login(bySAML, err)
		s.log(v, s.trouble(v, err), err)
		onward.Set("note", s.note(s.trouble(v, err), denial(err)))
	}
	return move(w, "/idp/"+string(c)+"/resume?"+onward.Encode())
}

// attemptText is id if it can be one: it comes from the form, whoever wrote that.
func attemptText(id broker.AttemptID) string {
	if len(id) > 80 || !isToken(string(id)) {
		return ""
	}
	return string(id)
}

// resume is the browser after the ACS. A note says that its message was refused.
func (s *server) resume(w http.ResponseWriter, r *http.Request, v visit) error {
	query := r.URL.Query()
	if note := query.Get("note"); note != "" {
		return s.refused(w, r, v, query)
	}
	return s.finishLogin(w, r, v, bySAML, broker.Return{Attempt: broker.AttemptID(query.Get("attempt"))})
}

// callback is the browser with the answer of an OpenID provider (OIDC Core 3.1.2.5).
func (s *server) callback(w http.ResponseWriter, r *http.Request, v visit) error {
	query := r.URL.Query()
	if len(query["state"]) != 1 {
		return &provision.DeniedError{Reason: provision.StateMismatch}
	}
	return s.finishLogin(w, r, v, byOIDC, broker.Return{Attempt: broker.AttemptID(query.Get("state")), Answer: query})
}

// finishLogin makes a session of an attempt, and leads on. An attempt that this browser finished before, and whose
// session it still has, leads on as it did: that is Back, a reload, or a second click.
func (s *server) finishLogin(w http.ResponseWriter, r *http.Request, v visit, by protocol, back broker.Return) error {
	if speculative(r) {
		return errSpeculative
	}
	var err error
	if back.Browser, err = readCookie(r.Header, cookieBrowser); err != nil {
		return err
	}
	if back.Session, err = token(r, v); err != nil {
		return err
	}
	led, err := s.leadBack(w, r, v, back)
	if led || err != nil {
		return err
	}
	back.Connection, back.Requester = provision.ConnectionID(r.PathValue("connection")), v.From
	lease, err := s.Gate.Login(r.Context(), back)
	var tried *broker.TriedError
	if errors.As(err, &tried) {
		return s.leave(w, v, s.URL.String()+tried.Back, "The test login is over", "See what came of it")
	}
	s.Metrics.login(by, err)
	if err != nil {
		return err
	}
	session := s.Gate.Token(lease.ID, v.Origin)
	if err := keep(w, r, v, session); err != nil {
		return err
	}
	landing, err := s.Gate.Landing(r.Context(), back.Attempt, back.Browser)
	if err != nil && !errors.Is(err, provision.ErrNotFound) {
		return err
	}
	return s.land(w, r, v, landing, session)
}

// leadBack leads a browser on whose attempt is spent, if it holds the session that the attempt became.
func (s *server) leadBack(w http.ResponseWriter, r *http.Request, v visit, back broker.Return) (led bool, err error) {
	if back.Session == "" || back.Browser == "" {
		return false, nil
	}
	landing, err := s.Gate.Landing(r.Context(), back.Attempt, back.Browser)
	if errors.Is(err, provision.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	standing, err := s.Gate.Session(r.Context(), back.Session, v.Origin)
	if denial(err) != "" || err == nil && standing.Lease.ID != landing.Lease {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.land(w, r, v, landing, back.Session)
}

// land leads a browser with a fresh session to where it wanted to go. A notice is read first; the way on from there is
// through the login page, because a code would not wait.
func (s *server) land(w http.ResponseWriter, r *http.Request, v visit, l broker.Landing, session string) error {
	e := errand{origin: l.Origin, path: l.Path, Start: l.Start}
	if e.path == "" {
		e.path = "/"
	}
	onward := "/"
	if path, _, _ := strings.Cut(e.path, "?"); l.Origin.IsZero() && s.isMounted(path) {
		onward = e.path
	}
	if !l.Origin.IsZero() {
		e.Return = l.Origin.String() + e.path
		query := url.Values{"rd": {e.Return}}
		if l.Start != "" {
			query.Set("start", l.Start)
		}
		onward = "/login?" + query.Encode()
	}
	if l.Notice != "" {
		return s.show(w, v, http.StatusOK, "notice", "Before you go on", notice{l.Notice, onward})
	}
	if l.Origin.IsZero() {
		return s.leave(w, v, s.URL.String()+onward, "You are signed in", "Continue")
	}
	there, err := s.handOver(r, v, session, e)
	if denial(err) != "" {
		standing, _ := s.Gate.Session(r.Context(), session, v.Origin) // only to say who is refused
		return s.refuseHolder(w, v, e, standing, err)
	}
	if err != nil {
		return err
	}
	return s.leave(w, v, there, "You are signed in", "Continue to "+l.Origin.Host())
}

// notice is something the person has to read before going on.
type notice struct{ Text, URL string }
