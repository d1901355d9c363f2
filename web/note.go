package web

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"

	"leasehold/broker"
	"leasehold/provision"
)

// A note carries a refusal from the ACS, where nothing may be shown, to the URL where it is. It is sealed, so that
// nobody else can put words, or somebody to ask, on a page of ours.
type note struct {
	Reason  provision.Reason
	Ref     string
	Contact string
	Status  int // of an error that is no refusal
}

func (s *server) note(t trouble, reason provision.Reason) string {
	text, err := json.Marshal(note{reason, t.Ref, t.Contact, t.Status})
	if err != nil {
		return "-"
	}
	return base64.RawURLEncoding.EncodeToString(append(s.noteMAC(text), text...))
}

func (s *server) noteMAC(text []byte) []byte {
	mac := hmac.New(sha256.New, s.Seal)
	mac.Write([]byte("note\x00"))
	mac.Write(text)
	return mac.Sum(nil)
}

// readNote is the error that a note stands for. One that is not ours is an attempt that nobody knows.
func (s *server) readNote(text string) (note, error) {
	unknown := note{Reason: provision.AttemptUnknown}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) < sha256.Size || !hmac.Equal(raw[:sha256.Size], s.noteMAC(raw[sha256.Size:])) {
		return unknown, unknown.err()
	}
	var n note
	if err := json.Unmarshal(raw[sha256.Size:], &n); err != nil {
		return unknown, unknown.err()
	}
	return n, n.err()
}

func (n note) err() error {
	switch {
	case n.Reason != "":
		return &provision.DeniedError{Reason: n.Reason, Ref: n.Ref, Contact: n.Contact}
	case n.Status == http.StatusServiceUnavailable:
		return provision.ErrUnavailable
	}
	return provision.ErrCorrupt
}

// refused shows what a note says. But a message that was posted a second time, from the history of a browser that has
// the session it led to, leads on.
func (s *server) refused(w http.ResponseWriter, r *http.Request, v visit, query url.Values) error {
	n, err := s.readNote(query.Get("note"))
	if n.Ref != "" {
		v.From.RequestID = n.Ref
	}
	back := broker.Return{Attempt: broker.AttemptID(query.Get("attempt"))}
	var unreadable error
	if back.Browser, unreadable = readCookie(r.Header, cookieBrowser); unreadable != nil {
		return unreadable
	}
	if back.Session, unreadable = token(r, v); unreadable != nil {
		return unreadable
	}
	if led, ledErr := s.leadBack(w, r, v, back); led || ledErr != nil {
		return ledErr
	}
	return err
}
