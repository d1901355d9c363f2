package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"leasehold/broker"
	"leasehold/provision"
)

type deliveryCommands struct {
	List  listDeliveries `cmd:"" help:"List what apps are still to be told."`
	Retry retryDelivery  `cmd:"" help:"Try one again, now."`
	Drop  dropDelivery   `cmd:"" help:"Give one up: the app is not told."`
}

type listDeliveries struct {
	App   string `help:"Only those for this app." placeholder:"ID"`
	Stuck bool   `help:"Only those that were given up."`
	All   bool   `help:"Also those that were told in the last day."`
	After string `help:"Begin after this one, SEQ/APP." placeholder:"SEQ/APP"`
	Limit int    `help:"At most so many." default:"100"`
}

// Run lists deliveries.
func (c listDeliveries) Run(s *surroundings) error {
	q := url.Values{"app": {c.App}, "stuck": {fmt.Sprint(c.Stuck)}, "all": {fmt.Sprint(c.All)}, "after": {c.After}, "limit": {fmt.Sprint(c.Limit)}}
	return list(s, get("/deliveries", q), "ID APP KIND ACCOUNT STATE TRIES NEXT FAULT", func(v deliveryView) []any {
		next := ""
		if v.State == string(provision.DeliveryPending) {
			next = at(v.Next)
		}
		return []any{v.ID, v.App, v.Kind, v.Account, v.State, v.Tries, next, v.Fault}
	}, func(v deliveryView) string { return fmt.Sprintf("%d/%s", v.Seq, v.App) })
}

type retryDelivery struct {
	one
	because
}

// Run has it tried again.
func (c retryDelivery) Run(s *surroundings) error {
	return show(s, post(c.path("deliveries")+"/retry", c.query(), nil), printRevoked)
}

type dropDelivery struct {
	one
	reasoned
}

// Run gives it up.
func (c dropDelivery) Run(s *surroundings) error {
	return show(s, post(c.path("deliveries")+"/drop", c.query(), nil), printRevoked)
}

type deliveryView struct {
	ID      provision.DeliveryID `json:"id"`
	Seq     int64                `json:"seq"`
	Kind    string               `json:"kind"`
	App     provision.AppID      `json:"app"`
	Tenant  provision.TenantID   `json:"tenant"`
	Account provision.AccountID  `json:"account"`
	Lease   provision.LeaseID    `json:"lease,omitempty"`
	Cause   string               `json:"cause"`
	Time    time.Time            `json:"time"` // when access ended
	Due     time.Time            `json:"due"`
	State   string               `json:"state"`
	Tries   int                  `json:"tries"`
	Next    time.Time            `json:"next"`
	Fault   string               `json:"fault,omitempty"`
	Settled time.Time            `json:"settled,omitzero"`
}

func viewDelivery(d provision.Delivery) deliveryView {
	return deliveryView{d.ID, d.Seq, string(d.Kind), d.App, d.Tenant, d.Account, d.Lease, string(d.Cause), d.At, d.Due, string(d.State), d.Tries, d.Next, d.Fault, d.Settled}
}

// notifyView is how an app is told, and how it confirms.
type notifyView struct {
	URL     string    `json:"url,omitempty"`
	Pending int       `json:"pending"`
	Stuck   int       `json:"stuck"`
	Last    time.Time `json:"last_confirmed,omitzero"`
	Latency string    `json:"last_latency,omitempty"`
	P50     string    `json:"p50,omitempty"` // of the last thousand, within a day
	P99     string    `json:"p99,omitempty"`
}

func viewNotify(n provision.Notify, c broker.Confirmations) *notifyView {
	v := &notifyView{URL: n.URL, Pending: c.Pending, Stuck: c.Stuck, Last: c.Last}
	if n := len(c.Measured); n > 0 {
		sorted := slices.Sorted(slices.Values(c.Measured))
		short := func(d time.Duration) string { return d.Round(time.Millisecond).String() }
		v.Latency, v.P50, v.P99 = short(c.Latency), short(sorted[n/2]), short(sorted[min(n-1, n*99/100)])
	}
	return v
}

// backlogs is how much apps are still to be told, counted when somebody asks for metrics.
type backlogs struct{ gateway *gateway }

func (backlogs) desc() *prometheus.Desc {
	return prometheus.NewDesc("leasehold_deliveries", "What apps are still to be told, by app and state; counting stops at 100000.", []string{"app", "state"}, nil)
}

// Describe implements prometheus.Collector.
func (b backlogs) Describe(out chan<- *prometheus.Desc) { out <- b.desc() }

// Collect implements prometheus.Collector. What cannot be counted is left out.
func (b backlogs) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	told := b.desc()
	for _, app := range b.gateway.broker.Told() {
		n, err := b.gateway.store.Backlog(ctx, app)
		if err != nil {
			return
		}
		out <- prometheus.MustNewConstMetric(told, prometheus.GaugeValue, float64(n.Pending), string(app), string(provision.DeliveryPending))
		out <- prometheus.MustNewConstMetric(told, prometheus.GaugeValue, float64(n.Stuck), string(app), string(provision.DeliveryStuck))
	}
}
