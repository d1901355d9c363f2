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
	Now    func() time.Time // ledger time is the broker's; this one is for what pages say of "ago"
}

// Broker is all that the console asks of the broker before it knows who is there. Everything else is within a reach.
type Broker interface {
	Session(ctx context.Context, token string, o provision.Origin) (provision.Standing, error)
	MandateOf(s provision.Standing, from provision.Requester) (broker.Mandate, error)
	Under(m broker.Mandate) broker.Reach
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
	if c.Now == nil {
		c.Now = time.Now
	}
	console := &Console{Config: c}
	var err error
	if console.style, err = web.Style(); err != nil {
		return nil, err
	}
	console.assets = assets()
	if console.pages, err = parsePages(); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	return console, nil
}

// Mounts is where the console is, for the SSO host.
func (c *Console) Mounts() []web.Mount {
	mounts := []web.Mount{{Pattern: "GET " + assetPath + "{name}", Serve: c.asset}}
	for _, r := range c.routes() {
		mounts = append(mounts, web.Mount{Pattern: r.pattern, Serve: c.admitted(r.serve)})
	}
	return mounts
}
