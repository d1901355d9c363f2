package web_test

import (
	"reflect"
	"strings"
	"testing"

	"leasehold/broker"
	"leasehold/provision"
	"leasehold/web"
)

var leaseholdHeaders = []string{"User", "Email", "Name", "Roles", "Groups", "Tenant", "Lease", "Actor", "Expires", "Assertion"}

func ada() broker.Identity {
	return broker.Identity{Account: "acc_1", Email: "ada@acme.test", Name: "Ada Lovelace", Roles: []string{"admin", "engineer"}, Groups: []string{"staff"}, Tenant: "acme", Lease: "acme.l1", Expires: noon, Assertion: "a.b.c"}
}

func TestAProfileAlwaysHasAllItsHeaders(t *testing.T) {
	full := map[string][]string{
		"X-Leasehold-User": {"acc_1"}, "X-Leasehold-Email": {"ada@acme.test"}, "X-Leasehold-Name": {"Ada Lovelace"}, "X-Leasehold-Roles": {"admin,engineer"}, "X-Leasehold-Groups": {"staff"},
		"X-Leasehold-Tenant": {"acme"}, "X-Leasehold-Lease": {"acme.l1"}, "X-Leasehold-Actor": {""}, "X-Leasehold-Expires": {"2026-11-24T12:00:00Z"}, "X-Leasehold-Assertion": {"a.b.c"},
	}
	if got := web.Present(provision.App{}, ada()); !reflect.DeepEqual(got, full) {
		t.Errorf("got %v", got)
	}
	nobody := web.Present(provision.App{Headers: web.ProfileLeasehold}, broker.Identity{})
	for _, name := range leaseholdHeaders {
		if got := nobody["X-Leasehold-"+name]; len(got) != 1 || got[0] != "" {
			t.Errorf("%s of nobody: %q", name, got)
		}
	}
	if len(nobody) != len(leaseholdHeaders) {
		t.Errorf("nobody has %v", nobody)
	}
}

func TestRemoteUserIsTheOneThingTheAppAskedFor(t *testing.T) {
	for user, want := range map[string]string{"": "acc_1", "id": "acc_1", "email": "ada@acme.test", "name": "Ada Lovelace", "other": ""} {
		got := web.Present(provision.App{Headers: web.ProfileRemoteUser, User: user}, ada())
		if len(got) != 1 || len(got["X-Remote-User"]) != 1 || got["X-Remote-User"][0] != want {
			t.Errorf("user %q: %v", user, got)
		}
	}
}

func TestAValueThatCannotStandInAHeaderIsLeftOutWhole(t *testing.T) {
	long := strings.Repeat("x", 4097)
	for name, c := range map[string]struct{ in, want string }{
		"umlaut": {"Jürgen", "Jürgen"}, "line break": {"Ada\r\nX-Leasehold-Roles: admin", ""}, "tab": {"a\tb", ""}, "C1": {"a\u0085b", ""},
		"not UTF-8": {"a\xff", ""}, "too long": {long, ""}, "just right": {long[1:], long[1:]},
	} {
		who := ada()
		who.Name = c.in
		if got := web.Present(provision.App{}, who)["X-Leasehold-Name"]; got[0] != c.want {
			t.Errorf("%s: %.40q", name, got)
		}
	}
	who := ada()
	who.Roles = []string{"admin,root", "engineer", "", "a\nb"}
	who.Groups = strings.Split(strings.Repeat("group-of-people ", 300), " ")
	got := web.Present(provision.App{}, who)
	if got["X-Leasehold-Roles"][0] != "engineer" || got["X-Leasehold-Groups"][0] != "" {
		t.Errorf("roles %q, groups %.40q", got["X-Leasehold-Roles"], got["X-Leasehold-Groups"])
	}
}
