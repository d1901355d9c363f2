package console

import (
	"net/http"
	"strconv"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// accountList is the list of accounts, with what it is cut to.
type accountList struct {
	part[provision.Account]
	Q, State, Tenant, Unused, Domain string
	Stranded                         bool
	States                           []provision.AccountState
}

// accounts is the list of accounts, and the search for one.
func (c *Console) accounts(v *visit) error {
	q := provision.AccountQuery{
		Tenant: v.tenant(), Text: v.query("q"), State: provision.AccountState(v.query("state")), Stranded: v.query("stranded") != "",
		After: provision.AccountID(v.query("after")), Limit: rows,
	}
	if days := v.days("unused", 0); days > 0 {
		q.Unused = v.now().AddDate(0, 0, -days)
	}
	if name := v.query("domain"); name != "" {
		var err error
		if q.Domain, err = provision.ParseDomain(name); err != nil {
			return provision.ErrNotFound
		}
	}
	found, err := v.desk.FindAccounts(v.r.Context(), v.m, q)
	if err != nil {
		return err
	}
	return c.show(v, http.StatusOK, "accounts", "Accounts", accountList{
		part: cut(v, found, "after"),
		Q:    q.Text, State: string(q.State), Tenant: string(q.Tenant), Unused: v.query("unused"), Domain: q.Domain.String(), Stranded: q.Stranded,
		States: []provision.AccountState{provision.Active, provision.Dormant, provision.Pending, provision.Suspended, provision.Revoked, provision.Deleted},
	})
}

// days is a number of days in the address, or what it is without one.
func (v *visit) days(name string, without int) int {
	n, err := strconv.Atoi(v.query(name))
	if err != nil || n < 1 || n > 3650 {
		return without
	}
	return n
}

// accountPage is one account: its sign-ins, its leases, and what happened to it.
type accountPage struct {
	broker.Person
	Acts   []actLink
	Events part[provision.Event]
}

// actLink is an act that can be done now.
type actLink struct {
	URL, Text string
	Danger    bool
}

// account is the page of one account.
func (c *Console) account(v *visit) error {
	x, err := v.desk.Account(v.r.Context(), v.m, provision.AccountID(v.id()))
	if err != nil {
		return err
	}
	events, err := v.desk.FindEvents(v.r.Context(), v.m, provision.EventQuery{Tenant: x.Account.Tenant, Account: x.Account.ID, Limit: rows / 2}, v.query("before"))
	if err != nil {
		return err
	}
	page := accountPage{Person: x, Events: cut(v, events, "before")}
	if page.Events.Next != "" {
		page.Events.Next += "#events"
	}
	if len(x.Leases) > rows { // they can be ended all at once
		page.Leases = x.Leases[:rows]
	}
	for _, a := range accountActs() {
		if v.m.Write && a.offered(v, x) && v.desk.CanOn(v.m, a.needs(), x.Account) {
			page.Acts = append(page.Acts, actLink{v.r.URL.Path + "/" + a.name, a.title, a.danger})
		}
	}
	return c.show(v, http.StatusOK, "account", title(x.Account), page)
}

// title names an account as people know it.
func title(a provision.Account) string {
	switch {
	case a.Name != "":
		return a.Name
	case a.Email.String() != "":
		return a.Email.String()
	}
	return string(a.ID)
}

// askAccount asks for what a new account needs.
func (c *Console) askAccount(v *visit) error { return c.ask(v, newAccount(v)) }

func newAccount(v *visit) question {
	q := question{
		Title: "Create an account", Button: "Create", Back: "/admin/accounts",
		Text: []string{"The account is there before its first login. With a connection and a subject it waits for that sign-in; without them it is pending until you link one."},
		Fields: []field{
			{Name: "email", Label: "E-mail address", Kind: "email"}, {Name: "name", Label: "Name", Optional: true},
			{Name: "connection", Label: "Connection", Optional: true, Hint: "Its id, as the list of connections has it."},
			{Name: "subject", Label: "Subject", Optional: true, Hint: "What the identity provider calls this person: the NameID, or sub."},
		},
	}
	if v.m.Everywhere {
		q.Fields = append([]field{{Name: "tenant", Label: "Tenant", Hint: "Its id.", Value: v.query("tenant")}}, q.Fields...)
	}
	return q
}

// makeAccount makes an account.
func (c *Console) makeAccount(v *visit) error {
	q := newAccount(v)
	if ok, err := c.answered(v, q); !ok {
		return err
	}
	email, err := provision.ParseEmail(v.form("email"))
	if err != nil {
		return c.askAgain(v, q, http.StatusUnprocessableEntity, "That is no e-mail address.")
	}
	tenant := v.m.Tenant
	if v.m.Everywhere {
		tenant = provision.TenantID(v.form("tenant"))
	}
	key := provision.LinkKey{Connection: provision.ConnectionID(v.form("connection")), Subject: v.r.PostForm.Get("subject")}
	if (key.Connection == "") != (key.Subject == "") {
		return c.askAgain(v, q, http.StatusUnprocessableEntity, "A sign-in is a connection and a subject: say both, or neither.")
	}
	a, err := v.desk.CreateAccount(v.r.Context(), v.order(), broker.NewAccount{Tenant: tenant, Email: email, Name: v.form("name"), Link: key})
	if err == nil {
		q.Back = "/admin/accounts/" + string(a.ID)
	}
	return c.settled(v, q, err)
}

// ago is how many whole days lie between.
func ago(t, now time.Time) int { return int(now.Sub(t) / (24 * time.Hour)) }
