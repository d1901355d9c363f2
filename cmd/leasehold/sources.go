package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"leasehold/broker"
	"leasehold/broker/acl"
	"leasehold/broker/roles"
	"leasehold/broker/webhook"
	"leasehold/config"
	"leasehold/provision"
)

// sources are the sources of secrets that the operator's file names. It is read whenever one is needed, which is seldom: a
// change of it needs no restart.
type sources struct {
	path    string
	environ []string
	fetch   *http.Client // for services that are asked
}

// Source implements broker.Sources.
func (s sources) Source(_ context.Context, t provision.TenantID, id provision.SecretID) (provision.Secret, broker.Source, error) {
	all, faults := config.LoadSecrets(s.path, s.environ)
	if len(faults) > 0 {
		return provision.Secret{}, nil, fmt.Errorf("sources of secrets: %w: %w", provision.ErrUnavailable, faults)
	}
	for _, x := range all {
		if x.ID == id && x.Tenant == t {
			source, err := s.open(x)
			return x.Secret, source, err
		}
	}
	return provision.Secret{}, nil, fmt.Errorf("source %s of %s: %w", id, t, provision.ErrNotFound)
}

// open is the adapter of a source.
func (s sources) open(x config.SecretSource) (broker.Source, error) {
	switch x.Kind {
	case config.SourcePostgres:
		return roles.Database{URL: x.URL.Reveal(), Members: x.Members, Connections: x.Connections}, nil
	case config.SourceRedis:
		trust, err := x.Redis.TLSConfig()
		if err != nil { // its file was there when the address was read
			return nil, fmt.Errorf("source %s: %w: %w", x.ID, provision.ErrUnavailable, err)
		}
		return acl.Server{
			Address: x.Redis.Addresses[0], Username: x.Redis.Username, Password: x.Redis.Password, Database: x.Redis.Database, TLS: trust,
			Keys: x.Keys, Channels: x.Channels, Commands: x.Commands,
		}, nil
	case config.SourceWebhook:
		return webhook.Source{HTTP: s.fetch, URL: x.URL.Reveal(), Secrets: [][]byte{[]byte(x.Signs.Reveal())}, Tenant: x.Tenant, ID: x.ID, Now: time.Now}, nil
	}
	return nil, fmt.Errorf("source %s: its kind: %w", x.ID, provision.ErrCorrupt)
}
