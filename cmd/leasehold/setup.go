package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"leasehold/provision"
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
	order := setupOrder{provision.TenantID(c.Tenant), provision.ConnectionID(c.Connection), c.Expires}
	return show(s, atHost(http.MethodPost, "/setups", c.query(), order), func(w io.Writer, v setupView) {
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
	return listAtHost(s, "/setups", q, sheet[setupView]{"ID TENANT CONNECTION STATE STEP EXPIRES", func(v setupView) []any {
		return []any{v.ID, v.Tenant, v.Connection, v.State, v.Step, at(v.Expires)}
	}, func(v setupView) string { return string(v.ID) }})
}

type revokeSetup struct {
	ID string `arg:"" help:"As setup list shows it." placeholder:"ID"`
	because
}

// Run takes it back.
func (c revokeSetup) Run(s *surroundings) error {
	return show(s, atHost(http.MethodPost, "/setups/"+url.PathEscape(c.ID)+"/revoke", c.query(), nil), func(w io.Writer, _ said) { fmt.Fprintln(w, "revoked") })
}
