package web_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/web"
)

// stage is a server with times so short that a stream would be cut off if it did not see to that.
type stage struct {
	t    *testing.T
	gate *fakeGate
	stop chan struct{}
	*httptest.Server
}

func newStage(t *testing.T, secure bool) *stage {
	t.Helper()
	x := &stage{t: t, gate: &fakeGate{t: t, fails: map[string]error{}}, stop: make(chan struct{})}
	handler, err := web.New(web.Config{URL: origin(t, sso), Gate: x.gate, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Stop: x.stop})
	if err != nil {
		t.Fatal(err)
	}
	x.Server = httptest.NewUnstartedServer(handler)
	x.Config.ReadTimeout, x.Config.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond
	x.EnableHTTP2 = secure
	if secure {
		x.StartTLS()
	} else {
		x.Start()
	}
	t.Cleanup(x.CloseClientConnections)
	return x
}

// listen opens a stream. The answer's body ends with the test.
func (x *stage) listen(token, left string) *http.Response {
	x.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	x.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", x.URL+"/_sso/events", nil)
	if err != nil {
		x.t.Fatal(err)
	}
	r.Host = strings.TrimPrefix(sso, "https://")
	r.Header.Set("X-Forwarded-Proto", "https")
	r.Header.Set("Authorization", "Bearer "+token)
	if left != "" {
		r.Header.Set("Last-Event-ID", left)
	}
	answer, err := x.Client().Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// heard are the events of a stream, as they come.
func heard(answer *http.Response) <-chan string {
	events := make(chan string, 100)
	go func() {
		defer close(events)
		var event []string
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			if lines.Text() != "" {
				event = append(event, lines.Text())
				continue
			}
			events <- strings.Join(event, "|")
			event = nil
		}
	}()
	return events
}

func (x *stage) want(events <-chan string, want string) {
	x.t.Helper()
	select {
	case got, ok := <-events:
		if !ok || got != want {
			x.t.Errorf("heard %q, want %q", got, want)
		}
	case <-time.After(3 * time.Second):
		x.t.Fatalf("heard nothing, want %q", want)
	}
}

func TestAStreamTellsOfEndsForLongerThanARequestMayTake(t *testing.T) {
	for _, secure := range []bool{false, true} {
		x := newStage(t, secure)
		answer := x.listen("wiki.good", "")
		if h := answer.Header; answer.StatusCode != 200 || h.Get("Content-Type") != "text/event-stream" || h.Get("X-Accel-Buffering") != "no" || h.Get("Cache-Control") != "no-store" {
			t.Fatalf("answer %s %v", answer.Status, h)
		}
		if secure != (answer.ProtoMajor == 2) {
			t.Fatalf("spoke %s", answer.Proto)
		}
		events := heard(answer)
		x.want(events, "event: reset|id: 7-evt_x|data: {}")
		time.Sleep(time.Second) // three times what a request may take
		x.gate.tell(provision.Delivery{Seq: 8, Event: "evt_8", App: "wiki", Lease: "acme.l1", Account: "acc_1", Cause: provision.CauseLogout, At: noon})
		x.gate.tell(provision.Delivery{Seq: 9, App: "vault", Lease: "acme.l2", At: noon})
		x.want(events, `event: lease.ended|id: 8-evt_8|data: {"lease":"acme.l1","account":"acc_1","cause":"logout","time":"2026-11-24T12:00:00Z"}`)
		resumed := heard(x.listen("wiki.good", "7"))
		x.want(resumed, ": resumed")
		x.want(resumed, `event: lease.ended|id: 8-evt_8|data: {"lease":"acme.l1","account":"acc_1","cause":"logout","time":"2026-11-24T12:00:00Z"}`)
		close(x.stop)
		for _, stream := range []<-chan string{events, resumed} {
			select {
			case event, more := <-stream:
				if more {
					t.Errorf("heard %q after the stop", event)
				}
			case <-time.After(3 * time.Second):
				t.Error("a stop does not end the stream")
			}
		}
	}
}

func TestAStreamIsForAppsThatShowAToken(t *testing.T) {
	x := newStage(t, false)
	for _, token := range []string{"", "wiki.bad", strings.Repeat("x", 300) + ".good"} {
		if answer := x.listen(token, ""); answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%.20q: %s", token, answer.Status)
		}
	}
	x.gate.fails["Resume"] = provision.ErrUnavailable
	if answer := x.listen("wiki.good", ""); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without a ledger: %s", answer.Status)
	}
}

func TestOnlySoManyListen(t *testing.T) {
	x := newStage(t, false)
	for n := range 16 {
		if answer := x.listen("wiki.good", ""); answer.StatusCode != http.StatusOK {
			t.Fatalf("listener %d: %s", n, answer.Status)
		}
	}
	if answer := x.listen("wiki.good", ""); answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" {
		t.Errorf("one more of the app: %s", answer.Status)
	}
	for n := range 15 * 16 {
		if answer := x.listen(fmt.Sprintf("app%d.good", n/16), ""); answer.StatusCode != http.StatusOK {
			t.Fatalf("listener %d: %s", n, answer.Status)
		}
	}
	if answer := x.listen("other.good", ""); answer.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one more in all: %s", answer.Status)
	}
	x.CloseClientConnections()
	for range 100 {
		if x.listen("other.good", "").StatusCode == http.StatusOK {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("who has left still counts")
}

// TestALedgerThatCannotAnswerEndsTheStream so that whoever listens resumes elsewhere, and misses nothing.
func TestALedgerThatCannotAnswerEndsTheStream(t *testing.T) {
	x := newStage(t, false)
	events := heard(x.listen("wiki.good", "7"))
	x.want(events, ": resumed")
	x.gate.hear.Lock()
	x.gate.fails["EndsSince"] = provision.ErrUnavailable
	x.gate.hear.Unlock()
	select {
	case _, more := <-events:
		if more {
			t.Error("heard something")
		}
	case <-time.After(3 * time.Second):
		t.Error("the stream goes on")
	}
}

// TestWhoDoesNotReadIsCutOff: a reader that takes nothing holds a goroutine for as long as one write may take.
func TestWhoDoesNotReadIsCutOff(t *testing.T) {
	x := newStage(t, false)
	conn, err := net.Dial("tcp", x.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /_sso/events HTTP/1.1\r\nHost: sso.example.com\r\nX-Forwarded-Proto: https\r\nAuthorization: Bearer wiki.good\r\nLast-Event-ID: 1\r\n\r\n")
	for n := range 200_000 { // more than the kernel keeps for a reader
		x.gate.tell(provision.Delivery{Seq: int64(n + 2), App: "wiki", Lease: "acme.l1", Account: "acc_1", At: noon})
	}
	time.Sleep(13 * time.Second)
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got := 0
	for buffer := make([]byte, 1<<20); err == nil; {
		var n int
		n, err = conn.Read(buffer)
		got += n
	}
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Error("it is still being written to")
	}
	if whole := 200_000 * 100; got >= whole {
		t.Errorf("it read %d bytes, all there were", got)
	}
}
