package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"leasehold/web/api"
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
	Delete  deleteAccount  `cmd:"" help:"End it and erase its personal data; the tombstone stays."`
}

type listAccounts struct{ listing }

// Run lists accounts.
func (c listAccounts) Run(s *surroundings) error {
	return list(s, get("/accounts", c.query()), sheet[accountView]{"ID TENANT STATE EMAIL NAME", func(v accountView) []any {
		return []any{v.ID, v.Tenant, v.State, v.Email, v.Name}
	}, func(v accountView) string { return v.ID }})
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
		row(w, "sign-in", l.Connection+" "+l.Subject)
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
	var order api.AccountCreate
	order.Body.Tenant, order.Body.Email, order.Body.Name, order.Body.Connection, order.Body.Subject = c.Tenant, c.Email, c.Name, c.Connection, c.Subject
	q := post("/accounts", order.Body)
	q.about = "tenant " + c.Tenant
	if c.Connection != "" {
		q.about += ", or connection " + c.Connection + " of it"
	}
	return show(s, q, printAccount)
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
	var order api.LinkOrder
	order.Body.Connection, order.Body.Subject, order.Body.Reason = c.Connection, c.Subject, c.Reason
	q := post(c.path("accounts")+"/"+k.Selected().Name, order.Body)
	q.about = "account " + c.ID + ", or connection " + c.Connection + " of its tenant"
	return show(s, q, printAccount)
}

// appointAccount is appoint or dismiss: the command's own name says which.
type appointAccount struct {
	one
	because
	Office string `help:"admin of its tenant, or operator." enum:"admin,operator" default:"admin"`
}

// Run does it.
func (c appointAccount) Run(k *kong.Context, s *surroundings) error {
	q := remove(c.path("accounts")+"/offices/"+c.Office, c.query())
	if k.Selected().Name == "appoint" {
		q.method = http.MethodPut
	}
	return show(s, q, printAccount)
}

// accountAction is a verb on an account: the command's own name says which.
type accountAction struct {
	one
	because
}

// Run does it.
func (c accountAction) Run(k *kong.Context, s *surroundings) error {
	return show(s, post(c.path("accounts")+"/"+k.Selected().Name, c.order()), printAccount)
}

// accountVerdict is a verb on an account that wants a reason.
type accountVerdict struct {
	one
	reasoned
}

// Run does it.
func (c accountVerdict) Run(k *kong.Context, s *surroundings) error {
	return show(s, post(c.path("accounts")+"/"+k.Selected().Name, c.order()), printAccount)
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
	return list(s, get("/leases", q), sheet[leaseView]{"ID ACCOUNT CONNECTION START SEEN END ENDED", func(v leaseView) []any {
		return []any{v.ID, v.Account, v.Connection, at(v.Start), at(v.Seen), at(v.End), v.EndReason}
	}, func(v leaseView) string { return v.ID }})
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
	q := get("/events", url.Values{"tenant": {c.Tenant}, "event": {c.Event}, "ref": {c.Ref}, "limit": {fmt.Sprint(maxListed)}})
	if c.After > 0 {
		q.query.Set("after", fmt.Sprint(c.After))
	}
	a, err := s.reach(q)
	if err != nil {
		return err
	}
	for {
		n, err := c.print(a, q)
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

// print prints the next part and moves the cursor.
func (c tailAudit) print(a admin, q question) (int, error) {
	var part listed[eventView]
	if err := a.ask(q, &part); err != nil {
		return 0, err
	}
	e := json.NewEncoder(a.say.stdout)
	for _, event := range part.Items {
		if err := e.Encode(event); err != nil {
			return 0, err
		}
	}
	if part.Next != "" {
		q.query.Del("after")
		q.query.Set("cursor", part.Next)
	}
	return len(part.Items), nil
}

type clockCommands struct {
	Reset resetClock `cmd:"" help:"For a clock that ran ahead: ledger time is the wall clock again, and every lease ends."`
}

type resetClock struct{ reasoned }

// Run resets ledger time.
func (c resetClock) Run(s *surroundings) error {
	return show(s, atHost(http.MethodPost, "/clock/reset", c.query(), nil), printRevoked)
}
