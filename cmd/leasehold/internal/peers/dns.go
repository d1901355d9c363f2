package peers

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Records is what the name server says about one name.
type Records struct {
	TXT    []string      // one record each
	Rcode  int           // like dns.RcodeServerFailure; 0: no error
	Silent bool          // no answer at all
	Delay  time.Duration // before the answer
}

// DNSServer answers for every name: what was set for it, for a wildcard above it, or NXDOMAIN.
type DNSServer struct {
	Addr string // host:port, UDP and TCP

	mu    sync.Mutex
	names map[string]Records
	asked map[string]int
}

// DNS starts a name server that can be changed while it runs.
func DNS(t testing.TB) *DNSServer {
	t.Helper()
	s := &DNSServer{names: map[string]Records{}, asked: map[string]int{}}
	s.Addr = local(Port(t))
	packets, err := net.ListenPacket("udp", s.Addr)
	if err != nil {
		t.Fatalf("name server: %v", err)
	}
	stream, err := net.Listen("tcp", s.Addr)
	if err != nil {
		packets.Close()
		t.Fatalf("name server: %v", err)
	}
	s.serve(t, &dns.Server{PacketConn: packets, Handler: s})
	s.serve(t, &dns.Server{Listener: stream, Handler: s})
	return s
}

func (s *DNSServer) serve(t testing.TB, server *dns.Server) {
	t.Helper()
	ready := make(chan struct{})
	server.NotifyStartedFunc = func() { close(ready) }
	go func() { _ = server.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() { _ = server.Shutdown() })
}

// Set says what name answers from now on. A name that begins with "*." stands for every name below, as far as that
// name was not set itself.
func (s *DNSServer) Set(name string, r Records) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[canonical(name)] = r
}

// Unset makes name unknown.
func (s *DNSServer) Unset(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names, canonical(name))
}

// Asked is how often name was asked for.
func (s *DNSServer) Asked(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[canonical(name)]
}

// ServeDNS answers one question.
func (s *DNSServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	answer := new(dns.Msg).SetReply(q)
	answer.Authoritative = true
	if len(q.Question) != 1 {
		answer.Rcode = dns.RcodeFormatError
		_ = w.WriteMsg(answer)
		return
	}
	question := q.Question[0]
	r := s.find(question.Name)
	if r.Silent {
		return
	}
	time.Sleep(r.Delay)
	answer.Rcode = r.Rcode
	if question.Qtype == dns.TypeTXT {
		for _, text := range r.TXT {
			header := dns.RR_Header{Name: question.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}
			answer.Answer = append(answer.Answer, &dns.TXT{Hdr: header, Txt: chunks(text)})
		}
	}
	if w.RemoteAddr().Network() == "udp" {
		answer.Truncate(dns.MinMsgSize) // a long answer is asked for again by TCP
	}
	_ = w.WriteMsg(answer)
}

// find is what is known of a name, noting that it was asked for.
func (s *DNSServer) find(name string) Records {
	s.mu.Lock()
	defer s.mu.Unlock()
	name = canonical(name)
	s.asked[name]++
	if r, ok := s.names[name]; ok {
		return r
	}
	for rest := name; ; {
		_, above, ok := strings.Cut(rest, ".")
		if !ok || above == "" {
			return Records{Rcode: dns.RcodeNameError}
		}
		if r, ok := s.names["*."+above]; ok {
			return r
		}
		rest = above
	}
}

// chunks cuts a text into strings of 255 octets (RFC 1035, 3.3.14).
func chunks(text string) []string {
	var all []string
	for len(text) > 255 {
		all, text = append(all, text[:255]), text[255:]
	}
	return append(all, text)
}

func canonical(name string) string { return strings.ToLower(dns.Fqdn(name)) }
