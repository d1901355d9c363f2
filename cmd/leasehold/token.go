package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/url"
	"strings"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web/api"
)

// openDesk makes the desk where administrators do what they may, and the API in front of it.
func (g *gateway) openDesk(ctx context.Context) error {
	g.desk = broker.NewDesk(g.broker, g.prover, g.store)
	seal, err := g.keys.Named(ctx, "cursors")
	if err != nil {
		return err
	}
	g.api, err = api.New(api.Config{
		Desk: g.desk, URL: g.config.URL, Seal: seal, Version: whatWasBuilt().Version, Log: g.log, Peer: peerOf,
		Trust: func(c provision.Connection) (inForce, proposed string) {
			if len(c.Trust()) > 0 {
				inForce = tell(c, c.Trust())
			}
			if c.Held {
				proposed = tell(c, c.Proposed)
			}
			return inForce, proposed
		},
	})
	return err
}

type tokenCommands struct {
	Create createToken `cmd:"" help:"Make one; it is printed this once."`
	List   listTokens  `cmd:"" help:"List them, those that ended in the last 30 days among them."`
	Revoke revokeToken `cmd:"" help:"End one, at once."`
}

type createToken struct {
	Tenant     string   `xor:"where" required:"" help:"It reaches this tenant alone." placeholder:"ID"`
	Everywhere bool     `xor:"where" required:"" help:"It reaches every tenant, and what belongs to none."`
	Scope      []string `required:"" help:"read, write, or KIND:read and KIND:write, of tenants, domains, connections, policies, apps, accounts, leases, audit, deliveries, tokens." placeholder:"SCOPE,…"`
	Expires    string   `required:"" help:"After how long, as in 90d; 366d at most." placeholder:"TIME"`
	Name       string   `required:"" help:"What it is for." placeholder:"TEXT"`
	because
}

// Run makes a token and prints it.
func (c createToken) Run(s *surroundings) error {
	var order api.TokenCreate
	order.Body.Tenant, order.Body.Everywhere, order.Body.Name = c.Tenant, c.Everywhere, c.Name
	order.Body.Scope, order.Body.Expires, order.Body.Reason = c.Scope, c.Expires, c.Reason
	var made api.Token
	q := post("/tokens", order.Body)
	q.about = "tenant " + c.Tenant
	if err := s.ask(q, &made); err != nil {
		return err
	}
	if made.Token == "" {
		return fmt.Errorf("%s was made, but the answer that held it was lost, and it is not said again: revoke it, and make another one", made.ID)
	}
	if s.json {
		return s.printJSON(made)
	}
	fmt.Fprintf(s.stderr, "%s is good until %s; it is not shown again\n", made.ID, at(made.Expires))
	_, err := fmt.Fprintln(s.stdout, made.Token)
	return err
}

type listTokens struct {
	Tenant string `help:"Only of this tenant." placeholder:"ID"`
}

// Run lists tokens, all of them: there are few.
func (c listTokens) Run(s *surroundings) error {
	all, err := gather[api.Token](s, get("/tokens", url.Values{"tenant": {c.Tenant}, "limit": {fmt.Sprint(math.MaxInt)}}))
	if err != nil {
		return err
	}
	return s.print(all, func(w io.Writer) { printTokens(w, all) })
}

type revokeToken struct {
	one
	because
}

// Run revokes a token.
func (c revokeToken) Run(s *surroundings) error {
	return show(s, remove(c.path("tokens"), c.query()), printRevoked)
}

func printTokens(w io.Writer, tokens []api.Token) {
	table("ID TENANT NAME SCOPE EXPIRES USED REVOKED", func(t api.Token) []any {
		tenant, used, revoked := t.Tenant, "", ""
		if t.Everywhere {
			tenant = "(everywhere)"
		}
		if !t.Used.IsZero() {
			used = at(t.Used)
		}
		if !t.Revoked.IsZero() {
			revoked = at(t.Revoked)
		}
		return []any{t.ID, tenant, t.Name, strings.Join(t.Scope, ","), at(t.Expires), used, revoked}
	})(w, tokens)
}
