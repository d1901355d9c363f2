package main

import (
	"leasehold/web"
	"leasehold/web/console"
)

// mounts are the parts of the SSO host that are not about logins.
func (g *gateway) mounts() ([]web.Mount, error) {
	c, err := console.New(console.Config{Broker: g.broker})
	if err != nil {
		return nil, err
	}
	return append(c.Mounts(), g.api.Mount()), nil
}
