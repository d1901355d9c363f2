//go:build real

package redis_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"leasehold/broker"
	"leasehold/broker/attemptstest"
	"leasehold/broker/redis"
	"leasehold/broker/redis/redistest"
	"leasehold/provision"
	"leasehold/provision/wiretest"
)

// at is a client of one server.
func at(addresses ...string) redis.Config { return redis.Config{Addresses: addresses} }

// open is a client that ends with the test. Its installation is of its own, unless c has a secret.
func open(t *testing.T, c redis.Config) *redis.Client {
	t.Helper()
	if c.Secret == nil {
		c.Secret = make([]byte, 32)
		if _, err := rand.Read(c.Secret); err != nil {
			t.Fatal(err)
		}
	}
	client, err := redis.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// suite runs the suite of attempts, and a little of everything else.
func suite(t *testing.T, c redis.Config) {
	t.Helper()
	attemptstest.Run(t, func(t *testing.T, now func() time.Time) (a, b broker.Attempts) {
		c := c
		c.Now, c.Secret = now, make([]byte, 32)
		if _, err := rand.Read(c.Secret); err != nil {
			t.Fatal(err)
		}
		return open(t, c), open(t, c)
	})
	client := open(t, c)
	if err := client.Ping(context.Background()); err != nil {
		t.Errorf("ping: %v", err)
	}
	if allowed, err := client.Allow(context.Background(), "tenant/acme", 1, time.Minute); err != nil || !allowed {
		t.Errorf("a limit: %v, %v", allowed, err)
	}
	if allowed, err := client.Allow(context.Background(), "tenant/acme", 1, time.Minute); err != nil || allowed {
		t.Errorf("beyond a limit: %v, %v", allowed, err)
	}
	woken := client.Woken(t.Context(), "r1")
	wantWoken(t, woken, "the subscription stands")
	if err := client.Wake(context.Background(), "r1", "r2"); err != nil {
		t.Errorf("wake: %v", err)
	}
	wantWoken(t, woken, "it was woken")
}

func wantWoken(t *testing.T, woken <-chan struct{}, why string) {
	t.Helper()
	select {
	case <-woken:
	case <-time.After(redistest.Patience):
		t.Fatalf("nothing came, but %s", why)
	}
}

func TestOneServerKeepsAttempts(t *testing.T) { suite(t, at(redistest.Single(t).Addr)) }

// aclLine is what docs/operations.md has for the ACL file.
func aclLine(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "user leasehold on >") {
			return strings.TrimSpace(strings.Replace(line, ">PASSWORD", ">"+redistest.Password, 1))
		}
	}
	t.Fatal("docs/operations.md has no line for an ACL file")
	return ""
}

func TestTheUserOfTheManualMayDoWhatIsNeededAndNothingElse(t *testing.T) {
	s := redistest.Single(t, "user default off", aclLine(t))
	c := at(s.Addr)
	c.Username, c.Password = redistest.User, redistest.Password
	suite(t, c)
	user := goredis.NewClient(&goredis.Options{Addr: s.Addr, Username: redistest.User, Password: redistest.Password})
	defer user.Close()
	for _, command := range []string{"KEYS *", "FLUSHALL", "CONFIG GET *", "GET other", "SET other x", "PUBLISH other x", "FUNCTION LIST", "ACL LIST", "SCAN 0"} {
		var args []any
		for word := range strings.FieldsSeq(command) {
			args = append(args, word)
		}
		if err := user.Do(context.Background(), args...).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("%s: %v", command, err)
		}
	}
	c.Password = "wrong"
	if err := open(t, c).Ping(context.Background()); !errors.Is(err, provision.ErrUnavailable) || strings.Contains(err.Error(), "wrong"+" ") {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestTLSIsForTheServerThatIsMeant(t *testing.T) {
	s, ca := redistest.TLS(t)
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	c, roots := at(s.Addr), x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	suite(t, c)

	for name, config := range map[string]*tls.Config{"in the clear": nil, "by nobody's certificate": {RootCAs: x509.NewCertPool()}, "of another name": {RootCAs: roots, ServerName: "redis.test"}} {
		other := at(s.Addr)
		other.TLS = config
		if err := open(t, other).Ping(context.Background()); !errors.Is(err, provision.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAClusterKeepsAttempts(t *testing.T) {
	addresses, nodes := redistest.Cluster(t)
	c := at(addresses[1]) // it finds the others
	c.Cluster = true
	suite(t, c)

	client := open(t, c)
	err := works(client)
	if err != nil {
		t.Fatal(err)
	}
	nodes[0].Kill()
	last, killed := err, time.Now()
	defer func() { t.Logf("after %v: %v", time.Since(killed), last) }()
	redistest.Until(t, "the cluster to work without a primary", func() bool {
		for range 20 { // in all of its parts
			if err := bounded(t, func() error { return works(client) }); err != nil {
				last = err
				return false
			}
		}
		return true
	})
}

// works is nil when something can be put, read and taken.
func works(a broker.Attempts) error {
	ctx, id := context.Background(), rand.Text()
	p := broker.Pending{ID: id, Browser: [32]byte{1}, Expires: time.Now().Add(time.Minute), Sealed: []byte(id)}
	if err := a.Put(ctx, p); err != nil {
		return err
	}
	got, err := a.Get(ctx, id)
	if err != nil {
		return err
	}
	if err := a.Swap(ctx, got, []byte("swapped")); err != nil {
		return err
	}
	_, err = a.Take(ctx, id)
	return err
}

// bounded fails the test when one of a few steps of a login takes longer than it may.
func bounded(t *testing.T, f func() error) error {
	t.Helper()
	began := time.Now()
	err := f()
	if took := time.Since(began); took > 4*500*time.Millisecond+time.Second {
		t.Errorf("it took %v: %v", took, err)
	}
	return err
}

func TestWritesGoOnSoonAfterAFailover(t *testing.T) {
	s := redistest.Sentinel(t)
	c := at(s.Addresses...)
	c.Master, c.SentinelPassword = s.Master, s.Password
	suite(t, c)

	client := open(t, c)
	woken := client.Woken(t.Context(), "r1")
	wantWoken(t, woken, "the subscription stands")
	before := broker.Pending{ID: "before", Expires: time.Now().Add(time.Minute), Sealed: []byte("x")}
	if err := client.Put(context.Background(), before); err != nil {
		t.Fatal(err)
	}
	s.Primary.Kill()
	killed := time.Now()
	if err := bounded(t, func() error { return works(client) }); err != nil && !errors.Is(err, provision.ErrUnavailable) {
		t.Errorf("without a primary: %v", err)
	}
	redistest.Until(t, "writes after a failover", func() bool {
		err := bounded(t, func() error { return works(client) })
		if err != nil && !errors.Is(err, provision.ErrUnavailable) && !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("during the failover: %v", err)
		}
		return err == nil
	})
	t.Logf("writes go on after %v", time.Since(killed))
	if time.Since(killed) > 15*time.Second {
		t.Errorf("writes go on after %v", time.Since(killed))
	}
	if _, err := client.Get(context.Background(), before.ID); err != nil && !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("a login from before: %v", err)
	}
	wantWoken(t, woken, "the subscription stands anew")
}

func TestARedisThatIsKilledIsUnavailableAtOnceAndGoodAgainWhenItIsBack(t *testing.T) {
	s := redistest.Single(t)
	client := open(t, at(s.Addr))
	if err := works(client); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	for range 3 {
		for name, f := range map[string]func() error{
			"put": func() error {
				return client.Put(context.Background(), broker.Pending{Expires: time.Now().Add(time.Minute)})
			},
			"get":  func() error { _, err := client.Get(context.Background(), "a"); return err },
			"take": func() error { _, err := client.Take(context.Background(), "a"); return err },
			"swap": func() error { return client.Swap(context.Background(), broker.Pending{ID: "a"}, nil) },
			"ping": func() error { return client.Ping(context.Background()) },
		} {
			began := time.Now()
			if err := f(); !errors.Is(err, provision.ErrUnavailable) || errors.Is(err, provision.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(began); took > 700*time.Millisecond {
				t.Errorf("%s took %v", name, took)
			}
		}
	}
	s.Start()
	redistest.Until(t, "it to be back", func() bool { return works(client) == nil })
}

func TestAFullRedisIsUnavailable(t *testing.T) {
	s := redistest.Single(t)
	client := open(t, at(s.Addr))
	s.Do("CONFIG", "SET", "maxmemory", "1")
	if err := works(client); !errors.Is(err, provision.ErrUnavailable) {
		t.Errorf("full: %v", err)
	}
}

func TestWhatIsOverIsNotInRedisAnyMore(t *testing.T) {
	s := redistest.Single(t)
	client := open(t, at(s.Addr))
	for n := range 3 {
		p := broker.Pending{ID: fmt.Sprint(n), Browser: [32]byte{1}, Expires: time.Now().Add(300 * time.Millisecond), Sealed: []byte("x")}
		if err := client.Put(context.Background(), p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.Allow(context.Background(), "a", 5, 500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if n := s.Do("DBSIZE"); n != int64(5) { // three, the list of the browser, and a count
		t.Errorf("%v keys", n)
	}
	redistest.Until(t, "everything to be over", func() bool { return s.Do("DBSIZE") == int64(0) })
}

func TestWhoReadsRedisLearnsNoName(t *testing.T) {
	s := redistest.Single(t)
	ctx := context.Background()
	client := open(t, at(s.Addr))
	if err := client.Put(ctx, broker.Pending{ID: "attempt/secretcode", Browser: [32]byte{1}, Expires: time.Now().Add(time.Minute), Sealed: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Allow(ctx, "address/203.0.113.9/32", 5, time.Minute); err != nil {
		t.Fatal(err)
	}
	keys := fmt.Sprint(s.Do("KEYS", "*"))
	if strings.Contains(keys, "secretcode") || strings.Contains(keys, "203.0.113.9") || strings.Count(keys, "leasehold:") != 3 {
		t.Errorf("keys: %s", keys)
	}
	// Nor do two installations on one Redis meet.
	if _, err := open(t, at(s.Addr)).Get(ctx, "attempt/secretcode"); !errors.Is(err, provision.ErrNotFound) {
		t.Errorf("another installation reads it: %v", err)
	}
}

func TestWhatIsNotOfOurShapeIsAsGoodAsAbsent(t *testing.T) {
	s := redistest.Single(t)
	ctx := context.Background()
	client := open(t, at(s.Addr))
	if err := client.Put(ctx, broker.Pending{ID: "a", Expires: time.Now().Add(time.Hour), Sealed: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	key := s.Do("KEYS", "*").([]any)[0]
	for _, junk := range []string{"", "1", "2" + strings.Repeat("9", 60), "1" + strings.Repeat("x", 60), "1-999999999999999" + strings.Repeat("x", 33), strings.Repeat("\x00", 100)} {
		s.Do("SET", key, junk)
		if _, err := client.Get(ctx, "a"); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("%q: %v", junk, err)
		}
		if err := client.Swap(ctx, broker.Pending{ID: "a"}, nil); !errors.Is(err, provision.ErrNotFound) {
			t.Errorf("swap of %q: %v", junk, err)
		}
	}
	s.Do("DEL", key)
	s.Do("LPUSH", key, "x")
	if _, err := client.Get(ctx, "a"); !errors.Is(err, provision.ErrUnavailable) {
		t.Errorf("a list: %v", err)
	}
	// A forged list of a browser makes us delete nothing that is not of this kind.
	s.Do("FLUSHALL")
	p := broker.Pending{ID: "a", Browser: [32]byte{1}, Expires: time.Now().Add(time.Hour)}
	if err := client.Put(ctx, p); err != nil {
		t.Fatal(err)
	}
	list := s.Do("KEYS", "leasehold:browser:*").([]any)[0]
	s.Do("SET", "other", "x")
	s.Do("ZADD", list, -1, "other")
	for n := range 25 {
		p.ID = fmt.Sprint(n)
		if err := client.Put(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	if s.Do("EXISTS", "other") != int64(1) {
		t.Error("a forged list deletes what is others'")
	}
}

func TestASlowRedisIsWaitedForSoLongAndNoLonger(t *testing.T) {
	wire := wiretest.New(t, redistest.Single(t).Addr)
	client := open(t, at(wire.Addr))
	if err := works(client); err != nil {
		t.Fatal(err)
	}
	for name, harm := range map[string]func(){
		"silence": wire.Silence, "delay": func() { wire.Delay(3 * time.Second) }, "answers lost": wire.LoseAnswers, "cut": wire.Cut,
	} {
		harm()
		for range 3 {
			began := time.Now()
			err := client.Put(context.Background(), broker.Pending{ID: "a", Expires: time.Now().Add(time.Minute)})
			if took := time.Since(began); !errors.Is(err, provision.ErrUnavailable) || took > 700*time.Millisecond {
				t.Errorf("%s: %v after %v", name, err, took)
			}
		}
		wire.Mend()
		wire.Drop()
		redistest.Until(t, "the end of "+name, func() bool { return works(client) == nil })
	}
}

// lines collects a log.
func lines() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}
