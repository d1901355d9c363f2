// Package wiretest is a wire that tests put between a client and a store, and do harm to: it delays, cuts, falls silent,
// or loses answers. It knows no protocol.
package wiretest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Wire is a TCP proxy. It is safe for concurrent use.
type Wire struct {
	Addr string // where it listens, on loopback

	to       string
	listener net.Listener
	running  sync.WaitGroup

	mu      sync.Mutex
	changed *sync.Cond
	state   state
	conns   map[net.Conn]bool
	carried int
}

type state struct {
	delay                       time.Duration
	cut, silent, deaf, isClosed bool
}

// New is a wire to an address that harms nothing yet. It is gone with the test.
func New(t testing.TB, to string) *Wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("wire to %s: %v", to, err)
	}
	w := &Wire{Addr: l.Addr().String(), to: to, listener: l, conns: map[net.Conn]bool{}}
	w.changed = sync.NewCond(&w.mu)
	w.running.Go(w.accept)
	t.Cleanup(func() {
		l.Close()
		w.set(func(s *state) { *s = state{isClosed: true} })
		w.hangUp()
		w.running.Wait()
	})
	return w
}

// Delay makes everything take so much longer, there and back.
func (w *Wire) Delay(d time.Duration) { w.set(func(s *state) { s.delay = d }) }

// Drop cuts the connections that there are. New ones are good.
func (w *Wire) Drop() { w.hangUp() }

// Cut cuts the connections that there are, and every new one at once.
func (w *Wire) Cut() {
	w.set(func(s *state) { s.cut = true })
	w.hangUp()
}

// Silence keeps connections, new ones too, and lets nothing through: as a network does that loses everything. What was
// said meanwhile arrives after Mend.
func (w *Wire) Silence() { w.set(func(s *state) { s.silent = true }) }

// LoseAnswers lets requests through, and no answer to any, for ever: the connections that there are cannot be mended.
func (w *Wire) LoseAnswers() { w.set(func(s *state) { s.deaf = true }) }

// Mend undoes all harm. Connections whose answers were lost are cut.
func (w *Wire) Mend() {
	lost := false
	w.set(func(s *state) { lost, *s = s.deaf, state{isClosed: s.isClosed} })
	if lost {
		w.hangUp()
	}
}

// Carried is how many connections there were.
func (w *Wire) Carried() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.carried
}

func (w *Wire) set(change func(*state)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.state)
	w.changed.Broadcast()
}

func (w *Wire) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0) // a reset, as of a process that was killed
		}
		c.Close()
	}
	clear(w.conns)
}

// keep reports whether a connection may be used.
func (w *Wire) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state.cut || w.state.isClosed {
		c.Close()
		return false
	}
	w.conns[c] = true
	return true
}

func (w *Wire) accept() {
	for {
		c, err := w.listener.Accept()
		if err != nil {
			return
		}
		if !w.keep(c) {
			continue
		}
		w.mu.Lock()
		w.carried++
		w.mu.Unlock()
		w.running.Go(func() { w.join(c) })
	}
}

// join connects one that came to where the wire leads.
func (w *Wire) join(near net.Conn) {
	defer near.Close()
	far, err := net.DialTimeout("tcp", w.to, 5*time.Second)
	if err != nil || !w.keep(far) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { w.carry(far, near, false) })
	both.Go(func() { w.carry(near, far, true) })
	both.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, near)
	delete(w.conns, far)
}

// carry moves what comes from one end to the other, until one of them is gone.
func (w *Wire) carry(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && w.pass(answers) {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass waits as long as the wire makes it wait, and reports whether what was read is carried on.
func (w *Wire) pass(answers bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d := w.state.delay; d > 0 {
		w.mu.Unlock()
		time.Sleep(d)
		w.mu.Lock()
	}
	for w.state.silent && !w.state.isClosed {
		w.changed.Wait()
	}
	return !(answers && w.state.deaf)
}
