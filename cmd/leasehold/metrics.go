package main

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"leasehold/broker"
	"leasehold/provision"
)

// metrics are what is counted beside the web; with them the runtime and the process are watched. All labels are bounded:
// each is a list in the code.
type metrics struct {
	ended    map[provision.Cause]prometheus.Counter
	alarms   map[string]prometheus.Counter
	revoked  prometheus.Histogram
	took     map[ledgerVerb]prometheus.Observer
	failed   map[ledgerVerb]prometheus.Counter
	events   map[string]prometheus.Counter
	outbound map[fetched]prometheus.Counter
	told     *prometheus.CounterVec // its labels are apps of the manifests
	heard    *prometheus.HistogramVec
	canaries map[string]prometheus.Counter
	latency  prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	count := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	ended := count("leasehold_leases_ended_total", "Leases that ended, by cause.", "cause")
	alarms := count("leasehold_domain_alarms_total", "What an operator has to look at about domain proofs, by alarm.", "alarm")
	failed := count("leasehold_ledger_errors_total", "Verbs of the ledger that could not be done, by verb.", "verb")
	events := count("leasehold_events_total", "Events written to the audit, by kind.", "event")
	outbound := count("leasehold_outbound_requests_total", "Requests to addresses of identity providers, by outcome.", "outcome")
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "leasehold_ledger_duration_seconds", Help: "Time of the ledger's verbs: commits synced to disk, and reads.", Buckets: prometheus.ExponentialBuckets(0.0001, 3, 10),
	}, []string{"verb"})
	revoked := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "leasehold_revoke_seconds", Help: "Time from the call of a revocation to its acknowledgement.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 12),
	})
	told := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "leasehold_delivery_attempts_total", Help: "Tries to tell an app of ends of access, by app and outcome."}, []string{"app", "outcome"})
	heard := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "leasehold_delivery_confirmation_seconds", Help: "Time from when an app was to be told to its confirmation, by app.", Buckets: prometheus.ExponentialBuckets(0.01, 4, 10),
	}, []string{"app"})
	canaries := count("leasehold_canaries_total", "Canary leases, by what this process saw of them.", "outcome")
	latency := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "leasehold_revocation_latency_seconds", Help: "Time from the call that ends a canary lease to the last check that this process let it in by.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 12),
	})
	process := collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	for _, c := range []prometheus.Collector{ended, alarms, failed, events, outbound, took, revoked, told, heard, canaries, latency, collectors.NewGoCollector(), process, buildInfo()} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	m := &metrics{
		ended: each(provision.Causes(), ended), revoked: revoked, told: told, heard: heard, failed: each(ledgerVerbs(), failed), events: each(append(provision.EventKinds(), otherEvent), events),
		canaries: each([]string{broker.CanaryRefused, broker.CanaryLate, broker.CanaryUnseen}, canaries), latency: latency,
		alarms:   each([]string{broker.AlarmFailing, broker.AlarmLapsed, broker.AlarmForeign, broker.AlarmUnchecked, broker.AlarmMassFailure}, alarms),
		outbound: each([]fetched{fetchAnswered, fetchError, fetchTimeout, fetchFailed}, outbound), took: map[ledgerVerb]prometheus.Observer{},
	}
	for _, verb := range ledgerVerbs() {
		m.took[verb] = took.WithLabelValues(string(verb))
	}
	return m, nil
}

// each makes a counter of every value of a label, so that it is there, at 0, before the first is counted.
func each[V ~string](values []V, of *prometheus.CounterVec) map[V]prometheus.Counter {
	counters := make(map[V]prometheus.Counter, len(values))
	for _, value := range values {
		counters[value] = of.WithLabelValues(string(value))
	}
	return counters
}

func buildInfo() prometheus.Collector {
	b := whatWasBuilt()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "leasehold_build_info", Help: "1, by what was built.", ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": b.Go},
	})
	info.Set(1)
	return info
}

// Alarm counts what broker.Prover has an operator look at.
func (m *metrics) Alarm(kind string) { increase(m.alarms, kind) }

// Ended implements broker.Counters.
func (m *metrics) Ended(cause string) { increase(m.ended, provision.Cause(cause)) }

// Revoked implements broker.Counters.
func (m *metrics) Revoked(took time.Duration) { m.revoked.Observe(took.Seconds()) }

func increase[K ~string](counters map[K]prometheus.Counter, value K) {
	if c := counters[value]; c != nil {
		c.Inc()
	}
}

// otherEvent stands for kinds of events that are not listed.
const otherEvent = "other"

// wrote counts the events of a commit.
func (m *metrics) wrote(events []provision.Event) {
	for _, e := range events {
		if m.events[e.Kind] == nil {
			e.Kind = otherEvent
		}
		increase(m.events, e.Kind)
	}
}

// asked notes what a verb of the ledger took, and whether it could be done. That something is not there, or that
// somebody else was first, is an answer.
func (m *metrics) asked(verb ledgerVerb, began time.Time, err error) {
	m.took[verb].Observe(time.Since(began).Seconds())
	if errors.Is(err, provision.ErrUnavailable) || errors.Is(err, provision.ErrCorrupt) {
		increase(m.failed, verb)
	}
}

// Canary implements broker.Counters. What was not let in, or not ended, has no latency.
func (m *metrics) Canary(outcome string, took time.Duration) {
	increase(m.canaries, outcome)
	if outcome != broker.CanaryUnseen {
		m.latency.Observe(took.Seconds())
	}
}

// Told implements broker.Counters.
func (m *metrics) Told(app, outcome string, took time.Duration) {
	m.told.WithLabelValues(app, outcome).Inc()
	if outcome == string(provision.DeliveryConfirmed) {
		m.heard.WithLabelValues(app).Observe(took.Seconds())
	}
}
