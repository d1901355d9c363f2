package config_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/provision"
)

func TestAPolicyThatIsWrittenOutReadsAsTheSame(t *testing.T) {
	for name, p := range map[string]provision.Policy{
		"of defaults": {},
		"of everything": {
			Create: provision.CreateApprove, Mode: provision.Provisioned, Groups: provision.GroupRule{Any: []string{"a: b", "<c>"}, All: []string{"cn=x,dc=y"}, None: []string{"*"}},
			Roles: provision.RoleRule{Default: []string{"reader"}, Map: map[string][]string{"eng # 1": {"engineer"}, "yes": {"reader"}}, Ceiling: []string{"reader", "engineer"}},
			Seats: 3, MaxSession: 90 * time.Minute, Idle: 10 * time.Second, ACR: []string{"https://refeds.org/profile/mfa"}, MaxAuthAge: 24 * time.Hour, DeprovisionGrace: time.Minute,
			Elevate: []provision.ElevationRule{{
				Role: "root", Who: provision.Circle{Groups: []string{"ops-*"}, Roles: []string{"engineer"}}, Max: time.Hour, Approve: provision.ByApprover,
				Approvers: provision.Circle{Groups: []string{}, Roles: []string{"reader"}}, Ticket: true,
			}},
			When: `request.app == "a\\b" && "ü" in account.groups`,
		},
	} {
		text := config.PolicyText(p)
		got, faults := config.LoadPolicy(written(t, "policy.yaml", text), config.Judge{})
		if faults != nil {
			t.Fatalf("%s: %s\n%s", name, faults, text)
		}
		if config.PolicyText(got) != text {
			t.Errorf("%s:\n%s\nreads as\n%s", name, text, config.PolicyText(got))
		}
		if name != "of defaults" && !reflect.DeepEqual(got, p) {
			t.Errorf("%s: %+v, want %+v", name, got, p)
		}
	}
	if text := config.PolicyText(provision.Policy{}); !strings.Contains(text, "  max_session: \"8h\"\n") || !strings.Contains(text, "  deprovision_grace: \"15m\"\n") {
		t.Error(text)
	}
}

func TestFaultsOfAPolicysFileHaveTheirLines(t *testing.T) {
	file := written(t, "policy.yaml", "policy:\n  create: maybe\n  when: nonsense\n  colour: red\n")
	_, faults := config.LoadPolicy(file, config.Judge{Condition: func(string) error { return errors.New("is judged") }})
	wantFaults(t, lines(file, faults),
		`policy.yaml:2: policy.create: "maybe" is none of`,
		`policy.yaml:3: policy.when: is judged`,
		`policy.yaml:4: policy.colour: `)
	if _, faults := config.LoadPolicy(written(t, "policy.yaml", "seats: 1\n"), config.Judge{}); len(faults) != 2 {
		t.Errorf("a file without a policy: %s", faults)
	}
}
