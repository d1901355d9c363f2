package web

import (
	"log/slog"
	"net/http"
	"time"

	"leasehold/provision"
)

// noted logs one line for each request of a login or of its end: which step, how it was answered, and by what id it is
// found in the audit. What is not said: who it was, from where, and what the address or the body held.
func (s *server) noted(next serve) serve {
	return func(w http.ResponseWriter, r *http.Request, v visit) error {
		began := time.Now()
		o := &observed{ResponseWriter: w}
		err := next(o, r, v)
		if err != nil { // answered by whoever called
			o.status = s.answerTo(err).Status
		}
		line := []slog.Attr{
			slog.String("request", v.From.RequestID), slog.String("step", r.Pattern), slog.String("origin", v.Origin.String()),
			slog.Int("status", o.status), slog.Int64("us", time.Since(began).Microseconds()),
		}
		if provision.ValidName(v.Connection) {
			line = append(line, slog.String("connection", v.Connection))
		}
		if reason := denial(err); reason != "" {
			line = append(line, slog.String("reason", string(reason)))
		}
		s.Log.LogAttrs(r.Context(), slog.LevelInfo, "login", line...)
		return err
	}
}

// observed remembers the status that was answered.
type observed struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (o *observed) WriteHeader(status int) {
	o.status = status
	o.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }
