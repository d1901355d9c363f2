package web

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"

	"leasehold/broker"
	"leasehold/provision"
)

// A note carries a refusal from the ACS, where nothing may be shown, to the URL where it is. It is encrypted and always
// of one length: nobody else can put words on a page of ours, and a browser does not learn which check refused its
// message, so that nobody can ask the service provider's key one question after the other.
type note struct {
	Reason  provision.Reason
	Ref     string
	Contact string
	Status  int // of an error that is no refusal
}

// noteSize is what the text of a note is filled up to; a longer one to the next multiple of it.
const noteSize = 768

func (s *server) note(t trouble, reason provision.Reason) string {
	text, err := json.Marshal(note{reason, t.Ref, t.Contact, t.Status})
	if err != nil {
		return "-"
	}
	aead, err := s.noteCipher()
	if err != nil {
		return "-"
	}
	text = append(text, bytes.Repeat([]byte{' '}, noteSize-len(text)%noteSize)...)
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nil, nil, text, []byte("note")))
}

func (s *server) noteCipher() (cipher.AEAD, error) {
	key := sha256.Sum256(s.Seal)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// readNote is the error that a note stands for. One that is not ours is an attempt that nobody knows.
func (s *server) readNote(text string) (note, error) {
	unknown := note{Reason: provision.AttemptUnknown}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return unknown, unknown.err()
	}
	aead, err := s.noteCipher()
	if err != nil {
		return unknown, unknown.err()
	}
	opened, err := aead.Open(nil, nil, raw, []byte("note"))
	if err != nil {
		return unknown, unknown.err()
	}
	var n note
	if err := json.Unmarshal(opened, &n); err != nil {
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
		v.Ref = n.Ref
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
