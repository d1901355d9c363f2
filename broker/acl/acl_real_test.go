//go:build real

package acl_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"leasehold/broker"
	"leasehold/broker/acl"
	"leasehold/broker/redis/redistest"
	"leasehold/config"
)

// maker is an ACL file with nobody but an administrator, and whoever makes users, as docs/config.md has the line.
var maker = []string{
	"user default off", "user root on >wordsofroot ~* &* +@all",
	"user maker on >wordsofamaker resetkeys resetchannels -@all +acl|setuser +acl|deluser +acl|getuser +client|kill",
}

func order() broker.UserOrder {
	return broker.UserOrder{Name: "lh_" + strings.ToLower(rand.Text()), Password: rand.Text(), Until: time.Now().Add(time.Minute)}
}

// as is a client with one connection, that is dialled once.
func as(t *testing.T, at, user, password string) *goredis.Client {
	t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: at, Username: user, Password: password, PoolSize: 1, MaxRetries: -1, DisableIdentity: true})
	t.Cleanup(func() { c.Close() })
	return c
}

func TestAUserReachesWhatIsConfiguredUntilHeIsTakenBackAndHisConnectionDiesWithHim(t *testing.T) {
	t.Parallel()
	server := redistest.Single(t, maker...)
	ctx := t.Context()
	root := as(t, server.Addr, "root", "wordsofroot")
	if err := root.MSet(ctx, "reports:1", "42", "other", "secret").Err(); err != nil {
		t.Fatal(err)
	}
	s := acl.Server{Address: server.Addr, Username: "maker", Password: "wordsofamaker", Database: 0, Keys: []string{"reports:*"}, Commands: []string{"@read", "subscribe"}, Channels: []string{"news"}}
	o := order()
	for range 2 { // said again, it is the same user
		handed, err := s.Issue(ctx, o)
		if err != nil || handed.Address != "redis://"+server.Addr+"/0" {
			t.Fatalf("handed %+v, %v", handed, err)
		}
	}
	job := as(t, server.Addr, o.Name, o.Password).Conn()
	if n, err := job.Get(ctx, "reports:1").Result(); err != nil || n != "42" {
		t.Fatalf("he reads %q, %v", n, err)
	}
	for what, command := range map[string][]any{
		"another key": {"GET", "other"}, "a write": {"SET", "reports:1", "0"}, "all keys": {"KEYS", "*"}, "users": {"ACL", "LIST"}, "the configuration": {"CONFIG", "GET", "*"},
		"another channel": {"PUBLISH", "others", "x"}, "a shutdown": {"SHUTDOWN", "NOSAVE"},
	} {
		if err := job.Do(ctx, command...).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOPERM") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := s.Renew(ctx, o.Name, time.Now().Add(time.Hour)); err != nil {
		t.Errorf("renew: %v", err)
	}
	if err := job.Ping(ctx).Err(); err != nil && !strings.HasPrefix(err.Error(), "NOPERM") {
		t.Fatalf("his connection is gone before its time: %v", err)
	}
	for range 2 {
		if err := s.Revoke(ctx, o.Name); err != nil {
			t.Fatalf("revoke: %v", err)
		}
	}
	if err := job.Get(ctx, "reports:1").Err(); err == nil || strings.HasPrefix(err.Error(), "NOPERM") {
		t.Errorf("his open connection lives on: %v", err)
	}
	if err := as(t, server.Addr, o.Name, o.Password).Get(ctx, "reports:1").Err(); err == nil || !strings.HasPrefix(err.Error(), "WRONGPASS") {
		t.Errorf("he connects again: %v", err)
	}
	if users, err := root.Do(ctx, "ACL", "USERS").StringSlice(); err != nil || len(users) != 3 {
		t.Errorf("left are %q, %v", users, err)
	}
	if err := s.Renew(ctx, o.Name, time.Now().Add(time.Hour)); err == nil {
		t.Error("who is gone is renewed")
	}
}

func TestWhoIsNoneOfOursIsNotTouched(t *testing.T) {
	t.Parallel()
	server := redistest.Single(t, maker...)
	s := acl.Server{Address: server.Addr, Username: "maker", Password: "wordsofamaker"}
	if err := s.Revoke(t.Context(), "root"); err == nil {
		t.Error("root was taken away")
	}
	if _, err := s.Issue(t.Context(), broker.UserOrder{Name: "root", Password: "x"}); err == nil {
		t.Error("root was made anew")
	}
	if err := as(t, server.Addr, "root", "wordsofroot").Ping(t.Context()).Err(); err != nil {
		t.Errorf("root: %v", err)
	}
}

func TestNoCommandThatRulesAServerIsTakenFromTheFile(t *testing.T) {
	t.Parallel()
	server := redistest.Single(t)
	at := filepath.Join(t.TempDir(), "secrets.yaml")
	if err := os.WriteFile(filepath.Join(filepath.Dir(at), "url"), []byte("redis://maker:wordsofamaker@"+server.Addr), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := func(command string) bool {
		text := fmt.Sprintf("secrets:\n- {id: cache, tenant: acme, kind: redis, url_file: url, roles: [x], keys: [a], commands: [%q]}\n", command)
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, faults := config.LoadSecrets(at, nil)
		return len(faults) > 0
	}
	c := as(t, server.Addr, "", "")
	n := 0
	for _, category := range []string{"admin", "dangerous"} {
		commands, err := c.Do(t.Context(), "ACL", "CAT", category).StringSlice()
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range append(commands, "@"+category) {
			n++
			if !refused(command) {
				t.Errorf("%s is taken", command)
			}
		}
	}
	if n < 40 || refused("get") || refused("@read") {
		t.Errorf("%d commands were refused, or one that is harmless", n)
	}
	s := acl.Server{Address: server.Addr, Keys: []string{"*"}, Commands: []string{"@read", "@write", "@keyspace", "@connection", "@scripting", "@all"}} // past the file
	o := order()
	if _, err := s.Issue(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	job := as(t, server.Addr, o.Name, o.Password)
	for _, command := range [][]any{{"ACL", "LIST"}, {"CONFIG", "GET", "*"}, {"FLUSHALL"}, {"KEYS", "*"}, {"CLIENT", "LIST"}, {"MONITOR"}, {"EVAL", "return redis.call('FLUSHALL')", 0}} {
		if err := job.Do(t.Context(), command...).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "can't run this command") {
			t.Errorf("%v: %v", command, err)
		}
	}
}

func TestAServerIsSpokenToByTLS(t *testing.T) {
	t.Parallel()
	server, ca := redistest.TLS(t)
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	o := order()
	s := acl.Server{Address: server.Addr, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	handed, err := s.Issue(t.Context(), o)
	if err != nil || handed.Address != "rediss://"+server.Addr+"/0" {
		t.Fatalf("%+v, %v", handed, err)
	}
	if err := s.Revoke(t.Context(), o.Name); err != nil {
		t.Error(err)
	}
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12} // who does not trust it
	if _, err := s.Issue(t.Context(), order()); err == nil {
		t.Error("a certificate that nobody trusts is taken")
	}
}

func TestWhatAServerCannotDoIsSaidInTimeAndWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	server := redistest.Single(t, maker...)
	s := acl.Server{Address: server.Addr, Username: "maker", Password: "hunter2"}
	away := acl.Server{Address: "127.0.0.1:1", Username: "maker", Password: "hunter2"}
	slow := redistest.Single(t)
	slow.Stop()
	defer slow.Continue()
	frozen := acl.Server{Address: slow.Addr, Username: "maker", Password: "hunter2"}
	for what, s := range map[string]acl.Server{"a wrong password": s, "a server that is away": away, "a server that hangs": frozen} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		began := time.Now()
		o := order()
		_, issue := s.Issue(ctx, o)
		for _, err := range []error{issue, s.Revoke(ctx, o.Name), s.Renew(ctx, o.Name, time.Now())} {
			if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), o.Password) || strings.Contains(err.Error(), o.Name) {
				t.Errorf("%s: said %v", what, err)
			}
		}
		cancel()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: it took %s", what, took)
		}
	}
}
