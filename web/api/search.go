package api

import (
	"context"
	"fmt"
	"strconv"

	"leasehold/broker"
	"leasehold/provision"
)

// AccountsIn chooses accounts.
type AccountsIn struct {
	PageIn
	Email      string `query:"email" maxLength:"320" doc:"Only who has exactly this address"`
	Begins     string `query:"email_begins" maxLength:"320" doc:"Only whose address begins with it"`
	Text       string `query:"q" maxLength:"200" doc:"The id, or what the address or a word of the name begins with"`
	State      string `query:"state" enum:"pending,active,expired,suspended,revoked,deleted" doc:"Only those that stand there"`
	Connection string `query:"connection" maxLength:"63" doc:"Only who has a sign-in there"`
}

// query is what in asks for, but for where it begins.
func (in AccountsIn) query() (q provision.AccountQuery, err error) {
	q = provision.AccountQuery{Begins: in.Begins, Text: in.Text, State: provision.AccountState(in.State), At: provision.ConnectionID(in.Connection)}
	if in.Email != "" {
		if q.Email, err = provision.ParseEmail(in.Email); err != nil {
			return q, fmt.Errorf("email: %w: %w", err, broker.ErrInvalid)
		}
	}
	return q, nil
}

// also keeps what was asked for in the address of the next part.
func (in AccountsIn) also(link string) string {
	for key, value := range map[string]string{"email": in.Email, "email_begins": in.Begins, "q": in.Text, "state": in.State, "connection": in.Connection} {
		link = also(link, key, value)
	}
	return link
}

// AccountEventsIn names a part of the events of an account.
type AccountEventsIn struct {
	AccountIn
	Cursor string `query:"cursor" doc:"What the former part said under next"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100" doc:"At most so many"`
}

const (
	listAccounts      = "GET /accounts"
	listAccountEvents = "GET /accounts/{account}/events"
)

// ListAccounts lists accounts.
func (a *API) ListAccounts(ctx context.Context, m broker.Mandate, in *AccountsIn) (*List[Account], error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	list, find := listAccounts, a.Desk.Accounts
	if q != (provision.AccountQuery{}) { // in another order
		list += "?"
		find = func(ctx context.Context, m broker.Mandate, p provision.Page) (broker.Part[provision.Account], error) {
			q.Tenant, q.After, q.Limit = p.Tenant, provision.AccountID(p.After), p.Limit
			return a.Desk.FindAccounts(ctx, m, q)
		}
	}
	p, err := a.page(m, list, in.PageIn)
	if err != nil {
		return nil, err
	}
	part, err := find(ctx, m, p)
	if err != nil {
		return nil, err
	}
	l := listed(a, listing{m, list, in.PageIn}, part, viewAccount)
	l.Link = in.also(l.Link)
	return l, nil
}

// ListAccountEvents lists the events about an account, the newest first.
func (a *API) ListAccountEvents(ctx context.Context, m broker.Mandate, in *AccountEventsIn) (*List[Event], error) {
	list := listAccountEvents + in.Account
	after, err := a.cursors.open(m, list, in.Cursor)
	if err != nil {
		return nil, err
	}
	before, _ := strconv.ParseInt(after, 10, 64)
	part, err := a.Desk.EventsOf(ctx, m, provision.AccountID(in.Account), before, in.Limit)
	if err != nil {
		return nil, err
	}
	return listed(a, listing{m, list, PageIn{Limit: in.Limit}}, part, viewEvent(m)), nil
}
