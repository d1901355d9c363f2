package provision_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"leasehold/provision"
)

// scene is a state and a request at a time. The scenes below are honest; a test changes one thing of one of them.
type scene struct {
	State   provision.State
	Request provision.Request
	Now     time.Time
}

// decide is Decide on the scene, held to the laws of every decision.
func (s scene) decide(t testing.TB) provision.Decision {
	t.Helper()
	d := provision.Decide(s.State, s.Request, ids("1"), s.Now)
	for _, fault := range decisionFaults(s, d) {
		t.Error(fault)
	}
	return d
}

// noon is when scenes play.
func noon() time.Time { return time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) }

// ids are the names that a decision draws from: each has n in it.
func ids(n string) provision.IDs {
	return provision.IDs{
		Account:  provision.AccountID("acc_" + n),
		Lease:    func(t provision.TenantID) provision.LeaseID { return provision.NewLeaseID(t, "lease"+n) },
		Decision: provision.DecisionID("dec_" + n),
		Event:    func(i int) provision.EventID { return provision.EventID(fmt.Sprintf("evt_%s_%d", n, i)) },
		Key:      []byte("key of " + n),
	}
}

// act is an operator's deed at now.
func act(n string, now time.Time) provision.Act {
	return provision.Act{
		Actor: provision.Actor{Kind: provision.Operator, ID: "uid:1000", Via: "admin.sock"}, Requester: provision.Requester{RequestID: "r" + n},
		Why: "because " + n, IDs: ids(n), Now: now,
	}
}

func domain(t testing.TB, s string) provision.Domain {
	t.Helper()
	d, err := provision.ParseDomain(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func email(t testing.TB, s string) provision.Email {
	t.Helper()
	e, err := provision.ParseEmail(s)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// firstLogin is ada@acme.test's: nobody knows her, and everything is in order.
func firstLogin(t testing.TB) scene {
	acme := domain(t, "acme.test")
	key := provision.LinkKey{Connection: "acme-saml", Subject: "ada"}
	return scene{
		State: provision.State{
			Installation: 1,
			Tenant: provision.Tenant{ID: "acme", Name: "Acme Corp", Generation: 2, Policy: provision.Policy{
				Version: 7, Create: provision.CreateAllow,
				Roles: provision.RoleRule{Default: []string{"reader"}, Map: map[string][]string{"engineering": {"engineer"}}, Ceiling: []string{"reader", "engineer"}},
			}},
			Connection: provision.Connection{ID: "acme-saml", Tenant: "acme", Protocol: provision.SAML, Domains: []provision.Domain{acme}, Generation: 3},
			Claim:      provision.Claim{Tenant: "acme", Domain: acme, Proof: provision.ProofDNS, State: provision.ClaimVerified, Generation: 4},
		},
		Request: provision.Request{
			Occasion: provision.OnLogin,
			Facts: provision.Facts{
				Connection: key.Connection, Subject: key.Subject, Email: "ada@acme.test", EmailVerified: true, Name: "Ada", Groups: []string{"engineering"},
			},
			Authn:     provision.Authn{At: noon(), ACR: "mfa"},
			Pseudonym: "pseudonym of ada",
			Spend:     []provision.Spent{{Kind: "assertion", Scope: "acme-saml", ID: "a1", Until: noon().Add(time.Hour)}, {Kind: "attempt", ID: "t1", Until: noon().Add(time.Hour)}},
			App:       "wiki",
			Actor:     provision.Actor{Kind: provision.Person, Via: "login"},
			Requester: provision.Requester{IP: "192.0.2.1"},
		},
		Now: noon(),
	}
}

// nextLogin is Ada's when her account is known and has no lease.
func nextLogin(t testing.TB) scene {
	s := firstLogin(t)
	s.State.Account = provision.Account{
		ID: "acc_ada", Tenant: "acme", State: provision.Dormant, Email: email(t, "ada@acme.test"), Name: "Ada", Created: noon().Add(-time.Hour), Key: []byte("key"), Generation: 5, Revision: 9,
	}
	s.State.Link = provision.Link{LinkKey: provision.LinkKey{Connection: "acme-saml", Subject: "ada"}, Pseudonym: "pseudonym of ada", Account: "acc_ada"}
	s.State.Links = []provision.Link{s.State.Link}
	s.State.EmailHolder = s.State.Account
	return s
}

// leaseOf is a live lease of the account under everything as it stands in s.
func leaseOf(s provision.State, account provision.Account, name string) provision.Lease {
	return provision.Lease{
		ID: provision.NewLeaseID(account.Tenant, name), Kind: provision.SessionLease, Tenant: account.Tenant, Account: account.ID,
		Connection: s.Connection.ID, Domain: s.Claim.Domain, Grant: provision.Grant{Roles: []string{"reader"}}, Subject: "ada",
		Authn: provision.Authn{At: noon().Add(-time.Minute), ACR: "mfa"},
		Start: noon().Add(-time.Minute), End: noon().Add(time.Hour), Ceiling: provision.CauseCeiling, Idle: 30 * time.Minute, Seen: noon().Add(-time.Minute),
		Generations: provision.Generations{
			Installation: s.Installation, Tenant: s.Tenant.Generation, Connection: s.Connection.Generation, Domain: s.Claim.Generation, Account: account.Generation,
		},
	}
}

func standingOf(s provision.State, account provision.Account, l provision.Lease) provision.Standing {
	return provision.Standing{Lease: l, Account: account, Tenant: s.Tenant, Connection: s.Connection, Claim: s.Claim, Installation: s.Installation}
}

// linking is Ada's wish to add acme-oidc to her account, uttered in the session that she has by acme-saml.
func linking(t testing.TB) scene {
	s := nextLogin(t)
	ada := s.State.Account
	ada.State = provision.Active
	lease := leaseOf(s.State, ada, "session")
	s.State.Intended = standingOf(s.State, ada, lease)
	s.State.IntendedLeases = []provision.Lease{lease, leaseOf(s.State, ada, "elsewhere")}
	s.State.EmailHolder = ada
	s.State.Account, s.State.Link, s.State.Links = provision.Account{}, provision.Link{}, nil
	s.State.Connection = provision.Connection{ID: "acme-oidc", Tenant: "acme", Protocol: provision.OIDC, Domains: s.State.Connection.Domains, Generation: 6}
	s.Request.Occasion, s.Request.Intent = provision.OnLink, provision.Intent{Account: ada.ID, Lease: lease.ID}
	s.Request.Facts.Connection, s.Request.Facts.Subject = "acme-oidc", "0815"
	s.Request.Replaces = lease.ID
	s.State.Former, s.State.FormerLeases = s.State.Intended, s.State.IntendedLeases
	s.State.FormerLinks = []provision.Link{{LinkKey: provision.LinkKey{Connection: "acme-saml", Subject: "ada"}, Pseudonym: "pseudonym of ada", Account: ada.ID}}
	return s
}

// session is Ada's account with a live lease, and one below it, as an administrator's verb finds them.
func session(t testing.TB) (s provision.State, lease, below provision.Lease) {
	s = nextLogin(t).State
	s.Account.State = provision.Active
	s.EmailHolder = s.Account
	lease, below = leaseOf(s, s.Account, "session"), leaseOf(s, s.Account, "below")
	below.Parent = lease.ID
	s.Leases = []provision.Lease{lease, below}
	return s, lease, below
}

// eventsOf are the events of a kind.
func eventsOf(c provision.Change, kind string) []provision.Event {
	return slices.DeleteFunc(slices.Clone(c.Events), func(e provision.Event) bool { return e.Kind != kind })
}

// wantOne is the one thing of a list, or the end of the test.
func wantOne[T any](t testing.TB, what string, list []T) T {
	t.Helper()
	if len(list) != 1 {
		t.Fatalf("%d of %s, want 1: %+v", len(list), what, list)
	}
	return list[0]
}
