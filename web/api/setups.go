package api

import (
	"context"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// Setup is a setup link as it is answered: its address only once.
type Setup struct {
	ID         string    `json:"id"`
	Tenant     string    `json:"tenant"`
	Connection string    `json:"connection" doc:"What it makes"`
	State      string    `json:"state" enum:"open,done,revoked"`
	Step       string    `json:"step" doc:"How far it has come: sent, opened, tested, enabled, signed in"`
	Created    time.Time `json:"created"`
	Expires    time.Time `json:"expires"`
	Vendor     string    `json:"vendor,omitempty"`
	Protocol   string    `json:"protocol,omitempty"`
	Domain     string    `json:"domain,omitempty" doc:"Of the address that the last test login came with"`
	Account    string    `json:"account,omitempty" doc:"Who came in by its invitation"`
	By         Actor     `json:"created_by"`
	Revision   int64     `json:"revision"`
	URL        string    `json:"url,omitempty" doc:"The link itself: when it is made, and never again"`
}

func viewSetup(x provision.Setup) Setup {
	return Setup{
		ID: string(x.ID), Tenant: string(x.Tenant), Connection: string(x.Connection), State: string(x.State), Step: x.Step(), Created: x.Created, Expires: x.Expires,
		Vendor: x.Vendor, Protocol: string(x.Protocol), Domain: x.Domain.String(), Account: string(x.Account), By: Actor(x.By), Revision: x.Revision,
	}
}

// SetupIn names a setup link.
type SetupIn struct {
	Setup string `path:"setup"`
}

// SetupCreate makes a setup link.
type SetupCreate struct {
	Key  string `header:"Idempotency-Key" doc:"Asked for again under it within a day, it is done once; the link itself is not said again"`
	Body struct {
		Tenant     string `json:"tenant"`
		Connection string `json:"connection,omitempty" maxLength:"63" doc:"The id of what it makes; for who reaches every tenant. Not there: drawn"`
		Expires    string `json:"expires,omitempty" doc:"After how long, from 1m to 31d; not there: 72h"`
		Reason     string `json:"reason,omitempty" maxLength:"1000"`
	}
}

// SetupDelete withdraws a setup link.
type SetupDelete struct {
	SetupIn
	Key    string `header:"Idempotency-Key"`
	Reason string `query:"reason" maxLength:"1000" doc:"Why; kept in the audit"`
}

const listSetups = "GET /setups"

func (a *API) setups() {
	does(a, operation{listSetups, "setups.read", "List setup links that are open"}, a.ListSetups)
	does(a, operation{"POST /setups", "setups.create", "Make a setup link; wants the scope write of everything, for whoever opens it becomes the tenant's administrator"}, a.MakeSetup)
	does(a, operation{"GET /setups/{setup}", "setups.read", "Show a setup link, and how far it has come"}, a.GetSetup)
	does(a, operation{"DELETE /setups/{setup}", "setups.withdraw", "Withdraw a setup link, with its invitation"}, a.WithdrawSetup)
}

// ListSetups lists setup links.
func (a *API) ListSetups(ctx context.Context, m broker.Mandate, in *EndedIn) (*List[Setup], error) {
	p, err := a.page(m, listSetups, in.PageIn)
	if err != nil {
		return nil, err
	}
	p.Ended = in.Ended
	part, err := a.Desk.Setups(ctx, m, p)
	if err != nil {
		return nil, err
	}
	l := listed(a, listing{m, listSetups, in.PageIn}, part, viewSetup)
	l.Link = in.link(l.Link)
	return l, nil
}

// GetSetup is a setup link.
func (a *API) GetSetup(ctx context.Context, m broker.Mandate, in *SetupIn) (*One[Setup], error) {
	x, err := a.Desk.Setup(ctx, m, provision.SetupID(in.Setup))
	return &One[Setup]{Body: viewSetup(x)}, err
}

// MakeSetup makes a setup link.
func (a *API) MakeSetup(ctx context.Context, m broker.Mandate, in *SetupCreate) (*One[Setup], error) {
	n := broker.NewSetup{Tenant: provision.TenantID(in.Body.Tenant), Connection: provision.ConnectionID(in.Body.Connection)}
	err := m.May("setups.create")
	if err == nil {
		_, err = a.Desk.Reach(ctx, m, n.Tenant)
	}
	if err != nil {
		return nil, err
	}
	if n.Expires, err = duration("expires", in.Body.Expires); err != nil {
		return nil, err
	}
	made, err := a.Desk.MakeSetup(ctx, order(ctx, m, in.Body.Reason), n)
	one := &One[Setup]{Body: viewSetup(made.Setup)}
	one.Body.URL = made.URL
	return one, err
}

// WithdrawSetup takes a setup link back.
func (a *API) WithdrawSetup(ctx context.Context, m broker.Mandate, in *SetupDelete) (*None, error) {
	return &None{}, a.Desk.WithdrawSetup(ctx, order(ctx, m, in.Reason), provision.SetupID(in.Setup))
}
