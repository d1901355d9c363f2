package peers

import (
	"context"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"golang.org/x/net/publicsuffix"
)

// Client asks over HTTP as a program would: it trusts ca, finds names that end in .test on this machine, and shows
// redirects instead of following them. With jar it keeps cookies, which a browser does by stricter rules.
func Client(t testing.TB, ca *CA, jar bool) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: dialTest, TLSClientConfig: ca.config(), DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: Patience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	if jar {
		kept, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
		if err != nil {
			t.Fatalf("make cookie jar: %v", err)
		}
		client.Jar = kept
	}
	return client
}

// dialTest dials names that end in .test on this machine.
func dialTest(ctx context.Context, network, addr string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(addr); err == nil && strings.HasSuffix(host, ".test") {
		addr = net.JoinHostPort(loopback, port)
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}
