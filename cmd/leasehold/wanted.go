package main

import (
	"leasehold/broker"
	"leasehold/config"
	"leasehold/provision"
)

// wanted is a manifest in the broker's words.
func wanted(m config.Manifest) broker.Wanted {
	w := broker.Wanted{Apps: m.Apps, Hooks: map[provision.AppID][]byte{}}
	for app, secret := range m.Hooks {
		w.Hooks[app] = []byte(secret.Reveal())
	}
	for _, t := range m.Tenants {
		tenant := broker.WantedTenant{Tenant: t.Tenant}
		for _, c := range t.Claims {
			tenant.Claims = append(tenant.Claims, broker.WantedClaim{Domain: c.Domain, Proof: c.Proof})
		}
		for _, c := range t.Connections {
			tenant.Connections = append(tenant.Connections, broker.WantedConnection{Connection: c.Connection, Secret: []byte(c.Secret.Reveal())})
		}
		w.Tenants = append(w.Tenants, tenant)
	}
	return w
}
