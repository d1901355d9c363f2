// Package postgrestest starts PostgreSQL servers for tests: Debian's, on free loopback ports, each with a folder of its
// own. .ci/run installs them.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options are how a server is to be. The zero value keeps what it acknowledged also when the machine loses its power.
type Options struct {
	NoSync bool     // commits are not forced to disk: for tests that nothing crashes in
	Set    []string // further settings, as in "deadlock_timeout=100ms"
	Clock  bool     // its clock can be put forward and back (libfaketime)
}

// Server is a PostgreSQL server.
type Server struct {
	Port int

	folder  string
	options Options
	process *exec.Cmd
	over    chan struct{} // closed once the process has ended
	made    *atomic.Int64 // databases
}

// patience is how long anything here is waited for.
const patience = 60 * time.Second

// Start starts a new server, which ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Begin(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("end of the log of PostgreSQL:\n%s", s.Log())
		}
		if err := s.End(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Begin starts a new server, for several tests. Whoever calls it calls End.
func Begin(o Options) (*Server, error) {
	s, err := prepare(o)
	if err != nil {
		return nil, err
	}
	if err := s.run("initdb", "--pgdata", s.data(), "--auth", "trust", "--username", "postgres", "--encoding", "UTF8", "--locale", "C", "--no-sync"); err != nil {
		return nil, errors.Join(err, s.End())
	}
	if err := s.Launch(); err != nil {
		return nil, errors.Join(err, s.End())
	}
	return s, nil
}

// Standby starts a server that follows s, under a name, as it is with pg_basebackup -R. It ends with the test.
func (s *Server) Standby(t testing.TB, name string) *Server {
	t.Helper()
	standby, err := prepare(s.options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { standby.End() })
	primary := fmt.Sprintf("host=127.0.0.1 port=%d user=postgres application_name=%s", s.Port, name)
	if err := standby.run("pg_basebackup", "-d", primary, "-D", standby.data(), "-R", "-X", "stream", "--checkpoint=fast", "--no-sync"); err != nil {
		t.Fatal(err)
	}
	if err := standby.Launch(); err != nil {
		t.Fatal(err)
	}
	return standby
}

// prepare makes the folder and finds a port.
func prepare(o Options) (*Server, error) {
	folder, err := os.MkdirTemp("", "postgres")
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, options: o, made: new(atomic.Int64), over: make(chan struct{})}
	close(s.over)
	if uid, gid, err := owner(); err != nil {
		return nil, errors.Join(err, s.End())
	} else if err := os.Chown(folder, uid, gid); err != nil {
		return nil, errors.Join(err, s.End())
	}
	if s.Port, err = freePort(); err != nil {
		return nil, errors.Join(err, s.End())
	}
	return s, nil
}

// freePort is a port below those that the system gives to connections, that was free a moment ago.
func freePort() (int, error) {
	for range 100 {
		port := 13000 + rand.IntN(6000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no port is free")
}

// owner is whom the server runs as: it does not run as root.
func owner() (uid, gid int, err error) {
	if os.Getuid() != 0 {
		return os.Getuid(), os.Getgid(), nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, fmt.Errorf("%w (.ci/run installs PostgreSQL)", err)
	}
	uid, _ = strconv.Atoi(u.Uid) // numbers, where there is a passwd(5)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid, nil
}

// program is one of the newest server's programs.
func program(name string) (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("%s is not installed (.ci/run installs PostgreSQL)", name)
	}
	slices.SortFunc(found, func(a, b string) int { return versionOf(a) - versionOf(b) })
	return found[len(found)-1], nil
}

func versionOf(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 for what is none
	return n
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

// command is a program as whom the server runs.
func (s *Server) command(name string, args ...string) (*exec.Cmd, error) {
	path, err := program(name)
	if err != nil {
		return nil, err
	}
	uid, gid, err := owner()
	if err != nil {
		return nil, err
	}
	c := exec.Command(path, args...)
	c.Dir = s.folder
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return c, nil
}

func (s *Server) run(name string, args ...string) error {
	c, err := s.command(name, args...)
	if err != nil {
		return err
	}
	if said, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, said)
	}
	return nil
}

// Launch starts the server on its folder, and returns when it answers.
func (s *Server) Launch() error {
	args := []string{"-D", s.data(), "-h", "127.0.0.1", "-p", strconv.Itoa(s.Port), "-k", s.folder, "-c", "shared_buffers=32MB", "-c", "max_connections=200", "-c", "wal_level=replica"}
	if s.options.NoSync {
		args = append(args, "-c", "fsync=off")
	}
	for _, setting := range s.options.Set {
		args = append(args, "-c", setting)
	}
	c, err := s.command("postgres", args...)
	if err != nil {
		return err
	}
	if s.options.Clock {
		c.Env = append(os.Environ(), "LD_PRELOAD="+fakeTime, "FAKETIME_TIMESTAMP_FILE="+s.clockPath(), "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1")
		if err := s.PutClock(0); err != nil {
			return err
		}
	}
	log, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		return err
	}
	s.process, s.over = c, make(chan struct{})
	go func(over chan struct{}) { _ = c.Wait(); close(over) }(s.over)
	return s.await()
}

// fakeTime is where Debian has libfaketime; the loader fills in $LIB.
const fakeTime = "/usr/$LIB/faketime/libfaketime.so.1"

func (s *Server) clockPath() string { return filepath.Join(s.folder, "clock") }

// PutClock puts the server's clock so far from this machine's, with Options.Clock.
func (s *Server) PutClock(by time.Duration) error {
	return os.WriteFile(s.clockPath(), fmt.Appendf(nil, "%+d\n", int64(by.Seconds())), 0o644)
}

// await returns when the server answers queries.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		c, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-s.over:
			return fmt.Errorf("PostgreSQL ended before it answered:\n%s", s.Log())
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, s.Log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) logPath() string { return filepath.Join(s.folder, "log") }

// Log is the end of what the server said.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.logPath())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4<<10):])
}

// URL is the address of a database on the server.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/%s?sslmode=disable", s.Port, database)
}

// Database makes a new database, as a copy of template unless that is "", and returns its address.
func (s *Server) Database(t testing.TB, template string) string {
	t.Helper()
	name := fmt.Sprintf("test%d", s.made.Add(1))
	statement := "CREATE DATABASE " + name
	if template != "" {
		statement += " TEMPLATE " + template
	}
	s.Tell(t, statement)
	return s.URL(name)
}

// Tell runs a statement on the server, in no ledger's database.
func (s *Server) Tell(t testing.TB, statement string) {
	t.Helper()
	s.tell(t, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, statement)
		return err
	})
}

// Ask is the one value that a query finds, or "".
func (s *Server) Ask(t testing.TB, query string) (answer string) {
	t.Helper()
	s.tell(t, func(ctx context.Context, c *pgx.Conn) error {
		err := c.QueryRow(ctx, query).Scan(&answer)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return answer
}

func (s *Server) tell(t testing.TB, what func(context.Context, *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if err := what(ctx, c); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the server's process and waits for it: with SIGQUIT as if it had crashed, with SIGINT in order.
func (s *Server) Stop(how syscall.Signal) error {
	select {
	case <-s.over:
		return nil
	default:
	}
	if err := s.process.Process.Signal(how); err != nil {
		return err
	}
	select {
	case <-s.over:
		return nil
	case <-time.After(patience):
		return errors.Join(errors.New("PostgreSQL does not stop"), s.process.Process.Kill())
	}
}

// End stops the server and removes its folder.
func (s *Server) End() error { return errors.Join(s.Stop(syscall.SIGQUIT), os.RemoveAll(s.folder)) }
