package config

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"leasehold/provision"
)

// ruleFile is a trust rule in a manifest: which workloads may ask, and for what.
type ruleFile struct {
	At place
	// Name of the rule in the tenant: lower-case letters, digits and hyphens.
	ID name `key:"id" required:"true"`
	// The trusted issuer: a connection of the tenant with `protocol: workload`.
	Connection name `key:"connection" required:"true"`
	// What the claims of a token have to be. All of these are needed: an absent one refuses.
	Match map[string]patterns `key:"match" required:"true"`
	// The claims that a workload is known by: each set of values is one account.
	Subject []string `key:"subject" required:"true"`
	// Ids of the grants that may be asked for.
	Grants []name `key:"grants" required:"true"`
	// E-mail address of the account of the tenant that answers for the rule. While it is revoked or suspended, the rule is held.
	Owner string `key:"owner" required:"true"`
	// How old a token may be: an hour at most.
	TokenAge time.Duration `key:"token_age" default:"10m"`
	// Whether it is for agents: workloads that act for a person who started them, with a code of hers, and never by themselves.
	Agent bool `key:"agent" default:"off"`
}

// patterns are what one claim may be.
type patterns []string

// grantFile is what a workload may have, in a manifest.
type grantFile struct {
	At place
	// Name of the grant in the tenant: lower-case letters, digits and hyphens.
	ID name `key:"id" required:"true"`
	// Ids of the apps that it is for.
	Apps []name `key:"apps" required:"true"`
	// Roles, within `policy.roles.ceiling`.
	Roles []string `key:"roles"`
	// Addresses at the apps, each with all below it; `*` is for any run of characters but "/". None: all.
	Resources []string `key:"resources"`
	// The longest that a lease lasts: 15m at most.
	MaxTTL time.Duration `key:"max_ttl" default:"5m"`
	// How often a lease may be renewed, each time for `max_ttl` at most and by a fresh token; an hour in all. 0: never.
	Renewals int `key:"renewals" default:"0"`
	// Leases that one workload may have at once. 0: any number.
	Concurrent int `key:"concurrent" default:"0"`
	// Allowed requests after which a lease ends. 0: any number. Each such request is a commit.
	Uses int `key:"uses" default:"0"`
	// In which circumstances it is given.
	When whenFile `key:"when"`
	// What has to be said.
	Require saidFile `key:"require"`
}

// whenFile is when and where to something is given.
type whenFile struct {
	// Days, hours and a time zone, as in `Mon-Fri 08:00-18:00 Europe/Berlin`. A lease ends with them. Empty: always.
	Hours string `key:"hours"`
	// Networks that requests have to come from. None: anywhere.
	Addresses []netip.Prefix `key:"addresses"`
}

// saidFile is what a workload has to say.
type saidFile struct {
	// Whether a purpose is needed.
	Purpose bool `key:"purpose" default:"off"`
	// Whether a task is needed.
	Task bool `key:"task" default:"off"`
}

// workloads adds the rules and grants of a tenant to its policy.
func (t tenantFile) workloads(p provision.Policy) provision.Policy {
	for _, rule := range t.Rules {
		p.Trust = append(p.Trust, rule.rule(t))
	}
	for _, g := range t.Grants {
		p.Grants = append(p.Grants, provision.GrantRule{
			ID: string(g.ID), Apps: names[provision.AppID](g.Apps), Roles: g.Roles, Resources: g.Resources, MaxTTL: g.MaxTTL, Renewals: g.Renewals, Concurrent: g.Concurrent, Uses: g.Uses,
			Hours: g.When.Hours, Addresses: g.When.Addresses, NeedsPurpose: g.Require.Purpose, NeedsTask: g.Require.Task,
		})
	}
	for _, fault := range p.WorkloadFaults() {
		key, text, _ := strings.Cut(fault, ": ")
		if at := key; t.At.has(at) || strings.Contains(text, "taken") { // what is not there at all was said to be missing already
			t.At.fault(key, "%s", text)
		}
	}
	return p
}

// granting is a tenant with its grants, to be held against the apps of all manifests.
type granting struct {
	tenant provision.TenantID
	grants []grantFile
}

// checkGrants finds apps of grants that do not admit the tenant. An app that no manifest has may be somebody else's to
// register; the exchange judges it.
func (c *collector) checkGrants() {
	for _, g := range c.granting {
		for _, grant := range g.grants {
			for i, id := range grant.Apps {
				closed := func(a provision.App) bool { return a.ID == provision.AppID(id) && !a.Admits(g.tenant) }
				if id != "" && slices.ContainsFunc(c.manifest.Apps, closed) {
					grant.At.fault(item("apps", i), "%s does not admit this tenant, so nobody could be given it; add %s to its tenants, or leave it out here", id, g.tenant)
				}
			}
		}
	}
}

func (r ruleFile) rule(t tenantFile) provision.TrustRule {
	rule := provision.TrustRule{ID: string(r.ID), Connection: provision.ConnectionID(r.Connection), Subject: r.Subject, TokenAge: r.TokenAge, Agent: r.Agent, Match: map[string][]string{}}
	for _, g := range r.Grants {
		rule.Grants = append(rule.Grants, string(g))
	}
	for claim, wanted := range r.Match {
		rule.Match[claim] = wanted
	}
	owner, err := provision.ParseEmail(r.Owner)
	switch rule.Owner = owner; {
	case r.Owner == "": // a fault already
	case err != nil:
		r.At.fault("owner", "%q is no e-mail address; write that of the account that answers for the rule", r.Owner)
	case !slices.ContainsFunc(t.Domains, func(d claimFile) bool { return d.Name == owner.Domain() }):
		r.At.fault("owner", "%s is not among the tenant's domains, so no account can have that address; add the domain, or name somebody else", owner.Domain())
	}
	i := slices.IndexFunc(t.Connections, func(c connectionFile) bool { return c.ID == r.Connection })
	switch {
	case r.Connection == "": // a fault already
	case i < 0 || t.Connections[i].Protocol != string(provision.Workloads):
		r.At.fault("connection", "%q is no connection of this tenant with protocol: workload; write one", r.Connection)
	case strings.TrimSuffix(t.Connections[i].Issuer, "/") == provision.GitHubIssuer && slices.Contains(r.Subject, "sub"):
		r.At.fault("subject", "sub of GitHub names a branch or an environment, so that one workflow would be many accounts; write repository_id and workflow")
	}
	return rule
}

// workload reads a connection whose issuer signs tokens of workloads.
func (c connectionFile) workload(to *ManifestConnection) {
	c.only(provision.Workloads)
	to.Issuer, to.KeySet = c.Issuer, c.Keys
	c.checkIssuerName()
	switch {
	case c.KeysFile != "" && len(c.Keys) > 0:
		c.At.fault("keys_file", "is given beside keys; give one of them")
	case c.KeysFile != "":
		to.KeySet = c.At.read("keys_file", c.KeysFile, provision.MaxKeySet)
	}
}
