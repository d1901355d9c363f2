package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"leasehold/broker/webhook"
)

// piecesOf are the pieces of docs/webhooks.md in a language, in order.
func piecesOf(t *testing.T, language string) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		found = append(found, match[1])
	}
	if len(found) == 0 {
		t.Fatalf("docs/webhooks.md has no %s", language)
	}
	return found
}

// signed is a message with its headers.
func signed(secrets ...[]byte) (http.Header, []byte, time.Time) {
	body, now := []byte(`{"type":"session.ended"}`), time.Now()
	return http.Header{
		"Webhook-Id": {"dlv_1_wiki"}, "Webhook-Timestamp": {fmt.Sprint(now.Unix())}, "Webhook-Signature": {webhook.Sign(secrets, "dlv_1_wiki", now, body)},
	}, body, now
}

func TestTheGoSnippetVerifiesWhatIsSignedAndNothingElse(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module hook\n\ngo 1.25\n")
	write("hook.go", piecesOf(t, "go")[0])
	h, body, now := signed([]byte("another secret, which came before"), []byte("the secret that is there now"))
	write("hook_test.go", fmt.Sprintf(`package hook

import (
	"net/http"
	"testing"
	"time"
)

func TestVerify(t *testing.T) {
	h := %#v
	body, now := []byte(%q), time.Unix(%d, 0)
	for secret, good := range map[string]bool{"the secret that is there now": true, "another secret, which came before": true, "none": false} {
		if err := Verify([]byte(secret), h, body, now); (err == nil) != good {
			t.Errorf("%%s: %%v", secret, err)
		}
	}
	if Verify([]byte("the secret that is there now"), h, append(body, ' '), now) == nil {
		t.Error("another body is verified")
	}
	if Verify([]byte("the secret that is there now"), h, body, now.Add(6*time.Minute)) == nil {
		t.Error("an old message is verified")
	}
}
`, h, body, now.Unix()))
	verify := exec.Command("go", "test", "-count=1", ".")
	verify.Dir, verify.Env = folder, append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off")
	if out, err := verify.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
