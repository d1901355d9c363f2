package web

import (
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"leasehold/broker"
	"leasehold/provision"
)

// Metrics counts what is let in and what is not. The nil Metrics counts nothing. All labels are bounded: reasons and
// protocols are lists in the code, and apps are registered by administrators.
type Metrics struct {
	allowed prometheus.Counter
	checks  map[provision.Reason]prometheus.Counter
	took    prometheus.Histogram
	logins  map[ending]prometheus.Counter
	omitted *prometheus.CounterVec

	exchanges map[provision.Reason]prometheus.Counter
}

// protocol is how a login came back, as a label.
type protocol string

const (
	bySAML   protocol = "saml"
	byOIDC   protocol = "oidc"
	byNobody protocol = "" // it has not been anywhere yet
)

// ending is how a login ended; no reason: it let somebody in.
type ending struct {
	by     protocol
	reason provision.Reason
}

// timed is of how many checks one is timed: reading a clock twice would cost each as much as all its counting.
const timed = 32

// NewMetrics registers the counters. A registry that has them already is an error.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	checks := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "leasehold_checks_total", Help: "Checks, by outcome and reason."}, []string{"outcome", "reason"})
	logins := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "leasehold_logins_total", Help: "Logins that let somebody in or were refused on the way, by outcome, reason and protocol."}, []string{"outcome", "reason", "protocol"})
	omitted := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "leasehold_header_omissions_total", Help: "Values left out of identity headers, by app and header."}, []string{"app", "header"})
	took := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "leasehold_check_duration_seconds", Help: "Time to judge a check, of one in 32 of them.",
		Buckets: []float64{2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 2.5e-2, 0.1, 1},
	})
	exchanges := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "leasehold_exchanges_total", Help: "Exchanges of workloads' tokens, by outcome and reason."}, []string{"outcome", "reason"})
	for _, c := range []prometheus.Collector{checks, logins, omitted, took, exchanges} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	m := &Metrics{allowed: checks.WithLabelValues("allowed", ""), took: took, omitted: omitted, checks: map[provision.Reason]prometheus.Counter{}, logins: map[ending]prometheus.Counter{}}
	m.exchanges = map[provision.Reason]prometheus.Counter{"": exchanges.WithLabelValues("given", "")}
	m.checks[""] = checks.WithLabelValues("refused", "")
	for _, by := range []protocol{bySAML, byOIDC} {
		m.logins[ending{by, ""}] = logins.WithLabelValues("admitted", "", string(by))
	}
	for _, reason := range provision.Reasons() {
		m.exchanges[reason] = exchanges.WithLabelValues("refused", string(reason))
		m.checks[reason] = checks.WithLabelValues("refused", string(reason))
		for _, by := range []protocol{bySAML, byOIDC, byNobody} {
			m.logins[ending{by, reason}] = logins.WithLabelValues("refused", string(reason), string(by))
		}
	}
	return m, nil
}

// begin is when a check began, or the zero time for one that is not timed.
func (m *Metrics) begin() time.Time {
	if m == nil || rand.Uint32()%timed != 0 {
		return time.Time{}
	}
	return time.Now()
}

func (m *Metrics) checked(v broker.Verdict, began time.Time) {
	if m == nil {
		return
	}
	if !began.IsZero() {
		m.took.Observe(time.Since(began).Seconds())
	}
	if v.Allow {
		m.allowed.Inc()
		return
	}
	if c := m.checks[v.Reason]; c != nil {
		c.Inc()
	}
}

// login counts a login by how it ended. An error that is no refusal is that nobody could tell.
func (m *Metrics) login(by protocol, err error) {
	if m == nil {
		return
	}
	reason := denial(err)
	if err != nil && reason == "" {
		reason = provision.StoreUnavailable
	}
	if c := m.logins[ending{by, reason}]; c != nil {
		c.Inc()
	}
}

// exchanged counts an exchange by what came of it.
func (m *Metrics) exchanged(err error) {
	if m == nil {
		return
	}
	reason := denial(err)
	if err != nil && reason == "" {
		reason = provision.StoreUnavailable
	}
	if c := m.exchanges[reason]; c != nil {
		c.Inc()
	}
}

// Present is the package's Present, and counts what had to be left out.
func (m *Metrics) Present(a provision.App, who broker.Identity) map[string][]string {
	headers, omitted := present(a, who)
	if m != nil {
		for _, name := range omitted {
			m.omitted.WithLabelValues(string(a.ID), name).Inc()
		}
	}
	return headers
}
