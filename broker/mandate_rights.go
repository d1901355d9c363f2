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
	Whole      bool // for no token that is narrowed: by it somebody could come in as an administrator
}

// Rights is the one table of what administrators may do. A tenant's administrator governs its people, its sign-in and its
// rules. That there is a tenant, that it may be used, what belongs to several tenants, and an operator's word on a domain
// are the operators' affair.
func Rights() []RightRule {
	return []RightRule{
		{"tenants.read", "tenants", false, false, false, false},
		{"tenants.put", "tenants", true, true, false, false},
		{"tenants.suspend", "tenants", true, true, false, false},
		{"tenants.resume", "tenants", true, true, false, false},
		{"tenants.delete", "tenants", true, true, false, false},
		{"domains.read", "domains", false, false, false, false},
		{"domains.claim", "domains", true, false, false, false},
		{"domains.check", "domains", true, false, false, false},
		{"domains.drop", "domains", true, false, false, false},
		{"domains.attest", "domains", true, true, false, false},
		{"connections.read", "connections", false, false, false, false},
		{"connections.create", "connections", true, false, true, false},
		{"connections.put", "connections", true, false, true, true},
		{"connections.enable", "connections", true, false, true, false},
		{"connections.disable", "connections", true, false, true, false},
		{"connections.confirm", "connections", true, false, true, true},
		{"connections.reject", "connections", true, false, false, false},
		{"connections.delete", "connections", true, false, true, false},
		{"setups.read", "setups", false, false, false, false},
		{"setups.create", "setups", true, false, true, true},
		{"setups.withdraw", "setups", true, false, false, false},
		{"policies.read", "policies", false, false, false, false},
		{"policies.put", "policies", true, false, true, false},
		{"policies.try", "policies", true, false, false, false}, // it changes nothing, but the server works for it
		{"rules.read", "rules", false, false, false, false},     // trust rules of workloads
		{"rules.put", "rules", true, false, true, false},
		{"rules.enable", "rules", true, false, true, false},
		{"rules.disable", "rules", true, false, true, false},
		{"rules.delete", "rules", true, false, true, false},
		{"grants.read", "rules", false, false, false, false}, // and what they give
		{"grants.put", "rules", true, false, true, false},
		{"grants.delete", "rules", true, false, true, false},
		{"apps.read", "apps", false, false, false, false},
		{"apps.put", "apps", true, true, false, false},
		{"apps.delete", "apps", true, true, false, false},
		{"accounts.read", "accounts", false, false, false, false},
		{"accounts.create", "accounts", true, false, false, false},
		{"accounts.link", "accounts", true, false, false, false},
		{"accounts.unlink", "accounts", true, false, false, false},
		{"accounts.appoint", "accounts", true, false, false, true},
		{"accounts.approve", "accounts", true, false, false, false},
		{"accounts.end", "accounts", true, false, false, false},
		{"accounts.suspend", "accounts", true, false, false, false},
		{"accounts.release", "accounts", true, false, false, false},
		{"accounts.revoke", "accounts", true, false, false, false},
		{"accounts.restore", "accounts", true, false, false, false},
		{"accounts.delete", "accounts", true, false, false, false},
		{"leases.read", "leases", false, false, false, false},
		{"leases.end", "leases", true, false, false, false},
		{"leases.revoke", "leases", true, false, false, false},        // all below a connection, a domain or a tenant
		{"elevations.read", "elevations", false, false, false, false}, // roles for a while
		{"elevations.ask", "elevations", true, false, false, false},   // for whoever made the token, in a session of hers
		{"elevations.approve", "elevations", true, false, false, false},
		{"elevations.deny", "elevations", true, false, false, false},
		{"elevations.end", "elevations", true, false, false, false},
		{"credentials.read", "credentials", false, false, false, false}, // what sources of secrets know for leases
		{"credentials.end", "credentials", true, false, false, false},
		{"credentials.retry", "credentials", true, false, false, false},
		{"audit.read", "audit", false, false, false, false}, // events and decisions
		{"deliveries.read", "deliveries", false, false, false, false},
		{"deliveries.retry", "deliveries", true, true, false, false},
		{"deliveries.drop", "deliveries", true, true, false, false},
		{"tokens.read", "tokens", false, false, false, false},
		{"tokens.create", "tokens", true, false, false, false},
		{"tokens.revoke", "tokens", true, false, false, false},
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
// comes in there is for operators alone, and for no token that is narrowed: it could make itself one. In no tenant does such a
// token choose whose word is believed about those who have accounts: an administrator is among them.
func (b *Broker) permits(m Mandate, r Right, t provision.TenantID) error {
	err, home := m.May(r), r.rule().Home && b.Operators != "" && t == b.Operators
	switch {
	case err != nil || !home && !r.rule().Whole:
		return err
	case home && !m.Everywhere:
		return &provision.DeniedError{Reason: provision.OfficeMissing}
	}
	return m.whole()
}

// permitsOn is nil when m may use a right on an account, which it reaches. Nobody but an operator changes an operator's account, and
// no token that is narrowed gives offices: not even by the sign-in of somebody who has one, or by letting her in again.
func (b *Broker) permitsOn(m Mandate, r Right, a provision.Account) error {
	err := b.permits(m, r, a.Tenant)
	switch {
	case err != nil:
		return err
	case !m.Everywhere && a.Holds(provision.OperatorOffice):
		return &provision.DeniedError{Reason: provision.OfficeMissing}
	case len(a.Offices) > 0 && slices.Contains([]Right{"accounts.link", "accounts.approve", "accounts.release", "accounts.restore"}, r):
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
