package provision_test

import (
	"slices"
	"testing"
	"time"

	"leasehold/provision"
)

// live is how Ada's lease stands, with everything in order.
func live(t testing.TB) provision.Standing {
	s, lease, _ := session(t)
	return standingOf(s, s.Account, lease)
}

func TestAStandingGivesNoAccessWhenOneThingIsWrong(t *testing.T) { // I1, I11, I14
	type s = *provision.Standing
	parent := func(s s, change func(*provision.Lease)) {
		s.Lease.Parent = "acme.parent"
		p := s.Lease
		p.ID, p.Parent = "acme.parent", ""
		change(&p)
		s.Ancestors = []provision.Lease{p}
	}
	for name, test := range map[string]struct {
		reason provision.Reason
		cause  provision.Cause // for which the reaper ends it
		spoil  func(s)
	}{
		"no lease":                        {provision.SessionMissing, "", func(s s) { s.Lease = provision.Lease{} }},
		"a lease without a name":          {provision.SessionMissing, "", func(s s) { s.Lease.ID = "" }},
		"a lease of nobody":               {provision.SessionMissing, provision.CauseAdmin, func(s s) { s.Lease.Account, s.Account.ID = "", "" }},
		"a lease of no tenant":            {provision.SessionMissing, provision.CauseAdmin, func(s s) { s.Lease.Tenant, s.Tenant.ID, s.Account.Tenant = "", "", "" }},
		"a lease that ended":              {provision.LeaseEnded, "", func(s s) { s.Lease.EndedAt = noon().Add(-time.Second) }},
		"a lease at its ceiling":          {provision.LeaseEnded, provision.CauseCeiling, func(s s) { s.Lease.End = noon() }},
		"a lease at its contract's end":   {provision.LeaseEnded, provision.CauseContractEnded, func(s s) { s.Lease.End, s.Lease.Ceiling = noon(), provision.CauseContractEnded }},
		"a lease at a ceiling of no name": {provision.LeaseEnded, provision.CauseCeiling, func(s s) { s.Lease.End, s.Lease.Ceiling = noon(), "" }},
		"another account":                 {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Account.ID = "acc_eve" }},
		"another tenant":                  {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Tenant.ID = "other" }},
		"an account of another tenant":    {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Account.Tenant = "other" }},
		"another connection":              {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Connection.ID = "acme-oidc" }},
		"a connection of another tenant":  {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Connection.Tenant = "other" }},
		"the installation's generation":   {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Installation++ }},
		"the tenant's generation":         {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Tenant.Generation++ }},
		"the connection's generation":     {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Connection.Generation++ }},
		"the domain's generation":         {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Claim.Generation++ }},
		"the account's generation":        {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Account.Generation++ }},
		"a generation that went back":     {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Tenant.Generation-- }},
		"a suspended tenant":              {provision.TenantSuspended, provision.CauseAdmin, func(s s) { s.Tenant.Suspended = true }},
		"a contract that ends now":        {provision.ContractEnded, provision.CauseContractEnded, func(s s) { s.Tenant.ContractEnd = noon() }},
		"a connection switched off":       {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Connection.Disabled = true }},
		"nothing: a connection held":      {"", "", func(s s) { s.Connection.Held = true }},
		"a domain of another tenant":      {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Claim.Tenant = "other" }},
		"another domain":                  {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Claim.Domain = domain(t, "other.test") }},
		"a domain that lapsed":            {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Claim.State = provision.ClaimLapsed }},
		"a domain that is unproved":       {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Claim.State = provision.ClaimPending }},
		"a domain in no state":            {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Claim.State = "" }},
		"an account pending":              {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Account.State = provision.Pending }},
		"an account expired":              {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Account.State = provision.Dormant }},
		"an account suspended":            {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Account.State = provision.Suspended }},
		"an account revoked":              {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Account.State = provision.Revoked }},
		"an account deleted":              {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Account.State = provision.Deleted }},
		"a lease not used for too long":   {provision.LeaseIdle, provision.CauseIdle, func(s s) { s.Lease.Seen = noon().Add(-31 * time.Minute) }},
		"a parent that is not there":      {provision.LeaseEnded, provision.CauseAdmin, func(s s) { s.Lease.Parent = "acme.parent" }},
		"a parent that ended":             {provision.LeaseEnded, provision.CauseAdmin, func(s s) { parent(s, func(p *provision.Lease) { p.EndedAt = noon() }) }},
		"a parent at its ceiling":         {provision.LeaseEnded, provision.CauseAdmin, func(s s) { parent(s, func(p *provision.Lease) { p.End = noon() }) }},
		"another parent":                  {provision.LeaseEnded, provision.CauseAdmin, func(s s) { parent(s, func(p *provision.Lease) { p.ID = "acme.other" }) }},
		"a parent in another tenant":      {provision.LeaseEnded, provision.CauseAdmin, func(s s) { parent(s, func(p *provision.Lease) { p.Tenant = "other" }) }},
		"a grandparent not there":         {provision.LeaseEnded, provision.CauseAdmin, func(s s) { parent(s, func(p *provision.Lease) { p.Parent = "acme.grand" }) }},
		"ancestors that nobody named":     {provision.LeaseEnded, provision.CauseAdmin, func(s s) { parent(s, func(*provision.Lease) {}); s.Lease.Parent = "" }},
	} {
		x := live(t)
		test.spoil(&x)
		if got := x.Refuses(noon()); got != test.reason {
			t.Errorf("%s: %q, want %q", name, got, test.reason)
		}
		if cause, _ := provision.Over(x, nil, noon()); cause != test.cause {
			t.Errorf("%s: over by %q, want %q", name, cause, test.cause)
		}
	}
}

func TestAStandingGivesAccessWhenAllIsInOrder(t *testing.T) {
	for name, change := range map[string]func(*provision.Standing){
		"plainly":                      func(*provision.Standing) {},
		"with a domain that fails":     func(s *provision.Standing) { s.Claim.State = provision.ClaimFailing },
		"an instant before its end":    func(s *provision.Standing) { s.Lease.End = noon().Add(1) },
		"an instant before idleness":   func(s *provision.Standing) { s.Lease.Seen = noon().Add(1 - 31*time.Minute) },
		"without an idle time":         func(s *provision.Standing) { s.Lease.Idle, s.Lease.Seen = 0, time.Time{} },
		"before the contract's end":    func(s *provision.Standing) { s.Tenant.ContractEnd = noon().Add(1) },
		"with ancestors that are live": func(s *provision.Standing) { s.Lease, s.Ancestors = under(s.Lease, "acme.a", "acme.b") },
	} {
		x := live(t)
		change(&x)
		if reason := x.Refuses(noon()); reason != "" {
			t.Errorf("%s: %q", name, reason)
		}
		if cause, _ := provision.Over(x, nil, noon()); cause != "" {
			t.Errorf("%s: over by %q", name, cause)
		}
	}
	if (provision.Standing{}).Refuses(noon()) != provision.SessionMissing {
		t.Error("the zero standing gives access")
	}
}

// under is the lease below a chain of live ones, and the chain.
func under(l provision.Lease, chain ...provision.LeaseID) (provision.Lease, []provision.Lease) {
	var ancestors []provision.Lease
	for i, id := range chain {
		a := l
		a.ID, a.Parent = id, ""
		if i+1 < len(chain) {
			a.Parent = chain[i+1]
		}
		ancestors = append(ancestors, a)
	}
	l.Parent = chain[0]
	return l, ancestors
}

func TestTheRolesOfALeaseAreThoseThatThePolicyAllowsNow(t *testing.T) { // I12
	s := live(t)
	s.Lease.Grant.Roles = []string{"admin", "reader", "engineer", "reader"}
	if got := s.Roles(); !slices.Equal(got, []string{"engineer", "reader"}) {
		t.Errorf("%q", got)
	}
	s.Tenant.Policy.Roles.Ceiling = []string{"engineer"}
	if got := s.Roles(); !slices.Equal(got, []string{"engineer"}) {
		t.Errorf("with a lower ceiling: %q", got)
	}
	s.Tenant.Policy.Roles = provision.RoleRule{}
	if got := s.Roles(); len(got) != 0 {
		t.Errorf("with a policy that gives none: %q", got)
	}
}

func TestAnAppIsEnteredWhenTheLeaseWasHandedToIt(t *testing.T) {
	s := provision.Standing{Entries: []provision.Entry{{App: "wiki", At: noon()}}}
	if !s.Entered("wiki").Equal(noon()) || !s.Entered("mail").IsZero() {
		t.Errorf("wiki %s, mail %s", s.Entered("wiki"), s.Entered("mail"))
	}
}

func TestAChangedPolicyIsAppliedToLiveLeases(t *testing.T) { // I12, I16
	type s = *provision.Standing
	for name, test := range map[string]struct {
		cause  provision.Cause
		change func(s)
	}{
		"no change":                       {"", func(s) {}},
		"a group kept out":                {provision.CausePolicyTightened, func(s s) { s.Tenant.Policy.Groups.None = []string{"eng*"} }},
		"another group wanted":            {provision.CausePolicyTightened, func(s s) { s.Tenant.Policy.Groups.All = []string{"board"} }},
		"her group wanted":                {"", func(s s) { s.Tenant.Policy.Groups.Any = []string{"engineering"} }},
		"a stronger authentication":       {provision.CausePolicyTightened, func(s s) { s.Tenant.Policy.ACR = []string{"hardware"} }},
		"the authentication that she had": {"", func(s s) { s.Tenant.Policy.ACR = []string{"mfa"} }},
		"a younger authentication": {provision.CausePolicyTightened, func(s s) {
			s.Tenant.Policy.MaxAuthAge, s.Lease.Authn.At = time.Minute, s.Lease.Start.Add(-2*time.Minute)
		}},
		"an authentication that was young": {"", func(s s) { s.Tenant.Policy.MaxAuthAge = time.Second }},
		"a domain taken from a connection": {provision.CausePolicyTightened, func(s s) { s.Connection.Domains = nil }},
		"a condition that does not hold":   {provision.CausePolicyTightened, func(s s) { s.Tenant.Policy.When = "false" }},
		"a condition that holds":           {"", func(s s) { s.Tenant.Policy.When, s.Met = "true", true }},
		"a shorter session, past":          {provision.CauseCeiling, func(s s) { s.Tenant.Policy.MaxSession = time.Minute }},
		"a contract that has ended":        {provision.CauseContractEnded, func(s s) { s.Tenant.ContractEnd = noon() }},
		"no seats, no rule, no mode":       {"", func(s s) { s.Tenant.Policy.Seats, s.Tenant.Policy.Create = 1, provision.CreateDeny }},
		"a tenant suspended":               {provision.CauseAdmin, func(s s) { s.Tenant.Suspended = true }},
		"a generation passed":              {provision.CauseAdmin, func(s s) { s.Tenant.Generation++ }},
		"idle: the reaper's business":      {"", func(s s) { s.Lease.Seen = noon().Add(-time.Hour) }},
		"ended already":                    {"", func(s s) { s.Lease.EndedAt = noon() }},
		"nothing at all":                   {"", func(s s) { *s = provision.Standing{} }},
	} {
		x := live(t)
		x.Account.Groups = []string{"engineering"}
		test.change(&x)
		kept, cause := provision.Regate(x, noon())
		if cause != test.cause {
			t.Errorf("%s: %q, want %q", name, cause, test.cause)
		}
		if kept.End.After(x.Lease.End) || (x.Lease.Idle != 0 && kept.Idle > x.Lease.Idle) {
			t.Errorf("%s: the lease got longer: %+v", name, kept)
		}
	}
}

func TestALiveLeaseIsShortenedAndNeverLengthened(t *testing.T) { // I5
	s := live(t)
	s.Tenant.Policy.MaxSession, s.Tenant.Policy.Idle, s.Tenant.ContractEnd = 30*time.Minute, time.Minute, noon().Add(10*time.Minute)
	l, cause := provision.Regate(s, noon())
	if cause != "" || !l.End.Equal(noon().Add(10*time.Minute)) || l.Ceiling != provision.CauseContractEnded || l.Idle != time.Minute {
		t.Errorf("%q, %+v", cause, l)
	}
	s.Tenant.ContractEnd = time.Time{}
	if l, _ := provision.Regate(s, noon()); !l.End.Equal(s.Lease.Start.Add(30*time.Minute)) || l.Ceiling != provision.CauseCeiling {
		t.Errorf("%+v", l)
	}
	s.Tenant.Policy.MaxSession, s.Tenant.Policy.Idle = 100*time.Hour, time.Hour
	if l, _ := provision.Regate(s, noon()); !l.End.Equal(s.Lease.End) || l.Idle != s.Lease.Idle {
		t.Errorf("%+v", l)
	}
}
