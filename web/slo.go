package web

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"leasehold/broker"
	"leasehold/provision"
)

// maxLogoutPost bounds what an identity provider may post to have somebody logged out.
const maxLogoutPost = 128 << 10

// slo takes the log-out messages of SAML: an identity provider's own, and its answers to ours. They come by a browser, of
// which nothing is asked, or from server to server.
func (s *server) slo(w http.ResponseWriter, r *http.Request, v visit) error {
	if r.Method != http.MethodPost && speculative(r) {
		return errSpeculative
	}
	c := provision.ConnectionID(r.PathValue("connection"))
	if !provision.ValidName(string(c)) {
		return provision.ErrNotFound
	}
	m, err := logoutMessage(w, r)
	if err != nil {
		return err
	}
	if answersOurs(r, m) {
		return s.left(w, r, v, c, m)
	}
	reply, err := s.Gate.LogoutFrom(r.Context(), c, m)
	if err != nil {
		return err
	}
	return s.reply(w, r, v, reply)
}

// logoutMessage is the message as its binding has it.
func logoutMessage(w http.ResponseWriter, r *http.Request) (broker.LogoutMessage, error) {
	if r.Method != http.MethodPost {
		return broker.LogoutMessage{Binding: broker.ByRedirect, Query: r.URL.RawQuery}, nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxLogoutPost)
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	var body []byte
	var err error
	soap := strings.EqualFold(strings.TrimSpace(kind), "text/xml") // SOAP 1.1, 6
	if soap {
		body, err = io.ReadAll(r.Body)
	} else {
		err = r.ParseForm()
	}
	tooLarge := new(http.MaxBytesError)
	switch {
	case errors.As(err, &tooLarge):
		return broker.LogoutMessage{}, &provision.DeniedError{Reason: provision.MessageTooLarge}
	case err != nil:
		return broker.LogoutMessage{}, &provision.DeniedError{Reason: provision.DocumentMalformed}
	case soap:
		return broker.LogoutMessage{Binding: broker.BySOAP, Body: body}, nil
	}
	return broker.LogoutMessage{Binding: broker.ByPost, Form: r.PostForm}, nil
}

// answersOurs reports whether a message is the answer to one of ours.
func answersOurs(r *http.Request, m broker.LogoutMessage) bool {
	return m.Form.Has("SAMLResponse") || m.Binding == broker.ByRedirect && r.URL.Query().Has("SAMLResponse")
}

// reply brings an identity provider its answer.
func (s *server) reply(w http.ResponseWriter, r *http.Request, v visit, reply broker.Reply) error {
	switch {
	case reply.Body != nil:
		h := w.Header()
		h.Set("Content-Type", "text/xml; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		w.Write(reply.Body) // an error means that the peer is gone
		return nil
	case reply.Address == "":
		return s.show(w, v, http.StatusOK, "bye", "You are logged out", leaving{Back: v.Origin.String() + "/"})
	case reply.Fields != nil:
		return s.handPost(w, v, reply)
	case r.Method == http.MethodPost:
		return s.leave(w, v, reply.Address, "Logging you out", "Continue")
	}
	return move(w, reply.Address) // no form began this, and a frame may follow it
}

// handPost is a page with a form for another host: nothing runs on our pages, so that the person sends it off. The page may
// post there and nowhere else.
func (s *server) handPost(w http.ResponseWriter, v visit, reply broker.Reply) error {
	u, err := url.Parse(reply.Address)
	if err != nil {
		return provision.ErrCorrupt
	}
	to, err := provision.ParseOrigin(u.Scheme + "://" + u.Host)
	if err != nil {
		return provision.ErrCorrupt
	}
	w.Header().Set("Content-Security-Policy", strings.Replace(pagePolicy, "form-action 'self'", "form-action "+to.String(), 1))
	w.Header().Set("Referrer-Policy", "no-referrer")
	return s.show(w, v, http.StatusOK, "posting", "Logging you out", posting{reply.Address, reply.Fields})
}

// posting is a form that goes to another host.
type posting struct {
	URL    string
	Fields url.Values
}

// left takes the answer to a log-out of ours, and leads to the page that tells of it, where the browser brings its cookie.
func (s *server) left(w http.ResponseWriter, r *http.Request, v visit, c provision.ConnectionID, m broker.LogoutMessage) error {
	id, err := s.Gate.Left(r.Context(), c, m)
	if denial(err) == "" && err != nil {
		return err
	}
	if err != nil { // the session here is over either way
		s.log(v, s.trouble(v, err), err)
	}
	return move(w, "/_sso/logout?"+url.Values{"state": {attemptText(id)}}.Encode())
}

// leaveUpstream takes up the offer to log out at the identity provider, too: a person has followed the link.
func (s *server) leaveUpstream(w http.ResponseWriter, r *http.Request, v visit) error {
	if speculative(r) || embedded(r) {
		return errSpeculative
	}
	browser, err := browser(w, r)
	if err != nil {
		return err
	}
	reply, err := s.Gate.Leave(r.Context(), string(attemptText(broker.AttemptID(r.URL.Query().Get("offer")))), browser)
	if errors.Is(err, provision.ErrNotFound) {
		return move(w, "/_sso/logout")
	}
	if err != nil {
		return err
	}
	return s.reply(w, r, v, reply)
}

// backchannel takes the log-out tokens of an OpenID provider (OIDC Back-Channel Logout 2.5, 2.8).
func (s *server) backchannel(w http.ResponseWriter, r *http.Request, v visit) error {
	c := provision.ConnectionID(r.PathValue("connection"))
	if !provision.ValidName(string(c)) {
		return provision.ErrNotFound
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxLogoutPost)
	err := r.ParseForm()
	if err != nil {
		err = &provision.DeniedError{Reason: provision.DocumentMalformed}
	} else {
		_, err = s.Gate.LogoutFrom(r.Context(), c, broker.LogoutMessage{Binding: broker.ByBackChannel, Form: r.PostForm})
	}
	if denial(err) != "" {
		s.log(v, s.trouble(v, err), err)
		s.json(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
		return nil
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return nil
}
