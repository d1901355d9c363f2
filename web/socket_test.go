package web_test

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"leasehold/web"
)

func TestAProxyBehindAUnixSocketIsTrusted(t *testing.T) {
	g := newGate(t)
	g.verdict = allowing()
	h, err := web.New(web.Config{URL: origin(t, sso), Gate: g})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go server.Serve(listener)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	defer client.CloseIdleConnections()
	ask := func(url string, header ...string) *http.Response {
		r, err := http.NewRequest("GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer
	}
	wantStatus(t, ask("http://gateway/_sso/check/nginx", asNginx("GET", "/")...), 200)
	page := ask(strings.Replace(sso, "https:", "http:", 1)+"/login", "X-Forwarded-Proto", "https", "Accept", "text/html")
	wantStatus(t, page, 200)
	if page.Header.Get("Strict-Transport-Security") == "" {
		t.Error("the scheme that the proxy tells does not count")
	}
}
