package provision

import (
	"net/url"
	"slices"
	"strings"
)

// WithRule is p with a trust rule: in the place of the one with its id, or after the others.
func (p Policy) WithRule(r TrustRule) Policy {
	p.Trust = placed(p.Trust, r, func(x TrustRule) bool { return x.ID == r.ID })
	return p
}

// WithoutRule is p without a trust rule.
func (p Policy) WithoutRule(id string) Policy {
	p.Trust = slices.DeleteFunc(slices.Clone(p.Trust), func(x TrustRule) bool { return x.ID == id })
	return p
}

// WithGrant is p with a grant: in the place of the one with its id, or after the others.
func (p Policy) WithGrant(g GrantRule) Policy {
	p.Grants = placed(p.Grants, g, func(x GrantRule) bool { return x.ID == g.ID })
	return p
}

// WithoutGrant is p without a grant.
func (p Policy) WithoutGrant(id string) Policy {
	p.Grants = slices.DeleteFunc(slices.Clone(p.Grants), func(x GrantRule) bool { return x.ID == id })
	return p
}

func placed[T any](items []T, item T, same func(T) bool) []T {
	items = slices.Clone(items)
	if i := slices.IndexFunc(items, same); i >= 0 {
		items[i] = item
		return items
	}
	return append(items, item)
}

// WithSwitchesOf is p with those of its rules disabled that another policy has disabled: who writes rules down does not
// switch them on again.
func (p Policy) WithSwitchesOf(other Policy) Policy {
	p.Trust = slices.Clone(p.Trust)
	for i, r := range p.Trust {
		p.Trust[i].Disabled = r.Disabled || other.Rule(r.ID).Disabled
	}
	return p
}

// Names reports whether r knows workloads by the very claims that a subject, as of SubjectOf, is made of.
func (r TrustRule) Names(subject string) bool {
	var names []string
	for part := range strings.SplitSeq(subject, "&") {
		name, _, ok := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		if !ok || err != nil {
			return false
		}
		names = append(names, plain)
	}
	return slices.Equal(slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(r.Subject)))
}
