package main

import (
	"net/http"
	"strconv"
	"strings"

	"leasehold/broker"
	"leasehold/provision"
)

// deliveries lists what apps are to be told, and with all what they were told in the last day, too.
func (o operator) deliveries(r *http.Request, _ broker.Deed) (any, error) {
	f := provision.DeliveryFilter{App: provision.AppID(r.FormValue("app")), Open: r.FormValue("all") != "true", Limit: pageOf(r).Limit}
	if r.FormValue("stuck") == "true" {
		f.State = provision.DeliveryStuck
	}
	seq, app, _ := strings.Cut(r.FormValue("after"), "/")
	f.After, _ = strconv.ParseInt(seq, 10, 64)
	f.AfterApp = provision.AppID(app)
	items, err := o.gateway.broker.Deliveries(r.Context(), f)
	return viewAll(items, err, viewDelivery)
}

func (o operator) deliveryVerb(r *http.Request, d broker.Deed) (any, error) {
	id := provision.DeliveryID(r.PathValue("id"))
	switch r.PathValue("verb") {
	case "retry":
		return said{}, named(o.gateway.broker.RetryDelivery(r.Context(), d, id), "delivery", r)
	case "drop":
		return said{}, named(o.gateway.broker.DropDelivery(r.Context(), d, id), "delivery", r)
	}
	return nil, provision.ErrNotFound
}
