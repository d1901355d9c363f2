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
	// What it is: `postgres`, a database in which a role is made.
	Kind string `key:"kind" default:"postgres"`
	// File that holds the address, with user and password, of whoever may make roles there: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
	URLFile string `key:"url_file"`
	// Environment variable that holds the address, in place of the file.
	URLEnv string `key:"url_env"`
	// The database's roles that those made are members of: what they may do.
	Members []string `key:"member_of"`
	// A lease needs one of these roles here to be handed one.
	Roles []string `key:"roles"`
	// Connections that one of the made roles may have at once.
	Connections int `key:"connections" default:"5"`
}

// SecretSource is a source of secrets, as it was written.
type SecretSource struct {
	provision.Secret
	URL         Secret
	Members     []string
	Connections int
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
		oneOf(f.At, "kind", f.Kind, "postgres")
		if key := [2]name{f.Tenant, f.ID}; seen[key] && f.ID != "" {
			f.At.fault("id", "%s has a source of that name above; choose another", f.Tenant)
		} else {
			seen[key] = true
		}
		if len(f.Roles) == 0 {
			f.At.fault("roles", "names none, so that nobody could be handed one; name a role")
		}
		url := f.At.secret(environ, given{"url_file", f.URLFile}, given{"url_env", f.URLEnv})
		if url.IsZero() && f.URLFile == "" && f.URLEnv == "" {
			f.At.fault("url_file", "is missing; name the file of the address, or give url_env")
		} else if !url.IsZero() && !isURL(url.Reveal(), "postgres", "postgresql") {
			f.At.fault("url_file", "holds no address of a database; write postgres://USER:PASSWORD@HOST:PORT/DATABASE there")
		}
		sources = append(sources, SecretSource{
			Secret: provision.Secret{ID: provision.SecretID(f.ID), Tenant: provision.TenantID(f.Tenant), Roles: f.Roles}, URL: url, Members: f.Members, Connections: f.Connections,
		})
	}
	if len(faults) > 0 {
		return nil, faults.sorted()
	}
	return sources, nil
}
