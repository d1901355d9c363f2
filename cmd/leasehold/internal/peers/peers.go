// Package peers starts the real parts that Leasehold is tested against: identity providers, reverse proxies, an app, a
// name server and a browser. Only tests use it.
//
// Everything listens on a free loopback port, keeps its files in the test's own folder and ends with the test. A part
// that dies early fails the test with the end of its log. What the parts need on the machine is installed by .ci/run.
//
// Names that end in .test are on this machine, for Client and for the browser, so that app, gateway and provider can be
// different sites, as they are in life.
package peers

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const loopback = "127.0.0.1"

// Patience is how long anything here is waited for.
const Patience = 60 * time.Second

// Port is a TCP and UDP port of the loopback address that was free a moment ago. It is below those that the system
// gives to connections, so that none of them takes it before the part that it is for. No other test draws it, in this
// process or in another, until this one ends: a socket with the port's name, which is no file, says that it is taken.
func Port(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		drawn, err := net.Listen("unix", fmt.Sprintf("@leasehold test port %d", port))
		if err != nil {
			continue
		}
		t.Cleanup(func() { drawn.Close() })
		if isFree(port) {
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// isFree reports whether nobody listens on a port.
func isFree(port int) bool {
	stream, err := net.Listen("tcp", local(port))
	if err != nil {
		return false
	}
	defer stream.Close()
	packets, err := net.ListenPacket("udp", local(port))
	if err != nil {
		return false
	}
	packets.Close()
	return true
}

// local is the address of a port of this machine.
func local(port int) string { return fmt.Sprintf("%s:%d", loopback, port) }

// write puts a file into dir and returns its path.
func write(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatalf("folder of %s: %v", name, err)
	}
	// Renamed into place: a part that reads its files on every request must never see half of one.
	if err := os.WriteFile(path+".new", []byte(content), 0o644); err != nil {
		t.Fatalf("write %s: %v", name, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatalf("write %s: %v", name, err)
	}
	return path
}

// until asks done again and again, and fails the test when Patience is over. what completes "waited for …".
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for %s", what)
		}
	}
}
