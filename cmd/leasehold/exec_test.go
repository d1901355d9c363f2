package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAJobShowsItsTokenToNobodyButTheHostThatWasNamed(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a.b.c"), 0o600); err != nil {
		t.Fatal(err)
	}
	var shown []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { shown = append(shown, r.FormValue("subject_token")) }))
	defer other.Close()
	sso := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect)) // of all of them, the one that repeats a form
	defer sso.Close()
	t.Setenv("HTTP_PROXY", other.URL) // reads what goes to it in the clear
	for url, want := range map[string]string{
		strings.Replace(sso.URL, "127.0.0.1", "sso.localhost", 1): "307",
		sso.URL: "307", "http://sso.example.com": "https", "ftp://localhost": "https", "sso.example.com": "https", "https://user:word@sso.example.com": "https",
	} {
		var out bytes.Buffer
		err := run(t.Context(), []string{"exec", "--url", url, "--tenant", "acme", "--rule", "deploy", "--token-file", token, "--", "true"}, nil, &out, &out)
		if err == nil || !strings.Contains(err.Error()+out.String(), want) {
			t.Errorf("%s: %v %s", url, err, &out)
		}
	}
	if len(shown) > 0 {
		t.Errorf("another host was shown %q", shown)
	}
}
