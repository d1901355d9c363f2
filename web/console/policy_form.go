package console

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"leasehold/provision"
)

// policyForm is a policy as people write it into the form. Lists have an item a line.
type policyForm struct {
	Seen, Base                               int64 // the version it replaces, and the one that what the form does not hold is taken from
	Create                                   provision.CreateRule
	Mode                                     provision.Mode
	GroupsAny, GroupsAll, GroupsNone         string
	RolesDefault, RolesMap, RolesCeiling     string
	Seats, MaxSession, Idle, MaxAuthAge, ACR string
	DeprovisionGrace, When, Elevate          string
}

// formOf is a policy as the form has it.
func formOf(p provision.Policy, seen int64) policyForm {
	base := p.Version
	p = p.WithDefaults()
	f := policyForm{
		Seen: seen, Base: base, Create: p.Create, Mode: p.Mode,
		GroupsAny: lined(p.Groups.Any), GroupsAll: lined(p.Groups.All), GroupsNone: lined(p.Groups.None),
		RolesDefault: lined(p.Roles.Default), RolesCeiling: lined(p.Roles.Ceiling), Seats: strconv.Itoa(p.Seats),
		MaxSession: lasting(p.MaxSession), Idle: lasting(p.Idle), MaxAuthAge: lasting(p.MaxAuthAge), ACR: lined(p.ACR), DeprovisionGrace: lasting(p.DeprovisionGrace), When: p.When,
		Elevate: elevationLines(p.Elevate),
	}
	for _, group := range slices.Sorted(maps.Keys(p.Roles.Map)) {
		f.RolesMap += group + " -> " + strings.Join(p.Roles.Map[group], ", ") + "\n"
	}
	f.RolesMap = strings.TrimSpace(f.RolesMap)
	return f
}

// hidden is one value of a form that is sent on as it is.
type hidden struct{ Name, Value string }

// Hidden is all of the form, for the next page.
func (f policyForm) Hidden() []hidden {
	return []hidden{
		{"seen", strconv.FormatInt(f.Seen, 10)}, {"base", strconv.FormatInt(f.Base, 10)}, {"create", string(f.Create)}, {"mode", string(f.Mode)},
		{"groups.any", f.GroupsAny}, {"groups.all", f.GroupsAll}, {"groups.none", f.GroupsNone},
		{"roles.default", f.RolesDefault}, {"roles.map", f.RolesMap}, {"roles.ceiling", f.RolesCeiling}, {"seats", f.Seats}, {"max_session", f.MaxSession},
		{"idle", f.Idle}, {"max_auth_age", f.MaxAuthAge}, {"acr", f.ACR}, {"deprovision_grace", f.DeprovisionGrace}, {"when", f.When},
		{"elevate", f.Elevate},
	}
}

// readPolicy is the form that was posted.
func readPolicy(v *visit) policyForm {
	return policyForm{
		Seen: number(v.form("seen")), Base: number(v.form("base")), Create: provision.CreateRule(v.form("create")), Mode: provision.Mode(v.form("mode")),
		GroupsAny: v.form("groups.any"), GroupsAll: v.form("groups.all"), GroupsNone: v.form("groups.none"),
		RolesDefault: v.form("roles.default"), RolesMap: v.form("roles.map"), RolesCeiling: v.form("roles.ceiling"), Seats: v.form("seats"), MaxSession: v.form("max_session"),
		Idle: v.form("idle"), MaxAuthAge: v.form("max_auth_age"), ACR: v.form("acr"), DeprovisionGrace: v.form("deprovision_grace"), When: strings.ReplaceAll(v.form("when"), "\r\n", "\n"),
		Elevate: strings.ReplaceAll(v.form("elevate"), "\r\n", "\n"),
	}
}

// policyOf is the policy that a form says, with what it does not hold as its base has it; wrong is what cannot be read.
func (c *Console) policyOf(v *visit, f policyForm) (p provision.Policy, wrong []string, err error) {
	base, err := c.rules(v).Version(v.r.Context(), f.Base)
	if err != nil {
		return p, nil, err
	}
	p = base.Policy
	p.Create, p.Mode = f.Create, f.Mode
	p.Groups = provision.GroupRule{Any: items(f.GroupsAny), All: items(f.GroupsAll), None: items(f.GroupsNone)}
	p.Roles = provision.RoleRule{Default: items(f.RolesDefault), Ceiling: items(f.RolesCeiling)}
	p.ACR, p.When = items(f.ACR), f.When
	if p.Roles.Map, err = mapping(f.RolesMap); err != nil {
		wrong = append(wrong, "roles.map: "+err.Error())
	}
	if p.Elevate, err = elevationsOf(f.Elevate); err != nil {
		wrong = append(wrong, "elevate: "+err.Error())
	}
	if p.Seats, err = strconv.Atoi(zeroIfNone(f.Seats)); err != nil {
		wrong = append(wrong, fmt.Sprintf("seats: %q is no whole number", f.Seats))
	}
	for _, x := range []struct {
		name, text string
		to         *time.Duration
	}{{"max_session", f.MaxSession, &p.MaxSession}, {"idle", f.Idle, &p.Idle}, {"max_auth_age", f.MaxAuthAge, &p.MaxAuthAge}, {"deprovision_grace", f.DeprovisionGrace, &p.DeprovisionGrace}} {
		if *x.to, err = lasts(x.text); err != nil {
			wrong = append(wrong, x.name+": "+err.Error())
		}
	}
	return p, wrong, nil
}

func zeroIfNone(text string) string {
	if text == "" {
		return "0"
	}
	return text
}

// lined is a list, an item a line; items reads it.
func lined(list []string) string { return strings.Join(list, "\n") }

func items(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// mapping reads "group -> role, role", a line each. A group's name may hold anything but a line's end; the last arrow
// counts.
func mapping(text string) (map[string][]string, error) {
	found := map[string][]string{}
	for _, line := range items(text) {
		at := strings.LastIndex(line, "->")
		if at < 0 || strings.TrimSpace(line[:at]) == "" {
			return nil, fmt.Errorf("%q is not written as: group -> role, role", line)
		}
		group := strings.TrimSpace(line[:at])
		if _, twice := found[group]; twice {
			return nil, fmt.Errorf("%q is there twice; keep one", group)
		}
		for role := range strings.SplitSeq(line[at+2:], ",") {
			if role = strings.TrimSpace(role); role != "" {
				found[group] = append(found[group], role)
			}
		}
	}
	return found, nil
}

// lasting is a length of time as people write it; lasts reads it, days as well.
func lasting(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	text := d.String()
	for _, none := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, none) {
			text = text[:len(text)-2]
		}
	}
	return text
}

func lasts(text string) (time.Duration, error) {
	days, rest, found := strings.Cut(text, "d")
	n, err := strconv.Atoi(days)
	if !found {
		n, rest, err = 0, text, nil
	}
	d := time.Duration(0)
	if err == nil && rest != "" && rest != "0" {
		d, err = time.ParseDuration(rest)
	}
	if err != nil || n < 0 || n > 36500 || d < 0 {
		return 0, fmt.Errorf("%q is no length of time; write a number and its unit, as in 8h, 30m or 90d", text)
	}
	return d + time.Duration(n)*24*time.Hour, nil
}

// creates and modes are the choices of the form, in words.
func creates() map[provision.CreateRule]string {
	return map[provision.CreateRule]string{
		provision.CreateAllow: "get one", provision.CreateApprove: "get one when somebody approves", provision.CreateInvite: "get one by invitation", provision.CreateDeny: "get none",
	}
}

func modes() map[provision.Mode]string {
	return map[provision.Mode]string{
		provision.Leased: "kept, without access", provision.Ephemeral: "deleted", provision.Provisioned: "kept; only administrators make accounts",
	}
}

// Said is what the policy says, key by key.
func (f policyForm) Said() (said []hidden) {
	for _, x := range f.Hidden() {
		if x.Name != "seen" && x.Name != "base" {
			said = append(said, x)
		}
	}
	return said
}
