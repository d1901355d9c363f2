package demo

import (
	"net"
	"sync"

	"github.com/miekg/dns"
)

// DNS is a name server for the demo's domain on a loopback port.
type DNS struct {
	Addr   string // host:port
	server dns.Server

	mu  sync.Mutex
	txt map[string]string
}

// NewDNS starts the server.
func NewDNS() (*DNS, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	d := &DNS{Addr: conn.LocalAddr().String(), txt: map[string]string{}}
	ready := make(chan struct{})
	d.server = dns.Server{PacketConn: conn, Handler: d, NotifyStartedFunc: func() { close(ready) }}
	failed := make(chan error, 1)
	go func() { failed <- d.server.ActivateAndServe() }()
	select {
	case <-ready:
		return d, nil
	case err := <-failed:
		return nil, err
	}
}

// Publish sets the TXT record at a name.
func (d *DNS) Publish(name, value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.txt[dns.CanonicalName(name)] = value
}

// Close stops the server.
func (d *DNS) Close() error { return d.server.Shutdown() }

// ServeDNS implements dns.Handler.
func (d *DNS) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	reply := new(dns.Msg).SetReply(q)
	reply.Authoritative = true
	d.mu.Lock()
	value, ok := d.txt[dns.CanonicalName(q.Question[0].Name)]
	d.mu.Unlock()
	switch {
	case !ok:
		reply.Rcode = dns.RcodeNameError
	case q.Question[0].Qtype == dns.TypeTXT:
		reply.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 1}, Txt: []string{value}}}
	}
	_ = w.WriteMsg(reply) // who asked is gone if it fails
}
