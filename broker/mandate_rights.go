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
	Home       bool // in the operators' tenant only who reaches every tenant: it decides who comes in there, as whom
}

// Rights is the one table of what administrators may do. A tenant's administrator governs its people, its sign-in and its
// rules. That there is a tenant, that it may be used, what belongs to several tenants, and an operator's word on a domain
// are the operators' affair.
func Rights() []RightRule {
	return []RightRule{
		{"tenants.read", "tenants", false, false, false},
		{"tenants.put", "tenants", true, true, false},
		{"tenants.suspend", "tenants", true, true, false},
		{"tenants.resume", "tenants", true, true, false},
		{"tenants.delete", "tenants", true, true, false},
		{"domains.read", "domains", false, false, false},
		{"domains.claim", "domains", true, false, false},
		{"domains.check", "domains", true, false, false},
		{"domains.drop", "domains", true, false, false},
		{"domains.attest", "domains", true, true, false},
		{"connections.read", "connections", false, false, false},
		{"connections.create", "connections", true, false, true},
		{"connections.put", "connections", true, false, true},
		{"connections.enable", "connections", true, false, true},
		{"connections.disable", "connections", true, false, true},
		{"connections.confirm", "connections", true, false, true},
		{"connections.reject", "connections", true, false, false},
		{"connections.delete", "connections", true, false, true},
		{"setups.read", "setups", false, false, false},
		{"setups.create", "setups", true, false, true},
		{"setups.withdraw", "setups", true, false, false},
		{"policies.read", "policies", false, false, false},
		{"policies.put", "policies", true, false, true},
		{"policies.try", "policies", true, false, false}, // it changes nothing, but the server works for it
		{"rules.read", "rules", false, false, false},     // trust rules of workloads
		{"rules.put", "rules", true, false, true},
		{"rules.enable", "rules", true, false, true},
		{"rules.disable", "rules", true, false, true},
		{"rules.delete", "rules", true, false, true},
		{"grants.read", "rules", false, false, false}, // and what they give
		{"grants.put", "rules", true, false, true},
		{"grants.delete", "rules", true, false, true},
		{"apps.read", "apps", false, false, false},
		{"apps.put", "apps", true, true, false},
		{"apps.delete", "apps", true, true, false},
		{"accounts.read", "accounts", false, false, false},
		{"accounts.create", "accounts", true, false, false},
		{"accounts.link", "accounts", true, false, false},
		{"accounts.unlink", "accounts", true, false, false},
		{"accounts.appoint", "accounts", true, false, false},
		{"accounts.approve", "accounts", true, false, false},
		{"accounts.end", "accounts", true, false, false},
		{"accounts.suspend", "accounts", true, false, false},
		{"accounts.release", "accounts", true, false, false},
		{"accounts.revoke", "accounts", true, false, false},
		{"accounts.restore", "accounts", true, false, false},
		{"accounts.delete", "accounts", true, false, false},
		{"leases.read", "leases", false, false, false},
		{"leases.end", "leases", true, false, false},
		{"leases.revoke", "leases", true, false, false},        // all below a connection, a domain or a tenant
		{"elevations.read", "elevations", false, false, false}, // roles for a while
		{"elevations.ask", "elevations", true, false, false},   // for whoever made the token, in a session of hers
		{"elevations.approve", "elevations", true, false, false},
		{"elevations.deny", "elevations", true, false, false},
		{"elevations.end", "elevations", true, false, false},
		{"credentials.read", "credentials", false, false, false}, // what sources of secrets know for leases
		{"credentials.end", "credentials", true, false, false},
		{"credentials.retry", "credentials", true, false, false},
		{"audit.read", "audit", false, false, false}, // events and decisions
		{"deliveries.read", "deliveries", false, false, false},
		{"deliveries.retry", "deliveries", true, true, false},
		{"deliveries.drop", "deliveries", true, true, false},
		{"tokens.read", "tokens", false, false, false},
		{"tokens.create", "tokens", true, false, false},
		{"tokens.revoke", "tokens", true, false, false},
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

// permits is nil when m may use a right on something of tenant t, which it reaches. In the operators' tenant, what decides who
// comes in there is for operators alone, and for no token that is narrowed: it could make itself one.
func (b *Broker) permits(m Mandate, r Right, t provision.TenantID) error {
	err := m.May(r)
	switch {
	case err == nil && r == "setups.create" && m.whole() != nil: // whoever opens the link becomes administrator
		return m.whole()
	case err != nil || !r.rule().Home || b.Operators == "" || t != b.Operators:
		return err
	case !m.Everywhere:
		return &provision.DeniedError{Reason: provision.OfficeMissing}
	}
	return m.whole()
}

// permitsOn is nil when m may use a right on an account, which it reaches. Nobody but an operator changes an operator's account, and
// no token that is narrowed gives offices: not even by the sign-in of somebody who has one.
func (b *Broker) permitsOn(m Mandate, r Right, a provision.Account) error {
	err := b.permits(m, r, a.Tenant)
	switch {
	case err != nil:
		return err
	case !m.Everywhere && a.Holds(provision.OperatorOffice):
		return &provision.DeniedError{Reason: provision.OfficeMissing}
	case r == "accounts.appoint", r == "accounts.link" && len(a.Offices) > 0:
		return m.whole()
	}
	return nil
}

// whole is nil when no permits narrow what m may.
func (m Mandate) whole() error {
	if m.Permits == nil {
		return nil
	}
	return m.Covers([]provision.Permit{provision.MayWrite})
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
