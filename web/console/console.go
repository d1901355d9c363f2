// Package console is /admin: the pages on which operators and tenant admins see what they govern, and act on it. They log
// in through Leasehold itself. What a page shows and does goes through the mandate of whoever looks, so that what is
// another tenant's is the same page as what is not there.
//
// Every page stands in one table, in routes.go.
package console

import (
	"context"
	"fmt"
	"html/template"
	"time"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

// Config is what the console needs.
type Config struct {
	Broker Broker
	Desk   *broker.Desk // where everything is read and done, within the mandate of whoever looks
	// Expiring is until when identity providers can be believed, the earliest first; nil: nobody knows.
	Expiring func() []broker.Expiry
	// Addresses are what an identity provider has to be told about a connection; nil: nothing.
	Addresses func(provision.Connection) []Address
}

// Address is a line of what an identity provider has to be told.
type Address struct{ Name, Value string }

// Broker is what the console asks of the broker beside the desk.
type Broker interface {
	Administrator(ctx context.Context, token string, from provision.Requester) (provision.Standing, broker.Mandate, error)
	Rules(m broker.Mandate, t provision.TenantID) broker.Rules
	Invited(ctx context.Context, token, session string) (provision.Standing, error)
	BecomeOperator(ctx context.Context, token, session string, from provision.Requester) error
	Trier
}

// Trier tries logins, which make nothing.
type Trier interface {
	TestLogin(ctx context.Context, m broker.Mandate, c provision.ConnectionID, name, back string, w broker.Wish) (broker.Departure, error)
	TestedLogin(ctx context.Context, m broker.Mandate, name string) (broker.Trial, error)
	TestResponse(ctx context.Context, m broker.Mandate, c provision.ConnectionID, name, pasted string) error
}

// Console serves the pages.
type Console struct {
	Config
	pages  map[string]*template.Template
	assets map[string]asset
	style  string // path of the style sheet that all pages of the SSO host share
}

// New is a Console. It fails only when its own pages do not parse.
func New(c Config) (*Console, error) {
	if c.Expiring == nil {
		c.Expiring = func() []broker.Expiry { return nil }
	}
	if c.Addresses == nil {
		c.Addresses = func(provision.Connection) []Address { return nil }
	}
	console := &Console{Config: c, assets: assets()}
	var err error
	if console.style, err = web.Style(); err != nil {
		return nil, err
	}
	if console.pages, err = parsePages(); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	return console, nil
}

// Mounts is where the console is, for the SSO host.
func (c *Console) Mounts() []web.Mount {
	mounts := []web.Mount{
		{Pattern: "GET " + assetPath + "{name}", Serve: c.asset},
		{Pattern: "GET /admin/first", Serve: c.askFirst},
		{Pattern: "POST /admin/first", Serve: c.becomeFirst},
	}
	for _, r := range c.routes() {
		mounts = append(mounts, web.Mount{Pattern: r.pattern, Serve: c.admitted(r.serve)})
	}
	return mounts
}

// now is ledger time.
func (v *visit) now() time.Time { return v.desk.Now() }
