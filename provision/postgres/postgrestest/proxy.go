package postgrestest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Proxy stands between clients and a server, and cuts what goes through it.
type Proxy struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	open  map[net.Conn]bool
	arm   fate
	shut  bool
	delay time.Duration
}

// fate is what becomes of the next commit.
type fate int

const (
	pass       fate = iota
	loseAnswer      // the server commits, and nobody hears of it
	loseCommit      // the server never hears of it, and waits
)

// NewProxy starts a proxy in front of a server, until the test is over.
func NewProxy(t testing.TB, s *Server) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, server: fmt.Sprintf("127.0.0.1:%d", s.Port), open: map[net.Conn]bool{}}
	go p.accept()
	t.Cleanup(func() { l.Close(); p.Cut() })
	return p
}

// Through is an address of a database on the server, by way of the proxy.
func (p *Proxy) Through(url string) string {
	return strings.Replace(url, p.server, p.listener.Addr().String(), 1)
}

// LoseAnswer makes the answer to the next commit get lost, with its connection.
func (p *Proxy) LoseAnswer() { p.set(func() { p.arm = loseAnswer }) }

// LoseCommit makes the next commit itself get lost; the server's side of the connection stays open.
func (p *Proxy) LoseCommit() { p.set(func() { p.arm = loseCommit }) }

// Shut refuses whoever comes from now on, or lets them in again.
func (p *Proxy) Shut(shut bool) { p.set(func() { p.shut = shut }) }

// Delay holds up everything by so much, in each direction.
func (p *Proxy) Delay(d time.Duration) { p.set(func() { p.delay = d }) }

// Cut cuts every connection.
func (p *Proxy) Cut() {
	p.set(func() {
		for c := range p.open {
			c.Close()
		}
	})
}

func (p *Proxy) set(do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	do()
}

// take is what becomes of a commit, once.
func (p *Proxy) take() fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	armed := p.arm
	p.arm = pass
	return armed
}

func (p *Proxy) keep(c net.Conn, open bool) {
	p.set(func() {
		if open {
			p.open[c] = true
		} else {
			delete(p.open, c)
		}
	})
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		var shut bool
		p.set(func() { shut = p.shut })
		server, err := net.Dial("tcp", p.server)
		if shut || err != nil {
			client.Close()
			if err == nil {
				server.Close()
			}
			continue
		}
		p.keep(client, true)
		p.keep(server, true)
		l := &line{proxy: p, client: client, server: server}
		go l.forth()
		go l.back()
	}
}

// line is one connection through the proxy.
type line struct {
	proxy          *Proxy
	client, server net.Conn

	mu   sync.Mutex
	mute bool // what the server says is not passed on any more
}

// commit is how a client says COMMIT (PostgreSQL, 55.7: Query), and committed how the server answers (CommandComplete).
const (
	commit    = "Q\x00\x00\x00\x0bCOMMIT\x00"
	committed = "C\x00\x00\x00\x0bCOMMIT\x00"
)

// forth passes on what the client says.
func (l *line) forth() {
	l.pass(l.client, l.server, func(said []byte) bool {
		if !bytes.Contains(said, []byte(commit)) {
			return true
		}
		switch l.proxy.take() {
		case loseAnswer:
			l.mu.Lock()
			l.mute = true
			l.mu.Unlock()
		case loseCommit:
			l.client.Close()
			return false
		}
		return true
	})
}

// back passes on what the server says.
func (l *line) back() {
	l.pass(l.server, l.client, func(said []byte) bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.mute && bytes.Contains(said, []byte(committed)) {
			l.client.Close()
		}
		return !l.mute
	})
}

// pass passes on what is said, as long as it may be. When one side is gone, the other is closed; but a commit that was
// lost leaves the server waiting.
func (l *line) pass(from, to net.Conn, may func([]byte) bool) {
	defer l.proxy.keep(from, false)
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		var delay time.Duration
		l.proxy.set(func() { delay = l.proxy.delay })
		time.Sleep(delay)
		if n > 0 && !may(buffer[:n]) {
			if from == l.client {
				return
			}
			_, _ = io.Copy(io.Discard, from) // nobody listens any more
			return
		}
		if n > 0 {
			if _, failed := to.Write(buffer[:n]); failed != nil {
				err = failed
			}
		}
		if err != nil {
			to.Close()
			from.Close()
			return
		}
	}
}
