package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime"
	measured "runtime/metrics"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/idp/saml/samltest"
)

// dribble sends a byte at a time until the other side closes, and returns how long that took.
func dribble(t *testing.T, address, text string) time.Duration {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	closed := make(chan struct{})
	go func() { io.Copy(io.Discard, c); close(closed) }()
	for {
		for _, b := range []byte(text) {
			select {
			case <-closed:
				return time.Since(began)
			case <-time.After(10 * time.Millisecond):
			}
			c.Write([]byte{b}) // an error is what closed will say
			if time.Since(began) > 5*time.Second {
				t.Fatal("still open")
			}
		}
	}
}

func TestWhoSendsByteByByteIsCutOffInTime(t *testing.T) {
	stalled := make(chan error, 10)
	s := server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			stalled <- err
		}
	}), slog.New(slog.DiscardHandler))
	if s.ReadHeaderTimeout > 10*time.Second || s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes > 64<<10 {
		t.Errorf("a server without bounds: %+v", s)
	}
	s.ReadHeaderTimeout, s.ReadTimeout = 200*time.Millisecond, 400*time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	if took := dribble(t, l.Addr().String(), "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\nX-A: b\r\nX-A: b\r\nX-A: b\r\n"); took > 2*time.Second {
		t.Errorf("headers were waited for for %s", took)
	}
	if took := dribble(t, l.Addr().String(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n"+strings.Repeat("x", 500)); took > 2*time.Second {
		t.Errorf("a body was waited for for %s", took)
	}
	response, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}

func TestHeadersAreBoundedAndTheNextRequestIsServed(t *testing.T) {
	p := newPlace(t)
	request, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+p.port+"/login", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Long", strings.Repeat("x", 100<<10))
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		response.Body.Close()
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d", response.StatusCode)
		}
	}
	p.mustLogIn("ada")
}

// spent is the process's time and what it has ever allocated: a peak of the heap cannot be above what was allocated.
func spent(t *testing.T) (cpu time.Duration, allocated uint64) {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	sample := []measured.Sample{{Name: "/gc/heap/allocs:bytes"}}
	measured.Read(sample)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), sample[0].Value.Uint64()
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'A'
	}
	return len(p), nil
}

func TestAHugeOrDeepBodyCostsNextToNothing(t *testing.T) {
	p := newPlace(t)
	p.mustLogIn("ada")
	deep := func(n int) string {
		return base64.StdEncoding.EncodeToString([]byte(strings.Repeat("<a>", n)))
	}
	for name, body := range map[string]struct {
		field  string
		length int64 // of the whole body; more than field is padding
	}{
		"40 MB":             {"SAMLResponse=", 40 << 20},
		"40 MB unannounced": {"SAMLResponse=", -1},
		"500,000 deep":      {"SAMLResponse=" + url.QueryEscape(deep(500_000)), 0},
		"as deep as fits":   {"SAMLResponse=" + url.QueryEscape(deep(150_000)), 0},
		"a million fields":  {strings.Repeat("a=&", 333_333), 0},
	} {
		t.Run(name, func(t *testing.T) {
			cpu, heap := time.Hour, uint64(1<<40)
			for range 3 { // whatever else this process does is not the body's cost
				v := newVisitor(p.port)
				to, err := v.get(context.Background(), p.sso("/login?connection=acme-saml"))
				if err != nil {
					t.Fatal(err)
				}
				state, err := url.Parse(to.url) // a login is under way: the body comes as far as one can
				if err != nil {
					t.Fatal(err)
				}
				text := "RelayState=" + state.Query().Get("RelayState") + "&" + body.field
				var sent io.Reader = strings.NewReader(text)
				length := int64(len(text))
				if body.length != 0 {
					sent, length = io.MultiReader(sent, io.LimitReader(endless{}, 40<<20-length)), body.length
				}
				runtime.GC()
				beganCPU, beganHeap := spent(t)
				status := p.postRaw(t, sent, length)
				nowCPU, nowHeap := spent(t)
				if status != http.StatusSeeOther && status != 0 {
					t.Errorf("status %d", status)
				}
				cpu, heap = min(cpu, nowCPU-beganCPU), min(heap, nowHeap-beganHeap)
			}
			t.Logf("%s of processor, %.1f MB allocated, the sender's share included", cpu, float64(heap)/(1<<20))
			if cpu > raceCost*50*time.Millisecond {
				t.Errorf("%s of processor", cpu)
			}
			if heap > 64<<20 {
				t.Errorf("%d bytes allocated", heap)
			}
			p.mustLogIn("ada")
		})
	}
	if tail := p.says("audit", "tail", "--event", "login"); !strings.Contains(tail, "document of 150000 tags, at most 20000") {
		t.Errorf("no body came as far as the reader: %s", tail)
	}
}

// postRaw posts a body to the ACS, by hand: a client would give up at the first answer, or send chunks of its own. The
// status is 0 when the connection was closed before one came.
func (p *place) postRaw(t *testing.T, body io.Reader, length int64) int {
	t.Helper()
	c, err := net.Dial("tcp", "127.0.0.1:"+p.port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	size := fmt.Sprintf("Content-Length: %d", length)
	if length < 0 {
		size = "Transfer-Encoding: chunked"
	}
	fmt.Fprintf(c, "POST /idp/acme-saml/acs HTTP/1.1\r\nHost: sso.localhost:%s\r\nContent-Type: application/x-www-form-urlencoded\r\n%s\r\n\r\n", p.port, size)
	go func() { // until it is closed by either side
		chunk := make([]byte, 32<<10)
		for {
			n, err := body.Read(chunk)
			if n > 0 && length < 0 {
				fmt.Fprintf(c, "%x\r\n%s\r\n", n, chunk[:n])
			} else if n > 0 {
				if _, err := c.Write(chunk[:n]); err != nil {
					return
				}
			}
			if err != nil {
				if length < 0 {
					io.WriteString(c, "0\r\n\r\n")
				}
				return
			}
		}
	}()
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

func TestAStopLetsWhatIsUnderWayFinish(t *testing.T) {
	p := newPlace(t)
	v := newVisitor(p.port)
	to, err := v.get(context.Background(), p.sso("/login?connection=acme-saml"))
	if err != nil {
		t.Fatal(err)
	}
	form := p.provider.Answer(t, to.url, samltest.Person{Subject: "ada", Email: "ada@acme.test"}).Encode()
	c, err := net.Dial("tcp", "127.0.0.1:"+p.port)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /idp/acme-saml/acs HTTP/1.1\r\nHost: sso.localhost:%s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", p.port, len(form), form[:100])
	time.Sleep(50 * time.Millisecond) // the server reads
	stopped := make(chan struct{})
	halt := p.halt
	go func() { halt(); close(stopped) }()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		late, err := net.Dial("tcp", "127.0.0.1:"+p.port)
		if err != nil {
			break // nobody new is let in
		}
		late.Close()
		if time.Since(began) > 5*time.Second {
			t.Fatal("it goes on listening")
		}
	}
	io.WriteString(c, form[100:])
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("cut off: %v", err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusSeeOther || strings.Contains(response.Header.Get("Location"), "note=") {
		t.Errorf("status %d to %s", response.StatusCode, response.Header.Get("Location"))
	}
	select {
	case <-stopped:
	case <-time.After(5 * time.Second):
		t.Error("it does not stop")
	}
	if !bytes.Contains([]byte(p.log.String()), []byte(`"msg":"stopped"`)) || strings.Contains(p.log.String(), "cut off") {
		t.Errorf("no stop in good order: %s", p.log.String())
	}
}
