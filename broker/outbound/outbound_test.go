package outbound_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"code.dny.dev/ssrf"
	"github.com/miekg/dns"

	"leasehold/broker/outbound"
)

// loopback is what an operator writes who wants 127.0.0.1 to be reached.
func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} }

// listen starts an issuer on loopback and counts the connections that reach it.
func listen(t *testing.T, secure bool, h http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var connections atomic.Int64
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s, &connections
}

func rootsOf(s *httptest.Server) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

// get fetches url whole.
func get(t *testing.T, c *http.Client, url string) ([]byte, error) {
	t.Helper()
	t.Cleanup(c.CloseIdleConnections)
	answer, err := c.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

func TestAnAllowedListenerIsReachedOverTLS(t *testing.T) {
	s, _ := listen(t, true, hello)
	got, err := get(t, outbound.New(outbound.Config{AllowPrivate: loopback(), Roots: rootsOf(s)}), s.URL)
	if err != nil || string(got) != "hello" {
		t.Fatalf("got %q, %v", got, err)
	}
}

func TestPlainHTTPIsForLoopbackNamesAlone(t *testing.T) {
	s, connections := listen(t, false, hello)
	port := s.Listener.Addr().(*net.TCPAddr).Port
	names := answering(t, func(int64) string { return "10.0.0.1" }) // knows nothing of localhost
	c := outbound.New(outbound.Config{AllowPrivate: loopback(), Resolver: names})
	for _, host := range []string{"127.0.0.1", "localhost", "saml.localhost", "Deep.SAML.LocalHost", "oidc.localhost."} {
		if got, err := get(t, c, withPort("http", host, port)); err != nil || string(got) != "hello" {
			t.Errorf("%s: got %q, %v", host, got, err)
		}
	}
	before := connections.Load()
	for _, address := range []string{
		withPort("http", "idp.acme.test", port), withPort("http", "localhost.acme.test", port),
		withPort("http", "notlocalhost", port), "ftp://localhost/", "http://10.0.0.1/",
	} {
		if _, err := get(t, c, address); err == nil || !strings.Contains(err.Error(), "only https") {
			t.Errorf("%s: got %v, want a refusal of the scheme", address, err)
		}
	}
	if connections.Load() != before {
		t.Error("a refused address was connected to")
	}
}

func withPort(scheme, host string, port int) string {
	return fmt.Sprintf("%s://%s:%d/", scheme, host, port)
}

func TestLoopbackIsRefusedUnlessItIsAllowed(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s, connections := listen(t, secure, hello)
		if _, err := get(t, outbound.New(outbound.Config{}), s.URL); !errors.Is(err, ssrf.ErrProhibitedPort) && !errors.Is(err, ssrf.ErrProhibitedIP) {
			t.Errorf("%s: got %v", s.URL, err)
		}
		if connections.Load() != 0 {
			t.Errorf("%s: was connected to", s.URL)
		}
	}
}

func TestAddressesThatAreNotPublicAreRefused(t *testing.T) {
	c := outbound.New(outbound.Config{AllowPrivate: loopback()})
	for _, host := range []string{
		"127.0.0.2", "0.0.0.0", "10.1.2.3", "100.64.0.1", "169.254.169.254", "172.16.0.1", "192.0.0.8", "192.168.0.1",
		"198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "[::1]", "[::]", "[fd00::1]", "[fe80::1]",
		"[::ffff:10.1.2.3]", "[::ffff:169.254.169.254]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::1]",
		"[2001::1]", "[2001:db8::1]", "[ff02::1]",
	} {
		if _, err := get(t, c, "https://"+host+"/"); !errors.Is(err, ssrf.ErrProhibitedIP) {
			t.Errorf("%s: got %v", host, err)
		}
	}
}

func TestPublicAddressesAreReachedAtPort443Alone(t *testing.T) {
	for _, port := range []string{"80", "22", "8443", "6379"} {
		if _, err := get(t, outbound.New(outbound.Config{}), "https://8.8.8.8:"+port+"/"); !errors.Is(err, ssrf.ErrProhibitedPort) {
			t.Errorf("port %s: got %v", port, err)
		}
	}
}

// answering is a resolver whose one server answers every question for an address with answer(n), the n-th time.
func answering(t *testing.T, answer func(n int64) string) *net.Resolver {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			reply.Answer = []dns.RR{&dns.A{
				Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET},
				A:   net.ParseIP(answer(asked.Add(1))),
			}}
		}
		_ = w.WriteMsg(reply)
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", packets.LocalAddr().String())
	}}
}

func TestANameIsJudgedByTheAddressThatIsDialled(t *testing.T) {
	s, connections := listen(t, true, hello)
	port := s.Listener.Addr().(*net.TCPAddr).Port
	rebinding := answering(t, func(n int64) string {
		if n == 1 {
			return "127.0.0.1"
		}
		return "127.0.0.2"
	})
	c := outbound.New(outbound.Config{AllowPrivate: loopback(), Roots: rootsOf(s), Resolver: rebinding})
	if _, err := get(t, c, withPort("https", "example.com", port)); err != nil { // the test certificate's name
		t.Fatalf("first answer: %v", err)
	}
	c.CloseIdleConnections()
	_, err := get(t, c, withPort("https", "example.com", port))
	if !errors.Is(err, ssrf.ErrProhibitedPort) && !errors.Is(err, ssrf.ErrProhibitedIP) {
		t.Errorf("second answer: got %v", err)
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	inside, connections := listen(t, false, hello)
	s, _ := listen(t, false, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inside.URL, http.StatusFound) })
	if _, err := get(t, outbound.New(outbound.Config{AllowPrivate: loopback()}), s.URL); err == nil || !strings.Contains(err.Error(), "not followed") {
		t.Errorf("got %v", err)
	}
	if connections.Load() != 0 {
		t.Error("the target was connected to")
	}
}

func TestSlowAnswersEndInTime(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no header": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"endless body": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		},
	} {
		s, _ := listen(t, false, h)
		began := time.Now()
		_, err := get(t, outbound.New(outbound.Config{AllowPrivate: loopback(), Timeout: 200 * time.Millisecond}), s.URL)
		if took := time.Since(began); err == nil || took > 2*time.Second {
			t.Errorf("%s: %v after %v", name, err, took)
		}
	}
}

func TestABodyIsReadToItsLimitAndNotBeyond(t *testing.T) {
	for _, x := range []struct {
		size     int
		announce bool
		want     error
	}{{100, true, nil}, {100, false, nil}, {101, true, outbound.ErrTooLarge}, {101, false, outbound.ErrTooLarge}, {1 << 20, false, outbound.ErrTooLarge}} {
		s, _ := listen(t, false, func(w http.ResponseWriter, _ *http.Request) {
			if !x.announce {
				w.(http.Flusher).Flush()
			}
			_, _ = w.Write(make([]byte, x.size))
		})
		got, err := get(t, outbound.New(outbound.Config{AllowPrivate: loopback(), MaxBody: 100}), s.URL)
		if !errors.Is(err, x.want) || len(got) > 100 || (x.want == nil && len(got) != x.size) {
			t.Errorf("%d bytes, announced %v: got %d, %v", x.size, x.announce, len(got), err)
		}
	}
}

func TestTheLimitIsOneMebibyteUnlessSaid(t *testing.T) {
	s, _ := listen(t, false, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20+1)) })
	if _, err := get(t, outbound.New(outbound.Config{AllowPrivate: loopback()}), s.URL); !errors.Is(err, outbound.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestNothingIsDecompressed(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(make([]byte, 10<<20))
	_ = z.Close()
	s, _ := listen(t, false, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "" {
			t.Errorf("asked for %q", got)
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	})
	got, err := get(t, outbound.New(outbound.Config{AllowPrivate: loopback()}), s.URL)
	if err != nil || !bytes.Equal(got, packed.Bytes()) {
		t.Errorf("got %d bytes, %v; want the %d as they were sent", len(got), err, packed.Len())
	}
}

func TestHeadersAreBounded(t *testing.T) {
	s, _ := listen(t, false, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Much", strings.Repeat("a", 200<<10)) })
	if _, err := get(t, outbound.New(outbound.Config{AllowPrivate: loopback()}), s.URL); err == nil {
		t.Error("200 KiB of headers were read")
	}
}

func TestAStrangersCertificateIsRefused(t *testing.T) {
	s, _ := listen(t, true, hello)
	if _, err := get(t, outbound.New(outbound.Config{AllowPrivate: loopback()}), s.URL); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v", err)
	}
}

func TestAnAddressWithCredentialsIsRefused(t *testing.T) {
	s, connections := listen(t, false, hello)
	if _, err := get(t, outbound.New(outbound.Config{AllowPrivate: loopback()}), strings.Replace(s.URL, "//", "//a:b@", 1)); err == nil {
		t.Error("it was fetched")
	}
	if connections.Load() != 0 {
		t.Error("it was connected to")
	}
}
