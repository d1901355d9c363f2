//go:build real

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"leasehold/provision/postgres/postgrestest"
)

// metric is the value of one line of what the gateway exports, 0 when there is none.
func (g *replicaProcess) metric(line string) float64 {
	g.fleet.t.Helper()
	response, err := http.Get("http://" + g.ops + "/metrics")
	if err != nil {
		g.fleet.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		g.fleet.t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(line) + ` (\S+)$`).FindSubmatch(text)
	if found == nil {
		return 0
	}
	value, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		g.fleet.t.Fatal(err)
	}
	return value
}

// TestThreeReplicasMeasureHowSoonARevocationIsHeeded waits for a canary that all three see: the next one comes within a minute.
func TestThreeReplicasMeasureHowSoonARevocationIsHeeded(t *testing.T) {
	server := postgrestest.Start(t, postgrestest.Options{})
	server.Tell(t, "CREATE DATABASE leasehold")
	f := newFleet(t, 3, berth{database: func(int) string { return server.URL("leasehold") }})
	if _, err := f.gateways[0].logIn("ada"); err != nil {
		t.Fatal(err)
	}
	const refused, late = `leasehold_canaries_total{outcome="refused"}`, `leasehold_canaries_total{outcome="late"}`
	for _, g := range f.gateways {
		for began := time.Now(); g.metric(refused) < 1; time.Sleep(200 * time.Millisecond) {
			if time.Since(began) > 80*time.Second {
				t.Fatalf("gateway %d saw no canary refused", g.n)
			}
		}
		n, sum := g.metric("leasehold_revocation_latency_seconds_count"), g.metric("leasehold_revocation_latency_seconds_sum")
		if n != g.metric(refused) || sum/n > 1 || g.metric(late) != 0 {
			t.Errorf("gateway %d saw %v canaries, %v s in all, %v too late", g.n, n, sum, g.metric(late))
		}
		t.Logf("gateway %d: %v canaries, %.1f ms each", g.n, n, 1000*sum/n)
	}
	var leases json.RawMessage
	if err := f.gateways[1].admin(http.MethodGet, "/api/v1/leases", nil, &leases); err != nil || !bytes.Contains(leases, []byte(`"acme.`)) || bytes.Contains(leases, []byte("canary")) {
		t.Errorf("leases are %s, %v", leases, err)
	}
}
