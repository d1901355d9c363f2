package api

import (
	"context"
	"fmt"
	"time"

	"leasehold/broker"
	"leasehold/provision"
)

// Account is an account as it is answered.
type Account struct {
	ID        string    `json:"id"`
	Tenant    string    `json:"tenant"`
	State     string    `json:"state" enum:"pending,active,expired,suspended,revoked,deleted"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Groups    []string  `json:"groups,omitempty"`
	Offices   []string  `json:"offices,omitempty"`
	Created   time.Time `json:"created"`
	LastLogin time.Time `json:"last_login,omitzero"`
	Revision  int64     `json:"revision"`
	Links     []Link    `json:"links,omitempty" doc:"Of one account alone: its sign-ins"`
	Leases    []Lease   `json:"leases,omitempty" doc:"Of one account alone: those that have not ended"`
}

// Link is a sign-in.
type Link struct {
	Connection string    `json:"connection"`
	Subject    string    `json:"subject"`
	Created    time.Time `json:"created"`
}

func viewAccount(x provision.Account) Account {
	v := Account{ID: string(x.ID), Tenant: string(x.Tenant), State: string(x.State), Email: x.Email.String(), Name: x.Name, Groups: x.Groups, Created: x.Created, LastLogin: x.LastLogin, Revision: x.Revision}
	for _, o := range x.Offices {
		v.Offices = append(v.Offices, string(o))
	}
	return v
}

func viewLink(l provision.Link) Link { return Link{string(l.Connection), l.Subject, l.Created} }

// AccountIn names an account.
type AccountIn struct {
	Account string `path:"account"`
}

// AccountCreate makes an account.
type AccountCreate struct {
	Key  string `header:"Idempotency-Key" doc:"Asked for again under it within a day, it is done once"`
	Body struct {
		Tenant     string `json:"tenant"`
		Email      string `json:"email" maxLength:"320"`
		Name       string `json:"name,omitempty" maxLength:"200"`
		Connection string `json:"connection,omitempty" doc:"With subject: the sign-in that it waits for"`
		Subject    string `json:"subject,omitempty" maxLength:"1024"`
		Reason     string `json:"reason,omitempty" maxLength:"1000"`
	}
}

// AccountVerb is a verb on an account.
type AccountVerb struct {
	AccountIn
	ReasonIn
}

// AccountDelete erases an account.
type AccountDelete struct {
	AccountIn
	Key    string `header:"Idempotency-Key"`
	Reason string `query:"reason" required:"true" minLength:"1" maxLength:"1000" doc:"Why; kept in the audit"`
}

// LinkOrder is a sign-in to give or to take.
type LinkOrder struct {
	AccountIn
	Key  string `header:"Idempotency-Key"`
	Body struct {
		Connection string `json:"connection"`
		Subject    string `json:"subject" minLength:"1" maxLength:"1024"`
		Reason     string `json:"reason,omitempty" maxLength:"1000"`
	}
}

func (l LinkOrder) key() provision.LinkKey {
	return provision.LinkKey{Connection: provision.ConnectionID(l.Body.Connection), Subject: l.Body.Subject}
}

// OfficeIn names an office of an account.
type OfficeIn struct {
	AccountIn
	Office string `path:"office" enum:"admin,operator"`
	Reason string `query:"reason" maxLength:"1000" doc:"Why; kept in the audit"`
}

func (a *API) accounts() {
	does(a, operation{listAccounts, "accounts.read", "List accounts: all, or those that are searched for"}, a.ListAccounts)
	does(a, operation{listAccountEvents, "audit.read", "List the events about an account, the newest first"}, a.ListAccountEvents)
	does(a, operation{"POST /accounts", "accounts.create", "Make an account before its first login"}, a.CreateAccount)
	does(a, operation{"GET /accounts/{account}", "accounts.read", "Show an account, with its sign-ins and leases"}, a.GetAccount)
	does(a, operation{"DELETE /accounts/{account}", "accounts.delete", "End an account and erase its personal data"}, a.DeleteAccount)
	does(a, operation{"GET /accounts/{account}/links", "accounts.read", "List its sign-ins"}, a.ListLinks)
	does(a, operation{"POST /accounts/{account}/link", "accounts.link", "Give it a further sign-in"}, a.LinkAccount)
	does(a, operation{"POST /accounts/{account}/unlink", "accounts.unlink", "Take a sign-in from it"}, a.UnlinkAccount)
	does(a, operation{"PUT /accounts/{account}/offices/{office}", "accounts.appoint", "Give it an office"}, a.Appoint)
	does(a, operation{"DELETE /accounts/{account}/offices/{office}", "accounts.appoint", "Take an office from it"}, a.Dismiss)
	for _, x := range []struct{ verb, summary string }{
		{"approve", "Let a pending account in at its next login"}, {"end", "End its leases; the next login resumes it"},
		{"suspend", "Hold it: its leases end, and it cannot log in"}, {"release", "Lift a suspension"},
		{"revoke", "End it for good"}, {"restore", "Lift a revocation; wants a reason"},
	} {
		right := broker.Right("accounts." + x.verb)
		does(a, operation{"POST /accounts/{account}/" + x.verb, right, x.summary}, func(ctx context.Context, m broker.Mandate, in *AccountVerb) (*One[Account], error) {
			return a.OnAccount(ctx, m, right, in)
		})
	}
}

func oneAccount(x provision.Account, err error) (*One[Account], error) {
	return &One[Account]{tag(x.Revision), viewAccount(x)}, err
}

// GetAccount is an account, with its sign-ins and live leases.
func (a *API) GetAccount(ctx context.Context, m broker.Mandate, in *AccountIn) (*One[Account], error) {
	who, err := a.Desk.Account(ctx, m, provision.AccountID(in.Account))
	one, _ := oneAccount(who.Account, nil)
	for _, l := range who.Links {
		one.Body.Links = append(one.Body.Links, viewLink(l))
	}
	for _, l := range who.Leases {
		one.Body.Leases = append(one.Body.Leases, viewLease(l))
	}
	return one, err
}

// ListLinks lists the sign-ins of an account: all of them.
func (a *API) ListLinks(ctx context.Context, m broker.Mandate, in *AccountIn) (*List[Link], error) {
	who, err := a.Desk.Account(ctx, m, provision.AccountID(in.Account))
	if err != nil {
		return nil, err
	}
	return listed(a, listing{m, "", PageIn{}}, broker.Part[provision.Link]{Items: who.Links}, viewLink), nil
}

// CreateAccount makes an account.
func (a *API) CreateAccount(ctx context.Context, m broker.Mandate, in *AccountCreate) (*One[Account], error) {
	b := in.Body
	n := broker.NewAccount{Tenant: provision.TenantID(b.Tenant), Name: b.Name, Link: provision.LinkKey{Connection: provision.ConnectionID(b.Connection), Subject: b.Subject}}
	err := m.May("accounts.create")
	if err == nil {
		_, err = a.Desk.Reach(ctx, m, n.Tenant)
	}
	if err != nil {
		return nil, err
	}
	if n.Email, err = provision.ParseEmail(b.Email); err != nil {
		return nil, fmt.Errorf("email: %w: %w", err, broker.ErrInvalid)
	}
	return oneAccount(a.Desk.CreateAccount(ctx, order(ctx, m, b.Reason), n))
}

// OnAccount does a verb on an account.
func (a *API) OnAccount(ctx context.Context, m broker.Mandate, r broker.Right, in *AccountVerb) (*One[Account], error) {
	return oneAccount(a.Desk.OnAccount(ctx, order(ctx, m, in.Body.Reason), r, provision.AccountID(in.Account)))
}

// DeleteAccount erases an account.
func (a *API) DeleteAccount(ctx context.Context, m broker.Mandate, in *AccountDelete) (*None, error) {
	_, err := a.Desk.OnAccount(ctx, order(ctx, m, in.Reason), "accounts.delete", provision.AccountID(in.Account))
	return &None{}, err
}

// LinkAccount gives an account a further sign-in.
func (a *API) LinkAccount(ctx context.Context, m broker.Mandate, in *LinkOrder) (*One[Account], error) {
	return oneAccount(a.Desk.LinkAccount(ctx, order(ctx, m, in.Body.Reason), provision.AccountID(in.Account), in.key()))
}

// UnlinkAccount takes a sign-in from an account.
func (a *API) UnlinkAccount(ctx context.Context, m broker.Mandate, in *LinkOrder) (*One[Account], error) {
	return oneAccount(a.Desk.UnlinkAccount(ctx, order(ctx, m, in.Body.Reason), provision.AccountID(in.Account), in.key()))
}

// Appoint gives an account an office.
func (a *API) Appoint(ctx context.Context, m broker.Mandate, in *OfficeIn) (*One[Account], error) {
	return oneAccount(a.Desk.Appoint(ctx, order(ctx, m, in.Reason), provision.AccountID(in.Account), provision.Office(provision.OfficePrefix+in.Office), true))
}

// Dismiss takes an office from an account.
func (a *API) Dismiss(ctx context.Context, m broker.Mandate, in *OfficeIn) (*One[Account], error) {
	return oneAccount(a.Desk.Appoint(ctx, order(ctx, m, in.Reason), provision.AccountID(in.Account), provision.Office(provision.OfficePrefix+in.Office), false))
}
