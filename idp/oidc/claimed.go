package oidc

import (
	"encoding/json"
	"maps"
	"slices"

	"leasehold/provision"
)

// notAboutThePerson are claims of the token itself: nothing to map.
func notAboutThePerson() []string {
	return []string{"iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "at_hash", "c_hash", "jti"}
}

// claimed is everything that an ID token and a userinfo answer say about their subject, by name, the token's first.
func claimed(token, more object) []provision.Claimed {
	all := token.claimed("")
	for _, c := range more.claimed("userinfo") {
		if !token.has(c.Name) {
			all = append(all, c)
		}
	}
	return all[:min(len(all), provision.MaxClaimed)]
}

func (o object) claimed(note string) []provision.Claimed {
	var all []provision.Claimed
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if slices.Contains(notAboutThePerson(), name) {
			continue
		}
		c := provision.Claimed{Name: name, Note: note}
		var list []any
		if json.Unmarshal(o[name], &list) != nil {
			list = []any{json.RawMessage(o[name])}
		}
		for _, v := range list {
			c.Values = append(c.Values, plain(v))
		}
		all = append(all, c.Shown())
	}
	return all
}

// plain is a value as people read it: a string bare, anything else as JSON.
func plain(v any) string {
	if raw, ok := v.(json.RawMessage); ok {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return s
		}
	}
	if s, ok := v.(string); ok {
		return s
	}
	text, _ := json.Marshal(v)
	return string(text)
}
