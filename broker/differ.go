package broker

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"leasehold/provision"
)

// field is one key of a manifest and its value, as text.
type field struct{ key, value string }

// differences are the fields that differ, "key: old → new". Of something new, they are the fields that are set.
func differences(exists bool, old, wanted []field) []string {
	var lines []string
	for i, f := range wanted {
		switch {
		case !exists && f.value != "":
			lines = append(lines, f.key+": "+f.value)
		case exists && old[i].value != f.value:
			lines = append(lines, fmt.Sprintf("%s: %s → %s", f.key, orNone(old[i].value), orNone(f.value)))
		}
	}
	return lines
}

func sameFields(a, b []field) bool { return slices.Equal(a, b) }

// outcome says whether something was made or changed.
func outcome(exists bool) string {
	if exists {
		return "changed"
	}
	return "created"
}

// lines are differences, never none of something new.
func lines(exists bool, differences []string) []string {
	if !exists {
		return append([]string{"created"}, differences...)
	}
	return differences
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

func joined[T fmt.Stringer](items []T) string {
	var texts []string
	for _, item := range items {
		texts = append(texts, item.String())
	}
	return strings.Join(texts, ", ")
}

func joinedIDs[T ~string](items []T) string {
	var texts []string
	for _, item := range items {
		texts = append(texts, string(item))
	}
	return strings.Join(texts, ", ")
}

// text is a value as people write it, and "" for a zero value.
func text(v any) string {
	s := fmt.Sprint(v)
	switch s {
	case "0", "0s", "false", "map[]", "[]":
		return ""
	}
	return s
}

func tenantFields(t provision.Tenant) []field {
	end := ""
	if !t.ContractEnd.IsZero() {
		end = t.ContractEnd.UTC().Format("2006-01-02T15:04Z")
	}
	return []field{{"name", t.Name}, {"contact", t.Contact}, {"contract_end", end}, {"retention", text(t.Retention)},
		{"webhook.url", t.Hook.URL}, {"webhook.secret", secretMark(t.Hook.Secret)}, {"owner", string(t.Owner)}}
}

func policyFields(p provision.Policy) []field {
	return []field{
		{"create", string(p.Create)}, {"mode", string(p.Mode)},
		{"groups.any", strings.Join(p.Groups.Any, ", ")}, {"groups.all", strings.Join(p.Groups.All, ", ")}, {"groups.none", strings.Join(p.Groups.None, ", ")},
		{"roles.default", strings.Join(p.Roles.Default, ", ")}, {"roles.map", text(p.Roles.Map)}, {"roles.ceiling", strings.Join(p.Roles.Ceiling, ", ")},
		{"seats", text(p.Seats)}, {"max_session", text(p.MaxSession)}, {"idle", text(p.Idle)}, {"acr", strings.Join(p.ACR, ", ")},
		{"max_auth_age", text(p.MaxAuthAge)}, {"deprovision_grace", text(p.DeprovisionGrace)}, {"when", p.When},
		{"elevate", joined(p.Elevate)},
		{"rules", ruleLines(p.Trust)}, {"grants", grantLines(p.Grants)},
	}
}

func connectionFields(c provision.Connection) []field {
	return []field{
		{"protocol", string(c.Protocol)}, {"domains", joined(c.Domains)}, {"subject", c.Subject}, {"default", text(c.Default)},
		{"attributes", text(c.Attributes)}, {"metadata", mark(c.Metadata)}, {"metadata_url", c.MetadataURL},
		{"idp_initiated", text(c.IDPInitiated)}, {"encryption", text(c.Encryption)}, {"issuer", c.Issuer}, {"client_id", c.ClientID},
		{"client_secret", secretMark(c.ClientSecret)}, {"trust_email", text(c.TrustEmail)},
		{"liveness.every", text(c.Liveness.Every)}, {"liveness.max_stale", text(c.Liveness.MaxStale)}, {"keys", mark(c.KeySet)}, {"owner", string(c.Owner)},
	}
}

// mark tells documents apart.
func mark(document []byte) string {
	if len(document) == 0 {
		return ""
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(document))[:23]
}

// ruleLines and grantLines are the rules of workloads as one line each.
func ruleLines(rules []provision.TrustRule) string {
	var lines []string
	for _, r := range rules {
		lines = append(lines, fmt.Sprintf("%s of %s wants %v, is known by %v, gives %v, owned by %s%s", r.ID, r.Connection, r.Match, r.Subject, r.Grants, r.Owner, unlessZero(", token_age ", text(r.TokenAge))+unlessZero(", agent ", text(r.Agent))+unlessZero(", disabled: ", text(r.Disabled))))
	}
	return strings.Join(lines, "; ")
}

func grantLines(grants []provision.GrantRule) string {
	var lines []string
	for _, g := range grants {
		line := fmt.Sprintf("%s at %s as %v for %s", g.ID, joinedIDs(g.Apps), g.Roles, g.TTL())
		for _, more := range []field{{"resources", strings.Join(g.Resources, " ")}, {"renewals", text(g.Renewals)}, {"concurrent", text(g.Concurrent)}, {"uses", text(g.Uses)}, {"hours", g.Hours}, {"addresses", text(g.Addresses)}, {"purpose", text(g.NeedsPurpose)}, {"task", text(g.NeedsTask)}} {
			line += unlessZero(", "+more.key+" ", more.value)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

func unlessZero(prefix, value string) string {
	if value == "" {
		return ""
	}
	return prefix + value
}

// secretMark tells secrets apart without a word of them.
func secretMark(name string) string {
	if name == "" {
		return ""
	}
	return "set (" + name[strings.LastIndexByte(name, '/')+1:] + ")"
}

func appFields(a provision.App) []field {
	return []field{
		{"origins", joined(a.Origins)}, {"headers", a.Headers}, {"user", a.User}, {"tenants", joinedIDs(a.Tenants)},
		{"require.roles", strings.Join(a.Roles, ", ")}, {"public", strings.Join(a.Public, ", ")}, {"max_session", text(a.MaxSession)},
		{"workloads", text(a.Workloads)}, {"off_path", text(a.OffPath)},
		{"notify.url", a.Notify.URL}, {"notify.secret", secretMark(a.Notify.Secret)}, {"owner", string(a.Owner)},
	}
}
