//go:build real

package main

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"leasehold/cmd/leasehold/internal/peers"
)

func TestAHundredFirstLoginsOfOnePersonAtOnceMakeOneAccount(t *testing.T) {
	const logins = 100
	g := begin(t, scene{})
	var people sync.WaitGroup
	for range logins {
		walker := peers.Walk(t, g.ca)
		people.Go(func() {
			page, err := walker.Login(g.url(appHost)+"/here", "alice@acme.test", peers.Password)
			if err != nil || page.Status != http.StatusOK || page.URL.String() != g.url(appHost)+"/here" {
				t.Errorf("came to %+v: %v", page, err)
			}
		})
	}
	people.Wait()
	if account := g.account(); len(account.Leases) != logins || len(account.Links) != 1 {
		t.Errorf("%d leases and %d sign-ins", len(account.Leases), len(account.Links))
	}
	if count := g.counted(); count["login created"] != 1 || count["login resumed"] != logins-1 {
		t.Errorf("the audit counts %v", count)
	}
}

func TestOfTwoPeopleWithOneAddressOneGetsTheAccount(t *testing.T) {
	const pairs = 8
	g := begin(t, scene{})
	all := peers.People{}
	for pair := range pairs {
		for _, who := range []string{"a", "b"} {
			name := fmt.Sprintf("%s%d@acme.test", who, pair)
			all[name] = peers.User{Password: peers.Password, UID: name, Mail: fmt.Sprintf("shared%d@acme.test", pair), Name: name}
		}
	}
	g.saml.SetUsers(t, all)
	var people sync.WaitGroup
	for name := range all {
		walker := peers.Walk(t, g.ca)
		people.Go(func() {
			if page, err := walker.Login(g.url(appHost)+"/here", name, peers.Password); err != nil || page.Status != http.StatusOK && page.Status != http.StatusForbidden {
				t.Errorf("%s came to %+v: %v", name, page, err)
			}
		})
	}
	people.Wait()
	count := g.counted()
	if accounts := operatorJSON[[]accountView](g, "account", "list"); len(accounts) != pairs || count["login created"] != pairs || count["login denied email_taken"] != pairs {
		t.Errorf("%d accounts; the audit counts %v", len(accounts), count)
	}
}

// counted is how often each line is in the audit.
func (g *gatewayUnderTest) counted() map[string]int {
	g.t.Helper()
	count := map[string]int{}
	for _, line := range g.audit() {
		count[line]++
	}
	return count
}
