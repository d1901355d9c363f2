package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"leasehold/provision"
	"leasehold/web/api"
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
	q := get("/deliveries", url.Values{"app": {c.App}, "state": {"open"}, "after": {c.After}, "limit": {fmt.Sprint(c.Limit)}})
	switch {
	case c.Stuck:
		q.query.Set("state", string(provision.DeliveryStuck))
	case c.All:
		q.query.Set("state", "all")
	}
	items, err := gather[api.Delivery](s, q)
	if err != nil {
		return err
	}
	return sheet[deliveryView]{"ID APP KIND ACCOUNT STATE TRIES NEXT FAULT", func(v deliveryView) []any {
		next := ""
		if v.State == string(provision.DeliveryPending) {
			next = at(v.Next)
		}
		return []any{v.ID, v.App, v.Kind, v.Account, v.State, v.Tries, next, v.Fault}
	}, deliveryView.place}.print(s, q, viewAll(items, viewDelivery))
}

type retryDelivery struct {
	one
	because
}

// Run has it tried again.
func (c retryDelivery) Run(s *surroundings) error {
	return show(s, post(c.path("deliveries")+"/retry", c.order()), printRevoked)
}

type dropDelivery struct {
	one
	reasoned
}

// Run gives it up.
func (c dropDelivery) Run(s *surroundings) error {
	return show(s, post(c.path("deliveries")+"/drop", c.order()), printRevoked)
}

type deliveryView struct {
	ID      string    `json:"id"`
	Seq     int64     `json:"seq"`
	Kind    string    `json:"kind"`
	App     string    `json:"app"`
	Tenant  string    `json:"tenant"`
	Account string    `json:"account"`
	Lease   string    `json:"lease,omitempty"`
	Cause   string    `json:"cause"`
	Time    time.Time `json:"time"` // when access ended
	Due     time.Time `json:"due"`
	State   string    `json:"state"`
	Tries   int       `json:"tries"`
	Next    time.Time `json:"next"`
	Fault   string    `json:"fault,omitempty"`
	Settled time.Time `json:"settled,omitzero"`
}

// place is where the list goes on after it; "": only operators are told.
func (v deliveryView) place() string {
	if v.Seq == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%s", v.Seq, v.App)
}

func viewDelivery(d api.Delivery) deliveryView {
	return deliveryView{d.ID, d.Seq, d.Kind, d.App, d.Tenant, d.Account, d.Lease, d.Cause, d.At, d.Due, d.State, d.Tries, d.Next, d.Fault, d.Settled}
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
