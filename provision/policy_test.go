package provision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/provision"
)

func TestThePolicyThatSaysNothingDeniesAndEndsSessions(t *testing.T) {
	p := provision.Policy{}.WithDefaults()
	if p.Create != provision.CreateDeny || p.Mode != provision.Leased || p.MaxSession != 8*time.Hour || p.Idle != 30*time.Minute {
		t.Errorf("%+v", p)
	}
	said := provision.Policy{Create: provision.CreateAllow, Mode: provision.Ephemeral, MaxSession: time.Minute, Idle: time.Second}
	if p := said.WithDefaults(); p.Create != said.Create || p.Mode != said.Mode || p.MaxSession != said.MaxSession || p.Idle != said.Idle {
		t.Errorf("%+v", p)
	}
	if p := (provision.Policy{Idle: -1}).WithDefaults(); p.Idle != 30*time.Minute {
		t.Errorf("a negative idle time becomes %s", p.Idle)
	}
}

func TestEveryFaultOfAPolicyIsNamedByItsKey(t *testing.T) {
	p := provision.Policy{
		Create: "maybe", Mode: "forever", Seats: -1, MaxSession: -1, Idle: -1, MaxAuthAge: -1, DeprovisionGrace: -1,
		Roles: provision.RoleRule{Default: []string{"admin"}, Map: map[string][]string{"staff": {"root"}}, Ceiling: []string{"reader"}},
	}
	faults := p.Faults()
	want := []string{"create: ", "deprovision_grace: ", "idle: ", "max_auth_age: ", "max_session: ", "mode: ", "roles.default: ", "roles.map: ", "seats: "}
	if len(faults) != len(want) {
		t.Fatalf("%q", faults)
	}
	for i, key := range want {
		if !strings.HasPrefix(faults[i], key) {
			t.Errorf("%q does not begin with %q", faults[i], key)
		}
	}
	for _, p := range []provision.Policy{{}, provision.Policy{}.WithDefaults(), firstLogin(t).State.Tenant.Policy, {Roles: provision.RoleRule{Default: []string{"a"}, Map: map[string][]string{"g": {"a"}}}}} {
		if faults := p.Faults(); len(faults) != 0 {
			t.Errorf("%+v: %q", p, faults)
		}
	}
}

func TestRolesComeFromGroupsWithinTheCeiling(t *testing.T) {
	r := provision.RoleRule{Default: []string{"reader"}, Map: map[string][]string{"eng": {"engineer", "reader"}, "it": {"admin"}, "*": {"engineer"}}, Ceiling: []string{"reader", "engineer"}}
	for _, test := range []struct{ groups, want []string }{
		{nil, []string{"reader"}},
		{[]string{"eng"}, []string{"engineer", "reader"}},
		{[]string{"it"}, []string{"reader"}},
		{[]string{"engineer", "admin", "ENG", "eng "}, []string{"reader"}}, // a group's name is no role, and is exact
	} {
		if got := r.For(test.groups); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.groups, got, test.want)
		}
	}
	r.Ceiling = nil
	if got := r.For([]string{"eng", "it"}); !slices.Equal(got, []string{"reader"}) {
		t.Errorf("without a ceiling: %q", got)
	}
	if got := (provision.RoleRule{Map: map[string][]string{"it": {"admin"}}}).For([]string{"it"}); len(got) != 0 {
		t.Errorf("without a ceiling and a default: %q", got)
	}
}

func TestGroupsAreMatchedByPatterns(t *testing.T) {
	for name, test := range map[string]struct {
		rule   provision.GroupRule
		groups []string
		want   provision.Reason
	}{
		"no rule":                  {provision.GroupRule{}, nil, ""},
		"one of any":               {provision.GroupRule{Any: []string{"a", "b*"}}, []string{"x", "bee"}, ""},
		"none of any":              {provision.GroupRule{Any: []string{"a", "b*"}}, []string{"x"}, provision.GroupMissing},
		"no groups, any wanted":    {provision.GroupRule{Any: []string{"*"}}, nil, provision.GroupMissing},
		"all of all":               {provision.GroupRule{All: []string{"a", "b*"}}, []string{"bee", "a"}, ""},
		"some of all":              {provision.GroupRule{All: []string{"a", "b*"}}, []string{"a"}, provision.GroupMissing},
		"one of none":              {provision.GroupRule{None: []string{"ext-*"}}, []string{"a", "ext-1"}, provision.GroupForbidden},
		"forbidden before missing": {provision.GroupRule{Any: []string{"a"}, None: []string{"ext-*"}}, []string{"ext-1"}, provision.GroupForbidden},
		"another case is no match": {provision.GroupRule{Any: []string{"Admins"}}, []string{"admins"}, provision.GroupMissing},
		"none of none":             {provision.GroupRule{None: []string{"ext-*"}}, []string{"a"}, ""},
		"any and all":              {provision.GroupRule{Any: []string{"a"}, All: []string{"b"}}, []string{"a"}, provision.GroupMissing},
	} {
		s := firstLogin(t)
		s.State.Tenant.Policy.Groups, s.Request.Facts.Groups = test.rule, test.groups
		if d := s.decide(t); d.Reason != test.want {
			t.Errorf("%s: %q, want %q", name, d.Reason, test.want)
		}
	}
}

func TestAStarStandsForAnythingWithinASegment(t *testing.T) {
	for _, test := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "a", true}, {"a", "ab", false}, {"a", "A", false},
		{"*", "", true}, {"*", "abc", true}, {"*", "a/b", false}, {"*/*", "a/b", true}, {"*/*", "a/b/c", false},
		{"a*", "abc", true}, {"a*", "a", true}, {"a*", "ba", false}, {"*a", "cba", true}, {"*a", "ab", false},
		{"a*c", "abc", true}, {"a*c", "ac", true}, {"a*c", "a/c", false}, {"a*a", "a", false}, {"a*a", "aa", true},
		{"a*b*c", "aXbYc", true}, {"a*b*c", "abbc", true}, {"a*b*c", "acb", false}, {"a**c", "abc", true}, {"**", "a/b", false},
		{"*b*", "aba/", false}, {"teams/*/admins", "teams/x/admins", true}, {"teams/*/admins", "teams/x/y/admins", false},
		{"a.c", "abc", false}, {"[a]", "a", false}, {"a?", "ab", false}, {`\*`, "*", false}, {`\*`, `\x`, true},
	} {
		if got := provision.Glob(test.pattern, test.s); got != test.want {
			t.Errorf("%q on %q: %v", test.pattern, test.s, got)
		}
	}
}
