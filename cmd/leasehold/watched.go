package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"leasehold/provision"
)

// ledgerVerb is a verb of the ledger, as a label.
type ledgerVerb string

const (
	verbLogin ledgerVerb = "login" // Provision
	verbAmend ledgerVerb = "amend"
	verbEnd   ledgerVerb = "end"
	verbUsed  ledgerVerb = "used"
	verbRead  ledgerVerb = "read" // Lease, Due and Events
)

func ledgerVerbs() []ledgerVerb {
	return []ledgerVerb{verbLogin, verbAmend, verbEnd, verbUsed, verbRead}
}

// watched is a ledger whose verbs are timed and counted, with the events that they wrote.
type watched struct {
	provision.Ledger
	count *metrics
}

// Provision implements provision.Ledger.
func (w watched) Provision(ctx context.Context, r provision.Request, decide func(provision.State) provision.Decision) (provision.Decision, error) {
	began := time.Now()
	d, err := w.Ledger.Provision(ctx, r, decide)
	w.count.asked(verbLogin, began, err)
	w.count.wrote(d.Change.Events)
	return d, err
}

// Amend implements provision.Ledger.
func (w watched) Amend(ctx context.Context, t provision.Target, amend func(provision.State) (provision.Change, error)) (provision.Change, error) {
	began := time.Now()
	c, err := w.Ledger.Amend(ctx, t, amend)
	w.count.asked(verbAmend, began, err)
	w.count.wrote(c.Events)
	return c, err
}

// End implements provision.Ledger.
func (w watched) End(ctx context.Context, ids []provision.LeaseID, end func(provision.LeaseID, provision.State) provision.Change) error {
	began := time.Now()
	written := map[provision.LeaseID][]provision.Event{} // the last word about each: a lost race has it said again
	err := w.Ledger.End(ctx, ids, func(id provision.LeaseID, s provision.State) provision.Change {
		c := end(id, s)
		written[id] = c.Events
		return c
	})
	w.count.asked(verbEnd, began, err)
	for _, events := range written {
		if err == nil {
			w.count.wrote(events)
		}
	}
	return err
}

// Used implements provision.Ledger.
func (w watched) Used(ctx context.Context, seen map[provision.LeaseID]time.Time) error {
	began := time.Now()
	err := w.Ledger.Used(ctx, seen)
	w.count.asked(verbUsed, began, err)
	return err
}

// Lease implements provision.Ledger.
func (w watched) Lease(ctx context.Context, id provision.LeaseID) (provision.Standing, error) {
	began := time.Now()
	s, err := w.Ledger.Lease(ctx, id)
	w.count.asked(verbRead, began, err)
	return s, err
}

// Due implements provision.Ledger.
func (w watched) Due(ctx context.Context, now time.Time, limit int) ([]provision.LeaseID, error) {
	began := time.Now()
	due, err := w.Ledger.Due(ctx, now, limit)
	w.count.asked(verbRead, began, err)
	return due, err
}

// Events implements provision.Ledger.
func (w watched) Events(ctx context.Context, f provision.EventFilter) ([]provision.Event, error) {
	began := time.Now()
	events, err := w.Ledger.Events(ctx, f)
	w.count.asked(verbRead, began, err)
	return events, err
}

// fetched is what came of a request to an address that a tenant gave, as a label.
type fetched string

const (
	fetchAnswered fetched = "answered"
	fetchError    fetched = "server_error" // answered with a status of 500 or more
	fetchTimeout  fetched = "timeout"
	fetchFailed   fetched = "failed" // no connection, no trust in it, or an address that may not be reached
)

// counted counts what comes of requests.
type counted struct {
	http.RoundTripper
	outcomes map[fetched]prometheus.Counter
}

// RoundTrip implements http.RoundTripper.
func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.RoundTripper.RoundTrip(r)
	var slow net.Error
	switch {
	case err == nil && response.StatusCode < 500:
		increase(c.outcomes, fetchAnswered)
	case err == nil:
		increase(c.outcomes, fetchError)
	case errors.As(err, &slow) && slow.Timeout(), errors.Is(err, context.DeadlineExceeded):
		increase(c.outcomes, fetchTimeout)
	default:
		increase(c.outcomes, fetchFailed)
	}
	return response, err
}
