package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"leasehold/provision"
)

type accountCommands struct {
	List    listAccounts  `cmd:"" help:"List them."`
	Show    showAccount   `cmd:"" help:"Show one, with its sign-ins and leases."`
	Create  createAccount `cmd:"" help:"Make one before its first login."`
	Link    linkAccount   `cmd:"" help:"Give it a further sign-in."`
	Unlink  linkAccount   `cmd:"" help:"Take a sign-in from it."`
	Approve accountAction `cmd:"" help:"Let a pending one in at its next login."`
	End     accountAction `cmd:"" help:"End its leases; the next login resumes it."`
	Suspend accountAction `cmd:"" help:"Hold it: its leases end, and it cannot log in."`
	Release accountAction `cmd:"" help:"Lift a suspension."`
	Revoke  accountAction `cmd:"" help:"End it for good."`
	Restore accountAction `cmd:"" help:"Lift a revocation; wants a reason."`
	Delete  accountAction `cmd:"" help:"Erase its personal data; the tombstone stays."`
}

type listAccounts struct{ listing }

// Run lists accounts.
func (c listAccounts) Run(s *surroundings) error {
	return show(s, "GET", "/accounts", c.query(), nil, table("ID TENANT STATE EMAIL NAME", func(v accountView) []any {
		return []any{v.ID, v.Tenant, v.State, v.Email, v.Name}
	}))
}

type showAccount struct{ one }

// Run shows an account.
func (c showAccount) Run(s *surroundings) error {
	return show(s, "GET", c.path("accounts"), nil, nil, printAccount)
}

func printAccount(w io.Writer, v accountView) {
	row(w, "id", v.ID)
	row(w, "tenant", v.Tenant)
	row(w, "state", v.State)
	row(w, "email", v.Email)
	row(w, "name", v.Name)
	for _, l := range v.Links {
		row(w, "sign-in", string(l.Connection)+" "+l.Subject)
	}
	for _, l := range v.Leases {
		row(w, "lease", fmt.Sprintf("%s until %s", l.ID, l.End.Local().Format(time.DateTime)))
	}
}

type createAccount struct {
	Tenant     string `required:"" placeholder:"ID"`
	Email      string `required:"" placeholder:"ADDRESS"`
	Name       string
	Connection string `help:"With --subject: the sign-in that it waits for." placeholder:"ID"`
	Subject    string
}

// Run makes an account.
func (c createAccount) Run(s *surroundings) error {
	if (c.Connection == "") != (c.Subject == "") {
		return usageError{errors.New("--connection and --subject go together")}
	}
	order := accountOrder{Tenant: provision.TenantID(c.Tenant), Email: c.Email, Name: c.Name, Connection: provision.ConnectionID(c.Connection), Subject: c.Subject}
	return show(s, "POST", "/accounts", nil, order, printAccount)
}

// linkAccount is link or unlink: the command's own name says which.
type linkAccount struct {
	one
	because
	Connection string `required:"" placeholder:"ID"`
	Subject    string `required:""`
}

// Run does it.
func (c linkAccount) Run(k *kong.Context, s *surroundings) error {
	order := accountOrder{Connection: provision.ConnectionID(c.Connection), Subject: c.Subject}
	return show(s, "POST", c.path("accounts")+"/"+k.Selected().Name, c.query(), order, printAccount)
}

// accountAction is a verb on an account: the command's own name says which.
type accountAction struct {
	one
	because
}

// Run does it.
func (c accountAction) Run(k *kong.Context, s *surroundings) error {
	return show(s, "POST", c.path("accounts")+"/"+k.Selected().Name, c.query(), nil, printAccount)
}

type leaseCommands struct {
	List listLeases `cmd:"" help:"List them."`
	Show showLease  `cmd:"" help:"Show one."`
}

type listLeases struct {
	listing
	Ended bool `help:"Also those that have ended."`
}

// Run lists leases.
func (c listLeases) Run(s *surroundings) error {
	q := c.query()
	q.Set("ended", fmt.Sprint(c.Ended))
	return show(s, "GET", "/leases", q, nil, table("ID ACCOUNT CONNECTION START SEEN END ENDED", func(v leaseView) []any {
		return []any{v.ID, v.Account, v.Connection, v.Start.Format(time.RFC3339), v.Seen.Format(time.RFC3339), v.End.Format(time.RFC3339), v.EndReason}
	}))
}

type showLease struct{ one }

// Run shows a lease.
func (c showLease) Run(s *surroundings) error {
	return show(s, "GET", c.path("leases"), nil, nil, func(w io.Writer, v leaseView) {
		row(w, "id", v.ID)
		row(w, "account", v.Account)
		row(w, "connection", v.Connection)
		row(w, "roles", strings.Join(v.Roles, ","))
		row(w, "start", v.Start)
		row(w, "seen", v.Seen)
		row(w, "end", v.End)
		if !v.EndedAt.IsZero() {
			row(w, "ended", fmt.Sprintf("%s (%s)", v.EndedAt, v.EndReason))
		}
	})
}

// revokeCommand ends access.
type revokeCommand struct {
	Lease      string `xor:"what" placeholder:"ID"`
	Account    string `xor:"what" placeholder:"ID"`
	Connection string `xor:"what" placeholder:"ID"`
	Tenant     string `xor:"what" placeholder:"ID"`
	Domain     string `xor:"what" placeholder:"NAME"`
	Reason     string `required:"" help:"Why; kept in the audit." placeholder:"TEXT"`
	Wait       bool   `help:"Return only when the rows below are settled too. Access has ended before that."`
}

// Run revokes. When it returns, no check that begins lets anything of it in.
func (c revokeCommand) Run(s *surroundings) error {
	order := revokeOrder{
		Lease: provision.LeaseID(c.Lease), Account: provision.AccountID(c.Account), Connection: provision.ConnectionID(c.Connection),
		Tenant: provision.TenantID(c.Tenant), Domain: c.Domain, Reason: c.Reason,
	}
	if c.Lease+c.Account+c.Connection+c.Tenant+c.Domain == "" {
		return usageError{errors.New("name what to revoke: --lease, --account, --connection, --tenant or --domain")}
	}
	a, err := s.admin()
	if err != nil {
		return err
	}
	var done revoked
	if err := a.ask("POST", "/revoke", nil, order, &done); err != nil {
		return err
	}
	if c.Wait && done.Revocation != "" {
		if err := a.settled(done.Revocation); err != nil {
			return err
		}
	}
	if s.json {
		return s.printJSON(done)
	}
	printRevoked(s.stdout, done)
	return nil
}

// settled waits until nothing is left of a revocation.
func (a admin) settled(id provision.RevocationID) error {
	for {
		var state struct {
			Settled bool `json:"settled"`
		}
		if err := a.ask("GET", "/revocations/"+url.PathEscape(string(id)), nil, nil, &state); err != nil || state.Settled {
			return err
		}
		select {
		case <-a.say.ctx.Done():
			return a.say.ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func printRevoked(w io.Writer, r revoked) {
	if r.Revocation == "" {
		fmt.Fprintln(w, "done")
		return
	}
	fmt.Fprintln(w, "done; its rows settle as", r.Revocation)
}

type auditCommands struct {
	Tail   tailAudit   `cmd:"" help:"Print events as JSON lines, and go on with --follow."`
	Export exportAudit `cmd:"" help:"Print all events as JSON lines."`
}

type tailAudit struct {
	Tenant string        `help:"Only of this tenant." placeholder:"ID"`
	Event  string        `help:"Only of this kind." placeholder:"KIND"`
	After  int64         `help:"Begin after this seq." placeholder:"SEQ"`
	Follow bool          `short:"f" help:"Go on with what comes."`
	Every  time.Duration `hidden:"" default:"500ms"`
}

// Run prints events until there are none, or until it is stopped.
func (c tailAudit) Run(s *surroundings) error {
	for {
		n, err := c.print(s)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		if !c.Follow {
			return nil
		}
		select {
		case <-s.ctx.Done():
			return nil
		case <-time.After(c.Every):
		}
	}
}

// print prints the next page and moves the cursor.
func (c *tailAudit) print(s *surroundings) (int, error) {
	a, err := s.admin()
	if err != nil {
		return 0, err
	}
	var events []eventView
	q := url.Values{"tenant": {c.Tenant}, "event": {c.Event}, "after": {fmt.Sprint(c.After)}, "limit": {"1000"}}
	if err := a.ask("GET", "/audit", q, nil, &events); err != nil {
		return 0, err
	}
	e := json.NewEncoder(s.stdout)
	for _, event := range events {
		if err := e.Encode(event); err != nil {
			return 0, err
		}
		c.After = event.Seq
	}
	return len(events), nil
}

type clockCommands struct {
	Reset resetClock `cmd:"" help:"For a clock that ran ahead: ledger time is the wall clock again, and every lease ends."`
}

type resetClock struct{ because }

// Run resets ledger time.
func (c resetClock) Run(s *surroundings) error {
	return show(s, "POST", "/clock/reset", c.query(), nil, printRevoked)
}
