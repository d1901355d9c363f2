//go:build real

package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"leasehold/provision"
	"leasehold/provision/postgres"
)

var began = time.Date(2031, 5, 1, 9, 0, 0, 0, time.UTC)

func tenantOf(n int) string               { return fmt.Sprintf("tenant-%05d", n/100) }
func addressOf(n int) string              { return fmt.Sprintf("person-%07d@%s.example", n, tenantOf(n)) }
func accountOf(n int) provision.AccountID { return provision.AccountID(fmt.Sprintf("acc_%026d", n)) }
func leaseOf(n int) provision.LeaseID {
	return provision.NewLeaseID(provision.TenantID(tenantOf(n)), fmt.Sprintf("%026d", n))
}

// people are the accounts numbered from to to, each tenth with a lease, and the tenants that begin there.
func people(from, to int) provision.Change {
	c := provision.Change{Installation: 1}
	for n := from; n < to; n++ {
		email, err := provision.ParseEmail(addressOf(n))
		if err != nil {
			panic(err)
		}
		id := provision.TenantID(tenantOf(n))
		if n%100 == 0 {
			c.Tenants = append(c.Tenants, provision.Tenant{ID: id, Name: "Tenant", Generation: 1, Revision: 1, Policy: provision.Policy{Version: 1, Create: provision.CreateAllow}})
			c.Claims = append(c.Claims, provision.Claim{Tenant: id, Domain: email.Domain(), State: provision.ClaimVerified, Generation: 1, Revision: 1})
			c.Connections = append(c.Connections, provision.Connection{ID: provision.ConnectionID(id), Tenant: id, Protocol: provision.OIDC, Domains: []provision.Domain{email.Domain()}, Generation: 1, Revision: 1})
		}
		a := provision.Account{ID: accountOf(n), Tenant: id, State: provision.Dormant, Email: email, Name: "Ada Lovelace", Groups: []string{"staff", "engineering"}, Created: began, Generation: 1, Key: make([]byte, 60)}
		if n%10 == 0 {
			a.State = provision.Active
			c.Leases = append(c.Leases, leaseFor(a, leaseOf(n)))
		}
		c.Accounts = append(c.Accounts, a)
		c.Links = append(c.Links, provision.Link{LinkKey: provision.LinkKey{Connection: provision.ConnectionID(id), Subject: fmt.Sprint(n)}, Pseudonym: fmt.Sprintf("%064d", n), Account: a.ID, Created: began})
	}
	return c
}

func leaseFor(a provision.Account, id provision.LeaseID) provision.Lease {
	return provision.Lease{
		ID: id, Kind: provision.SessionLease, Tenant: a.Tenant, Account: a.ID, Connection: provision.ConnectionID(a.Tenant), Domain: a.Email.Domain(),
		Grant: provision.Grant{Roles: []string{"reader"}}, Authn: provision.Authn{At: began, AMR: []string{"pwd", "otp"}}, Start: began, End: began.Add(8 * time.Hour),
		Ceiling: provision.CauseCeiling, Idle: 30 * time.Minute, Seen: began, Generations: provision.Generations{Installation: 1, Tenant: 1, Connection: 1, Domain: 1, Account: 1},
	}
}

func amend(t testing.TB, s *postgres.Store, c provision.Change) {
	t.Helper()
	_, err := s.Amend(t.Context(), provision.Target{}, func(provision.State) (provision.Change, error) { return c, nil })
	if err != nil {
		t.Fatal(err)
	}
}

// requestOf is the login of person n with a message of its own.
func requestOf(n int, unique string) provision.Request {
	id := tenantOf(n)
	return provision.Request{
		Occasion: provision.OnLogin, Pseudonym: fmt.Sprintf("%064d", n),
		Facts: provision.Facts{Connection: provision.ConnectionID(id), Subject: fmt.Sprint(n), Email: addressOf(n), EmailVerified: true},
		Spend: []provision.Spent{{Kind: "assertion", Scope: id, ID: unique, Until: began.Add(time.Hour)}, {Kind: "attempt", ID: unique, Until: began.Add(time.Hour)}},
	}
}

// letIn is a decision that gives the state's account a lease, with all that a login writes.
func letIn(r provision.Request, now provision.State, unique string) provision.Decision {
	a := now.Account
	a.State, a.LastLogin = provision.Active, began
	lease := leaseFor(a, provision.NewLeaseID(a.Tenant, unique))
	lease.Generations = provision.Generations{Installation: now.Installation, Tenant: now.Tenant.Generation, Connection: now.Connection.Generation, Domain: now.Claim.Generation, Account: a.Generation}
	return provision.Decision{Outcome: provision.Resumed, Lease: lease, Account: a, Change: provision.Change{
		Accounts: []provision.Account{a}, Leases: []provision.Lease{lease}, Spent: r.Spend,
		Decisions: []provision.DecisionRow{{ID: provision.DecisionID("dec_" + unique), Tenant: a.Tenant, At: began, Inputs: make([]byte, 400)}},
		Events:    []provision.Event{{ID: provision.EventID("evt_" + unique), Time: began, Tenant: a.Tenant, Kind: provision.EventLogin, Account: a.ID, Decision: provision.DecisionRef{ID: provision.DecisionID("dec_" + unique)}, Sealed: make([]byte, 200)}},
	}}
}

// login lets person n in.
func login(t testing.TB, s *postgres.Store, n int, unique string) (provision.Decision, error) {
	r := requestOf(n, unique)
	return s.Provision(t.Context(), r, func(now provision.State) provision.Decision { return letIn(r, now, unique) })
}
