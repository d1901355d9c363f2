package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"leasehold/provision"
)

// Manifest is what manifests say there should be. It is desired state: no generations, revisions or proofs.
type Manifest struct {
	Apps    []provision.App
	Tenants []ManifestTenant
	Hooks   map[provision.AppID]Secret // of apps that are told of ends of access: what signs
}

// ManifestTenant is a tenant with all that is its own.
type ManifestTenant struct {
	provision.Tenant
	Claims      []provision.Claim // Tenant, Domain and Proof only
	Connections []ManifestConnection
}

// ManifestConnection is a connection and its secret. The connection's ClientSecret, a name in the ledger, is empty.
type ManifestConnection struct {
	provision.Connection
	Secret Secret // of OpenID Connect; zero: a public client
}

// manifestFile is a manifest.
type manifestFile struct {
	// What is protected.
	Apps []appFile `key:"apps"`
	// The organisations that bring their own people.
	Tenants []tenantFile `key:"tenants"`
}

// Judge is what only the gateway can tell of a manifest. Its errors say what is wrong and what to do. The zero Judge
// finds no fault.
type Judge struct {
	Connection func(provision.Connection) error // its metadata, when they are written down; its issuer
	Origin     func(provision.Origin) error     // of an app
	Condition  func(when string) error          // of a policy
}

// collector gathers manifests and knows the names that were given already, over all files.
type collector struct {
	environ  []string
	judge    Judge
	given    map[string]string // "app wiki" -> where
	granting []granting
	manifest Manifest
}

// LoadManifests reads the manifests that patterns name: files, or patterns with "*" as path.Match has them, which may
// match none. Environ, as os.Environ has it, is where client_secret_env looks. With any fault the Manifest is the zero
// one. An app may name tenants that are in no manifest: the ledger may know them.
func LoadManifests(patterns []string, environ []string, judge Judge) (Manifest, Faults) {
	var faults Faults
	c := collector{environ: environ, judge: judge, given: map[string]string{}}
	for _, file := range files(patterns, &faults) {
		r := newReader(file, filepath.Dir(file), &faults)
		var shape manifestFile
		r.load(&shape)
		c.collect(shape)
	}
	c.checkGrants()
	if len(faults) > 0 {
		return Manifest{}, faults.sorted()
	}
	return c.manifest, nil
}

func (c *collector) collect(shape manifestFile) {
	for _, app := range shape.Apps {
		c.manifest.Apps = append(c.manifest.Apps, c.app(app))
	}
	for _, tenant := range shape.Tenants {
		c.manifest.Tenants = append(c.manifest.Tenants, c.tenant(tenant))
	}
}

// files are the files that patterns name, each once.
func files(patterns []string, faults *Faults) []string {
	var found []string
	for _, pattern := range patterns {
		matches, err := filepath.Glob(pattern)
		_, missing := os.Stat(pattern)
		switch {
		case missing == nil || !strings.ContainsAny(pattern, `*?[\`):
			matches = []string{pattern} // a file that is not there is said to be missing when it is read
		case err != nil:
			*faults = append(*faults, Fault{File: pattern, Text: "is no pattern of file names; write a path, with * for any name"})
		}
		for _, match := range matches {
			if match = filepath.Clean(match); !slices.Contains(found, match) {
				found = append(found, match)
			}
		}
	}
	return found
}

// once notes a fault if something else of that kind has the value already. An empty value is another fault's matter.
func (c *collector) once(at place, key, kind, value string) {
	if value == "" {
		return
	}
	thing := kind + " " + value
	if where, twice := c.given[thing]; twice {
		at.fault(key, "%s %q is taken, by %s; choose another", kind, value, where)
		return
	}
	here := at.reader.position(join(at.path, key))
	c.given[thing] = fmt.Sprintf("%s:%d", here.file, here.line)
}
