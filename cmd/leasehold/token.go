package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"

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
		Desk: g.desk, URL: g.config.URL, Seal: seal, Version: whatWasBuilt().Version, Log: g.log,
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

// mandateOfPeer is that of whoever is at the other end of the admin socket: everything, as with the other verbs there.
func mandateOfPeer(r *http.Request) (broker.Mandate, error) {
	peer, _ := r.Context().Value(peerKey{}).(string)
	if peer == "" {
		return broker.Mandate{}, &provision.DeniedError{Reason: provision.OfficeMissing}
	}
	return broker.Mandate{
		Actor: provision.Actor{Kind: provision.Operator, ID: peer, Via: "admin.sock"}, Everywhere: true, Write: true,
		Requester: provision.Requester{RequestID: "req_" + strings.ToLower(rand.Text()[:12])},
	}, nil
}

// askAPI asks the API on the admin socket, and reads the answer into v.
func (a admin) askAPI(method, path string, order, v any) error {
	var payload io.Reader
	if order != nil {
		text, err := json.Marshal(order)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(a.say.ctx, method, "http://admin"+api.Prefix+path, payload)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := a.http.Do(request)
	if err != nil {
		return a.unreached(err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode >= http.StatusBadRequest:
		var p api.Problem
		if err := json.NewDecoder(response.Body).Decode(&p); err != nil {
			return errors.New("server: " + response.Status)
		}
		return errors.New(strings.TrimSuffix(strings.Join(append([]string{p.Reason, p.Detail}, p.Faults...), ": "), ": "))
	case response.StatusCode == http.StatusNoContent:
		return nil
	}
	return json.NewDecoder(response.Body).Decode(v)
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
	a, err := s.admin()
	if err != nil {
		return err
	}
	var made api.Token
	if err := a.askAPI(http.MethodPost, "/tokens", order.Body, &made); err != nil {
		return err
	}
	if s.json {
		return s.printJSON(made)
	}
	fmt.Fprintf(s.stderr, "%s is good until %s; it is not shown again\n", made.ID, at(made.Expires))
	_, err = fmt.Fprintln(s.stdout, made.Token)
	return err
}

type listTokens struct {
	Tenant string `help:"Only of this tenant." placeholder:"ID"`
}

// Run lists tokens, all of them: there are few.
func (c listTokens) Run(s *surroundings) error {
	a, err := s.admin()
	if err != nil {
		return err
	}
	all := []api.Token{}
	for q := (url.Values{"limit": {"500"}}); ; {
		if c.Tenant != "" {
			q.Set("tenant", c.Tenant)
		}
		var part struct {
			Items []api.Token `json:"items"`
			Next  string      `json:"next"`
		}
		if err := a.askAPI(http.MethodGet, "/tokens?"+q.Encode(), nil, &part); err != nil {
			return err
		}
		all = append(all, part.Items...)
		if part.Next == "" {
			break
		}
		q.Set("cursor", part.Next)
	}
	if s.json {
		return s.printJSON(all)
	}
	return printTokens(s, all)
}

type revokeToken struct {
	one
	because
}

// Run revokes a token.
func (c revokeToken) Run(s *surroundings) error {
	a, err := s.admin()
	if err != nil {
		return err
	}
	if err := a.askAPI(http.MethodDelete, c.path("tokens")+"?"+c.query().Encode(), nil, nil); err != nil {
		return err
	}
	if s.json {
		return s.printJSON(said{})
	}
	printRevoked(s.stdout, revoked{})
	return nil
}

func printTokens(s *surroundings, tokens []api.Token) error {
	w := tabwriter.NewWriter(s.stdout, 2, 8, 2, ' ', 0)
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
	return w.Flush()
}
