package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Readiness is what keeps a process from being asked, and what somebody should know all the same. The zero Readiness is
// that everything is as it should be.
type Readiness struct {
	Causes   []string // a line each; one is enough
	Warnings []string
}

// NewOps makes the handler for the operators' listener, never for the public one: /livez, /readyz and /metrics.
func NewOps(metrics prometheus.Gatherer, ready func(context.Context) Readiness) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, r *http.Request) { plain(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		is := ready(r.Context())
		status, lines := http.StatusOK, []string{"ready"}
		if len(is.Causes) > 0 {
			status, lines = http.StatusServiceUnavailable, append([]string{"not ready"}, is.Causes...)
		}
		for _, text := range is.Warnings {
			lines = append(lines, "warning: "+text)
		}
		plain(w, status, strings.Join(lines, "\n"))
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return mux
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(text + "\n")) // an error means that the peer is gone
}
