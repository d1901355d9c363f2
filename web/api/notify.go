package api

import (
	"slices"
	"time"

	"leasehold/broker"
)

// Notify is how an app is told of ends, and how it confirms.
type Notify struct {
	URL     string    `json:"url,omitempty"`
	Pending int       `json:"pending"`
	Stuck   int       `json:"stuck"`
	Last    time.Time `json:"last_confirmed,omitzero"`
	Latency string    `json:"last_latency,omitempty"`
	P50     string    `json:"p50,omitempty" doc:"Of the last thousand, within a day"`
	P99     string    `json:"p99,omitempty"`
}

func viewNotify(url string, c broker.Confirmations) *Notify {
	v := &Notify{URL: url, Pending: c.Pending, Stuck: c.Stuck, Last: c.Last}
	if n := len(c.Measured); n > 0 {
		sorted := slices.Sorted(slices.Values(c.Measured))
		short := func(d time.Duration) string { return d.Round(time.Millisecond).String() }
		v.Latency, v.P50, v.P99 = short(c.Latency), short(sorted[n/2]), short(sorted[min(n-1, n*99/100)])
	}
	return v
}
