package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/cmd/leasehold/internal/peers"
)

func TestTheServerEndsTLSItself(t *testing.T) {
	ca := peers.NewCA(t)
	cert, key := ca.TLS(t, "sso.broker.test")
	port := peers.Port(t)
	file := filepath.Join(t.TempDir(), "leasehold.yaml")
	text := fmt.Sprintf("url: https://sso.broker.test:%d\nlisten: 127.0.0.1:%d\nops_listen: 127.0.0.1:%d\ndata: data\nmanifests: []\ntls: {cert: %s, key: %s}\n", port, port, peers.Port(t), cert, key)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var log shared
	over := make(chan error, 1)
	go func() { over <- run(ctx, []string{"serve", "--config", file}, nil, io.Discard, &log) }()
	for began := time.Now(); !strings.Contains(log.String(), `"msg":"serving"`); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > peers.Patience {
			t.Fatalf("does not start: %s", log.String())
		}
	}
	response, err := peers.Client(t, ca, false).Get(fmt.Sprintf("https://sso.broker.test:%d/login", port))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.TLS == nil {
		t.Errorf("status %d by %s", response.StatusCode, response.Proto)
	}
	if plain, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/login", port)); err == nil {
		plain.Body.Close()
		if plain.StatusCode == http.StatusOK {
			t.Error("it speaks without TLS, too")
		}
	}
	stop()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// shared is a log that is read while it is written.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
