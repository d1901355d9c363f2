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

// checkInProcess is a check from the handler down, without a network. It returns what the check answers.
func (f *figures) checkInProcess(t *testing.T, v *town) http.Header {
	g := v.open()
	defer g.close()
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(v.wiki[0])))
	if err != nil {
		t.Fatal(err)
	}
	request.RemoteAddr = "127.0.0.1:40000"
	w := &answer{header: http.Header{}}
	var result testing.BenchmarkResult
	for range 5 {
		turn := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				g.public.ServeHTTP(w, request)
			}
		})
		if w.status != http.StatusOK {
			t.Fatalf("the check did not let in: %d %v", w.status, w.header)
		}
		if result.N == 0 || turn.NsPerOp() < result.NsPerOp() {
			result = turn
		}
	}
	f.add("Check in process, an allow", fmt.Sprintf("%s, %d allocations", micros(time.Duration(result.NsPerOp())), result.AllocsPerOp()), "≤ 10 µs, ≤ 15 allocations",
		"the public handler with the real broker and SQLite, a request that is read already, a response that goes nowhere; the best of five benchmarks")
	return w.header
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

// checkAgainstBare is a check over HTTP against servers that only answer 200: with nothing, and with the same headers.
func (f *figures) checkAgainstBare(t *testing.T, v *town, header http.Header) {
	t.Run("bare", func(t *testing.T) {
		servers := []*process{v.serve(t), startBare(t, nil), startBare(t, header)}
		one := v.wiki[:1]
		askEach(t, servers[0].address, "200", one)
		paces := make([]pace, len(servers))
		for range rounds {
			for i, s := range servers {
				paces[i] = paces[i].plus(s.load(one, 2*time.Second))
			}
		}
		gateway, bare, worded := paces[0], paces[1], paces[2]
		how := fmt.Sprintf("requests a second; the same request of %d bytes, %d connections that stay open, %d turns of 2 s each", len(one[0]), lanes, rounds)
		f.add("Check over HTTP, of a handler that only answers 200", fmt.Sprintf("%.2f: %.0f/s of %.0f/s", gateway.rate()/bare.rate(), gateway.rate(), bare.rate()), "≥ 0.7", how)
		f.add("The same, of a handler that answers 200 with the same headers", fmt.Sprintf("%.2f: of %.0f/s", gateway.rate()/worded.rate(), worded.rate()), "", "what writing the headers costs is on both sides then")
		f.add("Processor time of the server for each", fmt.Sprintf("%s; bare %s; with the headers %s", micros(gateway.each()), micros(bare.each()), micros(worded.each())), "", "in the same turns, from /proc")
	})
}
