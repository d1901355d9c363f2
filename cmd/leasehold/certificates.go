package main

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"leasehold/broker"
	"leasehold/idp/saml"
	"leasehold/provision"
)

// certificates know until when the connections' identity providers can be believed: their newest certificate, or the
// metadata that it stands in. Those that run out first are told; there are no more than maxTold.
type certificates struct {
	desc *prometheus.Desc

	mu    sync.Mutex
	until []broker.Expiry // the earliest first
}

// maxTold bounds how many connections have a line of their own.
const maxTold = 1000

func newCertificates() *certificates {
	return &certificates{desc: prometheus.NewDesc("leasehold_connection_expiry_timestamp_seconds",
		"When the last certificate of a SAML connection, or its metadata, run out; of the 1000 that do so first.", []string{"connection"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *certificates) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

// Collect implements prometheus.Collector.
func (c *certificates) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.until[:min(len(c.until), maxTold)] {
		to <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(e.At.Unix()), string(e.Connection))
	}
}

// read looks through all connections. What has not changed since the last time is not read again.
func (c *certificates) read(ctx context.Context, r provision.Registry) error {
	c.mu.Lock()
	known := make(map[provision.ConnectionID]broker.Expiry, len(c.until))
	for _, e := range c.until {
		known[e.Connection] = e
	}
	c.mu.Unlock()
	var until []broker.Expiry
	for page := (provision.Page{Limit: 500}); ; {
		connections, err := r.Connections(ctx, page)
		if err != nil {
			return err
		}
		for _, connection := range connections {
			if e, ok := expiryOf(connection, known[connection.ID]); ok {
				until = append(until, e)
			}
			page.After = string(connection.ID)
		}
		if len(connections) < page.Limit {
			break
		}
	}
	slices.SortFunc(until, func(a, b broker.Expiry) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Connection, b.Connection))
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = until
	return nil
}

// expiring is a copy of what was read last, the earliest first.
func (c *certificates) expiring() []broker.Expiry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.until)
}

// expiryOf is until when a connection's provider can be believed, if that can be said.
func expiryOf(c provision.Connection, known broker.Expiry) (broker.Expiry, bool) {
	if c.Protocol != provision.SAML || c.Disabled || len(c.Metadata) == 0 {
		return broker.Expiry{}, false
	}
	if known.Connection == c.ID && known.Revision == c.Revision {
		return known, true
	}
	at, ok := lastDay(c.Metadata)
	return broker.Expiry{Connection: c.ID, Tenant: c.Tenant, Revision: c.Revision, At: at}, ok
}

// lastDay is when the last certificate of metadata, or they themselves, run out: also when they have.
func lastDay(document []byte) (at time.Time, ok bool) {
	m, err := saml.ParseMetadata(document, time.Time{})
	if err != nil {
		return at, false
	}
	for _, certificate := range m.Certificates {
		if certificate.NotAfter.After(at) {
			at = certificate.NotAfter
		}
	}
	if !m.ValidUntil.IsZero() && m.ValidUntil.Before(at) {
		at = m.ValidUntil
	}
	return at, true
}

// watchCertificates reads them at the start and every ten minutes, until ctx is over.
func (g *gateway) watchCertificates(ctx context.Context) {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		if err := g.certificates.read(ctx, g.store); err != nil && ctx.Err() == nil {
			g.log.Error("read certificates", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
