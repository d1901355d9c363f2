//go:build real

package main

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheShellSnippetVerifiesWhatIsSignedAndNothingElse(t *testing.T) {
	raw := []byte("\x00\xff a secret with bytes of all kinds")
	h, body, _ := signed([]byte("the former secret, 24 bytes"), raw)
	file := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	script := piecesOf(t, "sh")[0]
	for secret, good := range map[string]bool{"whsec_" + base64.StdEncoding.EncodeToString(raw): true, "the former secret, 24 bytes": true, "another secret of 24 bytes": false} {
		verify := exec.Command("sh", "-ec", script)
		verify.Env = append(os.Environ(), "ID="+h.Get("Webhook-Id"), "STAMP="+h.Get("Webhook-Timestamp"), "SIGNATURE="+h.Get("Webhook-Signature"), "BODY="+file, "SECRET="+secret)
		if out, err := verify.CombinedOutput(); (err == nil) != good {
			t.Errorf("%s: %v %s", strings.ToValidUTF8(secret, "?"), err, out)
		}
	}
}
