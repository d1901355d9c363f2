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
	List    listAccounts   `cmd:"" help:"List them."`
	Show    showAccount    `cmd:"" help:"Show one, with its sign-ins and leases."`
	Create  createAccount  `cmd:"" help:"Make one before its first login."`
	Link    linkAccount    `cmd:"" help:"Give it a further sign-in."`
	Unlink  linkAccount    `cmd:"" help:"Take a sign-in from it."`
	Appoint appointAccount `cmd:"" help:"Make it an administrator of its tenant, or an operator."`
	Dismiss appointAccount `cmd:"" help:"Take an office from it, at once."`
	Approve accountAction  `cmd:"" help:"Let a pending one in at its next login."`
	End     accountAction  `cmd:"" help:"End its leases; the next login resumes it."`
	Suspend accountAction  `cmd:"" help:"Hold it: its leases end, and it cannot log in."`
	Release accountAction  `cmd:"" help:"Lift a suspension."`
	Revoke  accountVerdict `cmd:"" help:"End it for good: its leases end, and it cannot log in."`
	Restore accountVerdict `cmd:"" help:"Lift a revocation; the next login resumes it."`
	Delete  accountVerdict `cmd:"" help:"End it and erase its personal data; the tombstone stays."`
}

type listAccounts struct{ listing }

// Run lists accounts.
func (c listAccounts) Run(s *surroundings) error {
	return list(s, get("/accounts", c.query()), "ID TENANT STATE EMAIL NAME", func(v accountView) []any {
		return []any{v.ID, v.Tenant, v.State, v.Email, v.Name}
	}, func(v accountView) string { return string(v.ID) })
}

type showAccount struct{ one }

// Run shows an account.
func (c showAccount) Run(s *surroundings) error {
	return show(s, get(c.path("accounts"), nil), printAccount)
}

func printAccount(w io.Writer, v accountView) {
	row(w, "id", v.ID)
	row(w, "tenant", v.Tenant)
	row(w, "state", v.State)
	row(w, "email", v.Email)
	row(w, "name", v.Name)
	for _, office := range v.Offices {
		row(w, "office", office)
	}
	for _, l := range v.Links {
		row(w, "sign-in", string(l.Connection)+" "+l.Subject)
	}
	for _, l := range v.Leases {
		row(w, "lease", fmt.Sprintf("%s until %s", l.ID, at(l.End)))
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
	return show(s, post("/accounts", nil, order), printAccount)
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
	return show(s, post(c.path("accounts")+"/"+k.Selected().Name, c.query(), order), printAccount)
}

// appointAccount is appoint or dismiss: the command's own name says which.
type appointAccount struct {
	one
	because
	Office string `help:"admin of its tenant, or operator." enum:"admin,operator" default:"admin"`
}

// Run does it.
func (c appointAccount) Run(k *kong.Context, s *surroundings) error {
	order := accountOrder{Office: provision.Office(provision.OfficePrefix + c.Office)}
	return show(s, post(c.path("accounts")+"/"+k.Selected().Name, c.query(), order), printAccount)
}

// accountAction is a verb on an account: the command's own name says which.
type accountAction struct {
	one
	because
}

// Run does it.
func (c accountAction) Run(k *kong.Context, s *surroundings) error {
	return show(s, post(c.path("accounts")+"/"+k.Selected().Name, c.query(), nil), printAccount)
}

// accountVerdict is a verb on an account that wants a reason.
type accountVerdict struct {
	one
	reasoned
}

// Run does it.
func (c accountVerdict) Run(k *kong.Context, s *surroundings) error {
	return show(s, post(c.path("accounts")+"/"+k.Selected().Name, c.query(), nil), printAccount)
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
	return list(s, get("/leases", q), "ID ACCOUNT CONNECTION START SEEN END ENDED", func(v leaseView) []any {
		return []any{v.ID, v.Account, v.Connection, at(v.Start), at(v.Seen), at(v.End), v.EndReason}
	}, func(v leaseView) string { return string(v.ID) })
}

type showLease struct{ one }

// Run shows a lease.
func (c showLease) Run(s *surroundings) error {
	return show(s, get(c.path("leases"), nil), func(w io.Writer, v leaseView) {
		row(w, "id", v.ID)
		row(w, "account", v.Account)
		row(w, "connection", v.Connection)
		row(w, "roles", strings.Join(v.Roles, ","))
		row(w, "start", at(v.Start))
		row(w, "seen", at(v.Seen))
		row(w, "end", at(v.End))
		if !v.EndedAt.IsZero() {
			row(w, "ended", fmt.Sprintf("%s (%s)", at(v.EndedAt), v.EndReason))
		}
	})
}

// revokeCommand ends access.
type revokeCommand struct {
	Lease      string `xor:"what" help:"This lease, and what is below it." placeholder:"ID"`
	Account    string `xor:"what" help:"All leases of an account, which is revoked for good." placeholder:"ID"`
	Connection string `xor:"what" help:"Everything that came by a connection." placeholder:"ID"`
	Tenant     string `xor:"what" help:"Everything of a tenant." placeholder:"ID"`
	Domain     string `xor:"what" help:"Everything of an e-mail domain." placeholder:"NAME"`
	reasoned
	Once string `help:"A name for this revocation: asked for again under it, after an answer was lost, it is done once, and the answer is the same." placeholder:"NAME"`
	Wait bool   `help:"Return only when every row below is written too; access has ended before that."`
}

// Run revokes. When it returns, no check that begins lets anything of it in.
func (c revokeCommand) Run(s *surroundings) error {
	order := revokeOrder{
		Lease: provision.LeaseID(c.Lease), Account: provision.AccountID(c.Account), Connection: provision.ConnectionID(c.Connection),
		Tenant: provision.TenantID(c.Tenant), Domain: c.Domain, Reason: c.Reason, Once: c.Once,
	}
	if c.Lease+c.Account+c.Connection+c.Tenant+c.Domain == "" {
		return usageError{errors.New("name what to revoke: --lease, --account, --connection, --tenant or --domain")}
	}
	a, err := s.admin()
	if err != nil {
		return err
	}
	var done revoked
	if err := a.ask(post("/revoke", nil, order), &done); err != nil {
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
		if err := a.ask(get("/revocations/"+url.PathEscape(string(id)), nil), &state); err != nil || state.Settled {
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
	fmt.Fprintf(w, "done; access has ended, and its rows settle as %s\n", r.Revocation)
}

type auditCommands struct {
	Tail   tailAudit   `cmd:"" help:"Print what the server knows, from a cursor on, as JSON lines; --follow goes on."`
	Export exportAudit `cmd:"" help:"Print all events as JSON lines, with or without a server."`
}

type tailAudit struct {
	Tenant string        `help:"Only of this tenant." placeholder:"ID"`
	Event  string        `help:"Only of this kind: login, lease.ended, account.state, domain.claim …" placeholder:"KIND"`
	Ref    string        `help:"Only what a person's reference stands for." placeholder:"REFERENCE"`
	After  int64         `help:"Begin after this event: the seq of the last one that is known." placeholder:"SEQ"`
	Follow bool          `short:"f" help:"Go on with what comes."`
	Every  time.Duration `hidden:"" default:"500ms"`
}

// Run prints events until there are none, or until it is stopped.
func (c tailAudit) Run(s *surroundings) error {
	for {
		n, err := c.print(s)
		if c.Follow && s.ctx.Err() != nil {
			return nil // Ctrl-C is how following ends
		}
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
	q := url.Values{"tenant": {c.Tenant}, "event": {c.Event}, "ref": {c.Ref}, "after": {fmt.Sprint(c.After)}, "limit": {"1000"}}
	if err := a.ask(get("/audit", q), &events); err != nil {
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

type resetClock struct{ reasoned }

// Run resets ledger time.
func (c resetClock) Run(s *surroundings) error {
	return show(s, post("/clock/reset", c.query(), nil), printRevoked)
}
