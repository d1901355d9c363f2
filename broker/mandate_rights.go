package broker

import (
	"fmt"
	"slices"

	"leasehold/provision"
)

// Right is one thing that administrators do: what it is about, and the verb.
type Right string

// RightRule is who may use a Right.
type RightRule struct {
	Right      Right
	Kind       string // for the permits of tokens: one of provision.PermitKinds
	Write      bool
	Everywhere bool // only who reaches every tenant: it makes or changes what is not one tenant's own affair
}

// Rights is the one table of what administrators may do. A tenant's administrator governs its people, its sign-in and its
// rules. That there is a tenant, that it may be used, what belongs to several tenants, and an operator's word on a domain
// are the operators' affair.
func Rights() []RightRule {
	return []RightRule{
		{"tenants.read", "tenants", false, false},
		{"tenants.put", "tenants", true, true},
		{"tenants.suspend", "tenants", true, true},
		{"tenants.resume", "tenants", true, true},
		{"tenants.delete", "tenants", true, true},
		{"domains.read", "domains", false, false},
		{"domains.claim", "domains", true, false},
		{"domains.check", "domains", true, false},
		{"domains.drop", "domains", true, false},
		{"domains.attest", "domains", true, true},
		{"connections.read", "connections", false, false},
		{"connections.create", "connections", true, false},
		{"connections.put", "connections", true, false},
		{"connections.enable", "connections", true, false},
		{"connections.disable", "connections", true, false},
		{"connections.confirm", "connections", true, false},
		{"connections.reject", "connections", true, false},
		{"connections.delete", "connections", true, false},
		{"policies.read", "policies", false, false},
		{"policies.put", "policies", true, false},
		{"apps.read", "apps", false, false},
		{"apps.put", "apps", true, true},
		{"accounts.read", "accounts", false, false},
		{"accounts.create", "accounts", true, false},
		{"accounts.link", "accounts", true, false},
		{"accounts.unlink", "accounts", true, false},
		{"accounts.appoint", "accounts", true, false},
		{"accounts.approve", "accounts", true, false},
		{"accounts.end", "accounts", true, false},
		{"accounts.suspend", "accounts", true, false},
		{"accounts.release", "accounts", true, false},
		{"accounts.revoke", "accounts", true, false},
		{"accounts.restore", "accounts", true, false},
		{"accounts.delete", "accounts", true, false},
		{"leases.read", "leases", false, false},
		{"leases.end", "leases", true, false},
		{"leases.revoke", "leases", true, false}, // all below a connection, a domain or a tenant
		{"audit.read", "audit", false, false},    // events and decisions
		{"deliveries.read", "deliveries", false, false},
		{"deliveries.retry", "deliveries", true, true},
		{"deliveries.drop", "deliveries", true, true},
		{"tokens.read", "tokens", false, false},
		{"tokens.create", "tokens", true, false},
		{"tokens.revoke", "tokens", true, false},
	}
}

// rule is that of a right; the zero rule, which nobody passes, of one that is not in the table.
func (r Right) rule() RightRule {
	rules := Rights()
	if i := slices.IndexFunc(rules, func(rule RightRule) bool { return rule.Right == r }); i >= 0 {
		return rules[i]
	}
	return RightRule{}
}

// May is nil when m holds a right. It looks at no object: what is refused here is refused of whatever is named.
func (m Mandate) May(r Right) error {
	rule := r.rule()
	switch {
	case rule.Right == "", !m.Everywhere && m.Tenant == "", rule.Write && !m.Write, rule.Everywhere && !m.Everywhere:
		return &provision.DeniedError{Reason: provision.OfficeMissing}
	case m.Permits != nil && !slices.ContainsFunc(m.Permits, func(p provision.Permit) bool { return p.Allows(rule.Kind, rule.Write) }):
		return &provision.DeniedError{Reason: provision.ScopeMissing}
	}
	return nil
}

// Covers reports whether m could do itself whatever permits allow: nobody makes a token that may more.
func (m Mandate) Covers(permits []provision.Permit) error {
	for _, rule := range Rights() {
		allows := slices.ContainsFunc(permits, func(p provision.Permit) bool { return p.Allows(rule.Kind, rule.Write) })
		if allows && !(rule.Everywhere && !m.Everywhere) {
			if err := m.May(rule.Right); err != nil {
				return fmt.Errorf("scope of the token: %w", err)
			}
		}
	}
	return nil
}
