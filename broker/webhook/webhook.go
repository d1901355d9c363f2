// Package webhook tells apps of ends of access over HTTP, signed as Standard Webhooks has it
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md): the headers webhook-id,
// webhook-timestamp and webhook-signature, over id, time and body.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// maxAnswer is how much of an answer is read: so much that the connection can be used again.
const maxAnswer = 16 << 10

// Client tells apps. It implements broker.Messenger.
type Client struct {
	HTTP *http.Client // of broker/outbound: it follows no redirect and reaches only where it may
}

// Message is the body of a webhook. It names nobody: an account and a lease are what the app was told of them.
type Message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of what happened
	Data      Data      `json:"data"`
}

// Data is what happened.
type Data struct {
	App     string    `json:"app"`
	Tenant  string    `json:"tenant"`
	Account string    `json:"account"`
	Lease   string    `json:"lease,omitempty"` // of session.ended
	Cause   string    `json:"cause"`
	Time    time.Time `json:"time"` // when access ended
}

// Warning is the body of what a tenant is told.
type Warning struct {
	Type      string      `json:"type"`
	Timestamp time.Time   `json:"timestamp"`
	Data      WarningData `json:"data"`
}

// WarningData is what runs out.
type WarningData struct {
	Tenant     string    `json:"tenant"`
	Connection string    `json:"connection"`
	Expires    time.Time `json:"expires"`
	Days       int       `json:"days"` // the threshold that was reached, ahead of it
}

// Body is what a delivery says: the same bytes at every try.
func Body(d provision.Delivery) ([]byte, error) {
	at := d.At.UTC()
	if d.Kind == provision.ConnectionExpiring {
		return json.Marshal(Warning{Type: string(d.Kind), Timestamp: at, Data: WarningData{
			Tenant: string(d.Tenant), Connection: string(d.Connection), Expires: d.Expires.UTC(), Days: d.Days,
		}})
	}
	return json.Marshal(Message{Type: string(d.Kind), Timestamp: at, Data: Data{
		App: string(d.App), Tenant: string(d.Tenant), Account: string(d.Account), Lease: string(d.Lease), Cause: string(d.Cause), Time: at,
	}})
}

// Sign is the value of webhook-signature: one "v1,…" for each secret, with a space between.
func Sign(secrets [][]byte, id string, sent time.Time, body []byte) string {
	var signatures []string
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		fmt.Fprintf(mac, "%s.%d.", id, sent.Unix())
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, " ")
}

// Tell sends one message. Any 2xx is a confirmation, 410 is broker.ErrGone, and everything else a failure.
func (c Client) Tell(ctx context.Context, m broker.Message) error {
	if len(m.Secrets) == 0 {
		return errors.New("nothing to sign with")
	}
	body, err := Body(m.Delivery)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address cannot be used")
	}
	id := string(m.Delivery.ID)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "leasehold")
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", strconv.FormatInt(m.Sent.Unix(), 10))
	r.Header.Set("Webhook-Signature", Sign(m.Secrets, id, m.Sent, body))
	answer, err := c.HTTP.Do(r)
	if err != nil {
		return errors.New(fault(err))
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // the status has said all
	switch {
	case answer.StatusCode == http.StatusGone:
		return fmt.Errorf("%w: 410", broker.ErrGone)
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return fmt.Errorf("answers %d", answer.StatusCode)
	}
	return nil
}

// fault is an error in few words: without the address, which may hold what is nobody's business, and without end.
func fault(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "no answer in time"
	}
	if why := broker.Unreached(err); why != "" {
		return why
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	text := strings.ToValidUTF8(err.Error(), "?")
	return text[:min(len(text), 200)]
}
