package provision

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// CreateRule says what happens when an unknown subject passes every other rule.
type CreateRule string

// The rules for unknown subjects. The zero value denies.
const (
	CreateDeny    CreateRule = "deny"
	CreateAllow   CreateRule = "allow"
	CreateInvite  CreateRule = "invite"
	CreateApprove CreateRule = "approve"
)

// Mode says what an account is once its last lease has ended (NIST SP 800-63C-4, 4.6.3).
type Mode string

// The modes. The zero value means Leased.
const (
	Leased      Mode = "leased"      // made at login, expired after the last lease
	Ephemeral   Mode = "ephemeral"   // made at login, deleted after the last lease
	Provisioned Mode = "provisioned" // made only by an administrator, an invitation or SCIM
)

// Defaults of a policy.
const (
	DefaultMaxSession  = 8 * time.Hour
	DefaultIdle        = 30 * time.Minute
	DefaultDeprovision = 15 * time.Minute
)

// Policy is what a tenant allows. Each change makes a new version; a decision names the version it was made under.
type Policy struct {
	Version          int64
	Create           CreateRule
	Mode             Mode
	Groups           GroupRule
	Roles            RoleRule
	Seats            int             // live accounts; 0: no cap
	MaxSession       time.Duration   // ceiling of a session; 0: DefaultMaxSession
	Idle             time.Duration   // 0: DefaultIdle
	ACR              []string        // accepted authentication contexts; empty: any
	MaxAuthAge       time.Duration   // of the upstream authentication; 0: any
	DeprovisionGrace time.Duration   // between the end here and the deactivation in apps; 0: DefaultDeprovision
	When             string          `json:",omitempty"` // a condition (CEL) on each Case; "": none
	Elevate          []ElevationRule `json:",omitempty"`
	Trust            []TrustRule     `json:",omitempty"` // who may ask as a workload
	Grants           []GrantRule     `json:",omitempty"` // what for
}

// GroupRule decides by the groups an identity provider asserts. A pattern is an exact name, or has "*" for any run of
// characters other than "/".
type GroupRule struct {
	Any  []string // at least one must match, when there are some
	All  []string // every one must match
	None []string // none may match
}

// RoleRule turns groups into roles, within a ceiling.
type RoleRule struct {
	Default []string
	Map     map[string][]string // a group's exact name -> roles
	Ceiling []string            // what may be given at all; empty: what Default gives
}

// WithDefaults is p with its zero durations and names filled in.
func (p Policy) WithDefaults() Policy {
	if p.Create == "" {
		p.Create = CreateDeny
	}
	if p.Mode == "" {
		p.Mode = Leased
	}
	if p.MaxSession == 0 {
		p.MaxSession = DefaultMaxSession
	}
	if p.DeprovisionGrace <= 0 { // in some apps nothing brings back what a deactivation destroys
		p.DeprovisionGrace = DefaultDeprovision
	}
	if p.Idle <= 0 { // below 0 would mean never
		p.Idle = DefaultIdle
	}
	return p
}

// Faults lists everything that makes p unusable, each as a sentence that begins with the key at fault.
func (p Policy) Faults() []string {
	var faults []string
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	switch p.Create {
	case "", CreateDeny, CreateAllow, CreateInvite, CreateApprove:
	default:
		add("create: %q is none of allow, invite, approve, deny", p.Create)
	}
	switch p.Mode {
	case "", Leased, Ephemeral, Provisioned:
	default:
		add("mode: %q is none of leased, ephemeral, provisioned", p.Mode)
	}
	if p.Seats < 0 {
		add("seats: %d is below 0", p.Seats)
	}
	for key, d := range map[string]time.Duration{"max_session": p.MaxSession, "idle": p.Idle, "max_auth_age": p.MaxAuthAge, "deprovision_grace": p.DeprovisionGrace} {
		if d < 0 {
			add("%s: %s is below 0", key, d)
		}
	}
	if len(p.When) > MaxWhen {
		add("when: has %d bytes, more than %d", len(p.When), MaxWhen)
	}
	ceiling := p.Roles.ceiling()
	for _, role := range slices.Concat(ceiling, p.Roles.Default) {
		if strings.HasPrefix(role, OfficePrefix) {
			add("roles: %q is an office; those are given to an account by name", role)
		}
	}
	for _, role := range p.Roles.Default {
		if !slices.Contains(ceiling, role) {
			add("roles.default: %q is not in roles.ceiling", role)
		}
	}
	for group, roles := range p.Roles.Map {
		for _, role := range roles {
			if !slices.Contains(ceiling, role) {
				add("roles.map: %s gives %q, which is not in roles.ceiling", group, role)
			}
		}
	}
	faults = append(faults, elevationFaults(p.Elevate)...)
	slices.Sort(faults)
	return faults
}

func (r RoleRule) ceiling() []string {
	if len(r.Ceiling) == 0 {
		return r.Default
	}
	return r.Ceiling
}

// For is the roles that somebody in these groups is given: sorted, each once, none above the ceiling.
func (r RoleRule) For(groups []string) []string {
	roles := slices.Clone(r.Default)
	for _, group := range groups {
		roles = append(roles, r.Map[group]...)
	}
	return r.Within(roles)
}

// Within is those of roles that the ceiling allows: sorted, each once (invariant I12).
func (r RoleRule) Within(roles []string) []string {
	var kept []string
	for _, role := range roles {
		if slices.Contains(r.ceiling(), role) && !strings.HasPrefix(role, OfficePrefix) {
			kept = append(kept, role)
		}
	}
	slices.Sort(kept)
	return slices.Compact(kept)
}

// refuses is the reason for which somebody in these groups is kept out, or "".
func (g GroupRule) refuses(groups []string) Reason {
	has := func(pattern string) bool {
		return slices.ContainsFunc(groups, func(group string) bool { return Glob(pattern, group) })
	}
	if slices.ContainsFunc(g.None, has) {
		return GroupForbidden
	}
	if len(g.Any) > 0 && !slices.ContainsFunc(g.Any, has) {
		return GroupMissing
	}
	for _, pattern := range g.All {
		if !has(pattern) {
			return GroupMissing
		}
	}
	return ""
}

// Glob reports whether s matches a pattern of exact text and "*", which stands for any run of characters but "/".
// Patterns come from tenants, so matching is linear in len(pattern)*len(s) and never a regular expression.
func Glob(pattern, s string) bool { return globWithin(pattern, s, "/") }

// globWithin is Glob with the characters that "*" does not stand for.
func globWithin(pattern, s, edges string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	pattern, s = rest, s[len(head):]
	for {
		part, rest, star := strings.Cut(pattern, "*")
		if !star { // the last piece must end s, and the star before it must not cross a "/"
			return strings.HasSuffix(s, part) && !strings.ContainsAny(s[:len(s)-len(part)], edges)
		}
		at := strings.Index(s, part)
		if at < 0 || strings.ContainsAny(s[:at], edges) {
			return false
		}
		pattern, s = rest, s[at+len(part):]
	}
}
