//go:build real

package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"leasehold/broker/redis/redistest"
	"leasehold/cmd/leasehold/internal/peers"
	"leasehold/provision/postgres"
	"leasehold/provision/postgres/postgrestest"
)

// TestWhatWasAcknowledgedSurvivesAFailover promotes a standby that every commit has waited for, in the middle of a storm.
func TestWhatWasAcknowledgedSurvivesAFailover(t *testing.T) {
	primary := postgrestest.Start(t, postgrestest.Options{})
	primary.Tell(t, "CREATE DATABASE leasehold")
	standby := primary.Standby(t)
	both := fmt.Sprintf("postgres://postgres@127.0.0.1:%d,127.0.0.1:%d/leasehold?sslmode=disable&target_session_attrs=read-write", primary.Port, standby.Port)
	f := newFleet(t, fleetSize, berth{database: func(int) string { return both }})
	warned(t, both, 0)
	s := f.weather(8*time.Second, func(*storm) {
		primary.Stop(syscall.SIGQUIT) // as a crash: nothing is flushed, nobody is told
		standby.Promote(t)
	})
	s.calm()
	for _, ticket := range s.ended {
		f.want(http.StatusUnauthorized, ticket.cookie, f.gateways...)
	}
}

// TestAStandbyThatNobodyWaitsForIsWarnedOf is about the same without synchronous_standby_names.
func TestAStandbyThatNobodyWaitsForIsWarnedOf(t *testing.T) {
	primary := postgrestest.Start(t, postgrestest.Options{})
	primary.Tell(t, "CREATE DATABASE leasehold")
	primary.Standby(t)
	warned(t, primary.URL("leasehold"), 0)
	primary.Tell(t, "ALTER SYSTEM SET synchronous_standby_names = ''")
	primary.Tell(t, "SELECT pg_reload_conf()")
	time.Sleep(time.Second)
	warned(t, primary.URL("leasehold"), 1)
}

func warned(t *testing.T, url string, times int) {
	t.Helper()
	store, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	warnings, err := store.Warnings(t.Context())
	if err != nil || len(warnings) != times {
		t.Errorf("%v, %v", warnings, err)
	}
}

// TestARollingRestartRefusesNoHonestRequest restarts one gateway after the other behind nginx, while people work and log in.
func TestARollingRestartRefusesNoHonestRequest(t *testing.T) {
	server := postgrestest.Start(t, postgrestest.Options{})
	server.Tell(t, "CREATE DATABASE leasehold")
	ca := peers.NewCA(t)
	recipe := peers.Recipe{CA: ca, Port: peers.Port(t), SSO: ssoHost, Apps: []peers.Site{{Host: wikiHost, App: peers.Echo(t)}}}
	redis := redistest.Single(t)
	f := newFleet(t, fleetSize, berth{
		database: func(int) string { return server.URL("leasehold") }, redis: func(int) string { return "redis://" + redis.Addr },
		sso: recipe.Origin(ssoHost), wiki: recipe.Origin(wikiHost),
	})
	for n, g := range f.gateways {
		var port int
		fmt.Sscanf(g.listen[strings.LastIndexByte(g.listen, ':')+1:], "%d", &port)
		if n == 0 {
			recipe.Leasehold = port
		} else {
			recipe.Replicas = append(recipe.Replicas, port)
		}
	}
	recipe.Nginx(t)
	front := func() *http.Client { return peers.Client(t, ca, true) }
	cookie, err := f.logIn(front(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var asked, logins atomic.Int64
	var people sync.WaitGroup
	for n := range 4 {
		people.Go(func() {
			client := front()
			for i := 0; ctx.Err() == nil; i++ {
				if n == 0 {
					if _, err := f.logIn(front(), fmt.Sprintf("person-%d", i)); err != nil {
						t.Errorf("login: %v", err)
					}
					logins.Add(1)
					continue
				}
				request, _ := http.NewRequest("GET", f.wiki+"/page", nil)
				request.Header.Set("Cookie", "__Host-lh-app="+cookie)
				response, err := client.Do(request)
				if err != nil {
					t.Errorf("request: %v", err)
					continue
				}
				response.Body.Close()
				if asked.Add(1); response.StatusCode != http.StatusOK {
					t.Errorf("an honest request got %s", response.Status)
				}
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	for _, g := range f.gateways {
		time.Sleep(time.Second)
		g.stop()
		time.Sleep(200 * time.Millisecond)
		g.start()
	}
	time.Sleep(time.Second)
	stop()
	people.Wait()
	t.Logf("%d requests and %d logins", asked.Load(), logins.Load())
	if asked.Load() < 100 || logins.Load() < 5 {
		t.Error("too little happened to prove anything")
	}
}

// TestTheServersClockIsPutForwardAndBack puts the clock that leases are judged by one hour forward and back in a storm.
// Leases that nobody used for what looks like an hour end; none that has ended lives again (I13).
func TestTheServersClockIsPutForwardAndBack(t *testing.T) {
	server := postgrestest.Start(t, postgrestest.Options{Clock: true})
	server.Tell(t, "CREATE DATABASE leasehold")
	f := newFleet(t, fleetSize, berth{database: func(int) string { return server.URL("leasehold") }})
	old, err := f.gateways[0].logIn("early")
	if err != nil {
		t.Fatal(err)
	}
	f.want(http.StatusOK, old, f.gateways...)
	for _, by := range []time.Duration{time.Hour, -time.Hour, 0} {
		s := f.weather(5*time.Second, func(*storm) {
			if err := server.PutClock(by); err != nil {
				t.Error(err)
			}
		})
		s.byThemselves = true // idle, by the clock that was put forward
		s.calm()
		f.want(http.StatusUnauthorized, old, f.gateways...) // idle for an hour, and so it stays
	}
}
