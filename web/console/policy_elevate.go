package console

import (
	"fmt"
	"strings"

	"leasehold/provision"
)

// elevationLines are rules for roles for a while as the form has them, in the keys of a manifest: "key: value", a line
// each, where lists have a line an item. A rule begins with its role.
func elevationLines(rules []provision.ElevationRule) string {
	var text strings.Builder
	add := func(key string, values ...string) {
		for _, value := range values {
			fmt.Fprintf(&text, "%s: %s\n", key, value)
		}
	}
	for i, r := range rules {
		if i > 0 {
			text.WriteString("\n")
		}
		add("role", r.Role)
		add("who.groups", r.Who.Groups...)
		add("who.roles", r.Who.Roles...)
		add("max", lasting(r.Max))
		add("approve", string(r.Approve))
		add("approvers.groups", r.Approvers.Groups...)
		add("approvers.roles", r.Approvers.Roles...)
		if r.Ticket {
			add("ticket", "on")
		}
	}
	return strings.TrimSpace(text.String())
}

// elevationsOf reads elevationLines.
func elevationsOf(text string) (rules []provision.ElevationRule, err error) {
	for n, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		key, value, said := strings.Cut(line, ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if key == "role" {
			rules = append(rules, provision.ElevationRule{Role: value, Approve: provision.ByApprover})
			continue
		}
		switch {
		case !said || value == "":
			err = fmt.Errorf("%q is not written as: key: value", line)
		case len(rules) == 0:
			err = fmt.Errorf("a rule begins with its role, as in: role: auditor")
		default:
			err = sayElevation(&rules[len(rules)-1], key, value)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	return rules, nil
}

// sayElevation sets one key of a rule, or adds one item to its list.
func sayElevation(r *provision.ElevationRule, key, value string) (err error) {
	switch key {
	case "who.groups":
		r.Who.Groups = append(r.Who.Groups, value)
	case "who.roles":
		r.Who.Roles = append(r.Who.Roles, value)
	case "approvers.groups":
		r.Approvers.Groups = append(r.Approvers.Groups, value)
	case "approvers.roles":
		r.Approvers.Roles = append(r.Approvers.Roles, value)
	case "max":
		r.Max, err = lasts(value)
	case "approve":
		r.Approve = provision.Approval(value)
	case "ticket":
		if r.Ticket = value == "on"; value != "on" && value != "off" {
			err = fmt.Errorf("ticket is on or off, not %q", value)
		}
	default:
		err = fmt.Errorf("there is no key %q", key)
	}
	return err
}
