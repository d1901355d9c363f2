//go:build figures

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// lanes is how many connections ask at once.
const lanes = 4

// lane is a connection that is kept, on which one request is answered before the next is sent. It does as little as it
// can: it shares the processors with what it measures.
type lane struct {
	conn net.Conn
	room [8 << 10]byte
}

// ask sends a request and reads its answer, which has no body and this status.
func (l *lane) ask(request []byte, status string) error {
	if _, err := l.conn.Write(request); err != nil {
		return err
	}
	for n := 0; ; {
		more, err := l.conn.Read(l.room[n:])
		n += more
		switch said := l.room[:n]; {
		case err != nil:
			return err
		case !bytes.HasSuffix(said, []byte("\r\n\r\n")):
			continue
		case !bytes.HasPrefix(said, []byte("HTTP/1.1 "+status+" ")):
			return fmt.Errorf("asked for %s, got %s", status, said)
		}
		return nil
	}
}

// crowd runs a story on every lane at once.
func crowd(t *testing.T, address string, story func(n int, l *lane) error) {
	t.Helper()
	var all sync.WaitGroup
	for n := range lanes {
		all.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				defer conn.Close()
				err = story(n, &lane{conn: conn})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// askEach asks once with every request.
func askEach(t *testing.T, address, status string, requests [][]byte) {
	t.Helper()
	crowd(t, address, func(n int, l *lane) error {
		for ; n < len(requests); n += lanes {
			if err := l.ask(requests[n], status); err != nil {
				return err
			}
		}
		return nil
	})
}

// pace is what a server did in a time, and what it cost.
type pace struct {
	n         int
	took, cpu time.Duration
}

func (a pace) plus(b pace) pace { return pace{a.n + b.n, a.took + b.took, a.cpu + b.cpu} }

// rate is requests a second.
func (a pace) rate() float64 { return float64(a.n) / a.took.Seconds() }

// each is the processor time of one request.
func (a pace) each() time.Duration { return a.cpu / time.Duration(a.n) }

// load asks with requests in no order, for a while.
func (p *process) load(requests [][]byte, d time.Duration) pace {
	var n atomic.Int64
	began, before := time.Now(), p.cpu()
	crowd(p.t, p.address, func(_ int, l *lane) error {
		asked := 0
		for ; time.Since(began) < d; asked++ {
			if err := l.ask(requests[rand.IntN(len(requests))], "200"); err != nil {
				return err
			}
		}
		n.Add(int64(asked))
		return nil
	})
	return pace{int(n.Load()), time.Since(began), p.cpu() - before}
}

// mean is the time from one answer to the next.
func (a pace) mean() time.Duration { return a.took / time.Duration(a.n) }
