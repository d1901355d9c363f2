package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"leasehold/broker/webhook"
	"leasehold/cmd/leasehold/internal/peers"
)

// hookSecret is what signs in scripts.
const hookSecret = "a secret of more than 24 bytes"

// hook is an app that is told, at ${HOOK}: down until a script says `hear`.
type hook struct {
	port   string
	server *http.Server

	mu    sync.Mutex
	lines []string
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	id := r.Header.Get("Webhook-Id")
	stamp, _ := strconv.ParseInt(r.Header.Get("Webhook-Timestamp"), 10, 64)
	sent := time.Unix(stamp, 0)
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.Header.Get("Webhook-Signature") != webhook.Sign([][]byte{[]byte(hookSecret)}, id, sent, body) || time.Since(sent).Abs() > time.Minute {
		h.lines = append(h.lines, "badly signed")
		return
	}
	h.lines = append(h.lines, string(body))
}

// hear brings the app up; `! hear` takes it down.
func (d *desk) hear(ts *testscript.TestScript, neg bool, _ []string) {
	if neg {
		d.hook.server.Close()
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+d.hook.port)
	if err != nil {
		ts.Fatalf("%v", err)
	}
	d.hook.server = &http.Server{Handler: d.hook}
	go func() { _ = d.hook.server.Serve(l) }() // until it is closed
}

// heard waits until the app has heard so many messages, and prints them.
func (d *desk) heard(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("%v", err)
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		d.hook.mu.Lock()
		lines := d.hook.lines
		d.hook.mu.Unlock()
		if len(lines) >= want || time.Since(began) > peers.Patience {
			fmt.Fprintln(ts.Stdout(), strings.Join(lines, "\n"))
			if len(lines) != want {
				ts.Fatalf("heard %d messages, want %d", len(lines), want)
			}
			return
		}
	}
}
