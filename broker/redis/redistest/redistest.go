// Package redistest starts real Redis servers, for tests: one server, with an ACL user or TLS, Sentinel, and Cluster. They
// listen on free loopback ports, keep their files in the test's own folder and end with the test. The tests need
// redis-server, which .ci/run installs.
package redistest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Patience is how long anything here is waited for.
const Patience = 30 * time.Second

// The ACL user of a server that has one, who may do what docs/operations.md says and nothing else.
const (
	User     = "leasehold"
	Password = "wordsofauser"
)

// Server is one process.
type Server struct {
	Addr string

	t    testing.TB
	name string
	args []string
	log  string
	cmd  *exec.Cmd
	over chan struct{} // closed once it has ended
	dead bool          // on purpose
}

// Single starts a server. rules is its ACL file, or nil: everybody may do everything.
func Single(t testing.TB, rules ...string) *Server {
	t.Helper()
	var args []string
	if len(rules) > 0 {
		file := filepath.Join(t.TempDir(), "users.acl")
		if err := os.WriteFile(file, []byte(strings.Join(rules, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		args = []string{"--aclfile", file}
	}
	return node(t, port(t), args...)
}

// node is a server on a port, without anything on disk.
func node(t testing.TB, port int, args ...string) *Server {
	t.Helper()
	args = append([]string{"--port", fmt.Sprint(port), "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"}, args...)
	return start(t, "redis", port, args...)
}

func start(t testing.TB, name string, port int, args ...string) *Server {
	t.Helper()
	folder := t.TempDir()
	s := &Server{Addr: local(port), t: t, name: fmt.Sprint(name, " ", port), log: filepath.Join(folder, "log"),
		args: append(args, "--bind", "127.0.0.1", "--dir", folder, "--daemonize", "no")}
	s.Start()
	t.Cleanup(s.end)
	return s
}

// Start starts the server, also again after Kill, and returns when it answers.
func (s *Server) Start() {
	s.t.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd, s.over, s.dead = exec.Command("redis-server", s.args...), make(chan struct{}), false
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start %s (.ci/run installs what the tests need): %v", s.name, err)
	}
	go func(cmd *exec.Cmd, over chan struct{}) { _ = cmd.Wait(); close(over) }(s.cmd, s.over)
	Until(s.t, s.name+" to answer", func() bool {
		if s.hasEnded() {
			s.t.Fatalf("%s ended before it answered:\n%s", s.name, s.tail())
		}
		c, err := net.DialTimeout("tcp", s.Addr, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func (s *Server) hasEnded() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// Kill ends the server, as a machine that loses its power does.
func (s *Server) Kill() {
	s.dead = true
	s.signal(syscall.SIGKILL)
	<-s.over
}

// Stop freezes the server: connections stay, and nothing is answered until Continue.
func (s *Server) Stop() { s.signal(syscall.SIGSTOP) }

// Continue undoes Stop.
func (s *Server) Continue() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(which syscall.Signal) {
	if err := syscall.Kill(-s.cmd.Process.Pid, which); err != nil && !errors.Is(err, syscall.ESRCH) {
		s.t.Errorf("%v to %s: %v", which, s.name, err)
	}
}

func (s *Server) end() {
	if s.hasEnded() && !s.dead {
		s.t.Errorf("%s died early: %v\n%s", s.name, s.cmd.ProcessState, s.tail())
	}
	s.signal(syscall.SIGKILL)
	<-s.over
}

func (s *Server) tail() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2<<10):])
}

// Do sends a command as an administrator, and fails the test when it fails. There must be no ACL file.
func (s *Server) Do(command ...any) any {
	s.t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: s.Addr, Protocol: 2})
	defer c.Close()
	answer, err := c.Do(context.Background(), command...).Result()
	if err != nil {
		s.t.Fatalf("%s: %v: %v", s.name, command, err)
	}
	return answer
}

// Until asks done again and again, and fails the test when Patience is over. what completes "waited for …".
func Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for %s", what)
		}
	}
}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// port is one that was free a moment ago, below those that the system gives to connections. No other test draws it, in
// this process or another, until this one ends: a socket with the port's name, which is no file, says that it is taken.
func port(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		drawn, err := net.Listen("unix", fmt.Sprintf("@leasehold test port %d", port))
		if err != nil {
			continue
		}
		t.Cleanup(func() { drawn.Close() })
		if l, err := net.Listen("tcp", local(port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}
