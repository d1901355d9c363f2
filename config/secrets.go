package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"leasehold/provision"
)

// secretsFile is the file that `secrets` names.
type secretsFile struct {
	// What leases can be handed users of.
	Secrets []secretFile `key:"secrets"`
}

// secretFile is a source of secrets.
type secretFile struct {
	At place
	// Name of the source, in addresses: lower-case letters, digits and hyphens. One tenant has one of a name.
	ID name `key:"id" required:"true"`
	// The tenant whose leases may be handed one.
	Tenant name `key:"tenant" required:"true"`
	// What it is: `postgres`, a database in which a role is made; `redis`, a server at which an ACL user is made; `webhook`, a service of yours that is asked.
	Kind string `key:"kind" default:"postgres"`
	// File that holds the address, with user and password, of whoever may make users there: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, `redis://USER:PASSWORD@HOST:PORT/DATABASE` or with `rediss`; of a webhook `https://…`.
	URLFile string `key:"url_file"`
	// Environment variable that holds the address, in place of the file.
	URLEnv string `key:"url_env"`
	// A lease needs one of these roles here to be handed one.
	Roles []string `key:"roles"`
	// `postgres`: the database's roles that those made are members of: what they may do.
	Members []string `key:"member_of"`
	// `postgres`: connections that one of the made roles may have at once.
	Connections int `key:"connections" default:"5"`
	// `redis`: patterns of the keys that a made user reaches, as in `reports:*`.
	Keys []string `key:"keys"`
	// `redis`: patterns of the channels that it reaches.
	Channels []string `key:"channels"`
	// `redis`: commands that it may give, and categories, as in `["@read", set]`. What rules the server or harms others (`@admin`, `@dangerous`, `@all`) is refused.
	Commands []string `key:"commands"`
	// `webhook`: file of the secret that signs what is asked: 24 bytes or more, or `whsec_` and base64.
	SecretFile string `key:"secret_file"`
	// `webhook`: environment variable of that secret, in place of a file.
	SecretEnv string `key:"secret_env"`
}

// The kinds of source.
const (
	SourcePostgres = "postgres"
	SourceRedis    = "redis"
	SourceWebhook  = "webhook"
)

// SecretSource is a source of secrets, as it was written.
type SecretSource struct {
	provision.Secret
	Kind        string
	URL         Secret
	Members     []string // postgres
	Connections int
	Redis       Redis // redis: the address
	Keys        []string
	Channels    []string
	Commands    []string
	Signs       Secret // webhook
}

// LoadSecrets reads the file of sources. One that is not there holds none.
func LoadSecrets(path string, environ []string) ([]SecretSource, Faults) {
	if _, err := os.Stat(path); path == "" || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var faults Faults
	var shape secretsFile
	newReader(path, filepath.Dir(path), &faults).load(&shape)
	var sources []SecretSource
	seen := map[[2]name]bool{}
	for _, f := range shape.Secrets {
		if key := [2]name{f.Tenant, f.ID}; seen[key] && f.ID != "" {
			f.At.fault("id", "%s has a source of that name above; choose another", f.Tenant)
		} else {
			seen[key] = true
		}
		sources = append(sources, f.source(environ))
	}
	if len(faults) > 0 {
		return nil, faults.sorted()
	}
	return sources, nil
}

// source is f with what it names, and notes its faults.
func (f secretFile) source(environ []string) SecretSource {
	oneOf(f.At, "kind", f.Kind, SourcePostgres, SourceRedis, SourceWebhook)
	if len(f.Roles) == 0 {
		f.At.fault("roles", "names none, so that nobody could be handed one; name a role")
	}
	f.foreign()
	s := SecretSource{
		Secret: provision.Secret{ID: provision.SecretID(f.ID), Tenant: provision.TenantID(f.Tenant), Roles: f.Roles}, Kind: f.Kind,
		Members: f.Members, Connections: f.Connections, Keys: f.Keys, Channels: f.Channels, Commands: f.Commands,
	}
	s.URL = f.At.secret(environ, given{"url_file", f.URLFile}, given{"url_env", f.URLEnv})
	if s.URL.IsZero() {
		if f.URLFile == "" && f.URLEnv == "" {
			f.At.fault("url_file", "is missing; name the file of the address, or give url_env")
		}
		return s
	}
	switch f.Kind {
	case SourcePostgres:
		if !isURL(s.URL.Reveal(), "postgres", "postgresql") {
			f.At.fault("url_file", "holds no address of a database; write postgres://USER:PASSWORD@HOST:PORT/DATABASE there")
		}
	case SourceRedis:
		s.Redis = f.redis(s.URL)
	case SourceWebhook:
		s.Signs = f.webhook(environ, s.URL)
	}
	return s
}

// foreign notes the keys that a source of its kind does not have: they would bound nobody.
func (f secretFile) foreign() {
	for kind, keys := range map[string][]string{SourcePostgres: {"member_of", "connections"}, SourceRedis: {"keys", "channels", "commands"}, SourceWebhook: {"secret_file", "secret_env"}} {
		for _, key := range keys {
			if kind != f.Kind && f.At.has(key) {
				f.At.fault(key, "is of kind %s; leave it out", kind)
			}
		}
	}
}

// webhook is the secret of one that signs what it asks.
func (f secretFile) webhook(environ []string, url Secret) Secret {
	if !provision.IsWebURL(url.Reveal()) {
		f.At.fault("url_file", "holds no address of a service; write https://HOST/PATH there, or http:// on a loopback name")
	}
	signs := f.At.secret(environ, given{"secret_file", f.SecretFile}, given{"secret_env", f.SecretEnv})
	if signs.IsZero() {
		if f.SecretFile == "" && f.SecretEnv == "" {
			f.At.fault("secret_file", "is missing; name the file of the secret that signs, or give secret_env")
		}
		return signs
	}
	key, ok := hookKey(signs.Reveal())
	if !ok {
		f.At.fault("secret_file", "is no secret of %d bytes or more; make one with: head -c 32 /dev/urandom | base64 | sed s/^/whsec_/", minHook)
	}
	return NewSecret(key)
}
