package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"leasehold/provision"
	"leasehold/web/api"
)

// applyCommand makes what is registered what manifests say.
type applyCommand struct {
	Files  []string `short:"f" name:"file" help:"A manifest, or a pattern; may be given several times." required:"" placeholder:"FILE" sep:"none"`
	DryRun bool     `help:"Say what would change, and change nothing."`
	Adopt  bool     `help:"Take over what the API registered."`
	Prune  bool     `help:"Disable what manifests registered once and these do not name; says first how many leases end."`
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
	if err := c.announce(s, order); err != nil {
		return err
	}
	return show(s, atHost(http.MethodPost, "/apply", nil, order), c.print)
}

// announce says how many leases pruning ends, before it does.
func (c applyCommand) announce(s *surroundings, order applyOrder) error {
	if !c.Prune || c.DryRun {
		return nil
	}
	a, err := s.admin()
	if err != nil {
		return err
	}
	order.DryRun = true
	var r registeredView
	if err := a.ask(atHost(http.MethodPost, "/apply", nil, order), &r); err != nil {
		return err
	}
	fmt.Fprintf(s.stderr, "pruning %d objects ends %d leases\n", len(r.Unmanaged), r.Ended)
	return nil
}

func (c applyCommand) print(w io.Writer, r registeredView) {
	for _, line := range r.Changes {
		fmt.Fprintln(w, line)
	}
	for _, name := range r.Unmanaged {
		if c.Prune {
			fmt.Fprintln(w, "pruned:", name)
		} else {
			fmt.Fprintln(w, "unmanaged:", name)
		}
	}
	switch {
	case c.Prune && c.DryRun:
		fmt.Fprintf(w, "pruning %d objects would end %d leases\n", len(r.Unmanaged), r.Ended)
	case len(r.Changes) == 0:
		fmt.Fprintln(w, "nothing to change")
	}
	if r.DryRun {
		fmt.Fprintln(w, "dry run: nothing was changed")
	}
}

type tenantCommands struct {
	List    listTenants  `cmd:"" help:"List them."`
	Show    showTenant   `cmd:"" help:"Show one."`
	Suspend tenantAction `cmd:"" help:"Keep everybody of it out, and end what they have."`
	Resume  tenantAction `cmd:"" help:"Let them log in again."`
	Delete  deleteTenant `cmd:"" help:"Delete one that is suspended, with its accounts, connections and claims."`
}

type listTenants struct{ listing }

// Run lists tenants.
func (c listTenants) Run(s *surroundings) error {
	return list(s, get("/tenants", c.query()), sheet[tenantView]{"ID NAME CREATE MODE POLICY SUSPENDED OWNER", func(t tenantView) []any {
		return []any{t.ID, t.Name, t.Create, t.Mode, t.PolicyVersion, t.Suspended, t.Owner}
	}, func(t tenantView) string { return t.ID }})
}

type showTenant struct{ one }

// Run shows a tenant.
func (c showTenant) Run(s *surroundings) error {
	return show(s, get(c.path("tenants"), nil), func(w io.Writer, t tenantView) {
		row(w, "id", t.ID)
		row(w, "name", t.Name)
		row(w, "contact", t.Contact)
		row(w, "suspended", t.Suspended)
		row(w, "create", t.Create)
		row(w, "mode", t.Mode)
		row(w, "max_session", t.MaxSession)
		row(w, "idle", t.Idle)
		if t.Seats != nil {
			row(w, "seats", *t.Seats)
		}
		row(w, "policy version", t.PolicyVersion)
		if !t.ContractEnd.IsZero() {
			row(w, "contract_end", at(t.ContractEnd))
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
	return show(s, post(c.path("tenants")+"/"+k.Selected().Name, c.order()), printRevoked)
}

type domainCommands struct {
	List   listDomains  `cmd:"" help:"List claims."`
	Show   showDomain   `cmd:"" help:"Show the claims on a domain, and what to publish."`
	Check  checkDomain  `cmd:"" help:"Look for the proof now."`
	Attest attestDomain `cmd:"" help:"Take your word that a domain is a tenant's; nobody checks it, and the audit says so."`
}

type listDomains struct{ listing }

// Run lists claims.
func (c listDomains) Run(s *surroundings) error {
	return list(s, get("/domains", c.query()), sheet[claimView]{"DOMAIN TENANT STATE PROOF", func(v claimView) []any {
		return []any{v.Domain, v.Tenant, v.State, v.Proof}
	}, func(v claimView) string { return v.Domain + "/" + v.Tenant }})
}

// oneDomain names a domain.
type oneDomain struct {
	Domain string `arg:"" help:"The domain, as in acme.example."`
}

// claims asks for the claims on it.
func (o oneDomain) claims(s *surroundings, tenant string) ([]claimView, error) {
	claims, err := gather[claimView](s, get("/domains", url.Values{"domain": {o.Domain}, "tenant": {tenant}}))
	if err == nil && len(claims) == 0 {
		err = fmt.Errorf("claim on %s: %w", o.Domain, provision.ErrNotFound)
	}
	return claims, err
}

// at is a tenant's claim on it.
func (o oneDomain) at(tenant string) string {
	return one{tenant}.path("tenants") + "/domains/" + url.PathEscape(o.Domain)
}

type showDomain struct{ oneDomain }

// Run prints the claims on a domain and the record that proves each.
func (c showDomain) Run(s *surroundings) error {
	claims, err := c.claims(s, "")
	if err != nil {
		return err
	}
	return s.print(claims, func(w io.Writer) {
		for _, v := range claims {
			printClaim(w, v)
		}
	})
}

func printClaim(w io.Writer, v claimView) {
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
	for _, moment := range []struct {
		what string
		when time.Time
	}{{"verified", v.Verified}, {"failing since", v.FirstFailure}, {"looked for", v.LastTried}} {
		if !moment.when.IsZero() {
			row(w, moment.what, at(moment.when))
		}
	}
}

type checkDomain struct {
	oneDomain
	Tenant string `help:"Whose claim, if several tenants have one." placeholder:"ID"`
}

// checkedView is what a look for a proof found.
type checkedView struct {
	claimView
	Text string `json:"text"`
}

// Run looks for the proof and says what was found.
func (c checkDomain) Run(s *surroundings) error {
	claims, err := c.claims(s, c.Tenant)
	if err != nil {
		return err
	}
	if len(claims) > 1 {
		return fmt.Errorf("several tenants claim %s; say which with --tenant", c.Domain)
	}
	var v claimView
	if err := s.ask(post(c.at(claims[0].Tenant)+"/check", saying{}), &v); err != nil {
		return err
	}
	text := strings.Join(append([]string{v.Found}, v.Warnings...), "\n")
	v.Found, v.Warnings = "", nil
	return s.print(checkedView{v, text}, func(w io.Writer) { fmt.Fprintln(w, text) })
}

type attestDomain struct {
	oneDomain
	Tenant string `required:"" help:"Whose domain it is." placeholder:"ID"`
	reasoned
}

// Run attests.
func (c attestDomain) Run(s *surroundings) error {
	var order api.DomainPut
	order.Body.Proof, order.Body.Reason = string(provision.ProofOperator), c.Reason
	return show(s, put(c.at(c.Tenant), order.Body), func(w io.Writer, v claimView) {
		fmt.Fprintf(w, "%s is %s of %s, by the operator's word\n", v.Domain, v.State, v.Tenant)
		for _, warning := range v.Warnings {
			fmt.Fprintln(w, warning)
		}
	})
}

type connectionCommands struct {
	List    listConnections  `cmd:"" help:"List them."`
	Show    showConnection   `cmd:"" help:"Show one, with what its identity provider has to know."`
	Disable connectionAction `cmd:"" help:"Keep everybody who comes by it out, and end what they have."`
	Enable  connectionAction `cmd:"" help:"Let them log in again."`
	Confirm connectionWord   `cmd:"" help:"Trust what a held connection proposes; what the former trust gave ends."`
	Reject  connectionWord   `cmd:"" help:"Keep the trust of a held connection as it is."`
	Delete  deleteConnection `cmd:"" help:"Delete one that is disabled, with every sign-in at it."`
}

type listConnections struct{ listing }

// Run lists connections.
func (c listConnections) Run(s *surroundings) error {
	q := get("/connections", c.query())
	items, err := gather[api.Connection](s, q)
	if err != nil {
		return err
	}
	return sheet[connectionView]{"ID TENANT PROTOCOL DOMAINS DISABLED HELD OWNER", func(v connectionView) []any {
		return []any{v.ID, v.Tenant, v.Protocol, joined(v.Domains), v.Disabled, v.Held, v.Owner}
	}, func(v connectionView) string { return v.ID }}.print(s, q, viewAll(items, viewConnection))
}

type showConnection struct{ one }

// Run shows a connection.
func (c showConnection) Run(s *surroundings) error {
	var of api.Connection
	if err := s.ask(get(c.path("connections"), nil), &of); err != nil {
		return err
	}
	v := viewConnection(of)
	return s.print(v, func(w io.Writer) {
		row(w, "id", v.ID)
		row(w, "tenant", v.Tenant)
		row(w, "protocol", v.Protocol)
		row(w, "domains", joined(v.Domains))
		row(w, "subject", v.Subject)
		row(w, "identity provider", v.Issuer)
		if v.Metadata != "" {
			row(w, "its metadata", v.Metadata)
		}
		if v.EntityID != "" {
			row(w, "entity id, metadata", v.EntityID)
			row(w, "assertion consumer", v.ACS)
			row(w, "single log-out", v.SLO)
		}
		if v.Callback != "" {
			row(w, "redirect uri", v.Callback)
			row(w, "back-channel log-out", v.Logout)
			row(w, "after log-out", v.After)
		}
		if v.Liveness != "" {
			row(w, "liveness", v.Liveness)
		}
		row(w, "disabled", v.Disabled)
		if v.Held {
			row(w, "held", "nobody logs in by it: confirm or reject its new trust")
			row(w, "in force", v.Trust)
			row(w, "proposed", v.Proposed)
		}
		if v.Note != "" {
			row(w, "note", v.Note)
		}
	})
}

// connectionAction is disable or enable: the command's own name says which.
type connectionAction struct {
	one
	because
}

// Run does it.
func (c connectionAction) Run(k *kong.Context, s *surroundings) error {
	return show(s, post(c.path("connections")+"/"+k.Selected().Name, c.order()), printRevoked)
}

// connectionWord is confirm or reject: the command's own name says which.
type connectionWord struct {
	one
	reasoned
}

// Run does it.
func (c connectionWord) Run(k *kong.Context, s *surroundings) error {
	return show(s, post(c.path("connections")+"/"+k.Selected().Name, c.order()), printRevoked)
}

type appCommands struct {
	List listApps `cmd:"" help:"List them."`
	Show showApp  `cmd:"" help:"Show one."`
}

type listApps struct{ listing }

// Run lists apps.
func (c listApps) Run(s *surroundings) error {
	return list(s, get("/apps", c.query()), sheet[appView]{"ID ORIGINS TENANTS HEADERS OWNER", func(v appView) []any {
		return []any{v.ID, joined(v.Origins), joined(v.Tenants), v.Headers, v.Owner}
	}, func(v appView) string { return v.ID }})
}

type showApp struct{ one }

// Run shows an app.
func (c showApp) Run(s *surroundings) error {
	return show(s, get(c.path("apps"), nil), func(w io.Writer, v appView) {
		row(w, "id", v.ID)
		row(w, "origins", joined(v.Origins))
		row(w, "tenants", joined(v.Tenants))
		row(w, "headers", v.Headers)
		row(w, "roles", joined(v.Roles))
		row(w, "public", joined(v.Public))
		row(w, "max_session", v.MaxSession)
		printNotify(w, v.Notify)
	})
}

func printNotify(w io.Writer, n *api.Notify) {
	if n == nil {
		return
	}
	row(w, "notify", n.URL)
	row(w, "still to be told", fmt.Sprintf("%d, and %d stuck", n.Pending, n.Stuck))
	if !n.Last.IsZero() {
		row(w, "last confirmed", at(n.Last)+", "+n.Latency+" after it was due")
		row(w, "confirmation time", "p50 "+n.P50+", p99 "+n.P99)
	}
}
