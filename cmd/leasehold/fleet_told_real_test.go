//go:build real

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"leasehold/broker"
	"leasehold/cmd/leasehold/internal/peers"
	"leasehold/provision/postgres/postgrestest"
)

// TestAFleetTellsAnAppOfEveryEndAlsoWhenAReplicaIsKilled: by messages, whichever replica sends them, and by a stream at
// one replica, whichever ended the lease.
func TestAFleetTellsAnAppOfEveryEndAlsoWhenAReplicaIsKilled(t *testing.T) {
	server := postgrestest.Start(t, postgrestest.Options{NoSync: true})
	server.Tell(t, "CREATE DATABASE leasehold")
	f := newFleet(t, fleetSize, berth{database: func(int) string { return server.URL("leasehold") }})
	app := &hook{port: fmt.Sprint(peers.Port(t))}
	l, err := net.Listen("tcp", "127.0.0.1:"+app.port)
	if err != nil {
		t.Fatal(err)
	}
	app.server = &http.Server{Handler: app}
	go func() { _ = app.server.Serve(l) }() // until it is closed
	t.Cleanup(func() { app.server.Close() })
	f.write("hook.txt", hookSecret)
	asks := strings.Replace(f.manifest(), "tenants: [acme]}", `tenants: [acme], notify: {url: "http://localhost:`+app.port+`/hook", secret_file: hook.txt}}`, 1)
	order := applyOrder{Files: []string{f.write("tenants.yaml", asks)}}
	if err := f.gateways[0].admin("POST", "/apply", order, &registeredView{}); err != nil {
		t.Fatal(err)
	}
	heard := listenAt(t, f.gateways[2])
	ended := map[string]bool{}
	for n := range 12 {
		cookie, err := f.gateways[n%2*2].logIn(fmt.Sprintf("p%d", n))
		if err != nil {
			t.Fatal(err)
		}
		lease := leaseOf(t, cookie)
		ended[string(lease)] = true
		at := f.gateways[0]
		if n < 6 {
			at = f.gateways[1]
		}
		if _, err := at.revoke(revokeOrder{Lease: lease}); err != nil {
			t.Fatal(err)
		}
		returned := time.Now()
		select {
		case got := <-heard:
			if took := time.Since(returned); got != string(lease) || took > 1500*time.Millisecond {
				t.Errorf("the stream said %s, %s after the end of %s", got, took, lease)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("the stream does not say that %s ended", lease)
		}
		if n == 5 {
			f.gateways[1].kill() // with what it had taken
		}
	}
	told := map[string]int{}
	for began := time.Now(); len(told) < len(ended) && time.Since(began) < 90*time.Second; time.Sleep(100 * time.Millisecond) {
		told = app.leases(t)
	}
	for lease := range ended {
		if n := told[lease]; n < 1 || n > 2 {
			t.Errorf("the app was told %d times of the end of %s", n, lease)
		}
	}
	if len(told) != len(ended) {
		t.Errorf("the app was told of %d ends, want %d", len(told), len(ended))
	}
}

// leases are the ends that an app heard of, and how often.
func (h *hook) leases(t *testing.T) map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	told := map[string]int{}
	for _, line := range h.lines {
		var m struct {
			Type string
			Data struct{ Lease string }
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("heard %q", line)
		}
		if m.Type == "session.ended" {
			told[m.Data.Lease]++
		}
	}
	return told
}

// listenAt opens the wiki's stream at a gateway, once that knows that the wiki asks.
func listenAt(t *testing.T, g *replicaProcess) <-chan string {
	t.Helper()
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(50 * time.Millisecond) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+g.listen+"/_sso/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = strings.TrimPrefix(g.fleet.sso, "http://")
		r.Header.Set("Authorization", "Bearer "+broker.StreamToken("wiki", []byte(hookSecret), time.Now()))
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != http.StatusOK {
			answer.Body.Close()
			continue
		}
		leases := make(chan string, 100)
		lines := bufio.NewScanner(answer.Body)
		go func() {
			defer answer.Body.Close()
			for lines.Scan() {
				if data, ok := strings.CutPrefix(lines.Text(), `data: {"lease":"`); ok {
					leases <- data[:strings.IndexByte(data, '"')]
				}
			}
		}()
		return leases
	}
	t.Fatal("the stream does not open")
	return nil
}
