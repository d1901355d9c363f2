package main

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// liveApp is an app with WebSockets: it has each checked when it begins, and closes those whose leases the stream names.
type liveApp struct {
	t    *testing.T
	p    *place
	mu   sync.Mutex
	held map[string]net.Conn // by lease
}

// ServeHTTP upgrades a request that the check lets through (RFC 6455, 4.2.2).
func (a *liveApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ask, _ := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+a.p.port+"/_sso/check/nginx", nil)
	ask.Header = http.Header{"Cookie": r.Header["Cookie"], "X-Original-Url": {"http://wiki.localhost:" + a.p.port + "/live"}, "X-Original-Method": {"GET"}}
	checked, err := http.DefaultClient.Do(ask)
	if err != nil || checked.StatusCode != http.StatusOK {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	checked.Body.Close()
	if expires, err := time.Parse(time.RFC3339, checked.Header.Get("X-Leasehold-Expires")); err != nil || time.Until(expires) <= 0 {
		a.t.Errorf("X-Leasehold-Expires: %q, %v", checked.Header.Get("X-Leasehold-Expires"), err)
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	conn, out, err := http.NewResponseController(w).Hijack()
	if err != nil {
		a.t.Error(err)
		return
	}
	fmt.Fprintf(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	_ = out.Flush() // a reader that is gone is found out by the test
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held[checked.Header.Get("X-Leasehold-Lease")] = conn
}

// listen follows the event stream until it ends, and says when it has begun.
func (a *liveApp) listen(ctx context.Context, began chan<- struct{}) {
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+a.p.port+"/_sso/events", nil)
	r.Host = "sso.localhost:" + a.p.port
	r.Header.Set("Authorization", "Bearer "+broker.StreamToken("wiki", []byte(hookSecret), time.Now()))
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		a.t.Errorf("stream: %v", err)
		close(began)
		return
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if lines.Text() == "event: reset" {
			close(began)
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		var ended struct{ Lease string }
		if ok && json.Unmarshal([]byte(data), &ended) == nil && ended.Lease != "" {
			a.mu.Lock()
			if conn := a.held[ended.Lease]; conn != nil {
				conn.Close()
			}
			a.mu.Unlock()
		}
	}
}

// upgrade opens a WebSocket with a visitor's cookie.
func (a *liveApp) upgrade(addr string, v *visitor) net.Conn {
	a.t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET /live HTTP/1.1\r\nHost: wiki.localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: %s\r\n\r\n", a.p.cookie(v))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols || answer.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		a.t.Fatalf("upgrade: %v %v", answer, err)
	}
	return conn
}

// isOpen reports whether nothing has closed a connection within a time, and how long that took.
func isOpen(t *testing.T, conn net.Conn, within time.Duration) (bool, time.Duration) {
	t.Helper()
	began := time.Now()
	if err := conn.SetReadDeadline(began.Add(within)); err != nil {
		t.Fatal(err)
	}
	_, err := conn.Read(make([]byte, 1))
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout(), time.Since(began)
}

func TestAnAppThatListensCutsItsWebSocketWhenTheLeaseEnds(t *testing.T) {
	p := newPlace(t)
	folder := filepath.Dir(p.config)
	manifest := filepath.Join(folder, "tenants.d", "acme.yaml")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	asks := strings.Replace(string(text), "tenants: [acme]}", "tenants: [acme], notify: {secret_file: ../hook.txt}}", 1)
	for name, content := range map[string]string{manifest: asks, filepath.Join(folder, "hook.txt"): hookSecret} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.gateway.register(t.Context(), "manifest"); err != nil {
		t.Fatal(err)
	}
	one, two := newVisitor(p.port), newVisitor(p.port)
	p.logInByOIDC(one)
	p.logInByOIDC(two)
	a := &liveApp{t: t, p: p, held: map[string]net.Conn{}}
	server := httptest.NewServer(a)
	defer server.Close()
	began := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go a.listen(ctx, began)
	<-began
	first, second := a.upgrade(server.Listener.Addr().String(), one), a.upgrade(server.Listener.Addr().String(), two)
	if open, after := isOpen(t, first, time.Second); !open {
		t.Fatalf("it was closed after %s, with a live lease", after)
	}
	leases, err := p.gateway.store.Leases(t.Context(), provision.Page{})
	if err != nil || len(leases) != 2 {
		t.Fatalf("%d leases, error %v", len(leases), err)
	}
	mine := leases[0].ID
	if leases[0].Start.After(leases[1].Start) {
		mine = leases[1].ID
	}
	if out := p.says("revoke", "--lease", string(mine), "--reason", "test"); !strings.Contains(out, "done") {
		t.Fatal(out)
	}
	if open, after := isOpen(t, first, 3*time.Second); open || after > 1500*time.Millisecond {
		t.Errorf("the connection is open: %v, after %s", open, after)
	}
	if open, _ := isOpen(t, second, 500*time.Millisecond); !open {
		t.Error("somebody else's connection was closed")
	}
	p.halt() // does not wait for the stream
	if open, _ := isOpen(t, second, 100*time.Millisecond); !open {
		t.Error("the end of a stream closed a connection")
	}
}
