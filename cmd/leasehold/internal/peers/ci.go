package peers

import (
	_ "embed"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

//go:embed testdata/oauth2-mock-server.mjs
var ciServer string

// CIIssuer is a running issuer of tokens of CI jobs, the npm package oauth2-mock-server.
type CIIssuer struct{ Issuer string }

// CI starts an issuer of tokens of CI jobs, on plain HTTP on loopback.
func CI(t testing.TB) *CIIssuer {
	t.Helper()
	dir, port := t.TempDir(), Port(t)
	write(t, dir, "server.mjs", ciServer)
	if err := os.Symlink(nodeModules(t), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatalf("packages of oauth2-mock-server: %v", err)
	}
	c := &CIIssuer{"http://" + local(port)}
	start(t, "oauth2-mock-server", dir, local(port), []string{"PEER_ISSUER=" + c.Issuer, "PEER_PORT=" + strconv.Itoa(port)}, "node", "server.mjs")
	return c
}

// Token is a token of a job: good for so many seconds, with claims beside the issuer's own, and without some.
func (c *CIIssuer) Token(t testing.TB, seconds int, claims map[string]any, absent ...string) string {
	t.Helper()
	order := encode(t, map[string]any{"claims": claims, "seconds": seconds, "absent": append([]string{}, absent...)})
	answer, err := http.Post(c.Issuer+"/mint", "application/json", strings.NewReader(order))
	if err != nil {
		t.Fatalf("mint a token: %v", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("mint a token: %s: %v", answer.Status, err)
	}
	return string(text)
}
