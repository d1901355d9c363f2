package main

import (
	"fmt"
	"io"
	"time"

	"leasehold/web/api"
)

type setupCommands struct {
	Create createSetup `cmd:"" help:"Make a link by which a tenant's people register their identity provider."`
	List   listSetups  `cmd:"" help:"List links that work, and with --ended all."`
	Revoke revokeSetup `cmd:"" help:"Take a link back. What it registered stays as it is."`
}

type createSetup struct {
	Tenant     string        `required:"" help:"Whose people." placeholder:"ID"`
	Connection string        `help:"The id of the connection that it makes; one that nothing has. Default: drawn." placeholder:"ID"`
	Expires    time.Duration `help:"How long the link works." default:"72h"`
	because
}

// Run prints the link, once.
func (c createSetup) Run(s *surroundings) error {
	var order api.SetupCreate
	order.Body.Tenant, order.Body.Connection, order.Body.Expires, order.Body.Reason = c.Tenant, c.Connection, c.Expires.String(), c.Reason
	q := post("/setups", order.Body)
	q.about = "tenant " + c.Tenant
	var made api.Setup
	if err := s.ask(q, &made); err != nil {
		return err
	}
	if made.URL == "" {
		return fmt.Errorf("%s was made, but the answer that held the link was lost, and it is not said again: revoke it, and make another one", made.ID)
	}
	v := viewSetup(made)
	return s.print(v, func(w io.Writer) {
		fmt.Fprintln(w, v.URL)
		fmt.Fprintf(w, "for %s, until %s, once; it is not shown again. Whoever opens it becomes the administrator of %s.\n", v.Tenant, at(v.Expires), v.Tenant)
		fmt.Fprintf(w, "take it back with: leasehold setup revoke %s\n", v.ID)
	})
}

type listSetups struct {
	listing
	Ended bool `help:"Those that are done or revoked, too."`
}

// Run lists setup links.
func (c listSetups) Run(s *surroundings) error {
	q := c.query()
	q.Set("ended", fmt.Sprint(c.Ended))
	of := get("/setups", q)
	items, err := gather[api.Setup](s, of)
	if err != nil {
		return err
	}
	return sheet[setupView]{"ID TENANT CONNECTION STATE STEP EXPIRES", func(v setupView) []any {
		return []any{v.ID, v.Tenant, v.Connection, v.State, v.Step, at(v.Expires)}
	}, func(v setupView) string { return v.ID }}.print(s, of, viewAll(items, viewSetup))
}

type revokeSetup struct {
	ID string `arg:"" help:"As setup list shows it." placeholder:"ID"`
	because
}

// Run takes it back.
func (c revokeSetup) Run(s *surroundings) error {
	return show(s, remove(one{c.ID}.path("setups"), c.query()), func(w io.Writer, _ said) { fmt.Fprintln(w, "revoked") })
}

// setupView is a setup link as it is printed.
type setupView struct {
	ID         string    `json:"id"`
	Tenant     string    `json:"tenant"`
	Connection string    `json:"connection"`
	State      string    `json:"state"`
	Step       string    `json:"step"`
	Created    time.Time `json:"created"`
	Expires    time.Time `json:"expires"`
	By         string    `json:"by"`
	Account    string    `json:"account,omitempty"`
	URL        string    `json:"url,omitempty"` // of a new one, once
}

func viewSetup(x api.Setup) setupView {
	return setupView{x.ID, x.Tenant, x.Connection, x.State, x.Step, x.Created, x.Expires, x.By.Kind + " " + x.By.ID, x.Account, x.URL}
}
