package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"
)

// applyCommand makes what is registered what manifests say.
type applyCommand struct {
	Files  []string `short:"f" name:"file" help:"A manifest, or a pattern; may be given several times." required:"" placeholder:"FILE" sep:"none"`
	DryRun bool     `help:"Say what would change, and change nothing."`
	Adopt  bool     `help:"Take over what the API registered."`
	Prune  bool     `help:"Disable what manifests registered once and do not any more."`
}

// Run prints the differences. Applying the same again prints that there are none.
func (c applyCommand) Run(s *surroundings) error {
	order := applyOrder{DryRun: c.DryRun, Adopt: c.Adopt, Prune: c.Prune}
	for _, file := range c.Files {
		path, err := filepath.Abs(file) // the server has another working directory
		if err != nil {
			return err
		}
		order.Files = append(order.Files, path)
	}
	return show(s, "POST", "/apply", nil, order, func(w io.Writer, r registeredView) {
		for _, line := range r.Changes {
			fmt.Fprintln(w, line)
		}
		for _, name := range r.Unmanaged {
			fmt.Fprintln(w, "unmanaged:", name)
		}
		switch {
		case c.Prune:
			fmt.Fprintf(w, "%d leases end by pruning\n", r.Ended)
		case len(r.Changes) == 0:
			fmt.Fprintln(w, "nothing to change")
		}
		if r.DryRun {
			fmt.Fprintln(w, "(nothing was changed: dry run)")
		}
	})
}

type tenantCommands struct {
	List    listTenants  `cmd:"" help:"List them."`
	Show    showTenant   `cmd:"" help:"Show one."`
	Suspend tenantAction `cmd:"" help:"Keep everybody of it out, and end what they have."`
	Resume  tenantAction `cmd:"" help:"Let them log in again."`
}

type listTenants struct{ listing }

// Run lists tenants.
func (c listTenants) Run(s *surroundings) error {
	return show(s, "GET", "/tenants", c.query(), nil, table("ID NAME CREATE MODE POLICY SUSPENDED OWNER", func(t tenantView) []any {
		return []any{t.ID, t.Name, t.Create, t.Mode, t.Policy, t.Suspended, t.Owner}
	}))
}

type showTenant struct{ one }

// Run shows a tenant.
func (c showTenant) Run(s *surroundings) error {
	return show(s, "GET", c.path("tenants"), nil, nil, func(w io.Writer, t tenantView) {
		row(w, "id", t.ID)
		row(w, "name", t.Name)
		row(w, "contact", t.Contact)
		row(w, "suspended", t.Suspended)
		row(w, "create", t.Create)
		row(w, "mode", t.Mode)
		row(w, "max_session", t.MaxSession)
		row(w, "idle", t.Idle)
		row(w, "seats", t.Seats)
		row(w, "policy version", t.Policy)
		if !t.ContractEnd.IsZero() {
			row(w, "contract_end", t.ContractEnd)
		}
	})
}

// tenantAction is suspend or resume: the command's own name says which.
type tenantAction struct {
	one
	because
}

// Run does it.
func (c tenantAction) Run(k *kong.Context, s *surroundings) error {
	return show(s, "POST", c.path("tenants")+"/"+k.Selected().Name, c.query(), nil, printRevoked)
}

type domainCommands struct {
	List  listDomains `cmd:"" help:"List claims."`
	Show  showDomain  `cmd:"" help:"Show the claims on a domain, and what to publish."`
	Check checkDomain `cmd:"" help:"Look for the proof now."`
}

type listDomains struct{ listing }

// Run lists claims.
func (c listDomains) Run(s *surroundings) error {
	return show(s, "GET", "/domains", c.query(), nil, table("DOMAIN TENANT STATE PROOF", func(v claimView) []any {
		return []any{v.Domain, v.Tenant, v.State, v.Proof}
	}))
}

type showDomain struct{ one }

// Run prints the claims on a domain and the record that proves each.
func (c showDomain) Run(s *surroundings) error {
	return show(s, "GET", c.path("domains"), nil, nil, func(w io.Writer, claims []claimView) {
		for _, v := range claims {
			row(w, "domain", v.Domain)
			row(w, "tenant", v.Tenant)
			row(w, "state", v.State)
			row(w, "proof", v.Proof)
			if v.Record != "" {
				row(w, "publish", v.Record+" TXT \""+v.Value+"\"")
			}
			if v.Note != "" {
				row(w, "note", v.Note)
			}
			if !v.Verified.IsZero() {
				row(w, "verified", v.Verified)
			}
		}
	})
}

type checkDomain struct {
	one
	Tenant string `help:"Whose claim, if several tenants have one." placeholder:"ID"`
}

// Run looks for the proof and says what was found.
func (c checkDomain) Run(s *surroundings) error {
	return show(s, "POST", c.path("domains")+"/check", listing{Tenant: c.Tenant}.query(), nil, func(w io.Writer, v checkedView) {
		fmt.Fprintln(w, v.Text)
	})
}

type connectionCommands struct {
	List    listConnections  `cmd:"" help:"List them."`
	Show    showConnection   `cmd:"" help:"Show one, with what its identity provider has to know."`
	Disable connectionAction `cmd:"" help:"Keep everybody who comes by it out, and end what they have."`
	Enable  connectionAction `cmd:"" help:"Let them log in again."`
}

type listConnections struct{ listing }

// Run lists connections.
func (c listConnections) Run(s *surroundings) error {
	return show(s, "GET", "/connections", c.query(), nil, table("ID TENANT PROTOCOL DOMAINS DISABLED HELD OWNER", func(v connectionView) []any {
		var domains []string
		for _, d := range v.Domains {
			domains = append(domains, d.String())
		}
		return []any{v.ID, v.Tenant, v.Protocol, strings.Join(domains, ","), v.Disabled, v.Held, v.Owner}
	}))
}

type showConnection struct{ one }

// Run shows a connection.
func (c showConnection) Run(s *surroundings) error {
	return show(s, "GET", c.path("connections"), nil, nil, func(w io.Writer, v connectionView) {
		row(w, "id", v.ID)
		row(w, "tenant", v.Tenant)
		row(w, "protocol", v.Protocol)
		row(w, "subject", v.Subject)
		if v.EntityID != "" {
			row(w, "entity id, metadata", v.EntityID)
			row(w, "assertion consumer", v.ACS)
		}
		if v.Callback != "" {
			row(w, "issuer", v.Issuer)
			row(w, "redirect uri", v.Callback)
		}
		row(w, "disabled", v.Disabled)
	})
}

// connectionAction is disable or enable: the command's own name says which.
type connectionAction struct {
	one
	because
}

// Run does it.
func (c connectionAction) Run(k *kong.Context, s *surroundings) error {
	return show(s, "POST", c.path("connections")+"/"+k.Selected().Name, c.query(), nil, printRevoked)
}

type appCommands struct {
	List listApps `cmd:"" help:"List them."`
	Show showApp  `cmd:"" help:"Show one."`
}

type listApps struct{ listing }

// Run lists apps.
func (c listApps) Run(s *surroundings) error {
	return show(s, "GET", "/apps", c.query(), nil, table("ID ORIGINS TENANTS HEADERS OWNER", func(v appView) []any {
		return []any{v.ID, v.Origins, v.Tenants, v.Headers, v.Owner}
	}))
}

type showApp struct{ one }

// Run shows an app.
func (c showApp) Run(s *surroundings) error {
	return show(s, "GET", c.path("apps"), nil, nil, func(w io.Writer, v appView) {
		row(w, "id", v.ID)
		row(w, "origins", v.Origins)
		row(w, "tenants", v.Tenants)
		row(w, "headers", v.Headers)
		row(w, "roles", v.Roles)
		row(w, "public", v.Public)
		row(w, "max_session", v.MaxSession)
	})
}
