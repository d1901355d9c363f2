package provision

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// What leases of workloads may last, and how old their tokens may be.
const (
	DefaultTTL      = 5 * time.Minute
	MaxTTL          = 15 * time.Minute
	DefaultTokenAge = 10 * time.Minute
	MaxTokenAge     = time.Hour
)

// TrustRule says which workloads of a trusted issuer may ask, and for which grants. It is a part of the policy, so each
// decision names the version that it was made under.
type TrustRule struct {
	ID         string              // like a TenantID, unique in the tenant
	Connection ConnectionID        // the trusted issuer
	Match      map[string][]string // each claim must match one of its patterns: exact, or "*" within one segment. None: nobody
	Subject    []string            // the claims that a workload is known by
	Grants     []string            // what may be asked for
	Owner      Email               // of the account that answers for it: while that one is not in force, nor is the rule
	TokenAge   time.Duration       // of a token, since its issue; 0: DefaultTokenAge
	Agent      bool                `json:",omitempty"` // a workload acts for whoever commissioned it, and never by itself
	Disabled   bool                `json:",omitempty"` // nobody gets in by it, and what came by it ends
}

// Answered reports whether an account answers for r: it has the owner's address, and is in force.
func (r TrustRule) Answered(by Account) bool {
	return by.ID != "" && by.Email == r.Owner && (by.State == Active || by.State == Dormant)
}

// GitHubIssuer signs tokens of GitHub Actions, whose sub names a branch or an environment.
const GitHubIssuer = "https://token.actions.githubusercontent.com"

// GrantRule says what a workload may have, and for how long.
type GrantRule struct {
	ID           string
	Apps         []AppID  // at least one
	Roles        []string // within the ceiling of the policy
	Resources    []string // addresses at the apps, with what is below them; "*" within one segment. None: all of the apps
	MaxTTL       time.Duration
	Concurrent   int            // leases that one workload may have of it at once; 0: any number
	Renewals     int            // how often a lease may be renewed, each time by MaxTTL at most; 0: never
	Uses         int            // allowed checks until the lease ends; 0: any number
	Hours        string         // when it is given, as ParseHours reads it; "": always
	Addresses    []netip.Prefix // where it is given to; none: anywhere
	NeedsPurpose bool
	NeedsTask    bool
}

// TTL is how long a lease of g lasts at most.
func (g GrantRule) TTL() time.Duration {
	if g.MaxTTL <= 0 {
		return DefaultTTL
	}
	return min(g.MaxTTL, MaxTTL)
}

// Rule is the trust rule with an id, or the zero one.
func (p Policy) Rule(id string) TrustRule {
	for _, r := range p.Trust {
		if r.ID == id && id != "" {
			return r
		}
	}
	return TrustRule{}
}

// Grant is the grant rule with an id, or the zero one.
func (p Policy) Grant(id string) GrantRule {
	for _, g := range p.Grants {
		if g.ID == id && id != "" {
			return g
		}
	}
	return GrantRule{}
}

// WithRulesOf is p with the rules of workloads that another policy has: whoever changes what people may does not see them.
func (p Policy) WithRulesOf(other Policy) Policy {
	p.Trust, p.Grants = other.Trust, other.Grants
	return p
}

// namesOtherwise reports whether another rule of r's issuer knows workloads by other claims. Their order is no matter.
func (r TrustRule) namesOtherwise(other TrustRule) bool {
	return r.Connection == other.Connection && !r.KnowsAs(other)
}

// KnowsAs reports whether r knows workloads by the same claims as another rule.
func (r TrustRule) KnowsAs(other TrustRule) bool {
	return slices.Equal(slices.Sorted(slices.Values(r.Subject)), slices.Sorted(slices.Values(other.Subject)))
}

// Terms is a mark of what a workload has to be to have come by r: with another, leases of the former end.
func (r TrustRule) Terms() string {
	text, _ := json.Marshal(struct { // texts and lists of them: it cannot fail
		Connection ConnectionID
		Match      map[string][]string
		Subject    []string
	}{r.Connection, r.Match, r.Subject})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// SubjectOf is the name by which a workload with these claims is known at its issuer, or "" when one of the claims is not
// there. Two workloads that differ in a claim that is named have two names.
func (r TrustRule) SubjectOf(claims map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(slices.Values(r.Subject)) {
		if claims[name] == "" {
			return ""
		}
		parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(claims[name]))
	}
	return strings.Join(parts, "&")
}

// Refuses is the first claim that r wants otherwise, in the order of their names, with the reason. An absent claim
// refuses, and so does a rule that wants nothing.
func (r TrustRule) Refuses(claims map[string]string) (claim string, reason Reason) {
	names := make([]string, 0, len(r.Match))
	for name := range r.Match {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value, there := claims[name]
		if !there {
			return name, ClaimMissing
		}
		if !slices.ContainsFunc(r.Match[name], func(pattern string) bool { return globWithin(pattern, value, "/:") }) {
			return name, ClaimMismatch
		}
	}
	if len(names) == 0 {
		return "", RuleUnknown
	}
	return "", ""
}

// WorkloadFaults lists what makes the rules and the grants of p unusable, each as a sentence that begins with the key at
// fault, as in "rules[0].match".
func (p Policy) WorkloadFaults() []string {
	faults := p.sizeFaults()
	for i, r := range p.Trust {
		for _, fault := range slices.Concat(r.sizeFaults(), p.ruleFaults(r)) {
			faults = append(faults, fmt.Sprintf("rules[%d].%s", i, fault))
		}
		if slices.ContainsFunc(p.Trust[:i], func(other TrustRule) bool { return other.ID == r.ID }) {
			faults = append(faults, fmt.Sprintf("rules[%d].id: %q is taken by a rule above; choose another", i, r.ID))
		}
		if slices.ContainsFunc(p.Trust[:i], r.namesOtherwise) {
			faults = append(faults, fmt.Sprintf("rules[%d].subject: a rule above names workloads of connection %s by other claims, so that one would be two accounts, and outlive the revocation of either; name the same", i, r.Connection))
		}
	}
	for i, g := range p.Grants {
		for _, fault := range slices.Concat(g.sizeFaults(), p.grantFaults(g)) {
			faults = append(faults, fmt.Sprintf("grants[%d].%s", i, fault))
		}
		if slices.ContainsFunc(p.Grants[:i], func(other GrantRule) bool { return other.ID == g.ID }) {
			faults = append(faults, fmt.Sprintf("grants[%d].id: %q is taken by a grant above; choose another", i, g.ID))
		}
	}
	return faults
}

func (p Policy) ruleFaults(r TrustRule) (faults []string) {
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if len(r.Match) == 0 {
		add("match: names no claim, and would trust everybody at the issuer; name one at least")
	}
	for _, name := range sortedKeys(r.Match) {
		for _, pattern := range r.Match[name] {
			if strings.Trim(pattern, "*/:") == "" {
				add("match: %q of %s says nothing; write a value, or leave the claim out", pattern, name)
			}
		}
		if len(r.Match[name]) == 0 {
			add("match: %s has no value; write one, or leave the claim out", name)
		}
	}
	if len(r.Subject) == 0 {
		add("subject: is empty; name the claims that a workload is known by, as repository_id")
	}
	if r.TokenAge < 0 || r.TokenAge > MaxTokenAge {
		add("token_age: %s is not between 0 and %s", r.TokenAge, MaxTokenAge)
	}
	for _, id := range r.Grants {
		if p.Grant(id).ID == "" {
			add("grants: there is no grant %q; write it below `grants`", id)
		}
	}
	if len(r.Grants) == 0 {
		add("grants: is empty; name a grant that may be asked for")
	}
	if r.Owner.IsZero() {
		add("owner: is missing; write the e-mail address of the account that answers for the rule")
	}
	return faults
}

func (p Policy) grantFaults(g GrantRule) (faults []string) {
	add := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if len(g.Apps) == 0 {
		add("apps: is empty; name an app")
	}
	for _, role := range g.Roles {
		if !slices.Contains(p.Roles.ceiling(), role) {
			add("roles: %q is not in roles.ceiling of the policy; add it there, or leave it out", role)
		}
	}
	for _, resource := range g.Resources {
		if !isResource(resource) {
			add("resources: %q is no address at an app; write https://host/path, with * within one segment", resource)
		}
	}
	if g.MaxTTL < 0 || g.MaxTTL > MaxTTL {
		add("max_ttl: %s is not between 0 and %s", g.MaxTTL, MaxTTL)
	}
	if g.Renewals < 0 || g.Renewals > g.maxRenewals() {
		add("renewals: %d renewals of %s make a lease of more than %s, or are below 0; a workload that lives longer asks anew", g.Renewals, g.TTL(), MaxRenewed)
	}
	if g.Concurrent < 0 {
		add("concurrent: %d is below 0", g.Concurrent)
	}
	if g.Uses < 0 {
		add("uses: %d is below 0", g.Uses)
	}
	if _, err := ParseHours(g.Hours); err != nil {
		add("when.hours: %v", err)
	}
	return faults
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// isResource reports whether s is an origin with a path behind it.
func isResource(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	host, path, slash := strings.Cut(rest, "/")
	if !ok || !slash || path == "" || strings.ContainsAny(s, "?#\\ ") || strings.HasSuffix(s, "/") || strings.Contains(path, "//") {
		return false
	}
	origin, err := ParseOrigin(scheme + "://" + host)
	return err == nil && origin.String() == scheme+"://"+host
}

// Covers reports whether an address at an app, without its query, is a resource that a grant names, or below one. Of a
// grant that names none, all are. A path that could be read in two ways ("") is none.
func (g Grant) Covers(origin, path string) bool {
	if len(g.Resources) == 0 {
		return true
	}
	if path == "" {
		return false
	}
	address := origin + path
	return slices.ContainsFunc(g.Resources, func(resource string) bool {
		for at := len(origin); at < len(address); at++ {
			if at > len(origin) && address[at] == '/' && Glob(resource, address[:at]) {
				return true
			}
		}
		return Glob(resource, address)
	})
}
