package provision_test

import (
	"testing"
	"time"

	"leasehold/provision"
)

// renewal is a job's wish that its lease goes on, four minutes into it, and everything is in order: its grant has two
// renewals of five minutes.
func renewal(t testing.TB) scene {
	s := known(t)
	s.State.Tenant.Policy.Grants[0].Renewals = 2
	s.State.Account.State = provision.Dormant
	d := provision.Decide(s.State, s.Request, ids("1"), s.Now)
	if !d.Allowed() {
		t.Fatalf("%s by %q", d.Reason, d.Check)
	}
	s.State.Account, s.State.Leases, s.State.FormerLeases = d.Account, []provision.Lease{d.Lease}, []provision.Lease{d.Lease}
	s.State.Former = provision.Standing{Lease: d.Lease, Account: d.Account, Tenant: s.State.Tenant, Connection: s.State.Connection, Installation: s.State.Installation}
	s.Request.Occasion, s.Request.Replaces = provision.OnRenewal, d.Lease.ID
	s.Request.Spend = []provision.Spent{{Kind: "token", Scope: "ci", ID: "jti-2", Until: noon().Add(time.Hour)}}
	s.later(4 * time.Minute)
	return s
}

// later passes time, and has a token of then.
func (s *scene) later(d time.Duration) {
	s.Now = s.Now.Add(d)
	s.Request.Received, s.Request.Authn = s.Now, provision.Authn{At: s.Now, SessionEnd: s.Now.Add(10 * time.Minute)}
}

func TestALeaseGoesOnAsOftenAsItsGrantSaysAndItsEndNeverMoves(t *testing.T) {
	s := renewal(t)
	first := s.State.Former.Lease
	if !first.End.Equal(noon().Add(15*time.Minute)) || !first.Until().Equal(noon().Add(5*time.Minute)) {
		t.Fatalf("it begins until %s, and ends at %s", first.Until(), first.End)
	}
	for i := range 2 {
		d := provision.Decide(s.State, s.Request, ids("2"), s.Now)
		l, c := d.Lease, d.Change
		if !d.Allowed() || d.Outcome != provision.Renewed || l.ID != first.ID || !l.End.Equal(first.End) || !l.Until().Equal(s.Now.Add(5*time.Minute)) || l.Term.N != i+1 {
			t.Fatalf("renewal %d: %s by %q, %+v", i+1, d.Reason, d.Check, l)
		}
		if len(c.Leases) != 1 || len(c.Events) != 1 || c.Events[0].Kind != provision.EventExchange || c.Events[0].Outcome != "renewed" || !c.Events[0].Lease.End.Equal(l.Until()) || len(c.Spent) != 1 || len(c.Accounts)+len(c.Entries)+len(c.Links) != 0 {
			t.Errorf("renewal %d writes %+v", i+1, c)
		}
		s.State.Former.Lease, s.State.Leases = l, []provision.Lease{l}
		if r := s.State.Former.Refuses(l.Until().Add(-time.Nanosecond)); r != "" {
			t.Errorf("before the end of its term: %q", r)
		}
		if s.State.Former.Refuses(l.Until()) != provision.LeaseEnded || !l.Due().Equal(l.Until()) {
			t.Errorf("at the end of its term it gives access, or is not due")
		}
		if cause, _ := provision.Over(s.State.Former, nil, l.Until()); cause != provision.CauseCeiling {
			t.Errorf("at the end of its term it is over for %q", cause)
		}
		s.later(4 * time.Minute)
	}
	if d := provision.Decide(s.State, s.Request, ids("3"), s.Now); d.Allowed() || d.Reason != provision.RenewalRefused || d.Check != "renewals" {
		t.Errorf("a third time: %s by %q", d.Reason, d.Check)
	}
}

func TestARenewalNeverGoesBeyondTheLeasesEndTheTokenTheHoursOrTheContract(t *testing.T) {
	for what, x := range map[string]struct {
		change func(*scene)
		want   time.Time
	}{
		"the lease's end": {func(s *scene) { s.State.Former.Lease.End = noon().Add(7 * time.Minute) }, noon().Add(7 * time.Minute)},
		"the token":       {func(s *scene) { s.Request.Authn.SessionEnd = noon().Add(8 * time.Minute) }, noon().Add(8 * time.Minute)},
		"the contract": {func(s *scene) {
			s.State.Tenant.ContractEnd = noon().Add(6 * time.Minute)
			s.State.Former.Tenant = s.State.Tenant
		}, noon().Add(6 * time.Minute)},
		"a shorter grant": {func(s *scene) {
			s.State.Tenant.Policy.Grants[0].MaxTTL = 2 * time.Minute // 2 + 2*2 in all, and what runs is cut by it
			s.State.Former.Lease.Term.Start = s.Now.Add(-time.Minute)
			s.State.Former.Tenant = s.State.Tenant
		}, noon().Add(6 * time.Minute)},
	} {
		s := renewal(t)
		x.change(&s)
		d := provision.Decide(s.State, s.Request, ids("2"), s.Now)
		if !d.Allowed() || !d.Lease.Until().Equal(x.want) {
			t.Errorf("%s: %s by %q, until %s, want %s", what, d.Reason, d.Check, d.Lease.Until(), x.want)
		}
	}
}

func TestOneThingWrongWithARenewalIsARefusalWithItsReason(t *testing.T) {
	grant := func(s *scene) *provision.GrantRule { return &s.State.Tenant.Policy.Grants[0] }
	both := func(s *scene) { s.State.Former.Tenant = s.State.Tenant }
	for name, c := range map[string]struct {
		change func(*scene)
		want   provision.Reason
	}{
		"no lease":                   {func(s *scene) { s.State.Former = provision.Standing{} }, provision.LeaseEnded},
		"a lease that ended":         {func(s *scene) { s.State.Former.Lease.EndedAt = noon() }, provision.LeaseEnded},
		"a term that is over":        {func(s *scene) { s.later(time.Minute) }, provision.LeaseEnded},
		"a lease of a person":        {func(s *scene) { s.State.Former.Lease.Kind = provision.SessionLease }, provision.LeaseEnded},
		"a lease that is not asked":  {func(s *scene) { s.Request.Replaces = "acme.other" }, provision.LeaseEnded},
		"of another workload":        {func(s *scene) { s.State.Account.ID = "acc_other" }, provision.RenewalRefused},
		"of nobody":                  {func(s *scene) { s.State.Account, s.State.Link = provision.Account{}, provision.Link{} }, provision.RenewalRefused},
		"another task":               {func(s *scene) { s.Request.Errand.Task = "4243" }, provision.RenewalRefused},
		"another purpose":            {func(s *scene) { s.Request.Errand.Purpose = "release 8" }, provision.RenewalRefused},
		"more resources":             {func(s *scene) { s.Request.Errand.Resources = nil }, provision.RenewalRefused},
		"a signed token":             {func(s *scene) { s.State.Apps[0].OffPath = true; s.Request.Errand.Direct = true }, provision.RenewalRefused},
		"no renewals any more":       {func(s *scene) { grant(s).Renewals = 0; both(s) }, provision.RenewalRefused},
		"a lease that has no term":   {func(s *scene) { s.State.Former.Lease.Term = provision.Term{} }, provision.RenewalRefused},
		"a role that is gone":        {func(s *scene) { grant(s).Roles = nil; both(s) }, provision.RenewalRefused},
		"other claims of the rule":   {func(s *scene) { s.State.Tenant.Policy.Trust[0].Match["ref"] = []string{"refs/heads/*"}; both(s) }, provision.RenewalRefused},
		"a token that ends before":   {func(s *scene) { s.Request.Authn.SessionEnd = s.Now.Add(30 * time.Second) }, provision.RenewalRefused},
		"the same token":             {func(s *scene) { s.State.Spent = s.Request.Spend }, provision.Replayed},
		"an old token":               {func(s *scene) { s.Request.Authn.At = s.Now.Add(-20 * time.Minute) }, provision.TokenStale},
		"a task that ended":          {func(s *scene) { s.State.Spent = s.Request.Over }, provision.TaskEnded},
		"another branch":             {func(s *scene) { s.Request.Facts.Claims["ref"] = "refs/heads/evil" }, provision.ClaimMismatch},
		"another address":            {func(s *scene) { s.Request.Requester.IP = "198.51.100.1" }, provision.AddressRefused},
		"an owner who left":          {func(s *scene) { s.State.EmailHolder.State = provision.Suspended }, provision.RuleHeld},
		"an account that is revoked": {func(s *scene) { s.State.Account.State = provision.Revoked }, provision.AccountRevoked},
		"an app that takes none":     {func(s *scene) { s.State.Apps[0].Workloads = false }, provision.AppNotGranted},
	} {
		s := renewal(t)
		c.change(&s)
		if d := provision.Decide(s.State, s.Request, ids("2"), s.Now); d.Allowed() || d.Reason != c.want || len(d.Change.Leases) > 0 || d.Lease.ID != "" {
			t.Errorf("%s: %s by %q, want %s", name, d.Reason, d.Check, c.want)
		}
	}
	s := renewal(t)
	if d := provision.Decide(s.State, s.Request, ids("2"), s.Now); !d.Allowed() { // its own lease is none beside itself: the grant has one at once
		t.Errorf("nothing wrong: %s by %q", d.Reason, d.Check)
	}
}

func TestATighterGrantReachesALeaseThatWasRenewed(t *testing.T) {
	for what, x := range map[string]struct {
		change func(*provision.GrantRule)
		until  time.Duration // since the start; 0: it ends
	}{
		"nothing":          {func(*provision.GrantRule) {}, 9 * time.Minute},
		"a shorter time":   {func(g *provision.GrantRule) { g.MaxTTL = 3 * time.Minute }, 7 * time.Minute},
		"one renewal less": {func(g *provision.GrantRule) { g.Renewals = 1; g.MaxTTL = 4 * time.Minute }, 8 * time.Minute},
		"no renewals":      {func(g *provision.GrantRule) { g.Renewals = 0 }, 5 * time.Minute},
	} {
		s := renewal(t)
		d := provision.Decide(s.State, s.Request, ids("2"), s.Now)
		if !d.Allowed() {
			t.Fatalf("%s by %q", d.Reason, d.Check)
		}
		standing := s.State.Former
		standing.Lease = d.Lease
		x.change(&standing.Tenant.Policy.Grants[0])
		kept, cause := provision.Regate(standing, s.Now)
		if cause != "" || kept.Until().Sub(noon()) != x.until || kept.End.After(d.Lease.End) || kept.Until().After(d.Lease.Until()) {
			t.Errorf("%s: it ends for %q, until %s", what, cause, kept.Until().Sub(noon()))
		}
	}
}

func TestRenewalsMakeNoLeaseOfMoreThanAnHour(t *testing.T) {
	s := errand(t)
	p := s.State.Tenant.Policy
	for _, x := range []struct {
		ttl      time.Duration
		renewals int
		bad      bool
	}{{15 * time.Minute, 3, false}, {15 * time.Minute, 4, true}, {0, 11, false}, {0, 12, true}, {time.Minute, -1, true}, {time.Second, 1 << 40, true}, {15 * time.Minute, 0, false}} {
		p.Grants[0].MaxTTL, p.Grants[0].Renewals = x.ttl, x.renewals
		if faults := p.WorkloadFaults(); (len(faults) > 0) != x.bad {
			t.Errorf("%s, %d times: %q", x.ttl, x.renewals, faults)
		}
		if whole := p.Grants[0].Whole(); whole > provision.MaxRenewed || whole < p.Grants[0].TTL() {
			t.Errorf("%s, %d times: %s in all", x.ttl, x.renewals, whole)
		}
	}
}
