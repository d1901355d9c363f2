package provision

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Approval says who decides on a request for a role.
type Approval string

// The ways to decide. The zero value is an approver without anybody who may be one.
const (
	ByPolicy   Approval = "policy"   // whoever may ask is given the role
	ByApprover Approval = "approver" // somebody else decides
)

// ElevationRule says who may have a role for a while. It is a ceiling of its own: the role need not lie within
// RoleRule.Ceiling, which bounds what people have all the time.
type ElevationRule struct {
	Role      string
	Who       Circle        // may ask
	Max       time.Duration // the longest that it is given for
	Approve   Approval
	Approvers Circle // when somebody else decides; never the asker
	Ticket    bool   // one has to be named
}

// Circle are people by what they have: one of the groups, as patterns, or one of the roles. The zero Circle is nobody.
type Circle struct {
	Groups []string
	Roles  []string
}

// Has reports whether somebody in these groups, with these roles, is in c.
func (c Circle) Has(groups, roles []string) bool {
	return slices.ContainsFunc(c.Groups, func(pattern string) bool {
		return slices.ContainsFunc(groups, func(group string) bool { return Glob(pattern, group) })
	}) || slices.ContainsFunc(c.Roles, func(role string) bool { return slices.Contains(roles, role) })
}

func (c Circle) empty() bool { return len(c.Groups) == 0 && len(c.Roles) == 0 }

// String is c as people read it.
func (c Circle) String() string {
	var parts []string
	for kind, names := range map[string][]string{"groups": c.Groups, "roles": c.Roles} {
		if len(names) > 0 {
			parts = append(parts, kind+" "+strings.Join(names, ", "))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}

// String is r as people read it.
func (r ElevationRule) String() string {
	text := fmt.Sprintf("%s for %s (%s), by %s", r.Role, r.Max, r.Who, r.Approve)
	if !r.Approvers.empty() {
		text += " (" + r.Approvers.String() + ")"
	}
	if r.Ticket {
		text += ", with a ticket"
	}
	return text
}

// Askable are the rules by which the holder of s may ask for a role: of each role the first one.
func (s Standing) Askable() []ElevationRule {
	var rules []ElevationRule
	for _, r := range s.Tenant.Policy.Elevate {
		if first, ok := s.Tenant.Policy.elevation(r.Role, s.Account.Groups, s.Roles()); ok && !slices.ContainsFunc(rules, func(x ElevationRule) bool { return x.Role == first.Role }) {
			rules = append(rules, first)
		}
	}
	return rules
}

// elevation is the first rule that lets somebody in these groups, with these roles of her own, have a role for a while.
func (p Policy) elevation(role string, groups, roles []string) (ElevationRule, bool) {
	for _, r := range p.Elevate {
		if r.Role == role && role != "" && r.Who.Has(groups, roles) {
			return r, true
		}
	}
	return ElevationRule{}, false
}

// elevationFaults lists everything that makes rules unusable.
func elevationFaults(rules []ElevationRule) []string {
	var faults []string
	for i, r := range rules {
		add := func(key, format string, args ...any) {
			faults = append(faults, fmt.Sprintf("elevate[%d].%s: ", i, key)+fmt.Sprintf(format, args...))
		}
		if strings.TrimSpace(r.Role) == "" {
			add("role", "is missing")
		}
		if r.Who.empty() {
			add("who", "names nobody")
		}
		if r.Max < time.Second || r.Max > MaxElevation {
			add("max", "%s is not between 1s and %s", r.Max, MaxElevation)
		}
		switch {
		case r.Approve != ByPolicy && r.Approve != ByApprover:
			add("approve", "%q is none of policy, approver", r.Approve)
		case r.Approve == ByApprover && r.Approvers.empty():
			add("approvers", "names nobody")
		case r.Approve == ByPolicy && !r.Approvers.empty():
			add("approvers", "nobody is asked when the policy decides")
		}
	}
	return faults
}
