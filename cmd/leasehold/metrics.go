package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"leasehold/provision"
)

// metrics are what the broker counts. All labels are bounded.
type metrics struct {
	ended   map[string]prometheus.Counter
	revoked prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	ended := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "leasehold_leases_ended_total", Help: "Leases that ended, by cause."}, []string{"cause"})
	m := &metrics{ended: map[string]prometheus.Counter{}, revoked: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "leasehold_revoke_seconds", Help: "Time from the call of a revocation to its acknowledgement.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 12),
	})}
	for _, c := range []prometheus.Collector{ended, m.revoked} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	for _, cause := range provision.Causes() {
		m.ended[string(cause)] = ended.WithLabelValues(string(cause))
	}
	return m, nil
}

// Ended implements broker.Counters.
func (m *metrics) Ended(cause string) {
	if c := m.ended[cause]; c != nil {
		c.Inc()
	}
}

// Revoked implements broker.Counters.
func (m *metrics) Revoked(took time.Duration) { m.revoked.Observe(took.Seconds()) }
