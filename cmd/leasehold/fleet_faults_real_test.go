//go:build real || figures

package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"leasehold/broker/redis/redistest"
	"leasehold/provision/postgres/postgrestest"
	"leasehold/provision/wiretest"
)

// coast is what a fleet stands on, with a wire from each gateway to each of the two.
type coast struct {
	*fleet
	postgres *postgrestest.Server
	redis    *redistest.Server
	toLedger []*wiretest.Wire
	toRedis  []*wiretest.Wire
}

const fleetSize = 3

func newCoast(t *testing.T) *coast {
	t.Helper()
	c := &coast{postgres: postgrestest.Start(t, postgrestest.Options{}), redis: redistest.Single(t)}
	c.postgres.Tell(t, "CREATE DATABASE leasehold")
	for range fleetSize + 1 { // one more may come later
		c.toLedger = append(c.toLedger, wiretest.New(t, fmt.Sprintf("127.0.0.1:%d", c.postgres.Port)))
		c.toRedis = append(c.toRedis, wiretest.New(t, c.redis.Addr))
	}
	c.fleet = newFleet(t, fleetSize, c.berth())
	return c
}

func (c *coast) berth() berth {
	return berth{
		database: func(n int) string {
			return strings.Replace(c.postgres.URL("leasehold"), fmt.Sprintf(":%d", c.postgres.Port), c.toLedger[n].Addr[strings.LastIndexByte(c.toLedger[n].Addr, ':'):], 1)
		},
		redis: func(n int) string { return "redis://" + c.toRedis[n].Addr },
	}
}

func TestARevocationAtOneReplicaHoldsAtAll(t *testing.T) {
	c := newCoast(t)
	for n, g := range c.gateways {
		cookie, err := g.logIn("ada")
		if err != nil {
			t.Fatal(err)
		}
		c.want(http.StatusOK, cookie, c.gateways...)
		if _, err := c.gateways[(n+1)%fleetSize].revoke(revokeOrder{Lease: leaseOf(t, cookie)}); err != nil {
			t.Fatal(err)
		}
		c.want(http.StatusUnauthorized, cookie, c.gateways...)
	}
}

// faults are what happens to a fleet in the middle of a storm, each for some seconds. In none of them is a check that
// was sent after a revocation had returned let in, and after each of them the fleet serves.
var faults = []struct {
	name    string
	happens func(t *testing.T, c *coast)
}{
	{"nothing", func(*testing.T, *coast) {}},
	{"a replica is killed, again and again, at any moment between a commit and its wake-up", func(t *testing.T, c *coast) {
		for range 4 {
			c.gateways[1].kill()
			time.Sleep(300 * time.Millisecond)
			c.gateways[1].start()
		}
	}},
	{"wake-ups are lost", func(t *testing.T, c *coast) {
		for _, w := range c.toRedis {
			w.LoseAnswers()
		}
		time.Sleep(3 * time.Second)
		for _, w := range c.toRedis {
			w.Mend()
		}
	}},
	{"Redis is killed", func(t *testing.T, c *coast) {
		c.redis.Kill()
		time.Sleep(3 * time.Second)
		c.redis.Start()
	}},
	{"Redis is emptied", func(t *testing.T, c *coast) {
		for range 20 {
			c.redis.Do("FLUSHALL")
			time.Sleep(100 * time.Millisecond)
		}
	}},
	{"Redis is slow", func(t *testing.T, c *coast) {
		for _, w := range c.toRedis {
			w.Delay(200 * time.Millisecond)
		}
		time.Sleep(3 * time.Second)
		for _, w := range c.toRedis {
			w.Mend()
		}
	}},
	{"PostgreSQL is killed and restarted", func(t *testing.T, c *coast) {
		c.postgres.Stop(syscall.SIGQUIT)
		time.Sleep(2 * time.Second)
		if err := c.postgres.Launch(); err != nil {
			t.Error(err)
		}
	}},
	{"connections are cut in the middle of whatever it is", func(t *testing.T, c *coast) {
		for n := range 30 {
			c.toLedger[n%fleetSize].Drop()
			time.Sleep(100 * time.Millisecond)
		}
	}},
	{"answers of PostgreSQL are lost", func(t *testing.T, c *coast) {
		for n := range fleetSize {
			c.toLedger[n].LoseAnswers()
			time.Sleep(500 * time.Millisecond)
			c.toLedger[n].Mend()
		}
	}},
	{"a replica is cut off from PostgreSQL", func(t *testing.T, c *coast) {
		c.toLedger[1].Cut()
		time.Sleep(2 * time.Second)
		c.toLedger[1].Mend()
		c.toLedger[2].Silence()
		time.Sleep(3 * time.Second)
		c.toLedger[2].Mend()
	}},
	{"a replica is cut off from Redis", func(t *testing.T, c *coast) {
		c.toRedis[1].Cut()
		c.toRedis[2].Silence()
		time.Sleep(3 * time.Second)
		c.toRedis[1].Mend()
		c.toRedis[2].Mend()
	}},
	{"replicas are stopped for a while, at any moment", func(t *testing.T, c *coast) {
		for n := range 6 {
			p := c.gateways[n%fleetSize].process.Process
			p.Signal(syscall.SIGSTOP)
			time.Sleep(time.Duration(400+300*n) * time.Millisecond)
			p.Signal(syscall.SIGCONT)
			time.Sleep(50 * time.Millisecond)
		}
	}},
	{"a replica is stopped for thirty seconds", func(t *testing.T, c *coast) {
		p := c.gateways[2].process.Process
		p.Signal(syscall.SIGSTOP)
		pause(t.Context(), 30*time.Second)
		p.Signal(syscall.SIGCONT)
	}},
	{"somebody joins late", func(t *testing.T, c *coast) {
		late := c.add(c.berth())
		for range 20 {
			if cookie, err := late.logIn("late"); err == nil {
				if _, err := late.revoke(revokeOrder{Lease: leaseOf(t, cookie)}); err != nil {
					t.Error(err)
				}
			}
		}
		late.stop()
	}},
}

func TestNoFaultLetsAnybodyInAfterARevocation(t *testing.T) {
	c := newCoast(t)
	for _, f := range faults {
		if !t.Run(f.name, func(t *testing.T) {
			within := *c
			inner := *c.fleet
			within.fleet, inner.t = &inner, t
			within.weather(6*time.Second, func(*storm) { f.happens(t, &within) }).calm() // it goes on until all has happened
		}) {
			return
		}
	}
}

func TestASentinelsFailoverLetsNobodyIn(t *testing.T) {
	server, sentinels := postgrestest.Start(t, postgrestest.Options{}), redistest.Sentinel(t)
	server.Tell(t, "CREATE DATABASE leasehold")
	f := newFleet(t, fleetSize, berth{
		database: func(int) string { return server.URL("leasehold") },
		redis: func(int) string {
			return "redis+sentinel://" + strings.Join(sentinels.Addresses, ",") + "/" + sentinels.Master + "?sentinel_password=" + sentinels.Password
		},
	})
	f.weather(10*time.Second, func(*storm) { sentinels.Primary.Kill() }).calm()
}

// A process that goes on under the former master key would wrap what nobody could open after it.
func TestTheMasterKeyIsRotatedByTheLastReplicaThatRuns(t *testing.T) {
	server := postgrestest.Start(t, postgrestest.Options{})
	server.Tell(t, "CREATE DATABASE leasehold")
	f := newFleet(t, 2, berth{database: func(int) string { return server.URL("leasehold") }})
	rotate := func() error { return f.gateways[0].admin("POST", "/keys/master/rotate", nil, nil) }
	if err := rotate(); err == nil {
		t.Fatal("rotated, with another replica running")
	}
	f.gateways[1].stop()
	next := f.write("master.key"+nextSuffix, "what the other is going over to")
	f.gateways[1].start()
	if err := os.Remove(next); err != nil {
		t.Errorf("whoever starts takes away the key of whoever runs: %v", err)
	}
	f.gateways[1].stop()
	if err := rotate(); err != nil {
		t.Error(err)
	}
	f.gateways[1].start() // by the new file
}
