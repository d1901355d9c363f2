package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
	"leasehold/web/console"
	"leasehold/web/setup"
)

// mounts are the parts of the SSO host that are not about logins.
func (g *gateway) mounts() ([]web.Mount, error) {
	c, err := console.New(console.Config{Broker: g.broker, Desk: g.desk, Expiring: g.certificates.expiring, Addresses: addresses{g.config.URL}.lines})
	if err != nil {
		return nil, err
	}
	guided, err := setup.New(&broker.Guide{Broker: g.broker, Prover: g.prover}, time.Now)
	if err != nil {
		return nil, err
	}
	return slices.Concat(c.Mounts(), guided, []web.Mount{g.api.Mount()}), nil
}

// lines are what the identity provider of a connection has to be told.
func (a addresses) lines(c provision.Connection) []console.Address {
	if c.Protocol == provision.OIDC {
		return []console.Address{
			{Name: "Redirect URI", Value: a.callback(c.ID)}, {Name: "Back-channel log-out URI", Value: a.backchannel(c.ID)}, {Name: "Post-log-out redirect URI", Value: a.afterLogout()},
		}
	}
	return []console.Address{{Name: "Entity ID, and address of the metadata", Value: a.entityID(c.ID)}, {Name: "ACS", Value: a.acs(c.ID)}, {Name: "Single log-out", Value: a.slo(c.ID)}}
}

// inviteOperator prints the link that makes the first operator, where there may be operators and is none.
func (g *gateway) inviteOperator(ctx context.Context, to io.Writer) error {
	token, err := g.broker.InviteOperator(ctx)
	if err != nil || token == "" {
		return err
	}
	_, err = fmt.Fprintf(to, "Nobody is operator yet. Log in as somebody of tenant %s, then open this link within %s; it works once:\n%s/admin/first?%s\n",
		g.config.Operators, broker.FirstLinkLife, g.config.URL, url.Values{"link": {token}}.Encode())
	return err
}
