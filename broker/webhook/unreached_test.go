package webhook_test

import (
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"leasehold/broker"
)

// fails is a connection to a service that is not reached.
type fails struct{ with error }

func (f fails) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.with }

func TestAServiceThatIsNotReachedIsNotNamedInItsFault(t *testing.T) {
	t.Parallel()
	for want, with := range map[string]error{
		"its name is not resolved":             &net.DNSError{Err: "no such host", Name: "cache.internal", Server: "10.0.0.2:53"},
		"its certificate is for another name":  x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"vault.internal"}}, Host: "cache.internal"},
		syscall.ECONNREFUSED.Error():           syscall.ECONNREFUSED,
		"no more than that, whatever it is of": errors.New("no more than that, whatever it is of"),
	} {
		source := sourceAt("https://cache.internal/")
		source.HTTP = &http.Client{Transport: fails{&net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 443}, Err: with}}}
		_, err := source.Issue(t.Context(), broker.UserOrder{Name: "lh_1", Until: time.Now()})
		if err == nil || err.Error() != want || strings.Contains(err.Error(), "internal") {
			t.Errorf("said %v, want %s", err, want)
		}
	}
}
