package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// begins begins a login at a connection, behind a proxy that says whom it is for.
func (p *place) begins(t *testing.T, connection, address string) int {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+p.port+"/login?connection="+connection, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "sso.localhost:" + p.port
	request.Header.Set("X-Forwarded-For", address)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

func TestLimitsBehindAProxyThatIsNotExempt(t *testing.T) {
	p := newPlace(t, "limits: {attempts: 3/h, tenant: 20/h, exempt: []}\n")
	want := func(address string, status int) {
		t.Helper()
		if got := p.begins(t, "acme-saml", address); got != status {
			t.Errorf("%s gets %d, want %d", address, got, status)
		}
	}
	for n := range 3 { // one of IPv6 is a whole /64; what stands left of the last hop was said by anybody
		want(fmt.Sprintf("10.0.0.%d, 203.0.113.9", n), http.StatusOK)
		want(fmt.Sprintf("2001:db8:1:2::%d", n+1), http.StatusOK)
		want("127.0.0.1", http.StatusOK)
	}
	want("203.0.113.9", http.StatusTooManyRequests)
	want("2001:db8:1:2:ffff::1", http.StatusTooManyRequests)
	want("127.0.0.1", http.StatusTooManyRequests)
	want("203.0.113.10", http.StatusOK)
	want("2001:db8:1:3::1", http.StatusOK)

	for n := range 9 { // many addresses at one tenant: 20 in all
		want(fmt.Sprintf("198.51.100.%d", n), http.StatusOK)
	}
	want("198.51.100.200", http.StatusTooManyRequests)
	got := p.sends(t, http.MethodGet, "/login?connection=acme-saml", nil, "X-Forwarded-For", "203.0.113.9")
	p.wantTrace(t, attack{reason: "rate_limited", trace: "doctor"}, got)
	p.gateway.broker.Run(over()) // writes what is counted, as it does each minute
	if tail := p.says("audit", "tail", "--event", "login"); strings.Count(tail, `"reason":"rate_limited"`) != 1 || !strings.Contains(tail, `"count":1`) {
		t.Errorf("of a tenant beyond its pace the audit says %s", tail)
	}
	if got := p.begins(t, "nobodys", "198.51.100.201"); got != http.StatusForbidden {
		t.Errorf("a login at no tenant gets %d", got)
	}
}
