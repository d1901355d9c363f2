//go:build real

package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"leasehold/broker/redis/redistest"
	"leasehold/provision/wiretest"
)

// underWay begins a login and comes to the provider.
func (p *place) underWay(v *visitor) page {
	p.t.Helper()
	wiki := url.QueryEscape("http://wiki.localhost:" + p.port + "/")
	there, err := v.get(context.Background(), p.sso("/login?connection=acme-oidc&rd="+wiki))
	if err != nil || !strings.HasPrefix(there.url, p.op.URL) {
		p.t.Fatalf("%v; the login leads to %s: %s", err, there.url, there.body)
	}
	return there
}

// comesBack is where a login that was under way ends.
func (p *place) comesBack(v *visitor, there page) page {
	p.t.Helper()
	answer := p.op.Login(p.t, there.url)
	back, err := v.get(context.Background(), p.sso("/idp/acme-oidc/callback?"+answer.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	return back
}

// wantWithoutRedis wants checks and readiness as ever, and a login to be refused soon as nobody's fault.
func (p *place) wantWithoutRedis(t *testing.T, in *visitor) {
	t.Helper()
	began := time.Now()
	for range 20 {
		if !p.entered(in) {
			t.Fatal("a check is concerned")
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("20 checks took %v", took)
	}
	ready, err := http.Get("http://127.0.0.1:" + p.ops + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(ready.Body) // what it says is only shown
	ready.Body.Close()
	if ready.StatusCode != http.StatusOK {
		t.Errorf("readyz: %d %s", ready.StatusCode, text)
	}
	for range 3 {
		began := time.Now()
		refused, err := newVisitor(p.port).get(context.Background(), p.sso("/login?connection=acme-oidc"))
		if err != nil || refused.status != http.StatusServiceUnavailable || strings.Contains(refused.body, "redis") {
			t.Errorf("a login: %v, %d: %s", err, refused.status, refused.body)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it is told so after %v", took)
		}
	}
}

func TestFlushingRedisMakesLoginsUnderWayBeginAgainAndNothingElse(t *testing.T) {
	s := redistest.Single(t)
	p := newPlace(t, "redis: redis://"+s.Addr+"/0\nlimits: {exempt: []}\n")
	carol, bob := p.mustLogIn("carol"), newVisitor(p.port)
	there := p.underWay(bob)
	if n := s.Do("DBSIZE").(int64); n < 3 { // his attempt, the list of his browser, counts
		t.Errorf("%d keys: what is under way is not in Redis", n)
	}
	s.Do("FLUSHALL")
	if end := p.comesBack(bob, there); p.entered(bob) || end.status != http.StatusForbidden && end.status != http.StatusBadRequest {
		t.Errorf("a login whose attempt is gone ends with %d: %s", end.status, end.words())
	}
	p.wantLogin(t, bob)
	if !p.entered(carol) {
		t.Error("somebody who was logged in is not any more")
	}
}

// wantLogin wants a visitor to get in by the OpenID provider.
func (p *place) wantLogin(t *testing.T, v *visitor) {
	t.Helper()
	if back, _ := p.logInByOIDC(v); !p.entered(v) {
		t.Fatalf("a login ends at %s, %d: %s", back.url, back.status, back.words())
	}
}

func TestWithoutRedisChecksGoOnAndLoginsWaitUntilItIsBack(t *testing.T) {
	s := redistest.Single(t)
	p := newPlace(t, "redis: redis://"+s.Addr+"\nlimits: {exempt: []}\n")
	carol, bob := p.mustLogIn("carol"), newVisitor(p.port)
	there := p.underWay(bob)
	s.Kill()
	p.wantWithoutRedis(t, carol)
	if end := p.comesBack(bob, there); p.entered(bob) || end.status != http.StatusServiceUnavailable {
		t.Errorf("a login that was under way ends with %d: %s", end.status, end.words())
	}
	p.halt()
	p.start() // also when it is away from the beginning
	p.wantWithoutRedis(t, carol)
	if log := p.log.String(); strings.Count(log, "Redis does not answer: nobody can log in") != 1 {
		t.Errorf("the log does not say it once: %s", log)
	}
	s.Start()
	redistest.Until(t, "logins to begin again", func() bool {
		begun, err := newVisitor(p.port).get(context.Background(), p.sso("/login?connection=acme-oidc"))
		return err == nil && begun.status != http.StatusServiceUnavailable
	})
	p.wantLogin(t, newVisitor(p.port))
	if !p.entered(carol) {
		t.Error("somebody who was logged in is not any more")
	}
}

func TestASlowRedisDelaysLoginsForAWhileAndNoCheck(t *testing.T) {
	wire := wiretest.New(t, redistest.Single(t).Addr)
	p := newPlace(t, "redis: redis://"+wire.Addr+"\nlimits: {exempt: []}\n")
	carol := p.mustLogIn("carol")
	for name, harm := range map[string]func(){"silence": wire.Silence, "delay": func() { wire.Delay(2 * time.Second) }, "lost answers": wire.LoseAnswers} {
		harm()
		t.Log(name)
		p.wantWithoutRedis(t, carol)
		wire.Mend()
		wire.Drop()
		redistest.Until(t, "logins to begin again after "+name, func() bool {
			begun, err := newVisitor(p.port).get(context.Background(), p.sso("/login?connection=acme-oidc"))
			return err == nil && begun.status != http.StatusServiceUnavailable
		})
	}
	wire.Delay(20 * time.Millisecond) // slower than it is waited for when it counts, and fast enough to keep what is under way
	p.wantLogin(t, newVisitor(p.port))
}

func TestThePasswordOfRedisIsInNoLog(t *testing.T) {
	s := redistest.Single(t)
	p := newPlace(t, "redis: redis://leasehold:hunter2hunter2@"+s.Addr+"\n") // there is no such user
	if refused, err := newVisitor(p.port).get(context.Background(), p.sso("/login?connection=acme-oidc")); err != nil || refused.status != http.StatusServiceUnavailable {
		t.Errorf("%v, %d", err, refused.status)
	}
	if log := p.log.String(); !strings.Contains(log, "Redis does not answer") || strings.Contains(log, "hunter2") {
		t.Errorf("log: %s", log)
	}
}
