package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Standby starts a standby of s, which ends with the test. When it returns, commits on s wait for it
// (synchronous_standby_names).
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	b, err := prepare(s.options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.End(); err != nil {
			t.Error(err)
		}
	})
	if err := b.run("pg_basebackup", "--pgdata", b.data(), "--host", "127.0.0.1", "--port", strconv.Itoa(s.Port), "--username", "postgres", "--write-recovery-conf", "--checkpoint", "fast", "--no-sync"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(b.data(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := b.Launch(); err != nil {
		t.Fatal(err)
	}
	s.Tell(t, "ALTER SYSTEM SET synchronous_standby_names = '*'")
	s.Tell(t, "SELECT pg_reload_conf()")
	if err := s.until("SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')"); err != nil {
		t.Fatal(err)
	}
	return b
}

// Promote makes a standby a server of its own.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	s.Tell(t, "SELECT pg_promote()")
	if err := s.until("SELECT NOT pg_is_in_recovery()"); err != nil {
		t.Fatal(err)
	}
}

// until waits for a query to be true.
func (s *Server) until(query string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for {
		var so bool
		err := c.QueryRow(ctx, query).Scan(&so)
		if err == nil && so {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waited for %s", query), err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
