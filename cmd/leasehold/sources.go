package main

import (
	"context"
	"fmt"

	"leasehold/broker"
	"leasehold/broker/roles"
	"leasehold/config"
	"leasehold/provision"
)

// sources are the sources of secrets that the operator's file names. It is read whenever one is needed, which is seldom: a
// change of it needs no restart.
type sources struct {
	path    string
	environ []string
}

// Source implements broker.Sources.
func (s sources) Source(_ context.Context, t provision.TenantID, id provision.SecretID) (provision.Secret, broker.Source, error) {
	all, faults := config.LoadSecrets(s.path, s.environ)
	if len(faults) > 0 {
		return provision.Secret{}, nil, fmt.Errorf("sources of secrets: %w: %w", provision.ErrUnavailable, faults)
	}
	for _, x := range all {
		if x.ID == id && x.Tenant == t {
			return x.Secret, roles.Database{URL: x.URL.Reveal(), Members: x.Members, Connections: x.Connections}, nil
		}
	}
	return provision.Secret{}, nil, fmt.Errorf("source %s of %s: %w", id, t, provision.ErrNotFound)
}
