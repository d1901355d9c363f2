package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"leasehold/provision"
)

// census is who can count what a ledger holds.
type census interface {
	// Census counts on one snapshot.
	Census(ctx context.Context) (provision.Census, error)
	Now() time.Time
}

// headcount counts what the ledger holds when it is asked, and not more often than every so often. When nobody can tell,
// it says nothing: an old count would look like a new one.
type headcount struct {
	from census

	live, late, open, claims *prometheus.Desc

	mu   sync.Mutex
	last provision.Census
	at   time.Time
}

// countedFor is how long a count is good for.
const countedFor = 10 * time.Second

func newHeadcount(from census) *headcount {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &headcount{
		from:   from,
		live:   describe("leasehold_leases_live", "Leases that have not ended."),
		late:   describe("leasehold_reaper_lag_seconds", "How long the lease that has been due for the longest has waited for its end."),
		open:   describe("leasehold_revocations_open", "Revocations that are in force and of which rows are left to settle."),
		claims: describe("leasehold_domain_claims", "Claims on domains, by state.", "state"),
	}
}

// Describe implements prometheus.Collector.
func (g *headcount) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.live, g.late, g.open, g.claims} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (g *headcount) Collect(to chan<- prometheus.Metric) {
	c, err := g.count()
	if err != nil {
		return
	}
	say := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	say(g.live, float64(c.Leases))
	say(g.late, c.Late(g.from.Now()).Seconds())
	say(g.open, float64(c.Revocations))
	for _, state := range []provision.ClaimState{provision.ClaimPending, provision.ClaimVerified, provision.ClaimFailing, provision.ClaimLapsed} {
		say(g.claims, float64(c.Claims[state]), string(state))
	}
}

func (g *headcount) count() (provision.Census, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.at) < countedFor {
		return g.last, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := g.from.Census(ctx)
	if err == nil {
		g.last, g.at = c, time.Now()
	}
	return c, err
}
