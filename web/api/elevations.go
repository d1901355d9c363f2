package api

import (
	"context"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// ElevationView is a request for a role as it is answered.
type ElevationView struct {
	ID      string    `json:"id"`
	Tenant  string    `json:"tenant"`
	Account string    `json:"account"`
	Email   string    `json:"email,omitempty"`
	Session string    `json:"session" doc:"The lease in which it was asked for, and with which it ends"`
	Role    string    `json:"role"`
	For     string    `json:"for"`
	State   string    `json:"state" enum:"waiting,approved,denied,withdrawn,expired"`
	Asked   time.Time `json:"asked"`
	Expires time.Time `json:"expires" doc:"From then on nobody may approve it"`
	Decided time.Time `json:"decided,omitzero"`
	By      Actor     `json:"decided_by,omitzero"`
	Lease   string    `json:"lease,omitempty" doc:"That gives the role"`
	Reason  string    `json:"reason,omitempty" doc:"Why it was asked for, unless that was erased"`
	Ticket  string    `json:"ticket,omitempty"`
}

func viewElevation(x broker.Petition) ElevationView {
	return ElevationView{
		ID: string(x.ID), Tenant: string(x.Tenant), Account: string(x.Account), Email: x.Asker.Email.String(), Session: string(x.Session), Role: x.Role, For: lasts(x.For), State: string(x.State),
		Asked: x.Asked, Expires: x.Expires, Decided: x.Decided, By: Actor(x.By), Lease: string(x.Lease), Reason: x.Said.Reason, Ticket: x.Said.Ticket,
	}
}

// ElevationsIn chooses requests for roles.
type ElevationsIn struct {
	EndedIn
	Account string `query:"account" maxLength:"60" doc:"Only of this account"`
}

// ElevationIn names a request for a role.
type ElevationIn struct {
	Elevation string `path:"elevation"`
}

// ElevationAsk asks for a role.
type ElevationAsk struct {
	Key  string `header:"Idempotency-Key" doc:"Asked for again under it within a day, it is done once"`
	Body struct {
		Lease  string `json:"lease" doc:"A live session of the person who made the token, with a login of the last 5 minutes"`
		Role   string `json:"role" minLength:"1" maxLength:"200"`
		For    string `json:"for" doc:"For how long, as in 10m"`
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
		Ticket string `json:"ticket,omitempty" maxLength:"500"`
	}
}

// ElevationVerb is a word on a request for a role.
type ElevationVerb struct {
	ElevationIn
	ReasonIn
}

const listElevations = "GET /elevations"

func (a *API) elevations() {
	does(a, operation{listElevations, "elevations.read", "List requests for roles that wait"}, a.ListElevations)
	does(a, operation{"POST /elevations", "elevations.ask", "Ask for a role for a while, for the person who made the token, in a session of hers"}, a.AskElevation)
	does(a, operation{"GET /elevations/{elevation}", "elevations.read", "Show a request for a role"}, a.GetElevation)
	does(a, operation{"POST /elevations/{elevation}/approve", "elevations.approve", "Give the role; no token of whoever asked does"}, a.ApproveElevation)
	does(a, operation{"POST /elevations/{elevation}/deny", "elevations.deny", "Refuse it"}, a.DenyElevation)
	does(a, operation{"POST /elevations/{elevation}/end", "elevations.end", "End a role before its time"}, a.EndElevation)
}

func oneElevation(x broker.Petition, err error) (*One[ElevationView], error) {
	return &One[ElevationView]{Body: viewElevation(x)}, err
}

// ListElevations lists requests for roles.
func (a *API) ListElevations(ctx context.Context, m broker.Mandate, in *ElevationsIn) (*List[ElevationView], error) {
	p, err := a.page(m, listElevations, in.PageIn)
	if err != nil {
		return nil, err
	}
	p.Ended, p.Account = in.Ended, provision.AccountID(in.Account)
	part, err := a.Desk.Petitions(ctx, m, p)
	if err != nil {
		return nil, err
	}
	l := listed(a, listing{m, listElevations, in.PageIn}, part, viewElevation)
	l.Link = also(in.link(l.Link), "account", in.Account)
	return l, nil
}

// GetElevation is a request for a role.
func (a *API) GetElevation(ctx context.Context, m broker.Mandate, in *ElevationIn) (*One[ElevationView], error) {
	return oneElevation(a.Desk.Petition(ctx, m, provision.ElevationID(in.Elevation)))
}

// AskElevation asks for a role.
func (a *API) AskElevation(ctx context.Context, m broker.Mandate, in *ElevationAsk) (*One[ElevationView], error) {
	b := in.Body
	if err := m.May("elevations.ask"); err != nil {
		return nil, err
	}
	d, err := duration("for", b.For)
	if err != nil {
		return nil, err
	}
	w := broker.Wanting{Role: b.Role, For: d, Said: provision.Said{Reason: b.Reason, Ticket: b.Ticket}}
	return oneElevation(a.Desk.AskElevation(ctx, order(ctx, m, ""), provision.LeaseID(b.Lease), w))
}

// ApproveElevation gives the role that a request asks for.
func (a *API) ApproveElevation(ctx context.Context, m broker.Mandate, in *ElevationVerb) (*One[ElevationView], error) {
	return oneElevation(a.Desk.RuleElevation(ctx, order(ctx, m, in.Body.Reason), provision.ElevationID(in.Elevation), true))
}

// DenyElevation refuses a request.
func (a *API) DenyElevation(ctx context.Context, m broker.Mandate, in *ElevationVerb) (*One[ElevationView], error) {
	return oneElevation(a.Desk.RuleElevation(ctx, order(ctx, m, in.Body.Reason), provision.ElevationID(in.Elevation), false))
}

// EndElevation ends a role.
func (a *API) EndElevation(ctx context.Context, m broker.Mandate, in *ElevationVerb) (*One[ElevationView], error) {
	return oneElevation(a.Desk.EndElevation(ctx, order(ctx, m, in.Body.Reason), provision.ElevationID(in.Elevation)))
}
