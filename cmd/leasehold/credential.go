package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"leasehold/config"
	"leasehold/provision"
	"leasehold/web/api"
)

type secretCommands struct {
	List  listCredentials `cmd:"" help:"List users that sources of secrets have for leases."`
	Retry retryCredential `cmd:"" help:"Take one back again, now."`
}

type listCredentials struct {
	listing
	Source string `help:"Only those of this source." placeholder:"ID"`
	Stuck  bool   `help:"Only those that their source does not take back."`
	All    bool   `help:"Also those that were taken back."`
}

// Run lists them.
func (c listCredentials) Run(s *surroundings) error {
	q := c.query()
	q.Set("source", c.Source)
	if c.Stuck {
		q.Set("state", string(provision.CredentialStuck))
	}
	q.Set("ended", fmt.Sprint(c.All))
	return list(s, get("/credentials", q), sheet[api.Credential]{"ID TENANT SOURCE USER LEASE STATE UNTIL TRIES FAULT", func(v api.Credential) []any {
		return []any{v.ID, v.Tenant, v.Source, v.User, v.Lease, v.State, at(v.Until), v.Tries, v.Fault}
	}, func(v api.Credential) string { return v.ID }})
}

type retryCredential struct {
	one
	because
}

// Run has it taken back.
func (c retryCredential) Run(s *surroundings) error {
	return show(s, post(c.path("credentials")+"/retry", c.order()), printCredential)
}

func printCredential(w io.Writer, v api.Credential) {
	row(w, "id", v.ID)
	row(w, "source", v.Source)
	row(w, "user", v.User)
	row(w, "state", v.State)
	if v.Fault != "" {
		row(w, "fault", v.Fault)
	}
}

// credentials is how many users sources have for leases, counted when somebody asks for metrics.
type credentials struct{ gateway *gateway }

func (credentials) desc() *prometheus.Desc {
	return prometheus.NewDesc("leasehold_credentials", "Users that sources of secrets have for leases, by source and state; counting stops at 100000.", []string{"tenant", "source", "state"}, nil)
}

// Describe implements prometheus.Collector.
func (c credentials) Describe(out chan<- *prometheus.Desc) { out <- c.desc() }

// Collect implements prometheus.Collector. What cannot be counted is left out. Sources that the file does not name any
// more are one: nobody can take back what is theirs.
func (c credentials) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	named, faults := config.LoadSecrets(c.gateway.config.Secrets, c.gateway.environ)
	counted, err := c.gateway.store.CountCredentials(ctx)
	if err != nil || len(faults) > 0 {
		return
	}
	type labels struct{ tenant, source, state string }
	sums := map[labels]int{}
	for _, s := range append(named, config.SecretSource{}) {
		for _, state := range []provision.CredentialState{provision.CredentialIntended, provision.CredentialIssued, provision.CredentialRevoking, provision.CredentialStuck} {
			sums[labels{string(s.Tenant), string(s.ID), string(state)}] = 0
		}
	}
	for _, n := range counted {
		at := labels{string(n.Tenant), string(n.Source), string(n.State)}
		if _, known := sums[at]; !known {
			at.tenant, at.source = "", ""
		}
		sums[at] += n.N
	}
	for at, n := range sums {
		out <- prometheus.MustNewConstMetric(c.desc(), prometheus.GaugeValue, float64(n), at.tenant, at.source, at.state)
	}
}
