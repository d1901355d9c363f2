package config

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"leasehold/provision"
)

// policyDocument is a file with a policy alone, under the key that it has in a manifest.
type policyDocument struct {
	At place
	// As in a manifest.
	Policy policyFile `key:"policy" required:"true"`
}

// LoadPolicy reads a policy from a file of its own: `policy:`, and below it what a tenant of a manifest has there.
func LoadPolicy(file string, judge Judge) (provision.Policy, Faults) {
	var faults Faults
	r := newReader(file, filepath.Dir(file), &faults)
	var shape policyDocument
	r.load(&shape)
	policy := tenantFile{At: shape.At, Policy: shape.Policy}.policy(judge)
	if len(faults) > 0 {
		return provision.Policy{}, faults.sorted()
	}
	return policy, nil
}

// PolicyText is a policy as LoadPolicy reads it, every key with its value.
func PolicyText(p provision.Policy) string {
	var text strings.Builder
	text.WriteString("policy:\n")
	p = p.WithDefaults()
	for _, line := range []struct {
		key   string
		value any
	}{
		{"create", p.Create}, {"mode", p.Mode},
		{"groups", map[string][]string{"any": listed(p.Groups.Any), "all": listed(p.Groups.All), "none": listed(p.Groups.None)}},
		{"roles", map[string]any{"default": listed(p.Roles.Default), "map": mapped(p.Roles.Map), "ceiling": listed(p.Roles.Ceiling)}},
		{"seats", p.Seats}, {"max_session", written(p.MaxSession)}, {"idle", written(p.Idle)}, {"acr", listed(p.ACR)},
		{"max_auth_age", written(p.MaxAuthAge)}, {"deprovision_grace", written(p.DeprovisionGrace)}, {"when", p.When}, {"elevate", elevations(p.Elevate)},
	} {
		var value strings.Builder
		encoder := json.NewEncoder(&value) // of which all that can come here is YAML too
		encoder.SetEscapeHTML(false)
		_ = encoder.Encode(line.value) // cannot fail on such types
		fmt.Fprintf(&text, "  %s: %s", line.key, value.String())
	}
	return text.String()
}

func listed(items []string) []string {
	if items == nil {
		return []string{}
	}
	return items
}

// elevations are rules as a file has them.
func elevations(rules []provision.ElevationRule) []map[string]any {
	items := []map[string]any{}
	for _, r := range rules {
		items = append(items, map[string]any{
			"role": r.Role, "who": circled(r.Who), "max": written(r.Max), "approve": r.Approve, "approvers": circled(r.Approvers), "ticket": r.Ticket,
		})
	}
	return items
}

func circled(c provision.Circle) map[string][]string {
	return map[string][]string{"groups": listed(c.Groups), "roles": listed(c.Roles)}
}

func mapped(items map[string][]string) map[string][]string {
	if items == nil {
		return map[string][]string{}
	}
	return items
}

// written is a length of time without the parts that are 0.
func written(d time.Duration) string {
	text := d.String()
	for _, none := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, none) {
			text = text[:len(text)-2]
		}
	}
	return text
}
