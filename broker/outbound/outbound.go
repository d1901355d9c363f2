// Package outbound makes the one HTTP client that fetches from addresses which tenants give: metadata, discovery, keys,
// tokens. A tenant may mean harm, and so may whoever answers.
//
// What it holds to:
//   - https only, TLS 1.2 or later. Plain http is for loopback names ("localhost", "*.localhost") and loopback
//     addresses, for demos and tests, and like all of loopback only where Config.AllowPrivate has it.
//   - An address is judged when it is dialled, after the name was resolved, so a name that answers differently the
//     second time gains nothing. Only public addresses at port 443 pass, and those of Config.AllowPrivate at any port.
//   - Names below "localhost" are loopback (RFC 6761, 6.3), whatever the system's resolver knows of them.
//   - No proxy, no redirect, no cookie, no decompression.
//   - A time for everything from the dial to the last byte of the body, and a size for headers and body.
package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

const (
	defaultTimeout = 5 * time.Second
	defaultBody    = 1 << 20 // bytes
	maxHeader      = 64 << 10
	maxIdle        = 32               // connections, in all
	maxPerHost     = 64               // connections to one host: a slow one holds up its own logins only
	idleTime       = 30 * time.Second // of a connection
)

// Config says where the client may go. The zero value allows public addresses only.
type Config struct {
	AllowPrivate []netip.Prefix // also these, at any port; loopback must be named like any other
	Timeout      time.Duration  // for one whole exchange; 0: 5 s
	MaxBody      int64          // bytes of an answer; 0: 1 MiB
	Roots        *x509.CertPool // whom TLS trusts; nil: the system's
	Resolver     *net.Resolver  // asks for addresses; nil: the system's
}

// ErrTooLarge is what reading an answer returns at its limit.
var ErrTooLarge = errors.New("answer is too large")

// New makes the client. It is safe for many requests at once, and meant to be shared.
func New(c Config) *http.Client {
	d := newDialer(c)
	return &http.Client{
		Timeout:       orDefault(c.Timeout, defaultTimeout),
		CheckRedirect: refuseRedirect,
		Transport: &transport{
			limit: orDefault(c.MaxBody, defaultBody),
			Transport: &http.Transport{
				Proxy:                  nil, // a proxy would dial for us, unjudged
				DialContext:            d.dial,
				TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.Roots},
				DisableCompression:     true, // the limit counts what is read
				MaxResponseHeaderBytes: maxHeader,
				MaxIdleConns:           maxIdle,
				MaxConnsPerHost:        maxPerHost,
				IdleConnTimeout:        idleTime,
			},
		},
	}
}

func orDefault[T ~int64](given, otherwise T) T {
	if given == 0 {
		return otherwise
	}
	return given
}

// refuseRedirect keeps to the address that was judged when it was registered.
func refuseRedirect(r *http.Request, _ []*http.Request) error {
	return fmt.Errorf("redirect to %s://%s is not followed", r.URL.Scheme, r.URL.Host)
}

// transport judges what is asked for, and bounds what comes back.
type transport struct {
	*http.Transport
	limit int64
}

// RoundTrip refuses what is neither https nor loopback, and credentials in an address.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && (r.URL.Scheme != "http" || !isLoopback(r.URL.Hostname())) {
		return nil, fmt.Errorf("%s://%s: only https is fetched from, or http on a loopback name", r.URL.Scheme, r.URL.Host)
	}
	if r.URL.User != nil {
		return nil, fmt.Errorf("%s: an address with credentials is not fetched from", r.URL.Host)
	}
	answer, err := t.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = &body{answer.Body, t.limit}
	return answer, nil
}

// body is an answer's body of which at most left bytes may still be read. More is an error, so that nobody takes the
// beginning of a document for the document.
type body struct {
	io.ReadCloser
	left int64
}

// Read reads up to the limit, and one byte beyond it to know that there is more.
func (b *body) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
