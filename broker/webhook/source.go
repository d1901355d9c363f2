package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"leasehold/broker"
	"leasehold/provision"
)

// Source is a service that makes credentials when it is asked, and takes them back. It implements broker.Source. What it is
// asked is signed as messages to apps are; its answer comes by TLS, and repeats the name that it was asked for: a page of
// something that stands between passes for none.
type Source struct {
	HTTP    *http.Client // of broker/outbound: it follows no redirect and reaches only where it may
	URL     string
	Secrets [][]byte // each of them signs
	Tenant  provision.TenantID
	ID      provision.SecretID
	Now     func() time.Time // the wall clock
}

var _ broker.Source = Source{}

// Wish is the body of what a source is asked: the same bytes at every try.
type Wish struct {
	Type string   `json:"type"` // secret.issue, secret.renew or secret.revoke
	Data WishData `json:"data"`
}

// WishData is what is wanted.
type WishData struct {
	Tenant string    `json:"tenant"`
	Source string    `json:"source"`
	Name   string    `json:"name"`           // what is asked twice of one name is done once
	Until  time.Time `json:"until,omitzero"` // from when it has to be worth nothing by itself, too
}

// granted is the answer to a wish.
type granted struct {
	Name     string `json:"name"`
	Username string `json:"username"` // "": the name
	Password string `json:"password"`
	Address  string `json:"address"`
}

// The bounds of an answer's parts, in bytes.
const (
	maxUsername = 256
	maxPassword = 8 << 10
	maxAddress  = 2 << 10
)

// Issue implements broker.Source. The service makes the password, and what it says is handed on and kept nowhere.
func (s Source) Issue(ctx context.Context, o broker.UserOrder) (broker.Handed, error) {
	answer, err := s.ask(ctx, "issue", o.Name, o.Until)
	switch {
	case err != nil:
		return broker.Handed{}, err
	case answer.Password == "":
		return broker.Handed{}, errors.New("answers without a password")
	case !plain(answer.Username, maxUsername), !plain(answer.Password, maxPassword), !plain(answer.Address, maxAddress):
		return broker.Handed{}, errors.New("answers with what is too long, or not printable")
	}
	return broker.Handed{Address: answer.Address, Username: answer.Username, Password: answer.Password}, nil
}

// Renew implements broker.Source.
func (s Source) Renew(ctx context.Context, name string, until time.Time) error {
	_, err := s.ask(ctx, "renew", name, until)
	return err
}

// Revoke implements broker.Source. Only a 2xx with the name says that the service knows it no more: not even 404 does.
func (s Source) Revoke(ctx context.Context, name string) error {
	_, err := s.ask(ctx, "revoke", name, time.Time{})
	return err
}

// plain reports whether text has so many bytes at most, all of which can be printed.
func plain(text string, limit int) bool {
	return len(text) <= limit && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// ask sends one wish. Its id is the verb and the name, and the end where that is what is wanted. Each try to revoke has an id
// of its own: what answers an id again as it did before would leave a second look undone.
func (s Source) ask(ctx context.Context, verb, name string, until time.Time) (granted, error) {
	if len(s.Secrets) == 0 {
		return granted{}, errors.New("nothing to sign with")
	}
	body, err := json.Marshal(Wish{Type: "secret." + verb, Data: WishData{string(s.Tenant), string(s.ID), name, until.UTC().Truncate(time.Second)}})
	if err != nil {
		return granted{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return granted{}, errors.New("the address cannot be used")
	}
	id, sent := name+"."+verb, s.Now()
	switch verb {
	case "renew":
		id += "." + strconv.FormatInt(until.Unix(), 10)
	case "revoke":
		id += "." + rand.Text()
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "leasehold")
	r.Header.Set("Idempotency-Key", id)
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", strconv.FormatInt(sent.Unix(), 10))
	r.Header.Set("Webhook-Signature", Sign(s.Secrets, id, sent, body))
	answer, err := s.HTTP.Do(r)
	if err != nil {
		return granted{}, errors.New(fault(err))
	}
	defer answer.Body.Close()
	return read(answer, name)
}

// read is an answer, whole or not at all. What is wrong with it is said without any of it.
func read(answer *http.Response, name string) (granted, error) {
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return granted{}, fmt.Errorf("answers %d", answer.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); {
	case err != nil:
		return granted{}, errors.New(fault(err))
	case len(text) > maxAnswer:
		return granted{}, fmt.Errorf("answers with more than %d bytes", maxAnswer)
	case kind != "application/json":
		return granted{}, errors.New("answers with what is no JSON")
	}
	var g granted
	if json.Unmarshal(text, &g) != nil {
		return granted{}, errors.New("answers with what is no JSON")
	}
	if g.Name != name {
		return granted{}, errors.New("answers without the name that it was asked for")
	}
	return g, nil
}
