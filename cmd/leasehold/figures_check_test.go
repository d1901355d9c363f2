//go:build figures

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// checkInProcess is a check from the handler down, without a network.
func (f *figures) checkInProcess(t *testing.T, v *town) {
	g := v.open()
	defer g.close()
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(v.wiki[0])))
	if err != nil {
		t.Fatal(err)
	}
	request.RemoteAddr = "127.0.0.1:40000"
	w := &answer{header: http.Header{}}
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			clear(w.header)
			g.public.ServeHTTP(w, request)
			if w.status != http.StatusOK {
				b.Fatalf("%d %v", w.status, w.header)
			}
		}
	})
	if result.N == 0 {
		t.Fatalf("the check did not let in: %d %v", w.status, w.header)
	}
	f.add("Check in process, an allow", fmt.Sprintf("%s, %d allocations", micros(time.Duration(result.NsPerOp())), result.AllocsPerOp()), "≤ 10 µs, ≤ 15 allocations",
		"the public handler with the real broker and SQLite, a request that is read already, a response that goes nowhere")
}

// answer is a response that goes nowhere.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) Write(b []byte) (int, error) { return len(b), nil }
func (a *answer) WriteHeader(status int)      { a.status = status }

// rounds is how often what is compared takes turns, so that what else the machine does hits both.
const rounds = 6

// checkAgainstBare is a check over HTTP against a server that only answers 200.
func (f *figures) checkAgainstBare(t *testing.T, v *town) {
	t.Run("bare", func(t *testing.T) {
		gateway, bare := v.serve(t), startBare(t)
		one := v.wiki[:1]
		askEach(t, gateway.address, "200", one)
		var ours, theirs pace
		for range rounds {
			ours = ours.plus(gateway.load(one, 2*time.Second))
			theirs = theirs.plus(bare.load(one, 2*time.Second))
		}
		f.add("Check over HTTP, of a server that only answers 200", fmt.Sprintf("%.2f: %.0f/s of %.0f/s", ours.rate()/theirs.rate(), ours.rate(), theirs.rate()), "≥ 0.7",
			fmt.Sprintf("the same request of %d bytes, %d connections that stay open, %d turns of 2 s each", len(one[0]), lanes, rounds))
		f.add("Check over HTTP, processor time of the server", micros(ours.each())+" of "+micros(theirs.each()), "", "in the same turns, from /proc")
	})
}
