package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

type elevationCommands struct {
	List    listElevations   `cmd:"" help:"List what people ask for: requests that wait, or all."`
	Approve elevationVerdict `cmd:"" help:"Give the role that a request asks for."`
	Deny    elevationVerdict `cmd:"" help:"Refuse a request."`
	End     elevationVerdict `cmd:"" help:"End a role that was given, now."`
}

type listElevations struct {
	listing
	All bool `help:"Also those that were decided."`
}

// Run lists requests.
func (c listElevations) Run(s *surroundings) error {
	q := c.query()
	q.Set("ended", fmt.Sprint(c.All))
	return listAtHost(s, "/elevations", q, sheet[elevationView]{"ID ACCOUNT EMAIL ROLE FOR STATE ASKED EXPIRES TICKET REASON", func(v elevationView) []any {
		return []any{v.ID, v.Account, v.Email, v.Role, v.For, v.State, at(v.Asked), at(v.Expires), v.Ticket, v.Reason}
	}, func(v elevationView) string { return string(v.ID) }})
}

// elevationVerdict is a word on a request: the command's own name says which. It wants a reason.
type elevationVerdict struct {
	one
	reasoned
}

// Run says it.
func (c elevationVerdict) Run(k *kong.Context, s *surroundings) error {
	return show(s, atHost(http.MethodPost, c.path("elevations")+"/"+k.Selected().Name, c.query(), nil), func(w io.Writer, v elevationView) {
		row(w, "id", v.ID)
		row(w, "state", v.State)
		row(w, "role", v.Role)
		row(w, "account", v.Account)
		if v.Lease != "" {
			row(w, "lease", v.Lease)
		}
	})
}

type elevationView struct {
	ID      provision.ElevationID `json:"id"`
	Tenant  provision.TenantID    `json:"tenant"`
	Account provision.AccountID   `json:"account"`
	Email   string                `json:"email,omitempty"`
	Session provision.LeaseID     `json:"session"`
	Role    string                `json:"role"`
	For     string                `json:"for"`
	State   string                `json:"state"`
	Asked   time.Time             `json:"asked"`
	Expires time.Time             `json:"expires"`
	Decided time.Time             `json:"decided,omitzero"`
	By      web.LineActor         `json:"by,omitzero"`
	Lease   provision.LeaseID     `json:"lease,omitempty"`
	Reason  string                `json:"reason,omitempty"`
	Ticket  string                `json:"ticket,omitempty"`
}

func viewElevation(e provision.Elevation) elevationView {
	return elevationView{
		ID: e.ID, Tenant: e.Tenant, Account: e.Account, Session: e.Session, Role: e.Role, For: e.For.String(), State: string(e.State),
		Asked: e.Asked, Expires: e.Expires, Decided: e.Decided, By: web.LineActor(e.By), Lease: e.Lease, Reason: e.Said.Reason, Ticket: e.Said.Ticket,
	}
}

func viewPetition(p broker.Petition) elevationView {
	v := viewElevation(p.Elevation)
	v.Email = p.Asker.Email.String()
	return v
}

func (o operator) elevations(r *http.Request, _ broker.Deed) (any, error) {
	p := pageOf(r)
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	items, err := o.gateway.broker.Petitions(r.Context(), provision.ElevationFilter{Tenant: p.Tenant, After: provision.ElevationID(p.After), Waiting: !p.Ended, Limit: limit})
	return views(items, err, viewPetition)
}

func (o operator) elevationVerb(r *http.Request, d broker.Deed) (any, error) {
	b, id := o.gateway.broker, provision.ElevationID(r.PathValue("id"))
	switch r.PathValue("verb") {
	case "approve":
		e, err := b.RuleElevation(r.Context(), d, id, true)
		return viewElevation(e), err
	case "deny":
		e, err := b.RuleElevation(r.Context(), d, id, false)
		return viewElevation(e), err
	case "end":
		e, err := b.EndElevation(r.Context(), d, id)
		return viewElevation(e), err
	}
	return nil, provision.ErrNotFound
}
