package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"leasehold/broker"
	"leasehold/provision"
)

// metrics are what the broker counts; with them the runtime and the process are watched. All labels are bounded.
type metrics struct {
	ended   map[string]prometheus.Counter
	alarms  map[string]prometheus.Counter
	revoked prometheus.Histogram
	told    *prometheus.CounterVec // its labels are apps of the manifests
	heard   *prometheus.HistogramVec
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	ended := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "leasehold_leases_ended_total", Help: "Leases that ended, by cause."}, []string{"cause"})
	alarms := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "leasehold_domain_alarms_total", Help: "What an operator has to look at about domain proofs, by alarm."}, []string{"alarm"})
	m := &metrics{ended: map[string]prometheus.Counter{}, alarms: map[string]prometheus.Counter{}, revoked: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "leasehold_revoke_seconds", Help: "Time from the call of a revocation to its acknowledgement.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 12),
	})}
	m.told = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "leasehold_delivery_attempts_total", Help: "Tries to tell an app of ends of access, by app and outcome."}, []string{"app", "outcome"})
	m.heard = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "leasehold_delivery_confirmation_seconds", Help: "Time from when an app was to be told to its confirmation, by app.", Buckets: prometheus.ExponentialBuckets(0.01, 4, 10),
	}, []string{"app"})
	process := collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	for _, c := range []prometheus.Collector{ended, alarms, m.revoked, m.told, m.heard, collectors.NewGoCollector(), process} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	for _, cause := range provision.Causes() {
		m.ended[string(cause)] = ended.WithLabelValues(string(cause))
	}
	for _, alarm := range []string{broker.AlarmFailing, broker.AlarmLapsed, broker.AlarmForeign, broker.AlarmUnchecked, broker.AlarmMassFailure} {
		m.alarms[alarm] = alarms.WithLabelValues(alarm)
	}
	return m, nil
}

// Alarm counts what broker.Prover has an operator look at.
func (m *metrics) Alarm(kind string) {
	if c := m.alarms[kind]; c != nil {
		c.Inc()
	}
}

// Ended implements broker.Counters.
func (m *metrics) Ended(cause string) {
	if c := m.ended[cause]; c != nil {
		c.Inc()
	}
}

// Revoked implements broker.Counters.
func (m *metrics) Revoked(took time.Duration) { m.revoked.Observe(took.Seconds()) }

// Told implements broker.Counters.
func (m *metrics) Told(app, outcome string, took time.Duration) {
	m.told.WithLabelValues(app, outcome).Inc()
	if outcome == string(provision.DeliveryConfirmed) {
		m.heard.WithLabelValues(app).Observe(took.Seconds())
	}
}
