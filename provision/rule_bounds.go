package provision

import (
	"encoding/json"
	"fmt"
)

// How large the rules and the grants of a tenant may be: each change of one writes all of them down anew, into the tenant, the
// version and the event.
const (
	MaxRules        = 200 // trust rules of a tenant, and grants
	MaxMatches      = 50  // claims that a rule wants, and patterns of each
	MaxRuleList     = 100 // entries of any other list of a rule or a grant
	MaxRuleText     = 512 // bytes of a pattern, a claim's name, a resource and any other text of them
	MaxWorkloadJSON = 256 << 10
)

// sizeFaults are what is too much in the rules and grants of p together. Each names how much there is, so that more is
// another fault.
func (p Policy) sizeFaults() (faults []string) {
	if n := len(p.Trust); n > MaxRules {
		faults = append(faults, fmt.Sprintf("rules: there are %d, and a tenant may have %d; leave some out", n, MaxRules))
	}
	if n := len(p.Grants); n > MaxRules {
		faults = append(faults, fmt.Sprintf("grants: there are %d, and a tenant may have %d; leave some out", n, MaxRules))
	}
	text, err := json.Marshal(struct {
		Trust  []TrustRule
		Grants []GrantRule
	}{p.Trust, p.Grants})
	if n := len(text); err != nil || n > MaxWorkloadJSON {
		faults = append(faults, fmt.Sprintf("rules: they and the grants are %d bytes in all, and may be %d; leave some out", n, MaxWorkloadJSON))
	}
	return faults
}

// sizeFaults are what is too much in one rule, each with the key at fault.
func (r TrustRule) sizeFaults() []string {
	faults := texts("match", nil, MaxMatches, sortedKeys(r.Match))
	for _, name := range sortedKeys(r.Match) {
		faults = texts("match", faults, MaxMatches, r.Match[name])
	}
	faults = texts("subject", faults, MaxRuleList, r.Subject)
	faults = texts("grants", faults, MaxRuleList, r.Grants)
	return texts("connection", faults, 1, []ConnectionID{r.Connection})
}

// sizeFaults are what is too much in one grant, each with the key at fault.
func (g GrantRule) sizeFaults() []string {
	faults := texts("apps", nil, MaxRuleList, g.Apps)
	faults = texts("roles", faults, MaxRuleList, g.Roles)
	faults = texts("resources", faults, MaxRuleList, g.Resources)
	faults = texts("when.hours", faults, 1, []string{g.Hours})
	if n := len(g.Addresses); n > MaxRuleList {
		faults = append(faults, tooMany("when.addresses", n, MaxRuleList))
	}
	return faults
}

// texts adds what is too much in a list: its entries, or the bytes of one of them.
func texts[T ~string](key string, faults []string, most int, list []T) []string {
	if n := len(list); n > most {
		faults = append(faults, tooMany(key, n, most))
	}
	for _, text := range list {
		if len(text) > MaxRuleText {
			faults = append(faults, fmt.Sprintf("%s: %q… is %d bytes long, and may be %d; write less", key, string(text[:20]), len(text), MaxRuleText))
		}
	}
	return faults
}

func tooMany(key string, n, most int) string {
	return fmt.Sprintf("%s: has %d entries, and may have %d; leave some out", key, n, most)
}
