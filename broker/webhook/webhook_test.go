package webhook_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/broker/outbound"
	"leasehold/broker/webhook"
	"leasehold/provision"
)

var loopback = outbound.Config{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

func ended() provision.Delivery {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	return provision.Delivery{ID: "dlv_1_0_wiki", Kind: provision.SessionEnded, App: "wiki", Tenant: "acme", Account: "acc_1", Lease: "acme.l1", Cause: provision.CauseLogout, At: at, Due: at}
}

// TestASignatureIsThatOfTheSpecification is the example of Standard Webhooks' own libraries.
func TestASignatureIsThatOfTheSpecification(t *testing.T) {
	secret, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := webhook.Sign([][]byte{secret}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestAMessageSaysWhatHappenedAndNamesNobody(t *testing.T) {
	body, err := webhook.Body(ended())
	want := `{"type":"session.ended","timestamp":"2026-03-02T12:00:00Z","data":{"app":"wiki","tenant":"acme","account":"acc_1","lease":"acme.l1","cause":"logout","time":"2026-03-02T12:00:00Z"}}`
	if err != nil || string(body) != want {
		t.Errorf("body %s, error %v, want %s", body, err, want)
	}
}

func TestOnlySuccessIsAConfirmation(t *testing.T) {
	for status, want := range map[int]string{200: "", 204: "", 299: "", 301: "answers 301", 307: "answers 307", 400: "answers 400", 410: "410", 500: "answers 500"} {
		elsewhere := 0
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/hook" {
				elsewhere++
				return
			}
			if len(r.Header.Get("Webhook-Signature")) < 40 || r.Header.Get("Webhook-Id") != "dlv_1_0_wiki" {
				t.Errorf("headers %v", r.Header)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}))
		err := webhook.Client{HTTP: outbound.New(loopback)}.Tell(t.Context(), broker.Message{URL: app.URL + "/hook", Secrets: [][]byte{{1}}, Sent: time.Now(), Delivery: ended()})
		app.Close()
		switch {
		case elsewhere > 0:
			t.Errorf("%d: a redirect was followed", status)
		case want == "" && err != nil, want != "" && status != 301 && status != 307 && (err == nil || !strings.Contains(err.Error(), want)), (status == 301 || status == 307) && err == nil:
			t.Errorf("%d: error %v, want %q", status, err, want)
		case errors.Is(err, broker.ErrGone) != (status == 410):
			t.Errorf("%d: error %v", status, err)
		}
	}
}

func TestWhatCannotBeReachedIsSaidWithoutItsAddress(t *testing.T) {
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer hanging.Close()
	for url, want := range map[string]string{
		"https://127.0.0.1:1/secret": "refused", "http://10.0.0.1/secret": "", "https://localhost.evil.invalid/secret": "", hanging.URL + "/secret": "no answer in time", "://secret": "",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := webhook.Client{HTTP: outbound.New(loopback)}.Tell(ctx, broker.Message{URL: url, Secrets: [][]byte{{1}}, Delivery: ended()})
		cancel()
		if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), want) || len(err.Error()) > 200 {
			t.Errorf("%s: error %v, want %q", url, err, want)
		}
	}
	if err := (webhook.Client{HTTP: http.DefaultClient}).Tell(t.Context(), broker.Message{URL: hanging.URL}); err == nil {
		t.Error("a message without a secret was sent")
	}
}

func TestAnAnswerIsReadOnlySoFar(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 1 << 12 {
			if _, err := fmt.Fprint(w, strings.Repeat("x", 1<<12)); err != nil {
				return
			}
		}
	}))
	defer app.Close()
	if err := (webhook.Client{HTTP: outbound.New(loopback)}).Tell(t.Context(), broker.Message{URL: app.URL, Secrets: [][]byte{{1}}, Delivery: ended()}); err != nil {
		t.Errorf("a long answer is a failure: %v", err)
	}
}
