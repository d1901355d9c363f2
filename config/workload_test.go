package config_test

import (
	"strings"
	"testing"

	"leasehold/config"
)

// jobs is a manifest of a tenant with rules of one issuer, and two apps for it.
const jobs = `apps:
- {id: deploy-api, origins: [https://deploy.test], tenants: [acme], workloads: on}
- {id: other-api, origins: [https://other.test], tenants: [acme], workloads: on}
tenants:
- id: acme
  domains: [{name: acme.test, proof: operator}]
  connections: [{id: ci, protocol: workload, issuer: https://ci.test}]
  rules:
  - {id: one, connection: ci, owner: alice@acme.test, subject: [repository, workflow], match: {repository: a}, grants: [prod]}
  - {id: two, connection: ci, owner: alice@acme.test, subject: [workflow, repository], match: {repository: b}, grants: [prod]}
  grants:
  - {id: prod, apps: [deploy-api, other-api, of-another-manifest]}
`

func TestWhatWouldGiveAWorkloadMoreThanWasMeantIsAFault(t *testing.T) {
	for change, want := range map[string]string{
		"":                                     "",
		"workflow, repository] => repository]": "tenants[0].rules[1].subject: ",
		"other.test], tenants: [acme] => other.test], tenants: [rival]":                       "tenants[0].grants[0].apps[1]: ",
		"other.test], tenants: [acme] => other.test]":                                         "tenants[0].grants[0].apps[1]: ",
		"workloads: on} => workloads: on, headers: remote-user}":                              "",
		"workloads: on} => headers: remote-user, user: email}":                                "",
		"[acme], workloads: on} => [acme], workloads: on, headers: remote-user, user: name}":  "apps[0].user: ",
		"[acme], workloads: on} => [acme], workloads: on, headers: remote-user, user: email}": "apps[0].user: ",
	} {
		before, after, _ := strings.Cut(change, " => ")
		_, faults := config.LoadManifests([]string{written(t, "a.yaml", strings.Replace(jobs, before, after, 1))}, nil, config.Judge{})
		switch {
		case want == "" && len(faults) > 0:
			t.Errorf("%q: %v", change, faults)
		case want != "" && (len(faults) != 1 || !strings.Contains(faults.Error(), want)):
			t.Errorf("%q: %v, want %s", change, faults, want)
		}
	}
}
