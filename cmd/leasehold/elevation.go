package main

import (
	"fmt"
	"io"
	"time"

	"github.com/alecthomas/kong"

	"leasehold/web/api"
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
	of := get("/elevations", q)
	items, err := gather[api.ElevationView](s, of)
	if err != nil {
		return err
	}
	return sheet[elevationView]{"ID ACCOUNT EMAIL ROLE FOR STATE ASKED EXPIRES TICKET REASON", func(v elevationView) []any {
		return []any{v.ID, v.Account, v.Email, v.Role, v.For, v.State, at(v.Asked), at(v.Expires), v.Ticket, v.Reason}
	}, func(v elevationView) string { return v.ID }}.print(s, of, viewAll(items, viewElevation))
}

// elevationVerdict is a word on a request: the command's own name says which. It wants a reason.
type elevationVerdict struct {
	one
	reasoned
}

// Run says it.
func (c elevationVerdict) Run(k *kong.Context, s *surroundings) error {
	var said api.ElevationView
	if err := s.ask(post(c.path("elevations")+"/"+k.Selected().Name, c.order()), &said); err != nil {
		return err
	}
	v := viewElevation(said)
	return s.print(v, func(w io.Writer) {
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
	ID      string    `json:"id"`
	Tenant  string    `json:"tenant"`
	Account string    `json:"account"`
	Email   string    `json:"email,omitempty"`
	Session string    `json:"session"`
	Role    string    `json:"role"`
	For     string    `json:"for"`
	State   string    `json:"state"`
	Asked   time.Time `json:"asked"`
	Expires time.Time `json:"expires"`
	Decided time.Time `json:"decided,omitzero"`
	By      api.Actor `json:"by,omitzero"`
	Lease   string    `json:"lease,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Ticket  string    `json:"ticket,omitempty"`
}

func viewElevation(e api.ElevationView) elevationView {
	return elevationView{e.ID, e.Tenant, e.Account, e.Email, e.Session, e.Role, e.For, e.State, e.Asked, e.Expires, e.Decided, e.By, e.Lease, e.Reason, e.Ticket}
}
