package config

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"leasehold/provision"
)

// tenantFile is a tenant in a manifest.
type tenantFile struct {
	At place
	// Name of the tenant in other places: lower-case letters, digits and hyphens.
	ID name `key:"id" required:"true"`
	// Name of the organisation, for people. Not there: the id.
	Name string `key:"name"`
	// The last day of the contract, to its end in UTC, as in 2027-12-31. Not there: no end.
	ContractEnd day `key:"contract_end"`
	// Whom people ask who are refused: an address, a telephone number.
	Contact string `key:"contact"`
	// Decisions, and accounts without a lease, are erased after this time.
	Retention time.Duration `key:"retention"`
	// Signed warnings to the tenant's administrators, of certificates that run out.
	Webhook hookFile `key:"webhook"`
	// The e-mail domains that the tenant says are its own.
	Domains []claimFile `key:"domains"`
	// Its identity providers.
	Connections []connectionFile `key:"connections"`
	// Who of its people gets in, and for how long.
	Policy policyFile `key:"policy"`
	// Which workloads may ask for leases: CI jobs, service accounts.
	Rules []ruleFile `key:"rules"`
	// What they may be given.
	Grants []grantFile `key:"grants"`
}

// claimFile is a domain in a manifest.
type claimFile struct {
	// The domain. Public suffixes, public mail providers and names of mixed scripts are refused.
	Name provision.Domain `key:"name" required:"true"`
	// `dns-txt` (a TXT record), or `operator` (your word; the audit says so).
	Proof string `key:"proof" default:"dns-txt"`
}

// policyFile is a policy in a manifest.
type policyFile struct {
	// What happens to people who pass every rule and have no account: `allow`, `invite`, `approve` or `deny`.
	Create string `key:"create" default:"deny"`
	// What an account is once its last lease has ended: `leased` (expired), `ephemeral` (deleted) or `provisioned` (made
	// by an administrator only).
	Mode string `key:"mode" default:"leased"`
	// Groups that let in or keep out, as the identity provider asserts them.
	Groups groupsFile `key:"groups"`
	// What groups become.
	Roles rolesFile `key:"roles"`
	// Accounts that may have a lease at the same time. 0: no cap.
	Seats int `key:"seats" default:"0"`
	// The longest that a session lasts.
	MaxSession time.Duration `key:"max_session" default:"8h"`
	// A session that is not used for this long ends.
	Idle time.Duration `key:"idle" default:"30m"`
	// Accepted authentication contexts (SAML AuthnContextClassRef, OpenID `acr`). None: any.
	ACR []string `key:"acr"`
	// The oldest authentication at the identity provider that is accepted. 0: any.
	MaxAuthAge time.Duration `key:"max_auth_age" default:"0"`
	// Time between the end of access here and the deactivation in apps that asked to be told; a login voids it. 0: 15m.
	DeprovisionGrace time.Duration `key:"deprovision_grace" default:"15m"`
	// A condition (CEL) on each login, and on each live session. See policy.md. Not there: none.
	When string `key:"when"`
	// Roles that people may ask for, for a while. The first item of a role that lets somebody ask is the one that counts.
	Elevate []elevateFile `key:"elevate"`
}

// groupsFile are rules on groups: exact names, or patterns with `*` for any run of characters but "/".
type groupsFile struct {
	// One of these is needed.
	Any []string `key:"any"`
	// All of these are needed.
	All []string `key:"all"`
	// None of these may be there.
	None []string `key:"none"`
}

// rolesFile turns groups into roles.
type rolesFile struct {
	// Roles that everybody has.
	Default []string `key:"default"`
	// From a group's exact name to its roles.
	Map map[string][]string `key:"map"`
	// All roles that may be given. None: those of `default`.
	Ceiling []string `key:"ceiling"`
}

// elevateFile is a role that people may have for a while. It need not be in `roles.ceiling`.
type elevateFile struct {
	// The role.
	Role string `key:"role" required:"true"`
	// Who may ask for it.
	Who circleFile `key:"who"`
	// The longest that it is given for, 8h at most.
	Max time.Duration `key:"max" required:"true"`
	// Who decides: `approver`, somebody else; or `policy`, nobody: whoever may ask is given it.
	Approve string `key:"approve" default:"approver"`
	// Who may decide. Nobody ever decides for herself.
	Approvers circleFile `key:"approvers"`
	// Whether a ticket has to be named.
	Ticket bool `key:"ticket" default:"off"`
}

// circleFile are people by what they have.
type circleFile struct {
	// People in one of these groups: exact names, or patterns with `*` for any run of characters but "/".
	Groups []string `key:"groups"`
	// People with one of these roles all the time.
	Roles []string `key:"roles"`
}

func (c circleFile) circle() provision.Circle {
	return provision.Circle{Groups: c.Groups, Roles: c.Roles}
}

func (p policyFile) elevation() []provision.ElevationRule {
	var rules []provision.ElevationRule
	for _, e := range p.Elevate {
		rules = append(rules, provision.ElevationRule{
			Role: e.Role, Who: e.Who.circle(), Max: e.Max, Approve: provision.Approval(e.Approve), Approvers: e.Approvers.circle(), Ticket: e.Ticket,
		})
	}
	return rules
}

func (c *collector) tenant(file tenantFile) ManifestTenant {
	c.once(file.At, "id", "tenant", string(file.ID))
	if file.At.has("retention") && file.Retention == 0 {
		file.At.fault("retention", "is 0, which would erase at once; write a longer time, or leave it out")
	}
	tenant := ManifestTenant{Tenant: provision.Tenant{
		ID:          provision.TenantID(file.ID),
		Name:        cmp.Or(file.Name, string(file.ID)),
		Contact:     file.Contact,
		ContractEnd: file.ContractEnd.end,
		Retention:   file.Retention,
		Policy:      file.workloads(file.policy(c.judge)),
		Owner:       provision.ByManifest,
	}}
	c.granting = append(c.granting, granting{tenant.ID, file.Grants})
	tenant.Hook.URL = file.Webhook.URL
	c.warned(file)
	tenant.Claims = file.claims(tenant.ID)
	for _, connection := range file.Connections {
		tenant.Connections = append(tenant.Connections, c.connection(connection, file))
	}
	file.checkDefaults()
	return tenant
}

func (t tenantFile) claims(id provision.TenantID) []provision.Claim {
	var claims []provision.Claim
	for i, domain := range t.Domains {
		here := item("domains", i)
		oneOf(t.At, here+".proof", domain.Proof, string(provision.ProofDNS), string(provision.ProofOperator))
		if !domain.Name.IsZero() && slices.ContainsFunc(t.Domains[:i], func(other claimFile) bool { return other.Name == domain.Name }) {
			t.At.fault(here+".name", "%s is claimed above; keep one", domain.Name)
		}
		claims = append(claims, provision.Claim{Tenant: id, Domain: domain.Name, Proof: provision.Proof(domain.Proof)})
	}
	return claims
}

// checkDefaults finds domains with two default connections: a login could not choose.
func (t tenantFile) checkDefaults() {
	first := map[provision.Domain]name{}
	for _, connection := range t.Connections {
		for _, domain := range connection.Domains {
			other, twice := first[domain]
			if twice && connection.Default && !domain.IsZero() && other != connection.ID {
				connection.At.fault("default", "%s is the default for %s already; keep one", other, domain)
			}
			if connection.Default && !twice {
				first[domain] = connection.ID
			}
		}
	}
}

func (t tenantFile) policy(judge Judge) provision.Policy {
	p := t.Policy
	for key, explicit := range map[string]time.Duration{"max_session": p.MaxSession, "idle": p.Idle} {
		if explicit == 0 && t.At.has("policy."+key) {
			t.At.fault("policy."+key, "is 0, which would let nobody in; write a longer time, or leave it out")
		}
	}
	policy := provision.Policy{
		Create:           provision.CreateRule(p.Create),
		Mode:             provision.Mode(p.Mode),
		Groups:           provision.GroupRule{Any: p.Groups.Any, All: p.Groups.All, None: p.Groups.None},
		Roles:            provision.RoleRule{Default: p.Roles.Default, Map: p.Roles.Map, Ceiling: p.Roles.Ceiling},
		Seats:            p.Seats,
		MaxSession:       p.MaxSession,
		Idle:             p.Idle,
		ACR:              p.ACR,
		MaxAuthAge:       p.MaxAuthAge,
		DeprovisionGrace: p.DeprovisionGrace,
		When:             strings.TrimSpace(p.When),
		Elevate:          p.elevation(),
	}.WithDefaults()
	for _, fault := range policy.Faults() {
		key, text, _ := strings.Cut(fault, ": ")
		t.At.fault("policy."+key, "%s; correct it, or raise what it exceeds", text)
	}
	if policy.When != "" && judge.Condition != nil {
		if err := judge.Condition(policy.When); err != nil {
			t.At.fault("policy.when", "%s", err)
		}
	}
	return policy
}

// oneOf notes a fault if value is none of the words that the key may have.
func oneOf(at place, key, value string, words ...string) {
	if !slices.Contains(words, value) {
		at.fault(key, "%q is none of %s; write one of them", value, strings.Join(words, ", "))
	}
}

// names are ids of a file as ids of the nouns.
func names[T ~string](from []name) []T {
	var to []T
	for _, n := range from {
		to = append(to, T(n))
	}
	return to
}
