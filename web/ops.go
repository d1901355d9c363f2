package web

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"leasehold/broker"
	"leasehold/provision"
)

// Metrics counts what is let in and what is not. The nil Metrics counts nothing.
type Metrics struct {
	allowed prometheus.Counter
	checks  map[provision.Reason]prometheus.Counter
	logins  map[provision.Reason]prometheus.Counter
	omitted *prometheus.CounterVec
}

// NewMetrics registers the counters. A registry that has them already is an error.
func NewMetrics(registry prometheus.Registerer) (*Metrics, error) {
	checks := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "leasehold_checks_total", Help: "Checks, by outcome and reason."}, []string{"outcome", "reason"})
	logins := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "leasehold_logins_total", Help: "Logins that let somebody in or were refused on the way, by outcome and reason."}, []string{"outcome", "reason"})
	omitted := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "leasehold_header_omissions_total", Help: "Values left out of identity headers, by app and header."}, []string{"app", "header"})
	for _, c := range []prometheus.Collector{checks, logins, omitted} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	m := &Metrics{allowed: checks.WithLabelValues("allowed", ""), omitted: omitted, checks: map[provision.Reason]prometheus.Counter{}, logins: map[provision.Reason]prometheus.Counter{}}
	m.logins[""] = logins.WithLabelValues("admitted", "")
	m.checks[""] = checks.WithLabelValues("refused", "")
	for _, reason := range provision.Reasons() {
		m.checks[reason] = checks.WithLabelValues("refused", string(reason))
		m.logins[reason] = logins.WithLabelValues("refused", string(reason))
	}
	return m, nil
}

func (m *Metrics) checked(v broker.Verdict) {
	if m == nil {
		return
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
func (m *Metrics) login(err error) {
	if m == nil {
		return
	}
	reason := denial(err)
	if err != nil && reason == "" {
		reason = provision.StoreUnavailable
	}
	if c := m.logins[reason]; c != nil {
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

// NewOps makes the handler for the operators' listener, never for the public one: /livez, /readyz and /metrics. ready
// says what is not ready yet, or nil.
func NewOps(metrics prometheus.Gatherer, ready func() error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, r *http.Request) { plain(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := ready(); err != nil {
			plain(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		plain(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return mux
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(text + "\n")) // an error means that the peer is gone
}
